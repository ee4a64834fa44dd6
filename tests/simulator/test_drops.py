"""File drops: which files, what is in them, that they are written once."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from python_calamine import load_workbook

from simulator import drops
from simulator.clock import NO_SILENCE, seconds
from simulator.drops import DROPS, Drop, Period
from simulator.truth import day_number
from simulator.world import DAY, World, take, updated_at

pytestmark = pytest.mark.unit

Row = tuple[str, ...]
each_drop = pytest.mark.parametrize("drop", DROPS, ids=lambda drop: drop.kind.name)


def read(drop: Drop, content: bytes) -> list[Row]:
    """The rows of a file as text, read by tools that did not write it."""
    if drop.extension == "csv":
        return [tuple(row) for row in csv.reader(io.StringIO(content.decode("gb18030"), newline=""))][1:]
    if drop.extension == "jsonl":
        objects = [json.loads(line) for line in content.decode().splitlines()]
        return [tuple("" if value is None else str(value) for value in row.values()) for row in objects]
    sheet = load_workbook(io.BytesIO(content)).get_sheet_by_name("网格事件")
    return [tuple(str(value) for value in row) for row in sheet.to_python()][1:]


def period(first: date, last: date) -> Period:
    return Period(f"{first:%Y%m%d}", day_number(first), day_number(last))


def test_months_before_go_live_and_days_after(city: World) -> None:
    labels = [p.label for p in drops.periods(city.truth, seconds("2026-11-23T01:30"), NO_SILENCE)]
    assert labels[0] == "202111"
    assert labels[57:60] == ["202608", "20260901", "20260902"]
    assert labels[-1] == "20261122"
    assert len(labels) == 58 + 83


@pytest.mark.parametrize(
    ("clock", "silent_from", "last"),
    [
        ("2026-11-23T00:29", None, "20261121"),  # the day's file is not yet written
        ("2026-11-23T00:30", None, "20261122"),
        ("2026-11-23T01:30", date(2026, 11, 20), "20261119"),
        ("2022-01-15T01:30", None, "202112"),
    ],
)
def test_last_file(clock: str, silent_from: date | None, last: str, city: World) -> None:
    silent = day_number(silent_from) if silent_from else NO_SILENCE
    assert drops.periods(city.truth, seconds(clock), silent)[-1].label == last


@each_drop
def test_latest_delivered_row_of_each_record_is_its_state(drop: Drop, young_city: World) -> None:
    """August as a month, then ten single days: what a reader has gathered is what the source shows."""
    days = [period(date(2026, 9, day), date(2026, 9, day)) for day in range(1, 11)]
    gathered: dict[str, Row] = {}
    for file in [period(date(2026, 8, 1), date(2026, 8, 31)), *days]:
        for row in read(drop, drops.content(young_city, drop, file)):
            gathered[row[0]] = row
    clock = (days[-1].last + 1) * DAY - 1
    lives = young_city.occurred(drop.kind, young_city.truth.start, days[-1].last)
    updated = updated_at(drop.kind, lives, clock)
    rows = drop.render(take(lives, updated >= 0), updated[updated >= 0])
    shown = zip(*(column.tolist() for column in rows.values()), strict=True)
    state = {row[0]: tuple("" if value is None else str(value) for value in row) for row in shown}
    assert gathered == state


@each_drop
def test_a_few_rows_come_twice(drop: Drop, city: World) -> None:
    rows = [
        row
        for month in range(1, 13)
        for row in read(drop, drops.content(city, drop, period(date(2025, month, 1), date(2025, month, 28))))
    ]
    n_twice = len(rows) - len(set(rows))
    assert 0 < n_twice < 0.006 * len(rows)


@each_drop
def test_a_file_is_written_once(drop: Drop, young_city: World, tmp_path: Path) -> None:
    clock = seconds("2026-09-03T01:30")
    for file, path in drops.missing(tmp_path, young_city.truth, drop, clock, NO_SILENCE):
        drops.write(young_city, drop, file, path)
    folder = tmp_path / drop.kind.name
    assert sorted(path.name.split("_")[-1].split(".")[0] for path in folder.iterdir()) == [
        "202608", "20260901", "20260902",
    ]  # fmt: skip
    assert drops.missing(tmp_path, young_city.truth, drop, clock, NO_SILENCE) == []
    later = drops.missing(tmp_path, young_city.truth, drop, clock + DAY, NO_SILENCE)
    assert [file.label for file, _ in later] == ["20260903"]


def test_files_of_one_period_are_equal_to_the_byte(young_city: World) -> None:
    day = period(date(2026, 9, 9), date(2026, 9, 9))
    for drop in DROPS:
        one = drops.content(young_city, drop, day)
        assert one == drops.content(World(young_city.truth), drop, day)


def test_the_workbook_opens_in_another_library(young_city: World) -> None:
    drop = DROPS[2]
    content = drops.content(young_city, drop, period(date(2026, 9, 9), date(2026, 9, 9)))
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = [tuple("" if v is None else v for v in row) for row in book["网格事件"].iter_rows(values_only=True)]
    assert rows[0][:3] == ("事件编号", "事件类别", "隐患等级")
    assert rows[1:] == read(drop, content)


def test_criminal_codes_that_lost_their_zero_occur(city: World) -> None:
    rows = read(DROPS[0], drops.content(city, DROPS[0], period(date(2025, 1, 1), date(2025, 12, 31))))
    codes = [row[1] for row in rows if row[3] == "刑事"]
    assert {len(code.strip(" \u3000")) for code in codes} == {5, 6}
    assert np.mean([len(code) == 5 for code in codes]) < 0.005
