"""The calendar is announced a year ahead and follows from the method; punctuality counts what was due and never came."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.release import public_files
from spark_jobs.release.record.journal import Published
from spark_jobs.release.record.release_calendar import (
    CALENDAR_FILE,
    PUNCTUALITY_FILE,
    calendar_rows,
    due,
    punctuality_rows,
)
from tests.release import made_up
from tests.release.record_world import FIRST, Make, Record, night

pytestmark = pytest.mark.unit
METHODOLOGY = made_up.METHODOLOGY
NEWEST = date(2026, 11, 22)


def rows_of(found: Any) -> list[dict[str, str]]:
    header, *rows = found
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_every_night_month_and_year_of_the_year_ahead_is_announced_once() -> None:
    rows = rows_of(calendar_rows(METHODOLOGY, NEWEST))
    nights = [date.fromisoformat(row["business_date"]) for row in rows if row["kind_code"] == "nightly"]
    assert nights == [NEWEST + timedelta(days=n + 1) for n in range(366)]
    later = [(row["kind_code"], row["status_code"]) for row in rows if row["kind_code"] != "nightly"]
    assert later.count(("monthly", "revised")) == 11
    assert later.count(("yearly", "final")) == 1
    assert len(later) == 12


@pytest.mark.parametrize("status", ["provisional", "revised"])
def test_what_is_due_has_the_status_that_the_method_gives(status: str) -> None:
    """The day before it is due its figures are still provisional, with its own night no longer."""
    for each in due(METHODOLOGY, date(2027, 1, 1), date(2028, 3, 31)):
        known_on = each.due_on - timedelta(days=1)
        if each.kind != "nightly":
            known = known_on if status == "revised" else known_on - timedelta(days=1)
            found = METHODOLOGY.status(each.business_date, known)
            expected = {"revised": "final" if each.kind == "yearly" else "revised", "provisional": "provisional"}
            assert found == expected[status]


def test_days_that_the_calendar_announces_do_not_move(record: Record) -> None:
    announced = {
        (row["kind_code"], row["business_date"]): row
        for newest in (NEWEST, NEWEST + timedelta(days=40))
        for row in rows_of(calendar_rows(METHODOLOGY, newest))
    }
    for row in rows_of(calendar_rows(METHODOLOGY, NEWEST)):
        assert announced[row["kind_code"], row["business_date"]] == row


def published(day: date, at: datetime, status: str = "provisional") -> Published:
    return Published(
        at=at, release_id=f"{day:%Y%m%d}-0123456789", period=day, as_of=at, status=status, method_version="1"
    )


def seven(day: date) -> datetime:
    """07:00 in Shanghai on the day after a business date."""
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)


@pytest.mark.parametrize(("late", "in_time"), [(timedelta(0), "3"), (timedelta(seconds=1), "2")])
def test_a_night_is_in_time_up_to_seven(late: timedelta, in_time: str) -> None:
    days = [date(2026, 12, 1) + timedelta(days=n) for n in range(3)]
    entries = [published(day, seven(day) + (late if day == days[1] else timedelta(0))) for day in days]
    (row,) = rows_of(punctuality_rows(made_up.city(), METHODOLOGY, entries))
    assert (row["n_due"], row["n_in_time"]) == ("3", in_time)


def test_a_night_that_never_came_was_due_and_a_later_repetition_is_not_it() -> None:
    days = [date(2026, 12, 1) + timedelta(days=n) for n in (0, 2)]
    entries = [published(day, seven(day) - timedelta(hours=4)) for day in days]
    entries.append(published(days[0], seven(days[1]), "revised"))
    (row,) = rows_of(punctuality_rows(made_up.city(), METHODOLOGY, entries))
    assert (row["n_due"], row["n_in_time"], row["in_time_share"]) == ("3", "2", "0.6667")


def test_a_month_counts_by_its_own_day() -> None:
    end_of_month = date(2026, 11, 30)
    days = [end_of_month + timedelta(days=n) for n in range(37)]
    entries = [published(day, seven(day) - timedelta(hours=4)) for day in days]
    revised = published(end_of_month, datetime(2027, 1, 5, 15, 0, tzinfo=UTC), "revised")
    for extra, expected in (([revised], "1"), ([], "0")):
        rows = rows_of(punctuality_rows(made_up.city(), METHODOLOGY, [*entries, *extra]))
        assert [row["n_in_time"] for row in rows if row["kind_code"] == "monthly"] == [expected]


@pytest.fixture
def record(make_release: Make, tmp_path: Path) -> Record:
    (tmp_path / "published" / "demo").mkdir(parents=True)
    return Record(make_release, tmp_path / "published" / "demo")


def test_both_are_published_in_both_tiers(record: Record) -> None:
    record.publish(FIRST, night(FIRST))
    for name in (CALENDAR_FILE, PUNCTUALITY_FILE):
        texts = [
            (folder / name).read_text(encoding="utf-8-sig")
            for folder in (record.folder, public_files.public_folder(record.folder))
        ]
        assert texts[0] == texts[1]
        assert list(csv.DictReader(io.StringIO(texts[0])))
