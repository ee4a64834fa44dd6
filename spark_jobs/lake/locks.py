"""Who waits for whom: runs of one feed for each other, verdicts of Great Expectations for each other (they share its
files), and an erasure for all that read or write pseudonyms.

Everything else may run side by side: Delta's own commits keep it apart. A lock ends with the process that holds it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expectations.models import Feed

PERSONAL = Path("run", "personal.lock")


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def one_run_a_feed(state: Path, feed: Feed) -> Iterator[None]:
    """Two runs of one feed take their turns (a night and a backfill); different feeds do not wait."""
    with reading_silver(state), _locked(state / "run" / f"{feed.code}.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def one_verdict_at_a_time(folder: Path) -> Iterator[None]:
    """Great Expectations reads, changes and writes its configuration and the Data Docs of all feeds in one folder."""
    with _locked(folder / "verdict.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def reading_silver(state: Path) -> Iterator[None]:
    """While silver is read: nothing is erased under the reader's hands."""
    with _locked(state / PERSONAL, fcntl.LOCK_SH):
        yield


@contextmanager
def nobody_else(state: Path) -> Iterator[None]:
    """While pseudonyms are erased or brought to a new key: waits for those at work, and the next ones wait."""
    with _locked(state / PERSONAL, fcntl.LOCK_EX):
        yield
