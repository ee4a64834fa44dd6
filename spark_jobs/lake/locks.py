"""Who waits for whom: runs of one feed for each other, verdicts of Great Expectations for each other (they share its
files), and an erasure for all that read or write pseudonyms.

Everything else may run side by side: Delta's own commits keep it apart. A lock ends with the process that holds it.
Its file is its owner's alone, so that no other account can hold up a night. Nobody waits for ever.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expectations.models import Feed
from spark_jobs.errors import EnvironmentFault

PERSONAL = Path("run", "personal.lock")
LONGEST_WAIT = 3 * 3600  # seconds: longer than a back-fill of years or an erasure takes
PATIENCE = 0.2  # seconds between two looks


@contextmanager
def locked(path: Path, what: str, *, shared: bool = False, longest: float = LONGEST_WAIT) -> Iterator[None]:
    """Hold a lock file, alone or `shared` with others who share it.

    While another process holds it, stderr says once which. Raises EnvironmentFault with the same words after `longest`
    seconds (0: at once).
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(descriptor, what, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, longest)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, what: str, how: int, longest: float) -> None:
    began, is_told = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, how)
            return
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited >= longest:
                after = f" after {waited:.0f} s" if longest else ""
                raise EnvironmentFault(
                    f"{what} is at work already{after}: {holders(descriptor)}; wait for it to end or stop it, then run again"
                ) from None
            if not is_told:
                sys.stderr.write(f"waits: {what} is at work: {holders(descriptor)}\n")
                is_told = True
            time.sleep(PATIENCE)


def holders(descriptor: int) -> str:
    """The processes that hold an open file's lock, with their command lines. Linux tells; elsewhere it is not known."""
    inode = os.fstat(descriptor).st_ino
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return "by a process that this system does not name"
    # 1: FLOCK  ADVISORY  WRITE 4711 fd:00:81234 0 EOF; those that wait have an arrow behind the number
    found = [line.split() for line in lines if "FLOCK" in line and "->" not in line]
    processes = sorted({int(parts[4]) for parts in found if parts[5].rpartition(":")[2] == str(inode)} - {-1})
    return (
        ", ".join(f"process {process}{_command(process)}" for process in processes)
        or "by a process that has just ended"
    )


def _command(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    said = b" ".join(words).decode(errors="replace").strip()
    return f" ({said[:200]})" if said else ""


@contextmanager
def one_run_a_feed(state: Path, feed: Feed) -> Iterator[None]:
    """Two runs of one feed take their turns (a night and a backfill); different feeds do not wait."""
    with reading_silver(state), locked(state / "run" / f"{feed.code}.lock", f"another run of feed {feed.code}"):
        yield


@contextmanager
def one_verdict_at_a_time(folder: Path) -> Iterator[None]:
    """Great Expectations reads, changes and writes its configuration and the Data Docs of all feeds in one folder."""
    with locked(folder / "verdict.lock", "another verdict of Great Expectations"):
        yield


@contextmanager
def reading_silver(state: Path) -> Iterator[None]:
    """While silver is read: nothing is erased under the reader's hands."""
    with locked(state / PERSONAL, "an erasure or a change of keys", shared=True):
        yield


@contextmanager
def nobody_else(state: Path) -> Iterator[None]:
    """Nobody else reads or writes pseudonyms while they are erased or brought to a new key: those at work end first,
    the next ones wait.
    """
    with locked(state / PERSONAL, "a step that reads or writes pseudonyms"):
        yield
