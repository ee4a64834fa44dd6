"""What another account of the machine can do: read nothing, hold no lock, get no answer from inside Spark."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from spark_jobs.errors import EnvironmentFault
from spark_jobs.lake.locks import locked
from stack.layout import Layout, close_to_others
from stack.spark_server import SETTINGS
from tests.conftest import COUNTS

HOLD = """
import sys, time
from pathlib import Path
from spark_jobs.lake.locks import locked
with locked(Path(sys.argv[1]), "a test", shared=sys.argv[2] == "shared"):
    print("holds", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "run" / "some.lock"


def held(lock: Path, how: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(lock), how, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "holds\n"
    return process


@pytest.fixture
def holder(lock: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    process = held(lock, request.param, 600)
    yield process
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


@pytest.mark.unit
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a lock")
@pytest.mark.parametrize("holder", ["alone", "shared"], indirect=True)
def test_who_waits_in_vain_is_told_who_holds(lock: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(EnvironmentFault, match=rf"a night is at work already.* process {holder.pid} \(.*python"):
        with locked(lock, "a night", longest=0.5):
            pytest.fail("the lock was held by another")


@pytest.mark.unit
@pytest.mark.parametrize("holder", ["shared"], indirect=True)
def test_who_shares_does_not_wait(lock: Path, holder: subprocess.Popen[str]) -> None:
    with locked(lock, "a reader", shared=True, longest=0):
        assert holder.poll() is None


@pytest.mark.unit
def test_a_short_wait_ends_with_the_lock_and_says_so(lock: Path, capfd: pytest.CaptureFixture[str]) -> None:
    process = held(lock, "alone", 1.0)
    with locked(lock, "a night", longest=60):
        assert process.wait() == 0
    assert "waits: a night is at work" in capfd.readouterr().err
    assert process.stdout
    process.stdout.close()


@pytest.mark.unit
def test_a_state_folder_from_before_is_closed(tmp_path: Path) -> None:
    """What an earlier version left open; files inside need nothing, because nobody gets to them."""
    for name in ("landing", "lake", "postgres"):
        (tmp_path / "state" / name).mkdir(parents=True, mode=0o755)
    close_to_others(tmp_path / "state")
    modes = {path.name: oct(path.stat().st_mode & 0o077) for path in (tmp_path / "state").iterdir()}
    assert set(modes.values()) == {"0o0"}
    passes = 0o011 if os.geteuid() == 0 else 0  # PostgreSQL's own account, where root runs the stack
    assert (tmp_path / "state").stat().st_mode & 0o077 == passes


# Frames of Spark's network layer (org.apache.spark.network.protocol): length, type, body.
STREAM_REQUEST, RPC_REQUEST = 6, 3
MESSAGES = {
    "a file": (STREAM_REQUEST, struct.pack(">i", 10) + b"/jars/none"),
    "a call": (RPC_REQUEST, struct.pack(">qi", 1, 5) + b"hello"),
}

REFUSALS = (b"Unauthenticated call", b"SaslMessage", b"AuthMessage", b"Unknown challenge")


def answer(port: int, kind: int, body: bytes) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        connection.sendall(struct.pack(">q", 9 + len(body)) + bytes([kind]) + body)
        try:
            return connection.recv(10_000)
        except (TimeoutError, ConnectionError):
            return b""


@pytest.mark.spark
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_spark_answers_nobody_without_its_secret(
    spark: SparkSession, free_ports: int, tmp_path: Path, message: tuple[int, bytes]
) -> None:
    """Driver and block manager listen too, and would hand out classes and blocks to whoever asks."""
    connect = Layout(state=tmp_path, published=tmp_path, port_base=free_ports).port("spark")
    found = [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == connect]
    listening = psutil.Process(found[0].pid).net_connections("tcp")
    assert SETTINGS["spark.ui.enabled"] == "false"  # the page by which tests count work is theirs alone
    inner = {c.laddr.port for c in listening if c.status == "LISTEN"} - {connect, free_ports + COUNTS}
    assert inner
    for port in inner:
        said = answer(port, *message)
        assert not said or any(refusal in said for refusal in REFUSALS)
