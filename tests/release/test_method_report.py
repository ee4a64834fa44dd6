"""The page and the table of two methods beside each other: every figure in its place, in both languages, never half."""

from __future__ import annotations

import csv
import io
from datetime import date

import numpy as np
import pytest

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.method_change import CHANGES, MethodChange, Series
from spark_jobs.index.methodology import reweighted
from spark_jobs.release.model import Area
from spark_jobs.release.pages.method_report import MethodReport
from tests.release.made_up import METHODOLOGY, areas, city

pytestmark = pytest.mark.unit

DAYS = (date(2026, 9, 30), date(2026, 10, 31))
COUNTIES = (("990102", "东湖区", "Donghu"), ("990103", "<b>西山区", "<b>Xishan"))
CANDIDATE = reweighted(METHODOLOGY, {"incidents": 60.0}).model_copy(update={"version": "2027.1"})


def _series(index: FloatArray) -> Series:
    ranks = np.tile([1.0, 2.0], (2, 1))
    return Series(index, index - 3.0, index + 2.0, ranks, np.full((2, 2), 2.0))


@pytest.fixture
def report() -> MethodReport:
    """Two counties and the city on two days; the second county has no index under the candidate on the second."""
    old = np.array([[101.0, 90.0, 97.0], [102.0, 91.0, 98.0]])
    points = np.zeros((len(CHANGES), 2, 3))
    points[CHANGES.index("weights")] = [[-0.5, 1.0, 0.25], [-0.75, np.nan, 0.75]]
    whole, *counties = areas(COUNTIES)
    ordered: list[Area] = [*counties, whole]
    return MethodReport(
        city(), ordered, METHODOLOGY, CANDIDATE, MethodChange(DAYS, _series(old), _series(old + points.sum(0)), points)
    )


def test_the_table_has_each_day_and_area_and_its_parts_add_up(report: MethodReport) -> None:
    rows = list(csv.DictReader(io.StringIO(report.files()["comparison.csv"].decode("utf-8-sig"))))
    assert [(row["day"], row["area_code"]) for row in rows] == [
        (day.isoformat(), area.area_code) for day in DAYS for area in report.areas
    ]
    compared = [row for row in rows if row["difference"]]
    assert len(compared) == len(rows) - 1
    for row in compared:
        assert float(row["difference"]) == sum(float(row[f"points_{code}"]) for code in CHANGES)
        assert float(row["candidate_index"]) - float(row["current_index"]) == float(row["difference"])
    city_rows = [row for row in rows if row["area_code"] == report.areas[-1].area_code]
    assert {row["current_rank_low"] for row in city_rows} == {""}
    assert [float(row["link_ratio"]) for row in city_rows] == pytest.approx([(97.25 + 98.75) / 195.0] * 2)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "zh",
            ["示范市平安指数方法对照", "现行2026.1版与拟用2027.1版", "2027年1月1日", "东湖区", "权重与指标", "无指数"],
        ),
        (
            "en",
            ["Demo City Peace Index: two methods", "1 January 2027", "Donghu", "Weights and indicators", "no index"],
        ),
    ],
)
def test_the_page_says_what_changed_and_marks_the_break(report: MethodReport, language: str, said: list[str]) -> None:
    page = report.files()[f"report.{language}.html"].decode()
    for text in (*said, "domains.incidents.weight", "−0.8", "99–104"):
        assert text in page, text
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert "{" not in page.split("</style>")[1] and "nan" not in page.split("</style>")[1]
    assert report.folder_name == "20261031-2026.1-2027.1"


def test_a_city_without_an_index_is_said_in_words(report: MethodReport) -> None:
    nothing = np.full((2, 3), np.nan)
    change = MethodChange(DAYS, _series(nothing), _series(nothing), np.full((len(CHANGES), 2, 3), np.nan))
    bare = MethodReport(report.city, report.areas, METHODOLOGY, CANDIDATE, change)
    page = bare.files()["report.zh.html"].decode()
    assert "没有全市总指数" in page and "<svg" not in page
