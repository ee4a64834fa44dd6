"""Quantiles of counts beside SciPy's, where those are to be had, and beyond."""

import numpy as np
import pytest
from scipy import stats

from spark_jobs.index.engine import count_quantiles as quantiles

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("error")]

RNG = np.random.default_rng(1)
MEAN = np.append(10 ** RNG.uniform(-4, 6, 400), [0.0, np.nan])
DISPERSION = 1 + 10 ** RNG.uniform(-4, 2, MEAN.size)


@pytest.mark.parametrize("p", [1e-9, 0.001, 0.025, 0.5, 0.95, 0.999])
def test_quantiles_are_those_of_scipy(p: float) -> None:
    size, success = MEAN / (DISPERSION - 1), 1 / DISPERSION
    where = MEAN > 0.0
    trials = np.floor(MEAN) + 1
    for found, expected in (
        (quantiles.poisson_quantile(MEAN, p), stats.poisson.ppf(p, MEAN)),
        (quantiles.negative_binomial_quantile(MEAN, DISPERSION, p), stats.nbinom.ppf(p, size, success)),
        (quantiles.negative_binomial_limit(MEAN, DISPERSION, p), stats.nbinom.isf(p, size, success)),
        (quantiles.binomial_quantile(trials, 0.3, p), stats.binom.ppf(p, trials, 0.3)),
    ):
        np.testing.assert_array_equal(found[where], expected[where])
        assert np.isnan(found[-1])
    assert quantiles.poisson_quantile(MEAN, p)[-2] == quantiles.negative_binomial_limit(MEAN, DISPERSION, p)[-2] == 0.0


def test_tails_are_those_of_scipy() -> None:
    count, where = np.floor(1.3 * MEAN), MEAN > 0.0
    expected = stats.nbinom.sf(count - 1, MEAN / (DISPERSION - 1), 1 / DISPERSION)
    found = quantiles.negative_binomial_tail(count, MEAN, DISPERSION)
    np.testing.assert_allclose(found[where], expected[where], rtol=1e-6)
    assert quantiles.negative_binomial_tail(0.0, 5.0, 2.0) == 1.0


@pytest.mark.parametrize("dispersion", [1.0, 1.0 + 1e-7, 1.5, 50.0])
def test_few_and_many_events_meet(dispersion: float) -> None:
    """Where the gamma takes over from the beta function the quantile goes on smoothly."""
    below, above = quantiles.MANY * 0.999999, quantiles.MANY * 1.000001
    for p in (0.01, 0.5, 0.99):
        low, high = (
            (float(quantiles.negative_binomial_quantile(mean, dispersion, p)) - mean) / np.sqrt(dispersion * mean)
            for mean in (below, above)
        )
        assert low == pytest.approx(high, abs=1e-3)
