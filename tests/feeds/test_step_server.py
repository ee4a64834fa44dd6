"""A step as a fork of the step server is the step that runs by itself, and never outlives who asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from spark_jobs.step_server import ADDRESS

pytestmark = pytest.mark.e2e
REPOSITORY = Path(__file__).parents[2]
WAITS = ("erase", "--city", "daqing")  # for the values on its standard input
BAD_DATE = ("land", "--city", "daqing", "--feed", "hotline", "--date", "yesterday")
UNKNOWN_CITY = ("index", "--city", "atlantis", "--date", "2026-11-20")


def begin(*arguments: str, address: Path | None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
    return subprocess.Popen(
        [sys.executable, "-m", "spark_jobs", *arguments],
        cwd=REPOSITORY,
        env=environment | ({ADDRESS: str(address)} if address else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(*arguments: str, address: Path | None, given: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a step."""
    step = begin(*arguments, address=address)
    said, complained = step.communicate(given, timeout=60)
    return step.returncode, said, complained


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    address: Path

    def forks(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


@contextmanager
def step_server(folder: Path) -> Iterator[Server]:
    address = folder / "steps.socket"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "spark_jobs.step_server", str(address)], cwd=REPOSITORY, stdout=log, stderr=log
        )
    assert until(address.exists)
    yield Server(process, address)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with step_server(tmp_path_factory.mktemp("steps")) as running:
        yield running


@pytest.mark.parametrize("arguments", [BAD_DATE, UNKNOWN_CITY, WAITS, ("--help",), ("no-such-step",)], ids=str)
def test_a_fork_says_and_ends_as_the_step_by_itself(server: Server, arguments: tuple[str, ...]) -> None:
    alone = outcome(*arguments, address=None, given="x\n")  # too short a value to erase
    assert outcome(*arguments, address=server.address, given="x\n") == alone
    assert any(alone[1:])


def test_a_fork_has_the_streams_of_who_asked(server: Server) -> None:
    step = begin(*WAITS, address=server.address)
    assert until(lambda: len(server.forks()) == 1)
    (fork,) = server.forks()
    for stream in range(3):
        own, given = (Path(f"/proc/{pid}/fd/{stream}") for pid in (step.pid, fork.pid))
        assert until(lambda own=own, given=given: given.readlink() == own.readlink())
    step.kill()
    assert until(lambda: not server.forks())


def test_nobody_else_may_ask(server: Server) -> None:
    assert server.address.stat().st_mode & 0o077 == 0


@pytest.mark.kill
def test_a_step_ends_with_who_asked_for_it(server: Server) -> None:
    steps = [begin(*WAITS, address=server.address) for _ in range(2)]
    assert until(lambda: len(server.forks()) == 2)
    steps[0].send_signal(signal.SIGTERM)
    assert steps[0].wait() == -signal.SIGTERM
    assert until(lambda: len(server.forks()) == 1)
    assert steps[1].poll() is None
    steps[1].kill()
    assert until(lambda: not server.forks())


@pytest.mark.kill
def test_who_asked_ends_by_the_signal_that_ended_the_fork(server: Server) -> None:
    step = begin(*WAITS, address=server.address)
    assert until(lambda: len(server.forks()) == 1)
    server.forks()[0].kill()
    assert step.wait(60) == -signal.SIGKILL


@pytest.mark.kill
def test_steps_end_with_the_server_and_later_ones_run_by_themselves(tmp_path: Path) -> None:
    with step_server(tmp_path) as server:
        steps = [begin(*WAITS, address=server.address) for _ in range(3)]
        assert until(lambda: len(server.forks()) == 3)
        forks = server.forks()
        server.process.kill()
        for step in steps:
            assert "it has ended" in step.communicate(timeout=60)[1]
            assert step.returncode == 7
        assert until(lambda: not any(fork.is_running() and fork.status() != psutil.STATUS_ZOMBIE for fork in forks))
        assert server.address.exists()
        assert outcome(*BAD_DATE, address=server.address) == outcome(*BAD_DATE, address=None)


def test_the_server_holds_no_code_of_a_step_and_no_thread() -> None:
    """What lies on disk is what a fork runs; and a fork has the thread only that made it."""
    shown = (
        "import importlib, sys, threading; from spark_jobs.step_server import LIBRARIES;"
        "[importlib.import_module(name) for name in LIBRARIES];"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in ('spark_jobs', 'expectations')));"
        "print(threading.active_count())"
    )
    said = subprocess.run([sys.executable, "-c", shown], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    ours, threads = said.stdout.splitlines()
    assert ours.split() == [
        "expectations", "expectations.gx", "spark_jobs", "spark_jobs.private_files", "spark_jobs.step_server"
    ]  # fmt: skip
    assert threads == "1"
