"""The dispute API over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from simulator.api import Desk, application
from simulator.clock import Clock, seconds
from simulator.world import World

pytestmark = pytest.mark.e2e

SEPTEMBER = seconds("2026-09-30T01:30")
Start = Callable[..., httpx.Client]


def run(desk: Desk, socket: Any, loop: asyncio.AbstractEventLoop, started: threading.Event) -> None:
    """Serve in this thread until the loop is stopped."""
    asyncio.set_event_loop(loop)

    async def listen() -> HTTPServer:
        server = HTTPServer(application(desk))
        server.add_socket(socket)
        return server

    server = loop.run_until_complete(listen())
    started.set()
    loop.run_forever()
    server.stop()


@pytest.fixture
def start(young_city: World, tmp_path: Path) -> Iterator[Start]:
    """Start a server at the clock of the state folder; gives a client without a token."""
    running: list[tuple[asyncio.AbstractEventLoop, threading.Thread, httpx.Client]] = []
    Clock(SEPTEMBER, SEPTEMBER).write(tmp_path)

    def begin(token_seconds: float = 600.0, rate_limit: int = 0) -> httpx.Client:
        desk = Desk(young_city, tmp_path, "office", "s3cret", token_seconds, rate_limit)
        socket, port = bind_unused_port(address="127.0.0.1")
        loop, started = asyncio.new_event_loop(), threading.Event()
        thread = threading.Thread(target=run, args=(desk, socket, loop, started), daemon=True)
        thread.start()
        assert started.wait(10)
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
        running.append((loop, thread, client))
        return client

    yield begin
    for loop, thread, client in running:
        client.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def enter(client: httpx.Client) -> None:
    """Fetch a token and use it from now on."""
    answer = client.post("/oauth/token", data={"client_id": "office", "client_secret": "s3cret"})
    answer.raise_for_status()
    assert answer.json()["token_type"] == "Bearer"
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def gather(client: httpx.Client, size: int, **window: str) -> list[dict[str, Any]]:
    """All pages of a window."""
    items: list[dict[str, Any]] = []
    for page in range(1, 100):
        answer = client.get("/api/v1/disputes", params={**window, "page": page, "pageSize": size})
        answer.raise_for_status()
        body = answer.json()
        assert (body["page"], body["pageSize"]) == (page, size)
        items += body["items"]
        if len(body["items"]) < size:
            assert len(items) == body["total"]
            return items
    raise AssertionError("more than a hundred pages")


def test_pages_make_up_the_whole_in_order(start: Start) -> None:
    client = start()
    enter(client)
    items = gather(client, 1000)
    order = [(item["updateTime"], item["disputeNo"]) for item in items]
    assert order == sorted(order)
    assert len({number for _, number in order}) == len(order) > 2_000
    assert order[-1][0] <= "2026-09-30 01:30:00"
    assert gather(client, 333) == items


def test_a_window_holds_its_first_instant_and_not_its_last(start: Start) -> None:
    client = start()
    enter(client)
    items = gather(client, 1000)
    first, last = items[100]["updateTime"], items[200]["updateTime"]
    expected = [item for item in items if first <= item["updateTime"] < last]
    assert gather(client, 50, updatedFrom=first, updatedTo=last) == expected


@pytest.mark.parametrize(
    ("query", "word"),
    [("pageSize=1001", "pageSize"), ("page=0", "page"), ("page=x", "page"), ("updatedFrom=yesterday", "updatedFrom")],
)
def test_bad_queries_are_named(query: str, word: str, start: Start) -> None:
    client = start()
    enter(client)
    answer = client.get(f"/api/v1/disputes?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(word)


def test_no_entry_without_a_valid_token(start: Start) -> None:
    client = start(token_seconds=0.2)
    assert client.get("/health").status_code == 200
    assert client.get("/api/v1/disputes").json() == {"error": "invalid_token"}
    wrong = client.post("/oauth/token", json={"client_id": "office", "client_secret": "guess"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    enter(client)
    assert client.get("/api/v1/disputes?pageSize=1").status_code == 200
    threading.Event().wait(0.25)
    expired = client.get("/api/v1/disputes?pageSize=1")
    assert (expired.status_code, expired.json()) == (401, {"error": "token_expired"})
    enter(client)
    assert client.get("/api/v1/disputes?pageSize=1").status_code == 200


def test_too_many_requests_are_told_when_to_come_back(start: Start) -> None:
    client = start(rate_limit=2)
    enter(client)
    answers = [client.get("/api/v1/disputes?pageSize=1") for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200
    assert refused
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)


def test_it_notices_that_the_clock_moved_on(start: Start, tmp_path: Path) -> None:
    client = start()
    enter(client)
    before = gather(client, 1000)
    later = SEPTEMBER + 86_400
    Clock(later, later).write(tmp_path)
    new = gather(client, 1000, updatedFrom="2026-09-30 01:30:01")
    unchanged = {item["disputeNo"] for item in gather(client, 1000)} - {item["disputeNo"] for item in new}
    assert new
    assert unchanged < {item["disputeNo"] for item in before}
