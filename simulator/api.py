"""The dispute centre's HTTP JSON API: a token, then pages of disputes by time of update.

It shows the city at the clock of the state folder, and notices when the clock moves on.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tornado.httpserver import HTTPServer
from tornado.web import Application, HTTPError, RequestHandler

from simulator import disputes
from simulator.clock import Clock, seconds
from simulator.truth import Array
from simulator.world import DAY, Columns, World, take, updated_at

HOST = "127.0.0.1"
DEFAULT_PAGE = 500
LARGEST_PAGE = 1_000
_ERROR_HEADERS = {401: ("WWW-Authenticate", "Bearer"), 429: ("Retry-After", "1")}


@dataclass(frozen=True)
class Register:
    """All disputes as they stand at a clock, in the order of the API."""

    lives: Columns
    updated: Array

    @classmethod
    def at(cls, world: World, clock: int) -> Register:
        """Every dispute born by `clock`, sorted by (updateTime, disputeNo)."""
        lives = world.occurred(disputes.KIND, world.truth.start, max(clock // DAY, world.truth.start))
        updated = updated_at(disputes.KIND, lives, clock)
        order = np.lexsort((lives["number"], lives["county"], lives["day"], updated))
        order = order[updated[order] >= 0]
        return cls(take(lives, order), updated[order])

    def page(self, since: int, until: int, page: int, size: int) -> dict[str, Any]:
        """One page of the disputes with since <= updateTime < until."""
        first, last = np.searchsorted(self.updated, [since, max(since, until)])
        low = min(first + (page - 1) * size, last)
        rows = slice(low, min(low + size, last))
        columns = disputes.render({name: column[rows] for name, column in self.lives.items()}, self.updated[rows])
        names = list(columns)
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        items = [dict(zip(names, row, strict=True)) for row in values]
        return {"total": int(last - first), "page": page, "pageSize": size, "items": items}


@dataclass
class Desk:
    """What the handlers share: credentials, tokens, the rate limit, and the register at the current clock."""

    world: World
    state: Path
    client_id: str
    client_secret: str
    token_seconds: float
    rate_limit: int
    _tokens: dict[str, float] = field(default_factory=dict)
    _clock: Clock = field(default_factory=Clock)
    _register: Register | None = None
    _second: int = 0
    _n_in_second: int = 0

    def grant(self, client_id: str, client_secret: str) -> str | None:
        """A new token, or None for wrong credentials."""
        known = hmac.compare_digest(client_id.encode(), self.client_id.encode())
        if not (known & hmac.compare_digest(client_secret.encode(), self.client_secret.encode())):
            return None
        token = secrets.token_urlsafe(24)
        now = time.monotonic()
        self._tokens = {old: end for old, end in self._tokens.items() if end > now - 3_600}
        self._tokens[token] = now + self.token_seconds
        return token

    def refusal(self, authorization: str) -> str | None:
        """Why a request may not pass, None if it may."""
        end = self._tokens.get(authorization.removeprefix("Bearer "))
        if end is None:
            return "invalid_token"
        return "token_expired" if end <= time.monotonic() else None

    def is_too_fast(self) -> bool:
        """Count this request and say whether this second has too many; never, if there is no limit."""
        second = int(time.monotonic())
        self._n_in_second = self._n_in_second + 1 if second == self._second else 1
        self._second = second
        return 0 < self.rate_limit < self._n_in_second

    def register(self) -> Register:
        """The register at the clock of the state folder."""
        clock = Clock.read(self.state)
        if self._register is None or clock != self._clock:
            self._register, self._clock = Register.at(self.world, clock.disputes), clock
        return self._register


class _Handler(RequestHandler):
    def initialize(self, desk: Desk) -> None:
        self.desk = desk

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        # Headers belong here: tornado drops earlier ones when it turns an exception into an answer.
        if status_code in _ERROR_HEADERS:
            self.set_header(*_ERROR_HEADERS[status_code])
        reason = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        message = reason.log_message if isinstance(reason, HTTPError) else None
        self.finish(json.dumps({"error": message or self._reason}))


class Token(_Handler):
    """POST /oauth/token"""

    def post(self) -> None:
        """Exchange client id and secret (form or JSON body) for a token."""
        is_json = self.request.headers.get("Content-Type", "").startswith("application/json")
        try:
            body = json.loads(self.request.body) if is_json else {}
        except ValueError as error:
            raise HTTPError(400, "invalid_request: the body is not JSON") from error
        named = {name: str(body.get(name, self.get_body_argument(name, ""))) for name in ("client_id", "client_secret")}
        token = self.desk.grant(**named)
        if token is None:
            raise HTTPError(401, "invalid_client")
        self.finish(
            json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": int(self.desk.token_seconds)})
        )


class Disputes(_Handler):
    """GET /api/v1/disputes"""

    def prepare(self) -> None:
        """Check the token, then the rate."""
        refusal = self.desk.refusal(self.request.headers.get("Authorization", ""))
        if refusal:
            raise HTTPError(401, refusal)
        if self.desk.is_too_fast():
            raise HTTPError(429, "too_many_requests")

    def _instant(self, name: str, default: int) -> int:
        value = self.get_query_argument(name, "")
        try:
            return seconds(value.replace(" ", "T")) if value else default
        except ValueError as error:
            raise HTTPError(400, f"{name}: expected YYYY-MM-DD or YYYY-MM-DD HH:MM:SS") from error

    def _count(self, name: str, default: int, largest: int) -> int:
        value = self.get_query_argument(name, str(default))
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= largest):
            raise HTTPError(400, f"{name}: expected a whole number from 1 to {largest}")
        return int(value)

    def get(self) -> None:
        """One page."""
        page = self.desk.register().page(
            self._instant("updatedFrom", 0),
            self._instant("updatedTo", np.iinfo(np.int64).max),
            self._count("page", 1, 10**9),
            self._count("pageSize", DEFAULT_PAGE, LARGEST_PAGE),
        )
        self.finish(json.dumps(page, ensure_ascii=False))


class Health(_Handler):
    """GET /health"""

    def get(self) -> None:
        """The service is up."""
        self.finish(json.dumps({"status": "up"}))


def application(desk: Desk) -> Application:
    """Routes; tornado's own access log stays off, the caller decides what to log."""
    shared = {"desk": desk}
    routes = [("/oauth/token", Token, shared), ("/api/v1/disputes", Disputes, shared), ("/health", Health, shared)]
    return Application(routes, log_function=lambda handler: None)


async def serve(desk: Desk, port: int, ready: Any) -> None:
    """Answer until SIGTERM or SIGINT. Raises OSError when the port is taken; calls `ready(port)` once listening."""
    desk.register()
    server = HTTPServer(application(desk))
    server.listen(port, address=HOST)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    ready(port)
    await stopped.wait()
    server.stop()
    await server.close_all_connections()
