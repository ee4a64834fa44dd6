"""Late data: what the nights teach of how late events become known, and what is left off because of it."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pytest

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.completeness import completeness, development
from spark_jobs.index.methodology import Methodology

pytestmark = pytest.mark.unit

TONIGHT = date(2026, 11, 22)
N_DELAYS = 36
KNOWN_BY_DELAY = 1.0 - 0.45 * 0.6 ** np.arange(N_DELAYS)  # 55 % at once, 73 % after a day, 84 % after two
A_DAY = 40.0


def nights(n_nights: int, seed: int | None = None, share: FloatArray = KNOWN_BY_DELAY) -> dict[date, FloatArray]:
    """What each of the nights to TONIGHT knew of its last days; without a seed exactly what is expected."""
    generator = np.random.default_rng(seed)
    days = [TONIGHT - timedelta(days=n) for n in range(n_nights + N_DELAYS)]
    final = {day: A_DAY if seed is None else float(generator.poisson(A_DAY)) for day in days}
    steps = np.diff(share, prepend=0.0)
    steps[-1] += 1.0 - share[-1]
    known = {
        day: A_DAY * share if seed is None else generator.multinomial(int(n), steps).cumsum().astype(float)
        for day, n in final.items()
    }
    return {
        night: np.array([known[night - timedelta(days=delay)][delay] for delay in range(N_DELAYS)])
        for night in (TONIGHT - timedelta(days=n) for n in range(n_nights))
    }


def without(found: Mapping[date, FloatArray], *days_ago: int) -> dict[date, FloatArray]:
    left_out = {TONIGHT - timedelta(days=n) for n in days_ago}
    return {night: counts for night, counts in found.items() if night not in left_out}


def test_nights_of_one_pattern_give_that_pattern_and_hold_back_what_is_not_known(methodology: Methodology) -> None:
    found = completeness(nights(10), TONIGHT, methodology)
    np.testing.assert_allclose(found.share, KNOWN_BY_DELAY / KNOWN_BY_DELAY[-1])
    np.testing.assert_allclose(found.nowcast, A_DAY * KNOWN_BY_DELAY[-1])
    np.testing.assert_allclose(found.standard_error, 0.0, atol=1e-6)
    assert [found.held_back(least) for least in (0.5, 0.7, 0.8, 0.95)] == [0, 1, 2, 5]


def test_the_nowcast_is_nearer_to_the_truth_than_the_count_and_knows_how_near(methodology: Methodology) -> None:
    errors, standard, shortfalls = [], [], []
    for seed in range(60):
        found = completeness(nights(40, seed), TONIGHT, methodology)
        np.testing.assert_allclose(found.share[:6], KNOWN_BY_DELAY[:6], atol=0.08)
        final = nights(40, seed, np.ones(N_DELAYS))[TONIGHT]  # the same days, everything known at once
        errors.append((found.nowcast - final)[:4])
        standard.append(found.standard_error[:4])
        shortfalls.append((found.count - final)[:4])
        assert found.held_back(0.8) in (1, 2, 3)
    assert abs(np.mean(errors)) < 0.25 * abs(np.mean(shortfalls))
    assert 0.75 < np.mean(np.square(np.divide(errors, standard))) < 1.35


def test_too_few_nights_or_events_teach_nothing_and_hold_nothing_back(methodology: Methodology) -> None:
    least = methodology.publication.min_delay_nights
    assert not completeness(nights(least - 1), TONIGHT, methodology).is_learnt
    assert completeness(nights(least), TONIGHT, methodology).is_learnt
    rare = {night: counts * 0.001 for night, counts in nights(20).items()}
    none = {night: counts * 0.0 for night, counts in nights(20).items()}
    for few in (rare, none, nights(2)):
        found = completeness(few, TONIGHT, methodology)
        assert np.isnan(found.nowcast).all() and found.held_back(0.8) == 0
        np.testing.assert_array_equal(found.count, few[TONIGHT])


def test_nights_older_than_the_memory_are_forgotten(methodology: Methodology) -> None:
    memory = methodology.publication.delay_nights
    slow = {TONIGHT - timedelta(days=memory + n): np.linspace(1.0, 40.0, N_DELAYS) for n in range(20)}
    found = completeness({**nights(memory), **slow}, TONIGHT, methodology)
    np.testing.assert_allclose(found.share, KNOWN_BY_DELAY / KNOWN_BY_DELAY[-1])


def test_a_night_that_was_left_out_knew_what_the_night_before_knew(methodology: Methodology) -> None:
    whole, holed = nights(12), without(nights(12), 4, 5)
    triangle, filled = development(whole, TONIGHT), development(holed, TONIGHT)
    assert triangle.shape == (12 + N_DELAYS - 1, N_DELAYS)
    assert (np.isnan(triangle) == np.isnan(filled)).sum() == triangle.size - 3  # the days of those nights begin later
    found = completeness(holed, TONIGHT, methodology)
    assert found.is_learnt
    np.testing.assert_allclose(found.share, KNOWN_BY_DELAY, atol=0.08)


def test_counts_that_are_withdrawn_are_more_than_complete(methodology: Methodology) -> None:
    found = completeness(nights(20, share=1.0 + 0.3 * 0.5 ** np.arange(N_DELAYS)), TONIGHT, methodology)
    assert found.share[0] == pytest.approx(1.3) and found.nowcast[0] < found.count[0]
    assert found.held_back(0.8) == 0


@pytest.mark.parametrize(
    ("day", "known_on", "expected"),
    [
        (date(2026, 11, 22), date(2026, 11, 22), "provisional"),
        (date(2026, 11, 22), date(2026, 12, 26), "provisional"),
        (date(2026, 11, 22), date(2026, 12, 27), "revised"),
        (date(2026, 12, 31), date(2027, 2, 3), "provisional"),
        (date(2026, 12, 31), date(2027, 2, 4), "final"),
    ],
)
def test_status_follows_from_what_was_known(methodology: Methodology, day: date, known_on: date, expected: str) -> None:
    assert methodology.status(day, known_on) == expected
