"""The monthly coverage: the city's own totals, the same bytes again, and no month before it is over."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from simulator import coverage, truth
from simulator.clock import NO_SILENCE, seconds

pytestmark = pytest.mark.unit


def table(month: date) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(coverage.content(truth.load(), month).decode())))


def test_the_counties_add_up_to_the_city_s_own_figures() -> None:
    rows = table(date(2026, 10, 1))
    assert len(rows) == 9
    assert sum(int(row["综治站点数"]) for row in rows) == 472
    assert sum(int(row["网格员数"]) for row in rows) == 4_713
    for due, done in (("应填日志数", "已填日志数"), ("应报研判数", "已报研判数"), ("应反馈数", "已反馈数")):
        assert all(0 < int(row[done]) <= int(row[due]) for row in rows)


def test_what_the_platform_reports_begins_with_its_roll_out() -> None:
    begun = {month: [row["区划代码"] for row in table(month) if row["已填日志数"]] for month in (
        date(2022, 9, 1), date(2022, 10, 1), date(2023, 4, 1)
    )}  # fmt: skip
    assert [len(codes) for codes in begun.values()] == [0, 7, 9]


def test_a_month_is_written_once_it_is_over_and_never_again(tmp_path: Path) -> None:
    def bring(clock: str, silent_from: int = NO_SILENCE) -> list[str]:
        files = coverage.missing(tmp_path, truth.load(), seconds(clock), silent_from)
        for month, path in files:
            coverage.write(truth.load(), month, path)
        return [path.name for _, path in files]

    assert bring("2022-01-01T00:10:00") == ["coverage_202111.csv"]
    assert bring("2022-02-10T01:30:00", truth.day_number(date(2022, 1, 31))) == ["coverage_202112.csv"]
    assert bring("2022-02-10T01:30:00") == ["coverage_202201.csv"]
    assert bring("2022-02-10T01:30:00") == []
    written = tmp_path / "coverage" / "coverage_202112.csv"
    assert written.read_bytes() == coverage.content(truth.load(), date(2021, 12, 1))
