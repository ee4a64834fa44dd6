"""What did we say, when, about which day: the file of vintages against the release folders themselves."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from spark_jobs.errors import EnvironmentFault
from spark_jobs.release import files, public_files
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.record import journal, keeping
from spark_jobs.release.record.journal import Published, Withdrawn
from spark_jobs.release.record.statements import MEASURES
from spark_jobs.release.record.vintages import said_at
from spark_jobs.released.columns import ACROSS, TABLES
from tests.release import made_up
from tests.release.record_world import FIRST, Record, night, nights

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
Key = tuple[str, str, str, date]


@pytest.fixture
def record(make_release: Make, tmp_path: Path) -> Record:
    (tmp_path / "published" / "demo").mkdir(parents=True)
    return Record(make_release, tmp_path / "published" / "demo")


def table_of(folder: Path) -> Any:
    return pq.read_table(folder / keeping.VINTAGES_FILE)


def cells(folder: Path, release_id: str, table: str) -> list[dict[str, str]]:
    content = (files.release_folder(folder, release_id) / TABLES[table].file).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def spoken_by(folder: Path, entry: Published) -> dict[Key, tuple[float | None, ...]]:
    """Every figure in the folder's files, by area, measure, part and day; independent of the product's reading."""
    said: dict[Key, tuple[float | None, ...]] = {}
    for row in cells(folder, entry.release_id, "trend"):
        said[row["area_code"], "index", "", date.fromisoformat(row["day"])] = _numbers(row, "index", "lower", "upper")
    for measure in MEASURES:
        for row in cells(folder, entry.release_id, measure.table):
            part = row[measure.part] if measure.part else ""
            names = [name for name in (measure.value, measure.lower, measure.upper) if name]
            said[row["area_code"], measure.code, part, entry.period] = _numbers(row, *names)
    return said


def _numbers(row: dict[str, str], *names: str) -> tuple[float | None, ...]:
    found = [float(row[name]) if row[name] else None for name in names]
    return tuple([*found, None, None][:3])


def expected_at(folder: Path, at: datetime) -> dict[Key, tuple[float | None, ...]]:
    """What the folders say at an instant: of those up by then the newest knowledge, of the same the last put up."""
    up = [entry for entry in journal.read(folder) if isinstance(entry, Published) and entry.at <= at]
    said: dict[Key, tuple[float | None, ...]] = {}
    for entry in sorted(up, key=lambda each: (each.as_of, each.at)):
        said |= spoken_by(folder, entry)
    return said


def found_at(folder: Path, at: datetime) -> dict[Key, tuple[float | None, ...]]:
    found = said_at(table_of(folder), at).to_pylist()
    assert len({key(row) for row in found}) == len(found)  # one value a figure at any instant
    return {key(row): (row["value"], row["lower"], row["upper"]) for row in found}


def key(row: dict[str, Any]) -> Key:
    return row["area_code"], row["measure_code"], row["part_id"], row["day"]


def test_every_cell_at_every_instant_is_that_of_the_release_folders(record: Record) -> None:
    nights(record, 4)
    entries = journal.read(record.folder)
    assert len(entries) == 6
    for entry in entries:
        for at in (entry.at - timedelta(seconds=1), entry.at):
            found = found_at(record.folder, at)
            assert found == expected_at(record.folder, at)
    assert len(found) > 4 * 7 * (1 + 4 + 3 * 10)


def test_older_knowledge_that_comes_late_replaces_nothing(record: Record) -> None:
    """A day of the past that is published again as it was known then: its trend is older than what we say now."""
    end_of_month, later = date(2026, 11, 30), date(2026, 12, 3)
    record.publish(later, night(later), seed=1)
    of_later = found_at(record.folder, night(later))
    record.publish(end_of_month, night(later) + timedelta(hours=1), seed=2, is_newest=False)
    now = found_at(record.folder, night(later) + timedelta(hours=2))
    assert {figure: now[figure] for figure in of_later} == of_later
    assert {figure[3] for figure in now.keys() - of_later.keys()} == {end_of_month}


def test_one_line_of_pandas_and_one_query_say_what_we_said(record: Record) -> None:
    nights(record, 3)
    path = record.folder / keeping.VINTAGES_FILE
    day, at = FIRST, pd.Timestamp("2026-12-01", tz="Asia/Shanghai")
    one_line = pd.read_parquet(path).query("day == @day and realtime_start <= @at and not realtime_end <= @at")
    query = """select * from read_parquet($path) where day = $day and realtime_start <= $at
               and (realtime_end is null or realtime_end > $at)"""
    asked = duckdb.execute(query, {"path": str(path), "day": day, "at": at}).df()
    expected = {k: v for k, v in expected_at(record.folder, at.to_pydatetime()).items() if k[3] == day}
    for found in (one_line, asked):
        values = {
            (row.area_code, row.measure_code, row.part_id): None if pd.isna(row.value) else row.value
            for row in found.itertuples()
        }
        assert values == {k[:3]: v[0] for k, v in expected.items()}


def test_what_was_revised_is_two_rows_with_adjoining_spans(record: Record) -> None:
    nights(record, 3)
    rows = [row for row in table_of(record.folder).to_pylist()
            if row["day"] == FIRST and row["measure_code"] == "index" and row["area_code"] == made_up.CITY_AREA]  # fmt: skip
    assert [row["status_code"] for row in rows] == ["provisional", "revised"]
    assert [row["obs_status_code"] for row in rows] == ["P", "A"]
    assert rows[0]["realtime_end"] == rows[1]["realtime_start"]
    assert rows[1]["realtime_end"] is None


def test_night_by_night_and_all_at_once_are_the_same_bytes(record: Record) -> None:
    nights(record, 4)
    by_night = record.bytes
    for folder in (record.folder, public_files.public_folder(record.folder)):
        (folder / keeping.VINTAGES_FILE).unlink()
    keeping.keep(made_up.city(), made_up.METHODOLOGY, record.folder)
    assert record.bytes == by_night


class Killed(BaseException):
    """As SIGKILL: nothing catches it, nothing is tidied up."""


def _die_at_the_first_write(patch: pytest.MonkeyPatch) -> None:
    """Let the next write be the last thing that the run does; each life gets one write further."""
    for module, name in ((journal, "_write"), (files, "write_file")):
        patch.setattr(module, name, partial(_write_and_die, getattr(module, name)))


def _write_and_die(write: Callable[..., None], *arguments: Any) -> None:
    write(*arguments)
    raise Killed


@pytest.mark.kill
def test_killed_after_each_write_and_run_again(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a run dies on its way, the next one ends with the bytes of a run that did not."""
    record.publish(FIRST, night(FIRST))
    day = FIRST + timedelta(days=1)
    release = record.up(day, seed=3)
    before = {path: path.read_bytes() for path in record.folder.parents[1].rglob("*") if path.is_file()}
    finish = lambda at: keeping.record(made_up.city(), made_up.METHODOLOGY, record.folder, release.document, at)  # noqa: E731
    finish(night(day))
    expected, n_written = record.bytes, 0
    shutil.rmtree(record.folder.parents[1])
    for path, content in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for _ in range(20):
        with monkeypatch.context() as patch:
            _die_at_the_first_write(patch)
            try:
                finish(night(day))
                break
            except Killed:
                n_written += 1
    assert keeping.is_recorded(record.folder, release.release_id)
    assert n_written >= 3
    assert record.bytes == expected


