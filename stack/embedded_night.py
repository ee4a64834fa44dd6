"""A night, or a range of days again, in a process of its own that ends with this one."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from types import TracebackType

from stack.machine import Machine
from stack.service import die_with_parent

SECONDS_TO_STOP = 20


class EmbeddedNight:
    """Reads Airflow from `begin` on, while services start, and does its work in `run`."""

    def __init__(self, machine: Machine, command: list[str]) -> None:
        self._machine = machine
        self._command = [*command, "--when-told"]
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._machine.layout.repository,
            env={**os.environ, **self._machine.environment()},
            stdin=subprocess.PIPE,
            preexec_fn=lambda: die_with_parent(signal.SIGKILL),
        )

    def run(self) -> int:
        """Exit code of the night; after Ctrl-C too it ends by itself, for it has steps of its own to stop."""
        assert self._process
        assert self._process.stdin
        with suppress(BrokenPipeError), self._process.stdin as told:  # broken: it has ended already, and said why
            told.write(b"begin\n")
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            self._process.wait(SECONDS_TO_STOP)
            raise

    def __enter__(self) -> EmbeddedNight:
        return self

    def __exit__(self, *_raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()  # it was not told to begin, and has begun nothing
            self._process.wait()
