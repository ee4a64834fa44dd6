"""Services of a machine: found again while their command lives, never taken over from one that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stack.layout import Layout
from stack.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.kill]
REPOSITORY = Path(__file__).parents[2]
STUBBORN = (  # a server that takes its time to end, as a database does
    "import http.server, signal, sys, time;"
    "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), sys.exit()));"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
)
OWNER = """
import sys, time
from pathlib import Path
from tests.stack.test_service import service
service(Path(sys.argv[1]), int(sys.argv[2])).start()
print("started", flush=True)
time.sleep(60)
"""


def service(state: Path, port: int) -> Service:
    layout = Layout(state=state, published=state / "published", port_base=port)
    return Service(layout, "stubborn", port, [sys.executable, "-c", STUBBORN, str(port)])


def recorded_pid(state: Path) -> int:
    return int(json.loads((state / "run" / "stubborn.json").read_text())["pid"])


def test_a_service_of_a_killed_command_is_replaced_and_not_used(tmp_path: Path, free_ports: int) -> None:
    port = free_ports + 29
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), str(port)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert owner.stdout
    assert owner.stdout.readline() == "started\n"
    first, ours = recorded_pid(tmp_path), service(tmp_path, port)
    assert ours.is_running()  # another command's, and it lives
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert not ours.is_running()  # it may still answer, but it is about to end
    ours.start()
    try:
        assert recorded_pid(tmp_path) != first
        assert ours.is_running()
    finally:
        ours.stop()