def test_a_torn_line_is_no_event_and_is_written_over(record: Record) -> None:
    record.publish(FIRST, night(FIRST))
    path = record.folder / journal.JOURNAL_FILE
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event":"published","at":"2026-')
    assert [entry.release_id for entry in journal.read(record.folder)] == [journal.read(record.folder)[0].release_id]
    record.publish(FIRST + timedelta(days=1), night(FIRST) + timedelta(days=1))
    assert path.read_bytes().startswith(whole)
    assert len(journal.read(record.folder)) == 2


def test_a_line_that_is_no_event_is_named(record: Record) -> None:
    (record.folder / journal.JOURNAL_FILE).write_text('{"event": "invented"}\n')
    with pytest.raises(EnvironmentFault, match=r"journal\.jsonl, line 1"):
        journal.read(record.folder)


def test_events_keep_their_order_when_the_clock_goes_back(record: Record) -> None:
    record.publish(FIRST, night(FIRST))
    record.publish(FIRST + timedelta(days=1), night(FIRST) - timedelta(days=9))
    first, second = journal.read(record.folder)
    assert first.at < second.at


def test_a_city_from_before_the_journal_is_taken_in_once(record: Record) -> None:
    """Its releases count from when their files were written, and go on counting so."""
    old = [record.up(FIRST + timedelta(days=n), seed=n) for n in range(2)]
    record.publish(FIRST + timedelta(days=2), datetime.now(UTC) + timedelta(hours=1), seed=2)
    entries = journal.read(record.folder)
    assert [entry.release_id for entry in entries[:2]] == [release.release_id for release in old]
    for path in record.folder.rglob("release.json"):
        path.touch()
    assert journal.read(record.folder) == entries


def test_a_release_that_lacks_its_folder_is_named(record: Record) -> None:
    release = record.publish(FIRST, night(FIRST))
    (record.folder / keeping.VINTAGES_FILE).unlink()
    shutil.rmtree(files.release_folder(record.folder, release.release_id))
    with pytest.raises(EnvironmentFault, match=release.release_id):
        keeping.keep(made_up.city(), made_up.METHODOLOGY, record.folder)


def test_what_is_withdrawn_is_said_no_more_until_it_is_said_anew(record: Record) -> None:
    release = record.publish(FIRST, night(FIRST))
    at = night(FIRST) + timedelta(hours=3)
    journal.append(
        record.folder, Withdrawn(at=at, release_id=release.release_id, why="a count was wrong", by="a person")
    )
    keeping.keep(made_up.city(), made_up.METHODOLOGY, record.folder)
    then, after = (said_at(table_of(record.folder), each, FIRST).to_pylist() for each in (at - timedelta(hours=1), at))
    assert {row["status_code"] for row in then} == {"provisional"}
    assert {(row["value"], row["status_code"], row["obs_status_code"]) for row in after} == {(None, "withdrawn", "O")}
    assert len(then) == len(after)
    again = record.publish(FIRST, at + timedelta(hours=1), seed=9)
    now = said_at(table_of(record.folder), at + timedelta(hours=2), FIRST).to_pylist()
    assert {row["release_id"] for row in now} == {again.release_id}


