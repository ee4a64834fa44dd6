"""Revisions as pages and charts print them: in points, signed, and a delay that has not passed is no zero."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from spark_jobs.release.mart import MART
from spark_jobs.release.record import revisions_said
from spark_jobs.release.record.revisions import DELAYS
from spark_jobs.release.wording import LANGUAGES, Wording
from spark_jobs.released.columns import ACROSS
from tests.release import made_up

pytestmark = pytest.mark.unit
BY_DELAY = """measure_code,delay_days,n_figures,mean_absolute_revision,mean_revision,largest_revision
domain,1.0,40.0,0.5,-0.125,2.0
index,35.0,9.0,0.004,-0.004,1.0
index,7.0,10.0,0.25,0.25,1.5
n_events,1.0,170.0,3.0,3.0,12.0
rate,1.0,170.0,3.0,3.0,12.0
"""
TRIANGLE = """area_code,day,delay_days,first,value,revision
990000,2026-09-30,1.0,101.0,101.0,0.0
990000,2026-09-30,35.0,101.0,99.6,-1.4
990000,2026-10-31,1.0,103.0,103.02,0.02
990001,2026-10-31,1.0,90.0,91.0,1.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("revisions", BY_DELAY), ("revision_triangle", TRIANGLE)):
        (tmp_path / ACROSS[name].file).write_text(text, encoding="utf-8-sig")
    return tmp_path


def test_measures_in_points_by_delay_the_index_first(folder: Path) -> None:
    lines = list(revisions_said.by_delay(revisions_said.read(folder, "revisions"), zh()))
    assert [
        (each.measure, each.delay_days, each.n_figures, each.mean_absolute, each.mean, each.largest) for each in lines
    ] == [
        ("指数", 7, 10, "0.25", "+0.25", "1.50"),
        ("指数", 35, 9, "0.00", "0.00", "1.00"),
        ("领域指数", 1, 40, "0.50", "−0.12", "2.00"),
    ]


def test_a_delay_that_has_not_passed_is_a_dash_and_none_is_zero_only_where_it_was(folder: Path) -> None:
    lines = list(revisions_said.triangle(revisions_said.read(folder, "revision_triangle"), "990000", zh()))
    assert [(each.day, each.first, tuple(each.after.values())) for each in lines] == [
        (date(2026, 10, 31), "103", ("0.0", "—", "—", "—", "—")),
        (date(2026, 9, 30), "101", ("0.0", "—", "−1.4", "—", "—")),
    ]


def test_a_city_without_the_files_has_no_lines(tmp_path: Path) -> None:
    assert revisions_said.read(tmp_path, "revisions") == []
    assert list(revisions_said.triangle([], "990000", zh())) == []


def test_every_delay_has_a_column_on_the_dashboard_and_every_measure_a_name() -> None:
    columns = MART["revision_triangle"].columns
    assert [name for name in columns if name.startswith("after_")] == [f"after_{delay}_text" for delay in DELAYS]
    for code in LANGUAGES:
        words = Wording(code, made_up.METHODOLOGY)
        assert all(words.name("measure", measure) != measure for measure in revisions_said.IN_POINTS)


def zh() -> Wording:
    return Wording("zh", made_up.METHODOLOGY)
