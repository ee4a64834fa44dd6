"""`make serve` outlives its children: what ends is started again, ever later while it keeps ending, and the page says so."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.layout import Layout
from stack.service import Service
from stack.watch import FIRST_WAIT, LONGEST_WAIT, STEADY, Watch, told

pytestmark = [pytest.mark.e2e, pytest.mark.kill]
ANSWERS = (
    "import http.server, sys;"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
)


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def layout(tmp_path: Path, free_ports: int) -> Layout:
    return Layout(state=tmp_path, published=tmp_path / "published", port_base=free_ports)


@pytest.fixture
def server(layout: Layout, free_ports: int) -> Iterator[Service]:
    port = free_ports + 28
    service = Service(layout, "answers", port, [sys.executable, "-c", ANSWERS, str(port)])
    service.start()
    yield service
    service.stop()


def kill(layout: Layout, service: Service) -> None:
    pid = json.loads((layout.state / "run" / f"{service.name}.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    assert service._process
    service._process.wait()


def test_a_service_that_is_killed_comes_back_and_the_page_tells(layout: Layout, server: Service) -> None:
    clock = Clock()
    watch = Watch(layout, [server], clock)
    assert (watch.look(), told(layout)) == ([], [])
    kill(layout, server)
    (line,) = watch.look()
    assert line.startswith("✗ answers has ended by itself")
    assert "is down" in told(layout)[0]
    assert watch.look() == []  # its time has not come
    clock.now += FIRST_WAIT
    assert watch.look() == ["✓ answers is up again"]
    assert server.is_running()
    assert "ended by itself once and is up again" in told(layout)[0]
    clock.now += STEADY + 1
    assert watch.look() == ["✓ answers has stayed up since it was started again"]
    assert told(layout) == []
    assert watch.look() == []


def test_one_that_keeps_ending_is_tried_ever_later_and_takes_no_other_with_it(layout: Layout, server: Service) -> None:
    clock = Clock()
    hopeless = Service(layout, "hopeless", 0, [sys.executable, "-c", "raise SystemExit(3)"], ready=lambda: False)
    watch = Watch(layout, [hopeless, server], clock)
    waits: list[float] = []
    said = watch.look()
    while len(waits) < 10:
        before = clock.now
        while not said:
            clock.now += 1.0
            said = watch.look()
        waits.append(clock.now - before)
        said = []
    assert waits[1:8] == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
    assert waits[-1] == LONGEST_WAIT
    assert server.is_running()
    assert [line for line in told(layout) if "hopeless is down" in line]


def test_what_a_command_before_this_one_told_is_forgotten(layout: Layout, server: Service) -> None:
    watch = Watch(layout, [server], Clock())
    kill(layout, server)
    watch.look()
    assert told(layout)
    Watch(layout, [server], Clock())
    assert told(layout) == []