def test_everybody_may_see_when_whole_points_were_said_and_nothing_finer(record: Record) -> None:
    nights(record, 3)
    found = table_of(public_files.public_folder(record.folder)).to_pylist()
    assert {row["measure_code"] for row in found} == {"index"}
    assert all(row["value"] == round(row["value"]) and row["lower"] is None for row in found)
    of_city = [row for row in found if row["area_code"] == made_up.CITY_AREA and row["day"] == FIRST]
    assert [row["value"] for row in of_city] == [101.0]


def test_the_file_has_the_declared_columns_and_codes(record: Record) -> None:
    nights(record, 3)
    found, declared = table_of(record.folder), ACROSS["vintages"].columns
    assert found.schema.names == list(declared)
    for name, column in declared.items():
        values = set(found[name].to_pylist())
        assert not column.codes or values <= set(column.codes), name
        assert not column.required or None not in values, name


def rewritten(journal_file: Path, before: str, after: str) -> None:
    """Somebody edits the journal, which nobody does: as many events as before, not the same."""
    text = journal_file.read_text(encoding="utf-8")
    assert before in text
    journal_file.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_files_that_rest_on_another_journal_are_made_anew(record: Record) -> None:
    release = nights(record, 3)[2]
    assert keeping.is_recorded(record.folder, release.release_id)
    rewritten(record.folder / journal.JOURNAL_FILE, f'"at":"{FIRST}T18:00:00Z"', f'"at":"{FIRST}T19:00:00Z"')
    assert not keeping.is_recorded(record.folder, release.release_id)
    keeping.keep(made_up.city(), made_up.METHODOLOGY, record.folder)
    assert keeping.is_recorded(record.folder, release.release_id)
    entries = journal.read(record.folder)
    for entry in entries:
        assert found_at(record.folder, entry.at) == expected_at(record.folder, entry.at)


def of_file(folder: Path, name: str) -> list[dict[str, str]]:
    content = (folder / ACROSS[name].file).read_text(encoding="utf-8-sig")
    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert found
    assert list(found[0]) == list(ACROSS[name].columns)
    return found


def test_revisions_by_delay_are_those_of_the_vintages(record: Record) -> None:
    """Told again figure by figure from the vintages alone; a month end that is published anew 8 and 40 days later."""
    end = date(2026, 11, 30)
    for n, seed in {0: 1, 8: 2, 40: 3, 41: 3}.items():
        day = end + timedelta(days=n)
        record.publish(day, night(day), seed=seed)
        if n:
            record.publish(
                end, night(day) + timedelta(hours=1), seed, "revised" if n > 35 else "provisional", day, False
            )
    for folder in (record.folder, public_files.public_folder(record.folder)):
        check_revisions(folder, end)


def check_revisions(folder: Path, end: date) -> None:
    figures: dict[Key, list[dict[str, Any]]] = {}
    for row in table_of(folder).to_pylist():
        figures.setdefault(key(row), []).append(row)
    newest = max(row["realtime_start"] for rows in figures.values() for row in rows)
    expected: dict[tuple[str, int], list[float]] = {}
    for figure, rows in figures.items():
        if rows[0]["status_code"] != "provisional" or rows[0]["value"] is None:
            continue
        for delay in (1, 7, 35, 92, 365):
            at = rows[0]["realtime_start"] + timedelta(days=delay)
            said = [
                r for r in rows if r["realtime_start"] <= at and not (r["realtime_end"] and r["realtime_end"] <= at)
            ]
            if at <= newest and said and said[0]["value"] is not None:
                expected.setdefault((figure[1], delay), []).append(said[0]["value"] - rows[0]["value"])
    found = {(row["measure_code"], int(float(row["delay_days"]))): row for row in of_file(folder, "revisions")}
    assert found.keys() == expected.keys()
    assert {delay for _, delay in found} == {1, 7, 35}
    for place, revisions in expected.items():
        row = {name: float(value) for name, value in found[place].items() if name != "measure_code"}
        assert row["n_figures"] == len(revisions)
        assert row["mean_absolute_revision"] == pytest.approx(sum(map(abs, revisions)) / len(revisions), abs=1e-6)
        assert row["mean_revision"] == pytest.approx(sum(revisions) / len(revisions), abs=1e-6)
    assert float(found["index", 35]["mean_absolute_revision"]) > 0
    triangle = of_file(folder, "revision_triangle")
    assert {row["day"] for row in triangle} >= {end.isoformat()}
    for row in triangle:
        assert float(row["revision"]) == pytest.approx(float(row["value"]) - float(row["first"]), abs=1e-6)
    of_end = [row for row in triangle if row["day"] == end.isoformat() and row["area_code"] == made_up.CITY_AREA]
    assert [float(row["delay_days"]) for row in of_end] == [1, 7, 35]
