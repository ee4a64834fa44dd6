"""A long-running process of ours: started once, found again, stopped with everything it started."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.layout import Layout

PR_SET_PDEATHSIG = 1
SECONDS_TO_END = 20
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServiceError(Exception):
    """A service that could not be started: what, why, what to do."""


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def die_with_parent(number: signal.Signals) -> None:
    """For a child before it runs: even SIGKILL of the command leaves nothing running (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, number)


@dataclass
class Service:
    """One process that listens on one loopback port, or on none (port 0). `ready` may ask more than whether the port is
    open.
    """

    layout: Layout
    name: str
    port: int
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    ready: Callable[[], bool] | None = None
    timeout: float = 120  # seconds until ready
    scratch: Path | None = None  # emptied before a start: one that was killed outright could not tidy up
    _process: subprocess.Popen[bytes] | None = None

    @property
    def _record(self) -> Path:
        return self.layout.state / "run" / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.layout.logs / f"{self.name}.log"

    def is_running(self) -> bool:
        """True if this service of this repository runs already and whoever started it is still there to stop it."""
        return self.is_alive() and self._listens()

    def is_alive(self) -> bool:
        """True if its process is there; a busy one may not answer at every moment."""
        return self._recorded("pid", "created") is not None and self._has_owner()

    def _has_owner(self) -> bool:
        return self._recorded("owner", "owner_created") is not None

    def _recorded(self, pid: str, created: str) -> psutil.Process | None:
        """A process of the record, unless it has ended."""
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record[pid])
            is_same = process.create_time() == record[created] and process.status() != psutil.STATUS_ZOMBIE
            return process if is_same else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def _end_orphan(self) -> None:
        """End what a command that was killed outright has left, if it is not ending already: nobody else will stop it."""
        if not self._record.exists() or self._has_owner():
            return
        process = self._recorded("pid", "created")
        if process is not None:
            process.send_signal(self.stop_signal)
            try:
                process.wait(SECONDS_TO_END)
            except psutil.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + SECONDS_TO_END
        while self.port and is_open(self.port) and time.monotonic() < deadline:
            time.sleep(0.1)  # a large process lets go of its port some time after it is gone from sight
        self._record.unlink(missing_ok=True)

    def _listens(self) -> bool:
        return not self.port or is_open(self.port)

    def start(self) -> None:
        """Start and wait until ready. A running one is used as it is. Raises ServiceError."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start, and leave the rest to `wait`. A running one is used as it is. Raises ServiceError."""
        if self.is_running():
            return
        self._end_orphan()
        if self.port and is_open(self.port):
            raise ServiceError(
                f"port {self.port} ({self.name}) is in use by another program; "
                f"stop it, or choose other ports: make run PORT_BASE={self.layout.port_base + 1000}"
            )
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(map(str, self.command)),
                cwd=self.layout.repository,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                preexec_fn=lambda: die_with_parent(self.stop_signal),
            )
        self._record.parent.mkdir(parents=True, exist_ok=True)
        owner, process = psutil.Process(), psutil.Process(self._process.pid)
        record = {"pid": process.pid, "created": process.create_time()}
        record |= {"owner": owner.pid, "owner_created": owner.create_time()}
        self._record.write_text(json.dumps(record))

    def wait(self) -> None:
        """Wait until what this object started is ready. Raises ServiceError."""
        if self._process is None:
            return
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServiceError(
                    f"{self.name} ended at once (code {self._process.returncode}):\n{self._last_words()}"
                )
            if self._listens() and (self.ready is None or self.ready()):
                return
            time.sleep(0.1)
        self.stop()
        raise ServiceError(f"{self.name} was not ready after {self.timeout:.0f} s:\n{self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
        return "\n".join([*(f"  {line[:300]}" for line in lines), f"  all of it is in {self.log}"])

    def stop(self) -> None:
        """Stop what this object started, with its children; one that was found running is left alone."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._record.unlink(missing_ok=True)
        self._process = None
