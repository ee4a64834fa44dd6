"""changes.json of a city: what each release changed, its version, and what was withdrawn or corrected and why. Pure.

A version is major.minor.patch. major: another method, so the figures cannot be compared with those before. minor: a
business date that had no figures. patch: new figures of a date that had some, or their withdrawal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from expectations.models import Text
from spark_jobs.release.canonical import utc_text
from spark_jobs.release.record.journal import Published, Withdrawn
from spark_jobs.release.wording import LANGUAGES, Wording

CHANGES_FILE = "changes.json"


@dataclass(frozen=True)
class Version:
    """The version of all that a city has said so far."""

    major: int = 1
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def next_major(self) -> Version:
        return Version(self.major + 1)

    @property
    def next_minor(self) -> Version:
        return Version(self.major, self.minor + 1)

    @property
    def next_patch(self) -> Version:
        return replace(self, patch=self.patch + 1)


def changes(
    entries: Sequence[Published | Withdrawn], vintages: pa.Table, words: Mapping[str, Wording]
) -> dict[str, Any]:
    """Content of changes.json: one object an event of the journal, the newest first, and what each changed.

    `vintages`: those of the tier whose file this is. New and revised values are counted in them.
    """
    began, ended = (_counted(vintages[name]) for name in ("realtime_start", "realtime_end"))
    found: list[dict[str, Any]] = []
    version: Version | None = None
    standing: dict[date, Published] = {}  # business date -> its newest release
    withdrawn: dict[str, Withdrawn] = {}
    method = ""
    for entry in entries:
        n_revised = ended.get(entry.at, 0)
        numbers = {"n_added": began.get(entry.at, 0) - n_revised, "n_revised": n_revised}
        if isinstance(entry, Withdrawn):
            assert version  # only what was published is withdrawn
            withdrawn[entry.release_id] = entry
            version = version.next_patch
            found.append(_withdrawal(entry, version, numbers, words))
            continue
        before = standing.get(entry.period)
        code = _code(entry, before, method, withdrawn)
        version = _next(version, code)
        found.append(_publication(entry, before, code, version, numbers, words))
        standing[entry.period], method = entry, entry.method_version
    return {"schema_version": 1, "version": str(version) if version else None, "changes": found[::-1]}


def _code(entry: Published, before: Published | None, method: str, withdrawn: Mapping[str, Withdrawn]) -> str:
    if not method:
        return "first"
    if method != entry.method_version:
        return "method"
    if before is None:
        return "added"
    return "corrected" if before.release_id in withdrawn else "revised"


def _next(version: Version | None, code: str) -> Version:
    if version is None:
        return Version()
    if code == "method":
        return version.next_major
    return version.next_minor if code == "added" else version.next_patch


def _publication(
    entry: Published, before: Published | None, code: str, version: Version, numbers: Mapping[str, int],
    words: Mapping[str, Wording],
) -> dict[str, Any]:  # fmt: skip
    values = {"method": entry.method_version, **numbers}
    return {
        "version": str(version),
        "change": code,
        "at": utc_text(entry.at),
        "release_id": entry.release_id,
        "period": entry.period.isoformat(),
        "status": entry.status,
        "method_version": entry.method_version,
        "replaces": before.release_id if before else None,
        **numbers,
        **_said(words, f"change_{code}", day=entry.period, **values),
        "approved_by": entry.approved_by,
        "approved_at": utc_text(entry.approved_at) if entry.approved_at else None,
    }


def _withdrawal(
    entry: Withdrawn, version: Version, numbers: Mapping[str, int], words: Mapping[str, Wording]
) -> dict[str, Any]:
    return {
        "version": str(version),
        "change": "withdrawn",
        "at": utc_text(entry.at),
        "release_id": entry.release_id,
        **numbers,
        **_said(words, "change_withdrawn", release_id=entry.release_id, at=entry.at, why=entry.why),
        "reason": entry.why,
        "withdrawn_by": entry.by,
    }


def _said(words: Mapping[str, Wording], key: str, **values: object) -> dict[str, str]:
    return {f"said_{code}": words[code].say(key, **values) for code in LANGUAGES}


def notice(entry: Withdrawn, words: Mapping[str, Wording]) -> Text:
    """The notice of a withdrawal, which stands wherever the release is shown."""
    said = _said(words, "change_withdrawn", release_id=entry.release_id, at=entry.at, why=entry.why)
    return Text(said["said_zh"], said["said_en"])


def _counted(instants: pa.ChunkedArray) -> dict[datetime, int]:
    return {each["values"]: each["counts"] for each in instants.value_counts().to_pylist() if each["values"]}
