"""Months of coverage become one line a measure: the newest month, a year before, and whether the two compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from expectations.contract import load_city, load_kinds
from spark_jobs.feeds.feed_status import feed_status
from spark_jobs.release.coverage import COUNTS, MEASURES, coverage_lines, coverage_table
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from spark_jobs.released.columns import TABLES, canonical_frame
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
CITY = "99"


def month(area: str, month_on: date, rolled_out: date | None, **counts: int) -> dict[str, object]:
    return {"area_code": area, "month_on": month_on, "rolled_out_on": rolled_out, **dict.fromkeys(COUNTS), **counts}


OLD, NEW = date(2025, 10, 1), date(2026, 10, 1)
MONTHS = [
    month("01", OLD, date(2024, 1, 1), n_posts=4, n_diaries_due=100, n_diaries_done=80),
    month("01", NEW, date(2024, 1, 1), n_posts=5, n_diaries_due=100, n_diaries_done=90),
    month("02", OLD, None, n_posts=2),
    month("02", NEW, date(2026, 3, 1), n_posts=3, n_diaries_due=50, n_diaries_done=30),
    month("02", date(2026, 11, 1), date(2026, 3, 1), n_posts=9, n_diaries_due=0, n_diaries_done=0),
]
# area measure month value a-year-before comparable
EXPECTED = """
01 diary_share 2026-10-01 0.9 0.8 True
01 posts 2026-10-01 5.0 4.0 True
02 diary_share 2026-11-01 None None False
02 posts 2026-11-01 9.0 None False
99 diary_share 2026-10-01 0.8 None False
99 posts 2026-10-01 8.0 6.0 False
"""


def test_the_newest_month_of_every_county_and_the_whole_city() -> None:
    table = canonical_frame("coverage", coverage_table(pd.DataFrame(MONTHS), CITY))
    assert len(table) == 3 * len(MEASURES)
    shown = table[table["measure_code"].isin(["posts", "diary_share"])]
    lines = [" ".join(map(str, row[:6])) for row in shown.itertuples(index=False)]
    assert lines == EXPECTED.strip().splitlines()


def test_the_order_of_the_rows_and_a_split_over_feeds_do_not_matter() -> None:
    whole = coverage_table(pd.DataFrame(MONTHS), CITY)
    diaries = ("n_diaries_due", "n_diaries_done")
    of_two_feeds = [row | dict.fromkeys(diaries) for row in MONTHS]
    of_two_feeds += [row | {"n_posts": None} for row in reversed(MONTHS)]
    pd.testing.assert_frame_equal(coverage_table(pd.DataFrame(of_two_feeds), CITY), whole)


def test_a_city_without_coverage_has_an_empty_table() -> None:
    table = canonical_frame("coverage", coverage_table(pd.DataFrame(), CITY))
    assert (len(table), list(table.columns)) == (0, list(TABLES["coverage"].columns))
    assert set(MEASURES) == set(TABLES["coverage"].columns["measure_code"].codes)


def with_coverage(make_release: Make, months: pd.DataFrame) -> Release:
    given = made_up.release_input()
    table = coverage_table(months, made_up.CITY_AREA)
    return make_release(replace(given, frames={**given.frames, "coverage": table}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_year_before_stands_beside_what_compares_and_nothing_stands_for_nothing(
    make_release: Make, language: LanguageCode
) -> None:
    """One county compares, one has no year before and no diaries due, the others have no month at all."""
    first, second = (code for code, *_ in made_up.COUNTIES[:2])
    sign = {"zh": "%", "en": " %"}[language]
    release = with_coverage(make_release, pd.DataFrame([
        month(first, OLD, date(2024, 1, 1), n_posts=1_200, n_diaries_due=100, n_diaries_done=0),
        month(first, NEW, date(2024, 1, 1), n_posts=1_300, n_diaries_due=100, n_diaries_done=93),
        month(second, NEW, None, n_posts=0, n_diaries_due=0, n_diaries_done=0),
    ]))  # fmt: skip
    lines = coverage_lines(release, Wording(language, release.methodology))
    assert [line.area for line in lines] == list(release.areas)
    shown = {line.area.area_code: [(f.now, f.before) for f in map(line.figures.get, ("posts", "diary_share")) if f]
             for line in lines}  # fmt: skip
    assert shown.pop(first) == [("1,300", "1,200"), (f"93.0{sign}", f"0.0{sign}")]
    assert shown.pop(second) == [("0", None), ("—", None)]
    assert shown.pop(made_up.CITY_AREA) == [("1,300", None), (f"93.0{sign}", None)]
    assert all(figures == [("—", None)] * 2 for figures in shown.values())
    without = [line for line in lines if line.area.area_code in shown]
    assert {(line.month, line.rolled_out_on) for line in without} == {("—", None)}


def test_a_release_without_coverage_has_no_lines(make_release: Make) -> None:
    release = with_coverage(make_release, pd.DataFrame())
    assert coverage_lines(release, Wording("zh", release.methodology)) == []


def test_nothing_waits_for_a_feed_of_context() -> None:
    city = load_city("daqing")
    context = {feed.feed_code for feed in city.feeds if load_kinds()[feed.kind].is_context}
    day = date(2026, 11, 22)
    batch = {"feed_code": "hotline", "window_from": day, "window_to": day, "status": "checked", "reason": None}
    awaited = set(feed_status(city.feeds, pd.DataFrame([batch]), day)["feed_code"])
    assert context == {"coverage", "decisions"}
    assert awaited == {feed.feed_code for feed in city.feeds} - context
