"""A real HTTP server on loopback that can be told to answer as badly as real ones do."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bad_input.cases import row

ROWS = [row(f"r{number}") for number in range(5)]
SIZE = 2


@dataclass(frozen=True)
class Answer:
    """What the server says. `cut`: the connection ends before the body does; `drip`: seconds between two bytes, those of
    the headers too with `drips_early`.
    """

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    drip: float = 0
    drips_early: bool = False


def page(number: int, rows: list[Any] = ROWS, total: Any = None) -> Answer:
    """An honest page of `rows`, or one that claims another total."""
    items = rows[(number - 1) * SIZE : number * SIZE]
    return Answer(json.dumps({"total": len(rows) if total is None else total, "items": items}).encode())


Pages = Callable[[int, int], Answer]  # (page, how many pages were asked for so far) -> answer


@dataclass
class Office:
    """What the server is told, and what it has seen."""

    pages: Pages
    token: Callable[[int], Answer] = lambda n: Answer(json.dumps({"access_token": f"token{n}"}).encode())
    dies: tuple[int, ...] = ()  # requests for pages on which the token is found expired
    port: int = 0
    n_tokens: int = 0
    asked: list[int] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    office: Office

    def log_message(self, *_: object) -> None:
        """Silence: the tests look at what was asked."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.office.n_tokens += 1
        self._send(self.office.token(self.office.n_tokens))

    def do_GET(self) -> None:
        office = self.office
        office.shown.add(self.headers.get("Authorization", ""))
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        office.asked.append(number)
        is_expired = len(office.asked) in office.dies
        self._send(Answer(b"{}", 401) if is_expired else office.pages(number, len(office.asked)))

    def _send(self, answer: Answer) -> None:
        if answer.drips_early:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 400, answer.drip)
            return
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        try:
            if answer.drip:
                self._drip(answer.body, answer.drip)
            self.wfile.write(
                answer.body[: len(answer.body) // 2] if answer.cut else b"" if answer.drip else answer.body
            )
        except OSError:
            pass  # the client has lost its patience: that is the point
        self.close_connection = answer.cut or bool(answer.drip)

    def _drip(self, content: bytes, seconds: float) -> None:
        self.close_connection = True
        with suppress(OSError):  # the client has lost its patience
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(seconds)


@contextmanager
def serving(office: Office, tls: ssl.SSLContext | None = None) -> Iterator[Office]:
    """Serve until the block ends, on https with a context."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"office": office}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    office.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
