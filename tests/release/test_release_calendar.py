"""The calendar is announced a year ahead and follows from the method; punctuality counts what was due and never came."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spark_jobs import command_line
from spark_jobs.errors import UsageError
from spark_jobs.release import public_files
from spark_jobs.release.record import journal, keeping
from spark_jobs.release.record.changes import CHANGES_FILE
from spark_jobs.release.record.journal import Approval, Published
from spark_jobs.release.record.punctuality import PUNCTUALITY_FILE, due_revision, punctuality_rows
from spark_jobs.release.release_calendar import CALENDAR_FILE, calendar_rows, due
from spark_jobs.release.revision import said_changes
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


END, NIGHT = date(2026, 11, 30), date(2027, 1, 4)


@pytest.mark.parametrize(
    ("periods", "night", "expected"),
    [
        ([(END, "provisional"), (NIGHT, "provisional")], NIGHT, END),
        ([(END, "provisional"), (NIGHT, "provisional")], NIGHT - timedelta(days=1), None),  # one day too early
        ([(END, "provisional")], NIGHT, None),  # the night whose knowledge it needs is not there yet
        ([(NIGHT, "provisional")], NIGHT, None),  # nothing was ever said of the month
        ([(END, "provisional"), (NIGHT, "provisional"), (END, "revised")], NIGHT, None),
        (
            [(END, "provisional"), (NIGHT + timedelta(days=9), "provisional")],
            NIGHT + timedelta(days=9),
            END,
        ),  # made good
    ],
)
def test_which_month_is_to_be_revised(periods: list[tuple[date, str]], night: date, expected: date | None) -> None:
    entries = [published(day, seven(day), status) for day, status in periods]
    assert due_revision(METHODOLOGY, entries, night) == expected


@pytest.mark.parametrize(("n_days", "is_told"), [(0, False), (2, False), (3, True), (9, True)])
def test_a_reminder_goes_out_from_the_declared_day_of_waiting_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_days: int, is_told: bool
) -> None:
    """The portal is a program that writes down how it is called."""
    end, due_on = date(2024, 11, 30), METHODOLOGY.revised_on(date(2024, 11, 30))
    night = due_on + timedelta(days=n_days)
    folder, called, portal = tmp_path / "published" / "demo", tmp_path / "called", tmp_path / "portal"
    folder.mkdir(parents=True)
    for day in (end, night):
        journal.append(folder, published(day, seven(day)))
    portal.write_text(f'#!/bin/sh\necho "$@" > "{called}"\n')
    portal.chmod(0o700)
    given = {"PUBLISHED": folder.parent, "PORTAL_PYTHON": portal, "CONNECTION": "{}"}
    for name, value in given.items():
        monkeypatch.setenv(f"PINGAN_{name}", str(value))
    monkeypatch.setenv("PORTAL_URL", "postgresql://")
    told = made_up.city().model_copy(update={"digest": "demo_digest", "remind_after_days": 3})
    monkeypatch.setattr(command_line, "load_city", lambda _: told)
    run = CliRunner().invoke(command_line.app, ["remind", "--city", "demo", "--date", night.isoformat()])
    assert run.exit_code == 0
    assert called.exists() is is_told
    if is_told:
        assert called.read_text().split() == [
            "-m", "portal", "remind", "--date", night.isoformat(), "--month", "2024-11", "--days", str(n_days),
        ]  # fmt: skip


def test_what_a_revision_changes_is_said_of_every_area() -> None:
    before = [{"area_code": area.area_code, "index": 101.3, "lower": 99.0, "upper": 103.0} for area in made_up.areas()]
    now = [{**row, "index": 101.04} if n == 0 else dict(row) for n, row in enumerate(before)]
    now[1] = {"area_code": now[1]["area_code"], "index": None, "lower": None, "upper": None}
    said = said_changes(before, now, made_up.areas(), METHODOLOGY)
    first, second, others = said.split("; ")
    assert first.startswith("示范市 Demo City: 101.3 (")
    assert "→ 101.0 (" in first
    assert second.endswith("→ 无指数")
    assert "5" in others


@pytest.mark.parametrize(
    ("by", "at"), [("an officer", None), (None, "2027-01-05T01:00:00Z"), ("an officer", "2027-01-05T01:00:00")]
)
def test_half_an_approval_is_none(by: str | None, at: str | None) -> None:
    with pytest.raises(UsageError, match="--approved-by and --approved-at"):
        Approval.of(by, at)


def test_who_approved_and_when_stands_in_the_journal_and_the_changes(record: Record) -> None:
    record.publish(FIRST, night(FIRST))
    release = record.up(FIRST, 5, "revised", FIRST + timedelta(days=35), is_newest=False)
    approval = Approval.of("an officer", "2027-01-05T09:00:00+08:00")
    keeping.record(made_up.city(), METHODOLOGY, record.folder, release.document, night(FIRST), approval)
    entry = journal.read(record.folder)[-1]
    assert isinstance(entry, Published)
    assert (entry.approved_by, entry.approved_at) == ("an officer", datetime(2027, 1, 5, 1, tzinfo=UTC))
    said = json.loads((record.folder / CHANGES_FILE).read_text(encoding="utf-8"))["changes"][0]
    assert (said["approved_by"], said["approved_at"]) == ("an officer", "2027-01-05T01:00:00Z")
