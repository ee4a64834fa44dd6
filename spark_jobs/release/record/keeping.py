"""Brings the files across a city's releases up to date with its journal. The thin edge of this room.

Each file is made from the journal and the release folders alone. The vintages say how many events they rest on, and the
hash of these. So the next run makes good one that was killed, to the same bytes; and it notices a journal that was
changed, and makes the files anew.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.models import City
from spark_jobs.index.methodology import Methodology
from spark_jobs.release import files
from spark_jobs.release.canonical import json_text
from spark_jobs.release.public_files import public_folder
from spark_jobs.release.record import journal
from spark_jobs.release.record.changes import CHANGES_FILE, changes
from spark_jobs.release.record.journal import Approval, Published, Withdrawn
from spark_jobs.release.record.notices import notices
from spark_jobs.release.record.punctuality import PUNCTUALITY_FILE, punctuality_rows
from spark_jobs.release.record.revisions import Revisions
from spark_jobs.release.record.statements import Row, public_statements, statements
from spark_jobs.release.record.vintages import SCHEMA, Spoken, extended
from spark_jobs.release.release_calendar import CALENDAR_FILE, calendar_rows
from spark_jobs.release.wording import LANGUAGES, Wording
from spark_jobs.released.columns import ACROSS

VINTAGES_FILE = ACROSS["vintages"].file
N_EVENTS, DIGEST = b"journal_events", b"journal_sha256"  # in the file's own metadata
Says = Callable[[Path, Published, date, Methodology], list[Row]]


def record(
    city: City,
    methodology: Methodology,
    city_folder: Path,
    document: Mapping[str, Any],
    now: datetime,
    approval: Approval | None = None,
) -> None:
    """Add a release that is up to the journal, unless it is there, and bring the files up to date."""
    journal.enter(city_folder, journal.published(document, now, approval))
    keep(city, methodology, city_folder)


def is_recorded(city_folder: Path, release_id: str) -> bool:
    """Whether the journal has the release and the files rest on the whole journal."""
    entries = journal.read(city_folder)
    folders = (city_folder, public_folder(city_folder))
    return release_id in {entry.release_id for entry in entries} and all(
        rests_on(folder / VINTAGES_FILE, entries) == len(entries) for folder in folders if folder.is_dir()
    )


def words(methodology: Methodology) -> dict[str, Wording]:
    """Both languages, by their code."""
    return {code: Wording(code, methodology) for code in LANGUAGES}


def keep(city: City, methodology: Methodology, city_folder: Path) -> None:
    """Bring every file across releases up to date. The work grows with the new events only."""
    entries = journal.read(city_folder)
    _keep_folder(city, methodology, city_folder, entries, statements)
    if (public := public_folder(city_folder)).is_dir():
        _keep_folder(city, methodology, public, entries, public_statements)


def _keep_folder(
    city: City, methodology: Methodology, folder: Path, entries: list[Published | Withdrawn], says: Says
) -> None:
    """Write the files of one tier. The vintages come last: they say how far all files are."""
    vintages = _vintages(city, methodology, folder, entries, says)
    said = changes(entries, vintages, words(methodology))
    files.write_if_new(folder / CHANGES_FILE, json_text(said).encode())
    for file, content in notices(folder, entries, words(methodology)).items():
        files.write_if_new(file, json_text(content).encode())
    for name, table in _timetables(city, methodology, entries).items():
        files.write_if_new(folder / name, _csv(table))
    revised = Revisions(vintages)
    for name, rows in {"revisions": revised.by_measure(), "revision_triangle": revised.triangle()}.items():
        columns = list(ACROSS[name].columns)
        table = [columns, *([files.csv_cell(row[column]) for column in columns] for row in rows)]
        files.write_if_new(folder / ACROSS[name].file, _csv(table))
    files.write_if_new(folder / VINTAGES_FILE, as_parquet(vintages, entries))


def _timetables(
    city: City, methodology: Methodology, entries: list[Published | Withdrawn]
) -> dict[str, Iterable[list[str]]]:
    """The release calendar and punctuality; an archive has neither, because it has no nights."""
    if not city.publication:
        return {}
    newest = max(entry.period for entry in entries if isinstance(entry, Published))
    return {
        CALENDAR_FILE: calendar_rows(methodology, newest),
        PUNCTUALITY_FILE: punctuality_rows(city, methodology, entries),
    }


def _csv(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return (files.BYTE_ORDER_MARK + text.getvalue()).encode()


def _vintages(
    city: City, methodology: Methodology, folder: Path, entries: list[Published | Withdrawn], says: Says
) -> pa.Table:
    """The rows up to the last event: those of the file, and those of the events after it."""
    n_kept = rests_on(folder / VINTAGES_FILE, entries)
    stored = pq.read_table(folder / VINTAGES_FILE) if n_kept else SCHEMA.empty_table()
    return extended(stored, [_spoken(city, methodology, folder, entry, says) for entry in entries[n_kept:]])


def _spoken(city: City, methodology: Methodology, folder: Path, entry: Published | Withdrawn, says: Says) -> Spoken:
    if isinstance(entry, Withdrawn):
        return Spoken(entry.at, entry.release_id, None)
    known_on = entry.as_of.astimezone(ZoneInfo(city.time_zone)).date() - timedelta(days=1)
    return Spoken(entry.at, entry.release_id, says(folder, entry, known_on, methodology))


def rests_on(path: Path, entries: Sequence[Published | Withdrawn]) -> int:
    """How many of the journal's first events the file rests on. 0 if it is not there, has other columns than it should,
    or rests on other events."""
    if not path.exists():
        return 0
    schema = pq.read_schema(path)
    said = schema.metadata or {}
    n_done = int(said.get(N_EVENTS, b"0")) if schema.equals(SCHEMA) else 0
    is_ours = n_done <= len(entries) and said.get(DIGEST) == journal.digest(entries[:n_done]).encode()
    return n_done if is_ours else 0


def as_parquet(vintages: pa.Table, entries: Sequence[Published | Withdrawn]) -> bytes:
    """Fixed writer options: the same rows give the same bytes."""
    marked = vintages.replace_schema_metadata(
        {N_EVENTS: str(len(entries)).encode(), DIGEST: journal.digest(entries).encode()}
    )
    buffer = io.BytesIO()
    pq.write_table(marked, buffer, compression="zstd", version="2.6")
    return buffer.getvalue()
