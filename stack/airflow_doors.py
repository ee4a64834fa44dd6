"""What stands before Airflow's API server: a limit of failed sign-ins, and the headers of every answer. Plain ASGI.

Airflow's simple auth manager hears any number of passwords. The count is in memory: the server has one worker, and
whoever can restart it needs no password.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stack.response_headers import RESPONSE_HEADERS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SIGN_IN = "/auth/token"  # of the form, of programs, and below it of the command line
LIMIT, SECONDS = 10, 60  # failures from an address; as Superset's
log = logging.getLogger(__name__)


class LimitedSignIn:
    """Answers 429 to sign-ins from an address that has failed too often, to a right password too."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._failed: deque[tuple[float, str]] = deque()  # when, address; the oldest first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(SIGN_IN):
            await self._app(scope, receive, send)
            return
        now, address = time.monotonic(), (scope["client"] or [""])[0]
        while self._failed and self._failed[0][0] <= now - SECONDS:
            self._failed.popleft()
        times = [at for at, whose in self._failed if whose == address]
        if len(times) >= LIMIT:
            await _refuse(send, round(times[-LIMIT] + SECONDS - now) + 1)
            return
        this = (now, address)
        # Counts until it succeeds: of tries at the same moment, no more than the limit are heard.
        self._failed.append(this)

        async def noticed(message: Scope) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400 and this in self._failed:
                self._failed.remove(this)
            await send(message)

        await self._app(scope, receive, noticed)


async def _refuse(send: Send, seconds: int) -> None:
    log.warning("sign-in locked: an address, for %d s", seconds)
    said = f"登录失败次数过多，请 {seconds} 秒后再试。 Too many failed sign-ins: try again in {seconds} s."
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(seconds).encode())]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": said}, ensure_ascii=False).encode()})


class WithHeaders:
    """Adds the headers of every service to each answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Scope) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in RESPONSE_HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        await self._app(scope, receive, with_headers)
