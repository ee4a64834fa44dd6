"""Any as-of day of a city: the same result wherever and whenever it is computed, and only where inputs changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from spark_jobs.index import history, rows
from spark_jobs.index.engine.as_of import CityFrame
from spark_jobs.index.engine.composite_index import base_goalposts
from spark_jobs.index.engine.windows import Coverage, DailyCounts, base_year_spans
from spark_jobs.index.methodology import Methodology
from tests.index import made_up_days
from tests.index.made_up_days import DENOMINATORS, FIRST

pytestmark = pytest.mark.unit

AREAS = ("990102", "990103", "990104")
TODAY = date(2026, 11, 22)
WEEK = [TODAY - timedelta(days=n) for n in range(6, -1, -1)]
LATE = ("a3_telecom_fraud", TODAY - timedelta(days=4))


@pytest.fixture(scope="module")
def quick(methodology: Methodology) -> Methodology:
    return made_up_days.with_few_draws(methodology)


@pytest.fixture(scope="module")
def daily(quick: Methodology) -> pd.DataFrame:
    return made_up_days.daily(quick, AREAS, TODAY)


@pytest.fixture(scope="module")
def frame(quick: Methodology, daily: pd.DataFrame) -> CityFrame:
    coverage = {indicator.id: Coverage(FIRST, TODAY) for indicator in quick.indicators}
    found = [(area, code, FIRST, None, 2e5, "exact") for area in AREAS for code in DENOMINATORS]
    columns = ["area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code"]
    denominators = pd.DataFrame(found, columns=columns)
    counts = DailyCounts(daily, denominators, coverage, AREAS, quick)
    goalposts = base_goalposts([counts.windows(*year) for year in base_year_spans(date(2022, 1, 1), 3)], quick)
    return CityFrame("990100", AREAS, denominators, coverage, goalposts, {}, TODAY, quick)


@pytest.fixture(scope="module")
def counts(frame: CityFrame, daily: pd.DataFrame) -> DailyCounts:
    return frame.counts(daily)


@pytest.fixture(scope="module")
def past(counts: DailyCounts, frame: CityFrame) -> pd.DataFrame:
    return history.history_frame(counts, frame, WEEK)


def with_late(daily: pd.DataFrame) -> pd.DataFrame:
    changed = daily.copy()
    changed.loc[(changed["indicator_id"] == LATE[0]) & (changed["day"] == LATE[1]), "numerator"] += 1.0
    return changed


def test_a_day_has_one_result_however_many_are_computed_with_it(
    counts: DailyCounts, frame: CityFrame, past: pd.DataFrame
) -> None:
    alone = history.history_frame(counts, frame, WEEK[2:3])
    same = past[past["day"] == WEEK[2]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same)
    assert len(past) == len(WEEK) * (len(AREAS) + 1) and past["index"].notna().all()
    assert past["input_hash"].nunique() == len(WEEK)


def test_nothing_is_computed_again_until_its_inputs_change(
    daily: pd.DataFrame, counts: DailyCounts, frame: CityFrame, past: pd.DataFrame
) -> None:
    assert history.affected(counts, frame, WEEK, past) == []
    assert history.affected(counts, frame, WEEK, past.iloc[:0]) == WEEK
    later = frame.counts(with_late(daily))
    assert history.affected(later, frame, WEEK, past) == WEEK[2:]  # the late count's own day and those after it
    revised = replace(frame, denominators=frame.denominators.assign(value=2.1e5))
    assert history.affected(revised.counts(daily), revised, WEEK, past) == WEEK
    another = replace(frame, methodology=frame.methodology.model_copy(update={"version": "2027.1"}))
    assert history.affected(counts, another, WEEK, past) == WEEK


def test_what_was_known_before_stays_beside_what_is_known_now(
    daily: pd.DataFrame, frame: CityFrame, past: pd.DataFrame
) -> None:
    tomorrow = replace(frame, known_on=TODAY + timedelta(days=1))
    later = tomorrow.counts(with_late(daily))
    due = history.affected(later, tomorrow, WEEK, past)
    whole = history.merged(past, history.history_frame(later, tomorrow, due))
    assert len(whole) == len(past) + len(due) * (len(AREAS) + 1)
    assert history.affected(later, tomorrow, WEEK, whole) == []
    before = history.latest(whole, TODAY).reset_index(drop=True)
    pd.testing.assert_frame_equal(before, past.astype(object), check_dtype=False)
    now = history.latest(whole, tomorrow.known_on)
    assert set(now.loc[now["known_on"] == tomorrow.known_on, "day"]) == set(due)
    again = history.merged(whole, history.history_frame(later, tomorrow, due))
    assert len(again) == len(whole)


def test_incomplete_days_are_left_off_the_end_and_old_days_have_none(frame: CityFrame, counts: DailyCounts) -> None:
    late = replace(frame, held_back={LATE[0]: 3})

    def window(city: CityFrame, day: date) -> np.ndarray:
        return next(w.counts for w in city.windows(counts, day) if w.indicator_id == LATE[0])

    np.testing.assert_array_equal(window(late, TODAY), window(frame, TODAY - timedelta(days=3)))
    np.testing.assert_array_equal(window(late, WEEK[-3]), window(frame, WEEK[-4]))
    np.testing.assert_array_equal(window(late, WEEK[0]), window(frame, WEEK[0]))
    before = late.inputs(counts, TODAY).last_year
    a_year_ago = TODAY - timedelta(days=365 + 3)
    expected = next(w.counts for w in frame.windows(counts, a_year_ago) if w.indicator_id == LATE[0])
    np.testing.assert_array_equal(next(w.counts for w in before if w.indicator_id == LATE[0]), expected)


def test_a_feed_that_did_not_deliver_tonight_is_grey_even_if_its_last_days_would_be_left_off(
    daily: pd.DataFrame, frame: CityFrame
) -> None:
    coverage: Mapping[str, Coverage] = {**frame.coverage, LATE[0]: Coverage(FIRST, TODAY - timedelta(days=1))}
    silent = replace(frame, coverage=coverage, held_back={LATE[0]: 3})
    live = {w.indicator_id: w.is_live for w in silent.windows(silent.counts(daily), TODAY)}
    assert not live[LATE[0]] and sum(live.values()) == len(live) - 1


def test_denominator_weights_dated_values_by_their_days_and_is_unknown_in_a_gap(
    daily: pd.DataFrame, frame: CityFrame, quick: Methodology
) -> None:
    change = date(2026, 7, 1)

    def denominator(rows_of: Callable[[str], list[tuple[date, date | None, float]]]) -> np.ndarray:
        found = [(area, m, *row, "exact") for area in AREAS for m in DENOMINATORS for row in rows_of(area)]
        given = pd.DataFrame(found, columns=list(frame.denominators.columns))
        window = replace(frame, denominators=given).counts(daily).windows(TODAY, 365)
        return next(w.denominator for w in window if w.indicator_id == LATE[0])

    begin = TODAY - timedelta(days=364)
    n_before = (change - begin).days
    dated = denominator(lambda _: [(FIRST, change, 1e5), (change, None, 3e5)])
    np.testing.assert_allclose(dated, (n_before * 1e5 + (365 - n_before) * 3e5) / 365.0)
    gap = denominator(lambda area: [(FIRST, None, 1e5)] if area == AREAS[0] else [(change, None, 1e5)])
    assert gap[0] == pytest.approx(1e5) and np.isnan(gap[1:]).all()
    twice = denominator(lambda _: [(FIRST, None, 1e5), (change, None, 1e5)])
    assert np.isnan(twice).all()


def test_the_trend_is_the_history_at_the_ends_of_months(past: pd.DataFrame) -> None:
    found = list(rows.trend_rows(past, [WEEK[1], WEEK[-1]]))
    assert {row["day"] for row in found} == {WEEK[1], WEEK[-1]} and len(found) == 2 * (len(AREAS) + 1)


@pytest.mark.parametrize("first", [date(2022, 1, 1), date(2023, 1, 1), date(2022, 7, 1)], ids=str)
def test_every_day_of_the_base_period_lies_in_one_base_year(first: date, frame: CityFrame, daily: pd.DataFrame) -> None:
    """1 January of a leap year too."""
    counts = frame.counts(daily)
    windows = [counts.windows(*year) for year in base_year_spans(first, 3)]
    is_inside = (daily["day"] >= first) & (daily["day"] < first.replace(year=first.year + 3))
    indicators = [i for i in frame.methodology.indicators if i.kind == "rate"]
    expected = daily[is_inside].groupby("indicator_id")["numerator"].sum()
    for indicator in indicators:
        of_years = [window for year in windows for window in year if window.indicator_id == indicator.id]
        assert sum(window.counts.sum() for window in of_years) == expected[indicator.id]
        denominator = sum(window.denominator for window in of_years)
        np.testing.assert_allclose(denominator, 2e5 * (3 * 365 + 1) / 365)
    assert len(indicators) > 5
