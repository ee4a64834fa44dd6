"""Confidence limits: published examples, limits at none and all, and the settlement figure."""

import numpy as np
import pytest
from scipy import stats

from spark_jobs.index.engine import funnel, intervals
from spark_jobs.index.engine.arrays import EngineInputError

pytestmark = pytest.mark.unit


def test_exact_limits_invert_the_poisson_distribution() -> None:
    counts = np.array([1.0, 3.0, 10.0, 250.0])
    lower, upper = intervals.exact_poisson(counts)
    np.testing.assert_allclose(stats.poisson.sf(counts - 1.0, lower), 0.025)
    np.testing.assert_allclose(stats.poisson.cdf(counts, upper), 0.025)
    assert intervals.exact_poisson(np.array([0.0]))[0] == 0.0
    assert intervals.exact_poisson(np.array([0.0]))[1] == pytest.approx(-np.log(0.025))


def test_byar_is_close_to_exact_from_ten_events() -> None:
    counts = np.array([10.0, 40.0, 1000.0])
    for approximate, exact in zip(intervals.byar(counts), intervals.exact_poisson(counts), strict=True):
        np.testing.assert_allclose(approximate, exact, rtol=0.01)
    few, many = np.array([4.0]), np.array([40.0])
    assert intervals.count_limits(few) == intervals.exact_poisson(few)
    assert intervals.count_limits(many) == intervals.byar(many)


def test_settlement_rate_of_the_city_and_of_a_small_office() -> None:
    """74,187 of 75,701 is 98.00 % (97.9-98.1); 164 and 165 of 168 lie within 94.0-99.4 and overlap."""
    settled, closed = np.array([74_187.0, 164.0, 165.0]), np.array([75_701.0, 168.0, 168.0])
    lower, upper = intervals.wilson(settled, closed)
    assert round(100 * settled[0] / closed[0], 2) == 98.00
    assert (round(100 * lower[0], 1), round(100 * upper[0], 1)) == (97.9, 98.1)
    assert (round(100 * lower[1], 1), round(100 * upper[2], 1)) == (94.0, 99.4)
    assert lower[2] < upper[1] and lower[1] < upper[2]


def test_wilson_at_none_and_all() -> None:
    lower, upper = intervals.wilson(np.array([0.0, 20.0]), np.array([20.0, 20.0]))
    assert lower[0] == 0.0 and upper[1] == 1.0
    assert upper[0] == pytest.approx(0.1611, abs=1e-4) and lower[1] == pytest.approx(1.0 - 0.1611, abs=1e-4)


def test_equal_strata_make_the_standardised_rate_the_crude_rate() -> None:
    counts, denominator, standard = np.array([20.0, 30.0]), np.array([1000.0, 1000.0]), np.array([5.0, 5.0])
    value, lower, upper = intervals.directly_standardised_rate(counts, denominator, standard)
    crude = intervals.rate(np.array([50.0]), np.array([2000.0]))
    assert (value, lower, upper) == pytest.approx((0.025, crude[0][0], crude[1][0]))
    none = intervals.directly_standardised_rate(np.zeros(2), denominator, standard)
    assert none[0] == 0.0 and np.isnan(none[1:]).all()


def test_standardised_ratio_and_missing_denominator() -> None:
    ratio, lower, upper = intervals.standardised_ratio(np.array([10.0, 0.0, 5.0]), np.array([5.0, 5.0, 0.0]))
    assert ratio[0] == 2.0 and lower[0] < 2.0 < upper[0]
    assert lower[1] == 0.0 and upper[1] > 0.0
    assert np.isnan([ratio[2], lower[2], upper[2]]).all()


@pytest.mark.bad_input
def test_negative_counts_are_an_error() -> None:
    for function in (intervals.byar, intervals.exact_poisson):
        with pytest.raises(EngineInputError, match="negative"):
            function(np.array([-1.0]))


@pytest.mark.parametrize("probability", [0.001, 0.025, 0.975, 0.999])
def test_chance_passes_a_funnel_limit_no_oftener_than_it_says(probability: float) -> None:
    """Exact limits: an interpolated one of 97.5 % is passed in 8 % at one expected event, in 34 % of five trials."""
    counts, tail = np.arange(200.0), min(probability, 1.0 - probability)
    for expected in (0.1, 1.0, 2.5, 40.0):
        limit = float(funnel.ratio_limit(np.array(expected), probability)) * expected
        beyond = counts > limit + 1e-9 if probability > 0.5 else counts < limit - 1e-9
        assert stats.poisson.pmf(counts, expected)[beyond].sum() <= tail
    for trials, target in ((5.0, 0.806), (5.0, 0.2), (40.0, 0.5)):
        limit = float(funnel.proportion_limit(np.array(trials), target, probability)) * trials
        beyond = counts > limit + 1e-9 if probability > 0.5 else counts < limit - 1e-9
        assert stats.binom.pmf(counts, int(trials), target)[beyond].sum() <= tail


@pytest.mark.parametrize("coverage", [0.5, 0.95, 0.998, 0.999999])
def test_no_lower_limit_of_a_count_is_negative(coverage: float) -> None:
    for limits in (intervals.byar, intervals.exact_poisson, intervals.count_limits):
        lower, upper = limits(np.array([0.0, 1.0, 2.0, 10.0, 1000.0]), coverage)
        assert np.all((lower >= 0.0) & (lower <= upper))


def test_funnel_limits_close_in_on_the_target() -> None:
    expected = np.array([2.0, 20.0, 2000.0])
    low, high = funnel.ratio_limit(expected, 0.025), funnel.ratio_limit(expected, 0.975)
    assert np.all(np.diff(high - low) < 0.0) and np.all((low < 1.0) & (high > 1.0))
    np.testing.assert_allclose(high[-1], 1.0 + 1.96 / np.sqrt(2000.0), rtol=0.002)
    trials = np.array([10.0, 1e4])
    np.testing.assert_allclose(
        funnel.proportion_limit(trials, 0.3, 0.975)[1], 0.3 + 1.96 * np.sqrt(0.21 / 1e4), rtol=0.002
    )


def test_dispersion_is_the_mean_square_of_what_is_drawn_in() -> None:
    by_hand = np.array([1.0, 1.0, 2.0, 3.0, 3.0])  # 0 and 10 drawn in to the quartiles
    assert funnel.dispersion(np.array([0.0, 1.0, 2.0, 3.0, 10.0, np.nan]), 0.25) == np.mean(by_hand**2)


def test_an_outlier_does_not_hide_itself_in_the_dispersion() -> None:
    wide = 3.0 * stats.norm.ppf((np.arange(100) + 0.5) / 100)
    outlier = np.append(wide[:-1], 1e6)
    assert funnel.dispersion(outlier, 0.1) == funnel.dispersion(wide, 0.1) > 4.0
