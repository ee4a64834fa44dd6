"""Withdraw a release: add an event to the journal, and a notice wherever the release is shown. Nothing is edited."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.index.methodology import Methodology
from spark_jobs.release import files, public_files, serving
from spark_jobs.release.record import journal, keeping, served
from spark_jobs.release.record.changes import notice
from spark_jobs.release.record.journal import Published, Withdrawn

RELEASE_ID = re.compile(r"\d{8}-[0-9a-f]{10}")
BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s()./-]+(?=\d)")
# mobile and fixed telephones, citizen identity numbers of 15 and 18 places
OF_A_PERSON = re.compile(r"(?<!\d)(1[3-9]\d{9}|0\d{9,11}|\d{15}|\d{17}[\dXx])(?!\d)")


def withdraw(
    city: City,
    methodology: Methodology,
    city_folder: Path,
    mart_url: str,
    release_id: str,
    why: str,
    by: str,
    now: datetime,
) -> str:
    """Say from now on that the release is withdrawn, and why. Returns a line for the log.

    If a run was killed, run it again. Raises UsageError, and changes nothing, for an unknown release, for one that is
    withdrawn already, and for a reason that is empty or holds a telephone or identity number.
    """
    reason, person = _lawful("--why", why), _lawful("--by", by)
    with files.only_publisher(city_folder):
        entries = journal.read(city_folder)
        _require_known(entries, release_id, city)
        before = journal.withdrawal(entries, release_id)
        if before and keeping.is_recorded(city_folder, release_id) and _is_told(city_folder, before):
            raise UsageError(
                f"withdraw: {release_id} has been withdrawn already, at {before.at.isoformat()} by {before.by}"
            )
        if before is None:
            journal.append(city_folder, Withdrawn(at=now, release_id=release_id, why=reason, by=person))
        keeping.keep(city, methodology, city_folder)
        told = _tell(city, methodology, city_folder, mart_url, release_id)
    return f"{city.city_code}: {release_id} is withdrawn; {told}"


def _lawful(option: str, text: str) -> str:
    """The text in one line. It will be public: one with a person's number is refused, in words without the number."""
    line = " ".join(text.split())
    if not line:
        raise UsageError(f"withdraw: {option} is empty; say in a sentence what everybody may read")
    bare = RELEASE_ID.sub(" ", unicodedata.normalize("NFKC", line))
    if any(OF_A_PERSON.search(each) for each in (bare, BETWEEN_DIGITS.sub("", bare))):
        raise UsageError(
            f"withdraw: {option} holds what looks like a telephone or identity number, and everybody will read it; "
            "say it without"
        )
    return line


def _require_known(entries: Sequence[Published | Withdrawn], release_id: str, city: City) -> None:
    known = [entry.release_id for entry in entries if isinstance(entry, Published)]
    if release_id not in known:
        newest = ", ".join(known[-3:]) or "none yet"
        raise UsageError(
            f"withdraw: {city.city_code} has published no release {release_id!r}; expected one of journal.jsonl, "
            f"the newest are: {newest}"
        )


def _tell(city: City, methodology: Methodology, city_folder: Path, mart_url: str, release_id: str) -> str:
    """Put the notice where readers look, if the withdrawn release is the current one. It may be repeated."""
    latest = files.read_latest(city_folder)
    if latest is None or latest["release_id"] != release_id:
        return "readers follow another release"
    withdrawn = journal.withdrawal(journal.read(city_folder), release_id)
    assert withdrawn
    since, said = (
        journal.period_of(journal.read(city_folder), release_id),
        notice(withdrawn, keeping.words(methodology)),
    )
    serving.mark_serving_stale(mart_url, city.city_code, since, said)
    served.serve(mart_url, city, city_folder)
    public_files.mark_public_stale(public_files.public_folder(city_folder), since, said)
    files.mark_stale(city_folder, since, said)
    return "latest.json, the public page and the dashboard say so; correct the cause and publish its date again"


def _is_told(city_folder: Path, withdrawn: Withdrawn) -> bool:
    latest = files.read_latest(city_folder)
    return latest is None or latest["release_id"] != withdrawn.release_id or latest["stale"] is not None
