"""A city's past on the counties of one day: nothing is lost, and a city's total is its counties and the remainder."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.index import rows
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.released_inputs import released_inputs
from spark_jobs.index.engine.territory import REMAINDER, placed, territory
from spark_jobs.index.engine.window_draws import unit_states, with_city
from spark_jobs.index.engine.windows import Coverage, DailyCounts
from spark_jobs.index.methodology import Methodology

pytestmark = pytest.mark.unit
PROPERTY = "a2_property_crime"
FIRST, NEW_YEAR, LAST = date(2024, 1, 1), date(2026, 1, 1), date(2026, 2, 1)
OLD = date(2000, 1, 1)
Area = tuple[str, date, date | None, str | None]
Value = tuple[str, date, date | None, float]

MERGED: list[Area] = [
    ("990201", OLD, None, None), ("990202", OLD, None, None), ("990203", OLD, NEW_YEAR, "990201"),
]  # fmt: skip
# the table of the case "population of a new year", as the data dictionary defines `valid_to`
PEOPLE: list[Value] = [
    ("990201", date(2020, 1, 1), NEW_YEAR, 120_000.0), ("990201", NEW_YEAR, None, 160_000.0),
    ("990202", date(2020, 1, 1), None, 80_000.0), ("990203", date(2020, 1, 1), NEW_YEAR, 40_000.0),
]  # fmt: skip


def areas_of(found: list[Area]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["area_code", "valid_from", "valid_to", "successor_code"])


def people(found: list[Value]) -> pd.DataFrame:
    frame = pd.DataFrame(found, columns=["area_code", "valid_from", "valid_to", "value"])
    return frame.assign(denominator_code="population_at_risk", quality_code="exact")


def events(found: list[tuple[str, date, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(found, columns=["area_code", "day", "numerator"])
    return frame.assign(indicator_id=PROPERTY, stratum="theft_fraud", denominator=np.nan)


def year_to(
    day: date, areas: list[Area], values: list[Value], daily: pd.DataFrame, methodology: Methodology, n_days: int = 365
) -> tuple[IndicatorWindow, tuple[str, ...]]:
    """The window of property crime, and the counties of the day."""
    of_day = territory(areas_of(areas), day)
    coverage = {PROPERTY: Coverage(FIRST, LAST)}
    counts = DailyCounts(
        placed(daily, of_day.county_of), of_day.denominators(people(values)), coverage, of_day.area_codes, methodology
    )
    indicator = next(i for i in methodology.indicators if i.id == PROPERTY)
    return counts.window(indicator, day, n_days), of_day.area_codes


DAILY = events([("990203", NEW_YEAR - timedelta(days=1), 5), ("990201", NEW_YEAR, 7), ("990202", LAST, 11)])


def test_a_population_of_a_new_year(methodology: Methodology) -> None:
    """160,000 people in the county that took in another one, before and after; the city is all of it."""
    window, areas = year_to(LAST, MERGED, PEOPLE, DAILY, methodology)
    assert areas == ("990201", "990202")
    np.testing.assert_allclose(window.denominator, [160_000.0, 80_000.0])
    assert window.city_denominator == pytest.approx(240_000.0)
    assert (window.counts.sum(axis=0).tolist(), window.city_counts.sum(), window.has_rest) == (
        [12.0, 11.0],
        23.0,
        False,
    )


def test_what_nobody_succeeded_is_the_remainder_of_the_city(methodology: Methodology) -> None:
    nobody = [*MERGED[:2], ("990203", OLD, NEW_YEAR, None)]
    window, _ = year_to(LAST, nobody, PEOPLE, DAILY, methodology)
    n_before = 365 - 32
    np.testing.assert_allclose(window.denominator, [(120_000 * n_before + 160_000 * 32) / 365, 80_000.0])
    assert window.rest_denominator == pytest.approx(40_000 * n_before / 365)
    assert window.city_denominator == pytest.approx(240_000.0)
    assert (window.counts.sum(axis=0).tolist(), window.rest_counts.sum()) == ([7.0, 11.0], 5.0)
    assert window.city_counts.sum() == 23.0


@pytest.mark.parametrize("missing", [0, 2, 3], ids=["an earlier value", "a county's", "that of a county of then"])
def test_a_city_is_all_of_its_counties_or_has_no_figure(methodology: Methodology, missing: int) -> None:
    known = [value for n, value in enumerate(PEOPLE) if n != missing]
    window, _ = year_to(LAST, MERGED, known, DAILY, methodology)
    assert np.isnan(window.city_denominator)
    indicator = next(i for i in methodology.indicators if i.id == PROPERTY)
    settings_ = methodology.posterior.model_copy(update={"min_events": 1})
    state = unit_states(with_city(window), indicator, settings_, base="live")
    assert state[-1] == "no_denominator" and "live" in state[:-1]


def test_a_new_county_has_no_people_before_it_was_one(methodology: Methodology) -> None:
    """Split in two: the past stays in the remainder, and the city is whole on every day."""
    split: list[Area] = [
        ("990202", OLD, None, None), ("990203", OLD, NEW_YEAR, None),
        ("990204", NEW_YEAR, None, None), ("990205", NEW_YEAR, None, None),
    ]  # fmt: skip
    values = [*PEOPLE[2:], ("990204", NEW_YEAR, None, 15_000.0), ("990205", NEW_YEAR, None, 25_000.0)]
    of_these = DAILY[DAILY["area_code"] != "990201"]
    window, areas = year_to(LAST, split, values, of_these, methodology)
    assert areas == ("990202", "990204", "990205")
    np.testing.assert_allclose(window.denominator, [80_000.0, 15_000 * 32 / 365, 25_000 * 32 / 365])
    assert window.city_denominator == pytest.approx(120_000.0)
    assert window.rest_counts.sum() == 5.0


def test_of_an_earlier_day_the_counties_are_those_of_then(methodology: Methodology) -> None:
    window, areas = year_to(NEW_YEAR - timedelta(days=1), MERGED, PEOPLE, DAILY, methodology)
    assert areas == ("990201", "990202", "990203")
    np.testing.assert_allclose(window.denominator, [120_000.0, 80_000.0, 40_000.0])


@pytest.mark.parametrize("n_days", [1, 28])
def test_the_day_of_a_change_has_the_new_value_and_the_day_before_the_old_one(
    methodology: Methodology, n_days: int
) -> None:
    """One value a day, none twice and none left out: the range is half open."""
    alone: list[Area] = [("990201", OLD, None, None)]
    for day, expected in (
        (NEW_YEAR - timedelta(days=1), 120_000.0),
        (NEW_YEAR + timedelta(days=n_days - 1), 160_000.0),
    ):
        window, _ = year_to(day, alone, PEOPLE[:2], DAILY, methodology, n_days)
        assert window.denominator[0] * 365 / n_days == pytest.approx(expected)


@pytest.mark.parametrize("areas", [MERGED, [*MERGED[:2], ("990203", OLD, NEW_YEAR, None)]], ids=["merged", "remainder"])
def test_a_release_keeps_what_its_index_was_computed_from(methodology: Methodology, areas: list[Area]) -> None:
    """The released inputs, the remainder among them, give back the same window."""
    window, codes = year_to(LAST, areas, PEOPLE, DAILY, methodology)
    columns = ["indicator_id", "area_code", "window", "stratum", "count", "denominator"]
    released = pd.DataFrame(rows.input_rows({"headline": (window,)}, list(codes), methodology), columns=columns)
    assert (REMAINDER in set(released["area_code"])) == window.has_rest
    inputs = released_inputs(released, methodology)
    (again,) = inputs.headline
    assert inputs.area_codes == codes
    for name in ("counts", "denominator", "city_counts", "city_denominator"):
        np.testing.assert_array_equal(getattr(again, name), getattr(window, name))


CODES = ("a", "b", "c", "d")
CHANGES = st.dates(FIRST + timedelta(days=30), LAST)
AREAS = st.lists(
    st.tuples(st.one_of(st.just(OLD), CHANGES), st.one_of(st.none(), CHANGES), st.one_of(st.none(), st.sampled_from(CODES))),
    min_size=len(CODES), max_size=len(CODES),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    AREAS, st.lists(st.tuples(st.sampled_from(CODES), st.dates(FIRST, LAST), st.integers(1, 9)), max_size=30), CHANGES
)
def test_no_history_of_areas_loses_an_event_or_a_person(
    spans: list[tuple[date, date | None, str | None]], happened: list[tuple[str, date, int]], day: date
) -> None:
    """Whatever was merged, split or ended: the city has all events of the window, and on each day all its people."""
    from spark_jobs.index.methodology import load_methodology

    areas = [
        (code, first, end if end is None or end > first else None, to if to != code else None)
        for code, (first, end, to) in zip(CODES, spans, strict=True)
    ]
    oldest = min(first for _, first, _, _ in areas)
    values = [(code, OLD, None, 1_000.0 * (n + 1)) for n, code in enumerate(CODES)]
    window, _ = year_to(day, areas, values, events(happened), load_methodology(), 100)
    days = [day - timedelta(days=n) for n in range(100) if day - timedelta(days=n) >= FIRST]
    if len(days) < 100:
        assert not window.is_live
        return
    assert window.city_counts.sum() == sum(n for _, on, n in happened if on in days)
    people_days = sum(
        value
        for on in days
        for (code, first, end, _), (_, _, _, value) in zip(areas, values, strict=True)
        if (first == oldest or first <= on) and (end is None or on < end)
    )
    assert window.city_denominator == pytest.approx(people_days / 365)
