"""The pulse: 28 days beside the season, with the Spring Festival where it was each year."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from expectations.contract import load_holidays
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.holidays import MovingHoliday, same_days
from spark_jobs.index.engine.pulse import Pulse, indicator_pulse, while_incomplete
from spark_jobs.index.engine.windows import Coverage, DailyCounts
from spark_jobs.index.methodology import Indicator, Methodology

pytestmark = pytest.mark.unit

FESTIVAL = MovingHoliday(load_holidays()["spring_festival"].first_days, days_before=7, days_after=14)
AREAS = [f"area_{n}" for n in range(9)]
FIRST, LAST = date(2021, 11, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
CITY = -1
Mean = Callable[[date], float]


def length(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_new_year_is_compared_with_new_year_and_ordinary_days_with_their_weekday() -> None:
    assert same_days([date(2026, 2, 17)], 1, FESTIVAL) == [date(2025, 1, 29)]
    assert same_days([date(2026, 3, 3)], 1, FESTIVAL) == [date(2025, 2, 12)]  # Lantern Festival
    assert same_days([date(2026, 2, 10), date(2026, 2, 9)], 2, FESTIVAL) == [date(2024, 2, 3), date(2024, 2, 26)]
    assert same_days([date(2026, 7, 1)], 1, FESTIVAL) == [date(2025, 7, 2)]
    assert same_days([date(2026, 2, 17)], 1) == [date(2025, 2, 18)]


@pytest.mark.parametrize("years_back", [1, 2, 3])
def test_no_ordinary_day_is_compared_with_one_of_the_season(years_back: int) -> None:
    days = length(date(2025, 1, 1), date(2026, 12, 31))
    for day, other in zip(days, same_days(days, years_back, FESTIVAL), strict=True):
        assert (FESTIVAL.season_of(day) is None) == (FESTIVAL.season_of(other) is None)
        if FESTIVAL.season_of(day) is None:
            assert day.weekday() == other.weekday() and abs((day - other).days - 364 * years_back) <= 21


def indicator(methodology: Methodology, start: str) -> Indicator:
    return next(i for i in methodology.indicators if i.id.startswith(start))


def counts_of(
    one: Indicator, methodology: Methodology, mean: Mean, seed: int | None = 0, last: date = LAST
) -> DailyCounts:
    """Nine areas with `mean(day)` events each; exactly the mean without a seed. A proportion has 100 trials a day."""
    generator = np.random.default_rng(seed)
    means = np.repeat([[mean(day)] for day in DAYS], len(AREAS), axis=1)
    drawn: FloatArray = means if seed is None else generator.poisson(means).astype(float)
    rows = pd.DataFrame({
        "indicator_id": one.id,
        "area_code": AREAS * len(DAYS),
        "day": np.repeat(np.array(DAYS, dtype=object), len(AREAS)),
        "stratum": one.strata[0],
        "numerator": drawn.ravel(),
        "denominator": None if one.kind == "rate" else 100.0,
    })  # fmt: skip
    given = [(area, one.denominator, FIRST, None, 1e5) for area in AREAS if one.denominator]
    denominators = pd.DataFrame(given, columns=["area_code", "denominator_code", "valid_from", "valid_to", "value"])
    return DailyCounts(rows, denominators, {one.id: Coverage(FIRST, last)}, AREAS, methodology)


def pulse_on(
    day: date, methodology: Methodology, mean: Mean, start: str = "a3", holiday: MovingHoliday | None = FESTIVAL,
    seed: int | None = 0, held_back: int = 0, last: date = LAST,
) -> Pulse:  # fmt: skip
    one = indicator(methodology, start)
    counts = counts_of(one, methodology, mean, seed, last)
    return indicator_pulse(counts, one, day, held_back, holiday, methodology, len(AREAS))


def quiet_at_new_year(day: date) -> float:
    return 3.0 if FESTIVAL.season_of(day) else 6.0


def test_the_expectation_knows_where_the_festival_lies(methodology: Methodology) -> None:
    """28 days to 20 February 2026: eleven of the season, 17 ordinary ones; a year earlier the season was over by then."""
    day = date(2026, 2, 20)
    aligned = pulse_on(day, methodology, quiet_at_new_year, seed=None)
    blind = pulse_on(day, methodology, quiet_at_new_year, seed=None, holiday=None)
    events = sum(quiet_at_new_year(d) for d in length(aligned.first, aligned.last)) * len(AREAS)
    assert aligned.observed[CITY] == events
    assert aligned.expected[CITY] == pytest.approx(events, rel=0.02)
    assert aligned.change[CITY] == pytest.approx(0.0, abs=1e-9)
    assert abs(blind.expected[CITY] / events - 1.0) > 0.05
    assert abs(blind.change[CITY]) > 0.05
    assert (aligned.first, aligned.last) == (date(2026, 1, 24), day)


@pytest.mark.parametrize("start", ["a3", "c1"])
def test_a_usual_season_is_expected_and_a_jump_is_seen(methodology: Methodology, start: str) -> None:
    day = date(2026, 7, 1)
    usual = pulse_on(day, methodology, lambda d: 4.0 + 2.0 * (d.month in (6, 7)), start)
    jumped = pulse_on(
        day, methodology, lambda d: (4.0 + 2.0 * (d.month in (6, 7))) * (1.5 if d > date(2026, 6, 3) else 1.0), start
    )
    assert usual.state[CITY] == "expected" and jumped.state[CITY] == "above"
    assert np.all((usual.lower < usual.expected) & (usual.expected < usual.upper))
    assert usual.change_lower[CITY] < 0.0 < usual.change_upper[CITY]
    assert jumped.change_lower[CITY] > 0.3 and jumped.change[CITY] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("start", "spread"), [("a3", 0.0), ("a3", 0.3), ("c1", 0.0)])
def test_the_interval_holds_nine_of_ten_usual_pulses(methodology: Methodology, start: str, spread: float) -> None:
    """Also where months differ by more than chance: the dispersion is estimated."""
    held = []
    for seed in range(8):
        shocks = np.exp(np.random.default_rng(100 + seed).normal(0.0, spread, 80))

        def mean(day: date, shocks: FloatArray = shocks) -> float:
            return 5.0 * float(shocks[(day - FIRST).days // 28])

        day = FIRST + timedelta(days=28 * 60 - 1)  # a whole block of shared luck
        found = pulse_on(day, methodology, mean, start, None, seed)
        held += list((found.observed >= found.lower) & (found.observed <= found.upper))
    assert len(held) == 80
    assert 0.70 <= np.mean(held) <= 1.0 if spread else 0.83 <= np.mean(held) <= 0.99


def test_what_cannot_be_expected_is_counted_and_says_why(methodology: Methodology) -> None:
    day = date(2026, 7, 1)
    few = pulse_on(day, methodology, lambda d: float(d.day == 1 and d.month == 6) / 9, seed=None)
    assert set(few.state) == {"too_few"} and np.isnan(few.expected).all() and few.observed[CITY] == pytest.approx(0.0)
    new = pulse_on(date(2022, 7, 1), methodology, lambda d: 5.0)
    assert set(new.state) == {"no_history"} and new.observed[CITY] > 0.0
    missing = pulse_on(day, methodology, lambda d: 5.0, last=day - timedelta(days=1))
    assert set(missing.state) == {"missing_feed"} and np.isnan(missing.observed).all()


def test_days_held_back_are_left_off(methodology: Methodology) -> None:
    found = pulse_on(date(2026, 7, 1), methodology, lambda d: 5.0, seed=None, held_back=4)
    assert (found.first, found.last) == (date(2026, 5, 31), date(2026, 6, 27))
    assert found.observed[CITY] == 5.0 * 28 * 9


@pytest.mark.parametrize(("factor", "state"), [(0.5, "not_complete"), (1.0, "expected"), (1.5, "above")])
def test_few_events_are_not_below_while_nobody_knows_how_late_records_come(
    methodology: Methodology, factor: float, state: str
) -> None:
    found = pulse_on(date(2026, 7, 1), methodology, lambda d: 6.0 * (factor if d > date(2026, 6, 3) else 1.0))
    young = while_incomplete(found)
    assert young.state[CITY] == state
    assert "below" not in young.state and found.state[CITY] == ("below" if factor < 1.0 else state)
    np.testing.assert_array_equal(young.observed, found.observed)
