"""The journal of a city's releases: published/<city>/journal.jsonl, one event a line, only ever appended to.

This is the one place where a clock enters what is published: it says when a release was up. The journal is evidence
beside the releases and no part of their ids. All other files of this room are made from it and the release folders.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, field_serializer

from expectations.models import Frozen
from spark_jobs.errors import EnvironmentFault, UsageError
from spark_jobs.release.canonical import sha256, utc_text
from spark_jobs.release.files import RELEASE_FILE, releases_folder

JOURNAL_FILE = "journal.jsonl"


class Approval(Frozen):
    """The person who approved a release, and when."""

    approved_by: str
    approved_at: AwareDatetime

    @classmethod
    def of(cls, by: str | None, at: str | None) -> Approval | None:
        """None if both are missing. Raises UsageError if only one is, or if the instant has no time zone."""
        if by is None and at is None:
            return None
        try:
            return cls.model_validate({"approved_by": by, "approved_at": at})
        except ValueError:
            raise UsageError(
                "release: --approved-by and --approved-at go together, the second an instant with its time zone"
            ) from None


class Event(Frozen):
    """`at`: the instant since which it holds, in whole seconds. No two events of a city have the same one."""

    at: AwareDatetime
    release_id: str

    @field_serializer("at", "as_of", "approved_at", check_fields=False)
    def _instant(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)


class Published(Event):
    """A release was put up. `approved_by`, `approved_at`: who approved it, and when, if it had to be approved."""

    event: Literal["published"] = "published"
    period: date
    as_of: AwareDatetime
    status: str
    method_version: str
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None


class Withdrawn(Event):
    """A release was withdrawn: it is no longer what we say. Its files stay as they are."""

    event: Literal["withdrawn"] = "withdrawn"
    why: str
    by: str


Entry = Annotated[Published | Withdrawn, Field(discriminator="event")]
_ENTRY: TypeAdapter[Published | Withdrawn] = TypeAdapter(Entry)


def read(city_folder: Path) -> list[Published | Withdrawn]:
    """Every event in order. For a city without a journal yet: its release folders, by when they were written.

    A last line without its end is no event: the run was killed while it wrote it.
    """
    path = city_folder / JOURNAL_FILE
    if not path.exists():
        return _adopted(city_folder)
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_entry(path, number, line) for number, line in enumerate(lines, 1)]


def _entry(path: Path, number: int, line: bytes) -> Published | Withdrawn:
    try:
        return _ENTRY.validate_json(line)
    except ValueError as error:
        raise EnvironmentFault(
            f"release: {path}, line {number}: expected an event of the journal, which nobody edits; {error}"
        ) from error


def enter(city_folder: Path, entry: Published) -> None:
    """Add a release that is up, unless it is there already."""
    entries = read(city_folder)
    if entry.release_id not in {before.release_id for before in entries}:
        append(city_folder, entry)
    elif not (path := city_folder / JOURNAL_FILE).exists():
        _write(path, 0, entries)


def append(city_folder: Path, entry: Published | Withdrawn) -> None:
    """Add one event, flushed to the disk. It is at least a second after the last one, whatever the clock says."""
    entries, path = read(city_folder), city_folder / JOURNAL_FILE
    at = entry.at.replace(microsecond=0)
    if entries:
        at = max(at, entries[-1].at + timedelta(seconds=1))
    dated = entry.model_copy(update={"at": at})
    if path.exists():
        _write(path, _whole_lines(path), [dated])
    else:
        _write(path, 0, [*entries, dated])


def digest(entries: Sequence[Published | Withdrawn]) -> str:
    """SHA-256 of the events as their lines of the journal."""
    return sha256(_lines(entries))


def withdrawal(entries: Sequence[Published | Withdrawn], release_id: str) -> Withdrawn | None:
    """The event by which the release was withdrawn, if it was."""
    found = (entry for entry in entries if isinstance(entry, Withdrawn) and entry.release_id == release_id)
    return next(found, None)


def period_of(entries: Sequence[Published | Withdrawn], release_id: str) -> date:
    """Business date of a release of the journal."""
    return next(entry.period for entry in entries if isinstance(entry, Published) and entry.release_id == release_id)


def _whole_lines(path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


def _write(path: Path, at_byte: int, entries: list[Published | Withdrawn]) -> None:
    content = _lines(entries)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o640)  # this process is private by default
        file.truncate(at_byte)
        file.seek(at_byte)
        file.write(content.encode())
        file.flush()
        os.fsync(file.fileno())


def _lines(entries: Sequence[Published | Withdrawn]) -> str:
    return "".join(f"{entry.model_dump_json()}\n" for entry in entries)


def _adopted(city_folder: Path) -> list[Published | Withdrawn]:
    found: list[tuple[datetime, dict[str, Any]]] = []
    for path in releases_folder(city_folder).glob(f"[0-9]*/{RELEASE_FILE}"):
        written = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        found.append((written, json.loads(path.read_text(encoding="utf-8"))))
    entries: list[Published | Withdrawn] = []
    for written, document in sorted(found, key=lambda each: (each[0], each[1]["as_of"], each[1]["release_id"])):
        at = max(written, entries[-1].at + timedelta(seconds=1)) if entries else written
        entries.append(published(document, at))
    return entries


def published(document: Mapping[str, Any], at: datetime, approval: Approval | None = None) -> Published:
    """The event of a release, from its document."""
    names = ("release_id", "period", "as_of", "status", "method_version")
    return Published(at=at, **{name: document[name] for name in names}, **(dict(approval) if approval else {}))
