"""EARS, CUSUM, Farrington and funnel from their definitions."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import hypothesis.strategies as st
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis.extra.numpy import arrays
from scipy import stats

from spark_jobs.flags.detectors import cusum, ears, farrington
from spark_jobs.flags.detectors.dispersion import learnt_dispersion
from spark_jobs.flags.detectors.funnel import between_variance, count_funnel
from spark_jobs.flags.detectors.shares import share_above_base_p
from spark_jobs.index.flag_thresholds import OutlierFlag

pytestmark = pytest.mark.unit
weekly = arrays(np.float64, st.integers(20, 40), elements=st.integers(0, 30).map(float))
bounded = settings(max_examples=40, deadline=None)
OUTLIER = OutlierFlag(amber_limit=0.95, red_limit=0.998, window_weeks=13, winsorised_share=0.2, min_units=4)
DESIGN = farrington.Design(
    alpha=0.01,
    n_years=3,
    half_window=3,
    n_seasons=10,
    n_recent_excluded=26,
    residual_limit=2.58,
    trend_p_limit=1.0,
    threshold="nbPlugin",
)


@bounded
@given(weekly)
def test_ears_c2_is_c1_two_periods_later(counts):
    np.testing.assert_allclose(
        ears.c2(counts, alpha=0.01).upper[9:], ears.c1(counts, alpha=0.01).upper[7:-2], equal_nan=True
    )


@bounded
@given(weekly)
def test_ears_alarms_exactly_where_z_is_beyond_its_quantile(counts):
    found = ears.c2(counts, alpha=0.01, min_sigma=0.5)
    np.testing.assert_array_equal(found.is_alarm[9:], found.z[9:] > stats.norm.isf(0.01))


@bounded
@given(weekly)
def test_ears_c3_bound_is_that_of_the_manual_with_the_count_in_the_place_of_the_mean(counts):
    c2, c3 = (method(counts, alpha=0.025, min_sigma=0.5) for method in (ears.c2, ears.c3))
    excess = np.maximum(0, c2.z - 1)
    spread = (c2.upper - c2.expected) / stats.norm.isf(0.025)
    bound = counts[11:] + spread[11:] * (stats.norm.isf(0.025) - excess[10:-1] - excess[9:-2])
    np.testing.assert_allclose(c3.upper[11:], np.maximum(0, bound), atol=1e-9)


def test_ears_by_hand():
    found = ears.c1([1, 2, 3, 4, 5, 6, 7, 20], alpha=0.025)
    assert found.expected[7] == 4
    assert found.upper[7] == pytest.approx(4 + 1.959964 * np.sqrt(28 / 6), abs=1e-5)
    assert found.is_alarm.tolist() == [False] * 7 + [True]


def test_ears_with_a_missing_count_in_the_baseline_stays_silent():
    assert np.isnan(ears.c1([1, 2, np.nan, 4, 5, 6, 7, 90], alpha=0.025).upper).all()


def test_ears_spread_is_never_below_poisson_when_asked():
    calm = [9.0] * 9 + [16.0]
    assert ears.c2(calm, alpha=0.001, dispersion=1.0).upper[-1] == pytest.approx(9 + 3.090232 * 3, abs=1e-5)
    assert ears.c2(calm, alpha=0.001).is_alarm[-1]


def test_ears_refuses_a_baseline_that_has_no_spread():
    with pytest.raises(ValueError, match="at least 3 periods, found 2"):
        ears.c1([1, 2, 3], alpha=0.01, baseline=2)


@bounded
@given(weekly, st.floats(0.5, 20))
def test_cusum_bound_is_the_count_that_reaches_h(counts, mean):
    """Wherever the sum can still grow to h: a count a little above the bound alarms, a little below does not."""
    found = cusum.rossi_cusum(counts, mean, k=1.04, h=2.26, resets_after_alarm=True)
    before = np.concatenate([[0.0], np.where(found.is_alarm, 0.0, found.statistic)[:-1]])
    for shift, is_alarm in ((1e-6, True), (-1e-6, False)):
        z = cusum.rossi_z(found.upper + shift, mean)
        np.testing.assert_array_equal(before + z - 1.04 >= 2.26, is_alarm)


def test_cusum_begins_again_after_an_alarm_only_with_reset():
    counts, mean = [4.0, 20.0, 4.0, 4.0], 4.0
    kept = cusum.rossi_cusum(counts, mean, k=1.04, h=2.26, resets_after_alarm=False)
    reset = cusum.rossi_cusum(counts, mean, k=1.04, h=2.26, resets_after_alarm=True)
    assert kept.is_alarm.tolist() == [False, True, True, True]
    assert reset.is_alarm.tolist() == [False, True, False, False]
    assert cusum.rossi_z([4.0], 4.0)[0] == 0.0


def test_cusum_never_exceeds_its_ceiling_and_comes_down_from_it():
    counts = [40.0] * 9 + [4.0] * 4
    kept = cusum.rossi_cusum(counts, 4.0, k=1.04, h=2.26, resets_after_alarm=False, ceiling=4.52)
    assert kept.statistic[:9].max() == 4.52
    assert kept.is_alarm.tolist() == [True] * 9 + [True, True, False, False]


def test_cusum_of_counts_with_twice_the_variance_is_that_of_half_their_z():
    plain, scaled = (
        cusum.rossi_cusum([9.0], 4.0, k=1.0, h=2.0, resets_after_alarm=False, dispersion=d) for d in (1.0, 4.0)
    )
    assert scaled.statistic[0] + 1.0 == pytest.approx((plain.statistic[0] + 1.0) / 2)


def test_a_sum_is_exceeded_as_often_as_its_probability_says():
    """Standard normal z, in the long run: within a fifth at the sums that alarm."""
    rng = np.random.default_rng(4)
    level, sums = np.zeros(20_000), []
    for _ in range(60):
        level = np.maximum(0.0, level + rng.normal(size=level.size) - 1.04)
        sums.append(level)
    for h in (1.0, 1.6, 2.26):
        share = np.mean(np.concatenate(sums[20:]) >= h)
        assert float(cusum.exceedance_probability(h, 1.04)) == pytest.approx(share, rel=0.2)
    assert cusum.exceedance_probability([0.0, np.nan], 1.04)[0] == 1.0


def test_the_variance_of_like_series_is_learnt_and_one_unlike_them_is_not_believed():
    rng = np.random.default_rng(4)
    level = rng.uniform(5, 40, (9, 60, 1))  # each stretch has a level of its own: season is no variance
    poisson = rng.poisson(level, (9, 60, 7)).astype(float)
    double = rng.negative_binomial(level, 0.5, (9, 60, 7)).astype(float)
    double[4] *= 9
    double[3, :5, 2] = np.nan
    assert learnt_dispersion(poisson) == pytest.approx(1.0, abs=0.15)
    assert learnt_dispersion(double) == pytest.approx(2.0, abs=0.3)
    assert learnt_dispersion(np.zeros((9, 60, 7))) == learnt_dispersion(np.ones((9, 60, 7))) == 1.0


def test_a_share_above_its_base_by_hand():
    """One of one, base Beta(1/2, 3/2): its mean, a quarter. None is never above; a gap is none."""
    np.testing.assert_allclose(share_above_base_p([1, 0, np.nan], [1, 5, 5], [0, 1, 1], [1, 9, 9]), [0.25, 1.0, np.nan])
    assert share_above_base_p(30, 100, 2000, 10_000) < 0.05 < share_above_base_p(26, 100, 2000, 10_000)


def test_cusum_carries_its_sum_over_a_missing_period():
    """Not begun again at 0, and not read as a count of 0, which would lower it."""
    without, missing = [5.0, 6.0, 6.0], [5.0, np.nan, np.nan, 6.0, np.nan, 6.0]
    for resets in (False, True):
        plain, gaps = (cusum.rossi_cusum(x, 4.0, k=0.2, h=1.5, resets_after_alarm=resets) for x in (without, missing))
        known = ~np.isnan(missing)
        np.testing.assert_array_equal(gaps.statistic[known], plain.statistic)
        np.testing.assert_array_equal(gaps.is_alarm[known], plain.is_alarm)
        assert plain.is_alarm.any() and not gaps.is_alarm[~known].any() and np.isnan(gaps.statistic[~known]).all()


def test_cusum_of_a_series_without_events_is_an_error():
    with pytest.raises(ValueError, match="mean above 0"):
        cusum.rossi_cusum([0.0], 0.0, k=1.0, h=2.0, resets_after_alarm=False)


@bounded
@given(arrays(np.float64, 40, elements=st.integers(0, 25).map(float)), st.integers(0, 9))
def test_our_poisson_fit_is_that_of_statsmodels(counts, seed):
    assume(np.sum(counts > 0) >= 8)  # else the trend has no finite estimate, which the next test is about
    weights = np.random.default_rng(seed).uniform(0.3, 2.0, counts.size)
    x = np.column_stack([np.ones(40), np.arange(40) / 40])
    ours = farrington.fit_poisson(counts, x, weights)
    theirs = sm.GLM(counts, x, family=sm.families.Poisson(), var_weights=weights).fit(scale="X2", tol=1e-12)
    np.testing.assert_allclose(ours.fitted, theirs.mu, rtol=1e-4)
    assert ours.phi == pytest.approx(max(1.0, theirs.scale), rel=1e-4)
    np.testing.assert_allclose(ours.leverage, theirs.get_hat_matrix_diag(), atol=1e-3)


def test_a_single_week_with_events_gives_a_result_and_not_an_error():
    counts = np.zeros(260)
    counts[230] = 6  # the newest week of the baseline: a trend through it has no finite estimate
    found = farrington.judge(counts, 259, dataclasses.replace(DESIGN, n_recent_excluded=3))
    assert np.isnan(found.trend)
    assert found.expected < 1


def test_weights_of_past_outbreaks_by_hand():
    """Ten residuals, five of them 2 with limit 0: gamma = 10 / (5 + 5/4); the example of the R package."""
    weights = farrington.outbreak_weights(np.array([0.0] * 5 + [2.0] * 5), 0.0)
    np.testing.assert_allclose(weights, [1.6] * 5 + [0.4] * 5)


def test_anscombe_residual_of_an_exact_fit_is_zero():
    y = np.array([1.0, 3.0, 8.0])
    np.testing.assert_allclose(farrington.anscombe_residuals(y, y, np.full(3, 0.2), 1.7), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("power", "upper", "p_value"),
    [(1.0, 8.6926872, 0.0907246), (0.5, 9.3744842, 0.1189986), (2 / 3, 9.1154825, 0.1094727)],
)
def test_delta_bound_of_the_published_examples(power, upper, p_value):
    assert farrington.delta_bound(5, 0.2, 1.0, 8, 0.05, power) == pytest.approx((upper, p_value), abs=1e-6)


@pytest.mark.parametrize(
    ("log_se", "phi", "upper", "p_value"),
    [
        (np.log(2), 1.5, 24, 0.8597797),
        (np.log(2), 1.0, 22, 0.9093099),
        (0, 1.5, 10, 0.03763657),
        (0, 1.0, 9, 0.01369527),
    ],
)
def test_negative_binomial_bound_of_the_published_examples(log_se, phi, upper, p_value):
    """Mean 5, count 11; with a standard error the mean is taken at its upper bound (muan), else as it is (nbPlugin)."""
    mean = np.exp(np.log(5) + stats.norm.isf(0.05) * log_se)
    assert farrington.negative_binomial_bound(mean, phi, 11, 0.05) == pytest.approx((upper, p_value), abs=1e-6)


@pytest.mark.parametrize("mean", [4e15, 4.7e17, 1e9, 1e12])
@pytest.mark.parametrize("phi", [1.0, 1.011, 3.0, 1e6])
def test_the_bound_of_any_finite_mean_is_found(mean, phi):
    upper, p_value = farrington.negative_binomial_bound(mean, phi, 0, 0.05)
    spread = np.sqrt(phi * mean)
    assert 0.0 <= (upper - mean) / spread <= 3.0 and p_value == 1.0
    if spread < 1e-3 * mean:
        assert (upper - mean) / spread == pytest.approx(stats.norm.isf(0.05), abs=1e-2 + 1e-15 * mean / spread)


def test_reference_weeks_are_the_nearest_same_weekday():
    """Thursday 6 June 2013; the example of the R package."""
    weeks = [date(2008, 1, 3) + timedelta(days=7 * i) for i in range(300)]
    at = weeks.index(date(2013, 6, 6))
    found = [weeks[i] for i in farrington.reference_weeks(at, 3, weeks)]
    assert found == [date(2013, 6, 6), date(2012, 6, 7), date(2011, 6, 9), date(2010, 6, 3)]
    assert farrington.reference_weeks(200, 3) == [200, 148, 96, 44]


def test_too_short_a_history_is_named():
    with pytest.raises(ValueError, match="same week of 3 years back, the series has 1"):
        farrington.judge(np.ones(80), 79, DESIGN)


def test_seasons_cover_every_week_between_once_and_alike():
    levels = farrington.season_levels(200, [190, 138, 86, 34], half_window=3, n_seasons=10)
    assert np.flatnonzero(levels == 0).tolist() == [*range(31), *range(191, 200)]
    between = [np.sum(levels[38:83] == level) for level in range(1, 10)]
    assert between == [5] * 9
    assert np.sum(levels == 10) == 3 * 7 + 4


def test_a_planted_outbreak_alarms_and_a_past_one_does_not_hide_it():
    rng = np.random.default_rng(5)
    counts = rng.poisson(20, 260).astype(float)
    counts[200:203] += 60  # an old outbreak
    counts[259] = 50
    assert farrington.judge(counts, 259, DESIGN).is_alarm
    counts[259] = 20
    assert not farrington.judge(counts, 259, DESIGN).is_alarm


def test_a_missing_past_week_is_left_out_and_not_read_as_zero():
    counts = np.full(260, 20.0) + np.tile([1.0, -1.0], 130)
    gaps = counts.copy()
    gaps[150:156] = np.nan
    assert farrington.judge(gaps, 259, DESIGN).expected == pytest.approx(20, abs=1.5)


@pytest.mark.parametrize(
    ("recent", "state", "is_alarm"),
    [
        ([20, 20, 20, 60], "judged", True),
        ([np.nan, 20, 20, 60], "judged", True),
        ([np.nan, np.nan, np.nan, 60], "judged", True),
        ([0, 0, 0, 4], "too_few", False),
        ([0, np.nan, 0, 4], "missing_week", False),
        ([20, 20, 20, np.nan], "missing_week", False),
    ],
)
def test_a_missing_week_among_the_last_says_what_it_does(recent, state, is_alarm):
    """It silences no alarm that the known weeks support, and where they do not, the verdict says that one is missing."""
    rng = np.random.default_rng(7)
    counts = rng.poisson(20, 260).astype(float)
    counts[256:] = recent
    found = farrington.judge(counts, 259, DESIGN)
    assert (found.state, found.is_alarm) == (state, is_alarm)
    assert np.isnan(found.upper) == (state == "too_few" or (state == "missing_week" and recent[-1] == 4))


def test_few_events_have_no_bound_and_a_series_of_zeros_no_alarm():
    counts = np.zeros(260)
    counts[259] = 4
    found = farrington.judge(counts, 259, DESIGN)
    assert np.isnan(found.upper)
    assert not found.is_alarm


def test_funnel_without_overdispersion_has_poisson_limits():
    found = count_funnel([100.0] * 5, [100.0] * 5, OUTLIER)
    assert (found.phi, found.between_variance) == (0.0, 0.0)
    np.testing.assert_allclose(found.upper[0], stats.poisson.ppf([0.975, 0.999], 100) / 100)
    np.testing.assert_allclose(found.lower[0], stats.poisson.ppf([0.025, 0.001], 100) / 100)


@pytest.mark.parametrize("between", [0.0, 0.3])
@pytest.mark.parametrize("expected", [0.2, 1.0, 3.0, 40.0])
def test_chance_passes_a_funnel_limit_no_oftener_than_it_says(expected, between):
    """Exact limits, also of the smallest county: a normal limit of 97.5 % is passed in 8 % at one expected event."""
    units = np.append(np.full(5, 1e6), expected)
    far = (1 + np.sqrt(between) * np.array([1, -1, 1, -1, 0])) * 1e6
    found = count_funnel(np.append(far, round(expected)), units, OUTLIER)
    counts = np.arange(2000)
    dispersion = 1 + expected * found.between_variance
    size = expected / (dispersion - 1) if dispersion > 1 else None
    law = stats.nbinom(size, 1 / dispersion) if size else stats.poisson(expected)
    for side, tail in enumerate((0.025, 0.001)):
        assert law.pmf(counts)[counts > found.upper[-1, side] * expected * (1 + 1e-12)].sum() <= tail
        assert law.pmf(counts)[counts < found.lower[-1, side] * expected * (1 - 1e-12)].sum() <= tail


def test_funnel_finds_the_outlier_and_widens_for_the_others():
    counts, expected = np.array([90.0, 112, 95, 108, 101, 94, 105, 99, 200]), np.full(9, 100.0)
    found = count_funnel(counts, expected, OUTLIER)
    outside = counts / expected > found.upper[:, 1]
    assert outside.tolist() == [False] * 8 + [True]
    uneven = counts * np.tile([0.5, 1.5, 1.0], 3)
    wide = count_funnel(uneven, expected, OUTLIER)
    assert wide.between_variance > found.between_variance


def test_funnel_moments_by_hand():
    assert between_variance(3.0, np.array([10.0, 10.0])) == pytest.approx((2 * 3 - 1) / (20 - 200 / 20))


def test_funnel_of_too_few_units_is_named():
    with pytest.raises(ValueError, match="at least 4 units"):
        count_funnel([1.0], [1.0], OUTLIER)
