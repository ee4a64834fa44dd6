"""How often the detectors cry wolf when nothing happens, and whether they see a doubling. Seeded and bounded.

Limits are binomial: with a true rate at the target, a result beyond the limit comes once in a thousand seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.simulated_detection import AMBER, RED, f1b_rows, weekly
from spark_jobs.flags.detectors.farrington import judge
from spark_jobs.flags.detectors.lifecycle import discoveries
from spark_jobs.flags.detectors.low_counts import lower_bounds
from spark_jobs.index.methodology import load_methodology

pytestmark = pytest.mark.unit
RULES = load_methodology().flags
SEED = 20260101
WEEKS_A_QUARTER, N_RATES = 13, 9
ONCE_IN_A_THOUSAND = 0.001


def surely_below(n: int, rate: float) -> float:
    """Largest number of hits among n that shows the true rate to lie below `rate`."""
    return float(stats.binom.ppf(ONCE_IN_A_THOUSAND, n, rate))


def surely_above(n: int, rate: float) -> float:
    return float(stats.binom.isf(ONCE_IN_A_THOUSAND, n, rate))


@pytest.mark.parametrize("dispersion", [1.0, 2.0])
def test_f1b_raises_less_than_one_false_amber_per_county_and_quarter(dispersion):
    """81 series of 0.5 to 60 events a week: below 1 / (9 indicators × 13 weeks) a series and week, also at twice
    Poisson's variance, which the rule learns."""
    rng = np.random.default_rng(SEED)
    means = np.exp(rng.uniform(np.log(0.5), np.log(60), (81, 1)))
    n_signals = n_judged = 0
    for _ in range(3):
        counts = weekly(rng, means, dispersion, (81, 50))
        n_signals += sum(len(f1b_rows(counts, at)) for at in range(12, 50, 4))
        n_judged += 81 * 10
    assert n_signals < surely_below(n_judged, 1 / (N_RATES * WEEKS_A_QUARTER))


def test_f1b_finds_a_doubling_of_twenty_events_a_week_within_two_weeks():
    rng = np.random.default_rng(SEED)
    counts = rng.poisson(20, (81, 100, 22)).astype(float)
    counts[0, :, 20:] = rng.poisson(40, (100, 2))
    n_found = sum(any(0 in f1b_rows(counts[:, i], at) for at in (20, 21)) for i in range(100))
    assert n_found >= stats.binom.ppf(ONCE_IN_A_THOUSAND, 100, 0.8)


def test_farrington_raises_less_than_one_false_red_per_county_and_quarter():
    rng = np.random.default_rng(SEED)
    series = rng.poisson(rng.choice([2.0, 5.0, 10.0, 20.0], (1500, 1)), (1500, 230)).astype(float)
    n_red = sum(judge(counts, 229, RED).is_alarm for counts in series)
    assert n_red < surely_below(1500, 1 / (N_RATES * WEEKS_A_QUARTER))


def test_farrington_at_the_amber_level_finds_a_doubling_of_ten_events_a_week_within_two_weeks():
    rng = np.random.default_rng(SEED)
    series = rng.poisson(10, (600, 230)).astype(float)
    series[:, 228:] = rng.poisson(20, (600, 2))
    n_found = sum(judge(counts, 228, AMBER).is_alarm or judge(counts, 229, AMBER).is_alarm for counts in series)
    assert n_found >= stats.binom.ppf(ONCE_IN_A_THOUSAND, 600, 0.8)


@pytest.mark.parametrize("mean", [8.0, 40.0, 250.0])
def test_f9_calls_a_normal_day_low_no_more_often_than_its_alpha(mean):
    rng = np.random.default_rng(SEED)
    days = rng.poisson(mean, (20_000, 9)).astype(float)
    alpha = RULES.f9_data_quality.count_alpha
    n_low = int(np.sum(days[:, 0] < lower_bounds(days[:, 1:], alpha)))
    assert n_low <= surely_above(20_000, alpha)


def test_benjamini_hochberg_keeps_the_false_discovery_rate():
    """Ten true signals among 81: the share of false ones among the found is at most q on average."""
    rng = np.random.default_rng(SEED)
    z = rng.normal(size=(2000, 81))
    z[:, :10] += 4
    found = np.array([discoveries(p, 0.1) for p in stats.norm.sf(z)])
    shares = found[:, 10:].sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    assert shares.mean() < 0.1 + 3.1 * shares.std() / np.sqrt(2000)
    assert found[:, :10].mean() > 0.8
