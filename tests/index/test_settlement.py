"""Settlement rates and small offices: the figures of the mediation centre, with what they can and cannot say.

94.0 to 99.4 are the Wilson limits of 164 (94.0-99.1) and of 165 (94.9-99.4) settled of 168, taken together. Neither
Wald's, Clopper and Pearson's, Jeffreys' nor Agresti and Coull's limits round to this pair.
"""

import numpy as np
import pytest
from scipy import stats

from spark_jobs.index.engine import intervals
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.ranks import rank_interval, rank_sets, ranks, tiers

pytestmark = pytest.mark.unit

CASES = 168.0


def limits_in_percent(settled: list[float], closed: float) -> list[tuple[float, float]]:
    lower, upper = intervals.wilson(np.array(settled), np.full(len(settled), closed))
    return [(round(100 * float(low), 1), round(100 * float(high), 1)) for low, high in zip(lower, upper, strict=True)]


def covariance(settled: FloatArray, cases: float) -> FloatArray:
    share = settled / cases
    return np.diag(share * (1.0 - share) / cases)


def test_the_cumulative_rate_of_the_centre() -> None:
    """74,187 of 75,701: 98.00 %, and so many cases leave little doubt."""
    assert f"{74_187 / 75_701:.2%}" == "98.00%"
    assert limits_in_percent([74_187.0], 75_701.0) == [(97.9, 98.1)]


def test_wilson_limits_solve_the_score_equation() -> None:
    """By definition: at each limit the observed share lies 1.96 standard errors away, the error taken at the limit."""
    settled = np.array([164.0, 165.0])
    for limit in intervals.wilson(settled, np.full(2, CASES)):
        distance = np.abs(settled / CASES - limit) / np.sqrt(limit * (1.0 - limit) / CASES)
        np.testing.assert_allclose(distance, stats.norm.ppf(0.975), rtol=1e-12)


def test_168_cases_lie_anywhere_between_94_and_99() -> None:
    (low_164, high_164), (low_165, high_165) = limits_in_percent([164.0, 165.0], CASES)
    assert (low_164, high_164) == (94.0, 99.1)
    assert (low_165, high_165) == (94.9, 99.4)
    assert low_165 < high_164, "the intervals overlap in all but their ends"


def test_one_case_more_does_not_rank_an_office_higher() -> None:
    """Each of the two offices may be first or second, and both stand in one tier."""
    settled = np.array([164.0, 165.0])
    low, high = rank_sets(settled / CASES, covariance(settled, CASES), 0.95, np.random.default_rng(1))
    assert low.tolist() == [1.0, 1.0] and high.tolist() == [2.0, 2.0]
    assert tiers(settled / CASES, low, high).tolist() == [1.0, 1.0]


def test_the_better_office_is_first_in_hardly_more_than_half_of_the_draws() -> None:
    """Draws of the true shares under a flat prior: 164 settled outdo 165 in more than a third of them."""
    rng, settled = np.random.default_rng(2), np.array([[164.0], [165.0]])
    rank_draws = ranks(rng.beta(settled + 1.0, CASES - settled + 1.0, (2, 20_000)))
    assert 1 / 3 < (rank_draws[0] == 1.0).mean() < 1 / 2
    low, high = rank_interval(rank_draws, 0.9)
    assert low.tolist() == [1.0, 1.0] and high.tolist() == [2.0, 2.0]


def test_nine_offices_between_162_and_168_cannot_be_ranked_and_one_far_below_can() -> None:
    settled = np.array([162.0, 163.0, 164.0, 164.0, 165.0, 165.0, 166.0, 166.0, 120.0])
    low, high = rank_sets(settled / CASES, covariance(settled, CASES), 0.95, np.random.default_rng(3))
    assert low[:8].tolist() == [1.0] * 8 and high[:8].tolist() == [8.0] * 8
    assert (low[8], high[8]) == (9.0, 9.0)


def test_as_many_cases_as_the_city_has_do_rank_two_offices() -> None:
    """It is the number of cases that is missing, not the method: the same two shares over 75,701 cases differ."""
    share = np.array([164.0, 165.0]) / CASES
    low, high = rank_sets(share, np.diag(share * (1.0 - share) / 75_701.0), 0.95, np.random.default_rng(4))
    assert low.tolist() == high.tolist() == [2.0, 1.0]
