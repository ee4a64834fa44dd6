"""Through which day a feed's events reach: not to be shortened by quiet days, nor lengthened by files that say nothing."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.coverage import covered_through

pytestmark = pytest.mark.unit

SUNDAY = date(2026, 11, 22)
N_DAYS = 400
WEEKDAYS = np.resize([1.0, 1.0, 1.0, 1.0, 1.0, 0.2, 0.0], N_DAYS + 6)[-N_DAYS:]  # of an office; the last is a Sunday


def with_last(n_days: int, of_usual: float) -> Callable[[FloatArray], FloatArray]:
    def changed(events: FloatArray) -> FloatArray:
        return np.concatenate([events[:-n_days], np.floor(events[-n_days:] * of_usual)])

    return changed


def with_gap(events: FloatArray) -> FloatArray:
    """Ten days without anything, and then three as usual."""
    return np.concatenate([events[:-13], np.zeros(10), events[-3:]])


def of_an_office(events: FloatArray) -> FloatArray:
    return np.floor(events * np.roll(WEEKDAYS, -1 - int(np.flatnonzero(WEEKDAYS == 0.0)[-1]) + N_DAYS))


# what became of the last days -> events a day for which it is told, days that are not known
CASES: dict[str, tuple[Callable[[FloatArray], FloatArray], tuple[float, ...], int]] = {
    "every day as usual": (lambda events: events, (0.1, 1, 3, 7, 80, 2_000), 0),
    "one day of nothing": (with_last(1, 0.0), (20, 80, 2_000), 1),
    "one day of nothing where that happens": (with_last(1, 0.0), (0.1, 1, 3), 0),
    "four days of nothing": (with_last(4, 0.0), (7, 20, 2_000), 4),
    "45 days of nothing": (with_last(45, 0.0), (3, 7, 80, 2_000), 45),
    "a year of nothing": (with_last(330, 0.0), (3, 80, 2_000), 330),
    "the first hours of a day": (with_last(1, 0.1), (80, 2_000), 1),
    "four days of a trickle": (with_last(4, 0.1), (80, 2_000), 4),
    "a month of half as many": (with_last(28, 0.5), (3, 20, 80, 2_000), 0),
    "a gap that is over": (with_gap, (7, 80, 2_000), 0),
    "an office on a Sunday": (of_an_office, (7, 80, 2_000), 0),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("changed", "rate", "n_unknown"),
    [(changed, rate, n) for changed, rates, n in CASES.values() for rate in rates],
    ids=[f"{name}, {rate:g} a day" for name, (_, rates, _) in CASES.items() for rate in rates],
)
def test_the_last_days_count_as_known_where_chance_explains_them(
    changed: Callable[[FloatArray], FloatArray], rate: float, n_unknown: int, seed: int
) -> None:
    events = changed(np.random.default_rng(seed).poisson(rate, N_DAYS).astype(float))
    slack = 3 / rate if n_unknown else 0.0  # quiet days just before are not told from the silence
    assert 0 <= (SUNDAY - covered_through(events, SUNDAY)).days - n_unknown <= slack


@pytest.mark.parametrize("n_days", [1, 30, 55])
def test_a_feed_that_has_just_begun_is_believed(n_days: int) -> None:
    assert covered_through(np.append(np.full(n_days, 80.0), 0.0), SUNDAY) == SUNDAY
    assert covered_through(np.zeros(n_days), SUNDAY) == SUNDAY
