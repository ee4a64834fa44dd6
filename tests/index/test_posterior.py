"""Posteriors of small counts: exact cases, limits, scaling, coverage, and draws that move smoothly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.engine.gamma_draws import standard_gamma, stream
from spark_jobs.index.engine.posterior import (
    beta_binomial_draws,
    beta_binomial_mean,
    gamma_poisson_draws,
    gamma_poisson_mean,
)
from spark_jobs.index.methodology import PosteriorSettings, load_methodology

pytestmark = pytest.mark.unit

SETTINGS = load_methodology().posterior


def with_draws(n_draws: int) -> PosteriorSettings:
    return SETTINGS.model_copy(update={"draws": n_draws})


@pytest.mark.parametrize("shape", [0.2, 0.95, 1.0, 4.0, 500.0])
def test_gamma_draws_have_the_gamma_distribution(shape: float) -> None:
    draws = standard_gamma(np.full((2, 50_000), shape), stream(11, "gamma", str(shape)))
    assert stats.kstest(draws.ravel(), "gamma", args=(shape,)).pvalue > 1e-3


def test_gamma_draws_move_with_their_own_shape_only() -> None:
    shape = np.full((3, 4000), 6.0)
    moved = shape.copy()
    moved[1] = 6.01
    before, after = standard_gamma(shape, stream(1, "x")), standard_gamma(moved, stream(1, "x"))
    np.testing.assert_array_equal(before[[0, 2]], after[[0, 2]])
    near = np.abs(after[1] - before[1]) < 0.05
    assert near.mean() > 0.99


def test_one_area_is_the_exact_gamma_posterior() -> None:
    draws = gamma_poisson_draws(np.array([12.0]), np.array([3.0]), with_draws(40_000), stream(1, "one"))
    assert stats.kstest(draws[0], "gamma", args=(12.0, 0.0, 1.0 / 3.0)).pvalue > 1e-3
    assert gamma_poisson_mean(np.array([12.0]), np.array([3.0]), SETTINGS)[0] == pytest.approx(4.0)


def test_one_area_is_the_exact_beta_posterior() -> None:
    draws = beta_binomial_draws(np.array([12.0]), np.array([40.0]), with_draws(40_000), stream(2, "one"))
    assert stats.kstest(draws[0], "beta", args=(12.0, 28.0)).pvalue > 1e-3


def test_hyper_posterior_agrees_with_brute_force_integration() -> None:
    """Posterior mean of one area's rate by summing a fine fixed grid of the negative binomial likelihood."""
    counts, denominator = np.array([3.0, 0.0, 9.0, 2.0]), np.array([2.0, 1.0, 3.0, 2.0])
    tau = (np.arange(400) + 0.5) * 3.0 / 400
    log_rate = np.linspace(-6.0, 6.0, 801)
    kappa, mean = (tau**-2)[:, None, None], np.exp(log_rate)[None, :, None] * denominator
    log_likelihood = stats.nbinom.logpmf(counts, kappa, kappa / (kappa + mean)).sum(axis=2)
    log_posterior = log_likelihood - 0.5 * (tau[:, None] / 0.5) ** 2
    weight = np.exp(log_posterior - log_posterior.max())
    rates = np.exp(log_rate)[None, :, None] * (counts + kappa) / (kappa + mean)
    expected = (weight[:, :, None] * rates).sum(axis=(0, 1)) / weight.sum()
    np.testing.assert_allclose(gamma_poisson_mean(counts, denominator, SETTINGS), expected, rtol=2e-3)


@pytest.mark.parametrize("kind", ["rate", "proportion"])
def test_draws_agree_with_the_analytic_mean(kind: str) -> None:
    counts, denominator = np.array([3.0, 0.0, 9.0, 2.0]), np.array([20.0, 10.0, 30.0, 20.0])
    draw, mean = {
        "rate": (gamma_poisson_draws, gamma_poisson_mean),
        "proportion": (beta_binomial_draws, beta_binomial_mean),
    }[kind]
    found = draw(counts, denominator, with_draws(100_000), stream(3, kind)).mean(axis=1)
    np.testing.assert_allclose(found, mean(counts, denominator, SETTINGS), rtol=0.01)


def test_areas_are_pulled_towards_the_city_and_the_small_ones_more() -> None:
    counts, denominator = np.array([20.0, 2.0, 100.0]), np.array([10.0, 1.0, 100.0])
    raw, pooled = counts / denominator, counts.sum() / denominator.sum()
    shrunk = gamma_poisson_mean(counts, denominator, SETTINGS)
    pull = (shrunk - pooled) / (raw - pooled)
    assert np.all((pull[:2] > 0.0) & (pull[:2] < 1.0))
    assert pull[1] < pull[0]


def test_a_missing_area_stays_missing_and_changes_nobody() -> None:
    counts, denominator = np.array([5.0, np.nan, 7.0, 4.0]), np.array([1.0, 1.0, 1.0, 0.0])
    counts[3] = 0.0
    mean = gamma_poisson_mean(counts, denominator, SETTINGS)
    assert np.isnan(mean[[1, 3]]).all()
    np.testing.assert_array_equal(mean[[0, 2]], gamma_poisson_mean(counts[[0, 2]], denominator[[0, 2]], SETTINGS))
    draws = gamma_poisson_draws(counts, denominator, SETTINGS, stream(1, "m"))
    assert np.isnan(draws[[1, 3]]).all() and np.isfinite(draws[[0, 2]]).all()


def test_no_event_at_all_is_rate_zero_and_all_or_nothing_is_a_limit() -> None:
    nothing, denominator = np.zeros(3), np.ones(3)
    assert np.all(gamma_poisson_draws(nothing, denominator, SETTINGS, stream(1, "z")) == 0.0)
    assert np.all(gamma_poisson_mean(nothing, denominator, SETTINGS) == 0.0)
    assert np.all(beta_binomial_draws(nothing, denominator, SETTINGS, stream(1, "z")) == 0.0)
    assert np.all(beta_binomial_mean(denominator, denominator, SETTINGS) == 1.0)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("counts", "denominator", "message"),
    [
        ([1.0, -1.0], [1.0, 1.0], "must not be negative"),
        ([1.0, 2.0], [1.0, 0.0], "events without a denominator"),
        ([1.0, 2.0], [1.0, 1.0, 1.0], "n_areas"),
    ],
)
def test_impossible_numbers_are_named(counts: list[float], denominator: list[float], message: str) -> None:
    with pytest.raises(EngineInputError, match=message):
        gamma_poisson_mean(np.array(counts), np.array(denominator), SETTINGS)


@pytest.mark.bad_input
def test_more_successes_than_trials_is_named() -> None:
    with pytest.raises(EngineInputError, match="more successes than trials"):
        beta_binomial_mean(np.array([1.0, 5.0]), np.array([2.0, 4.0]), SETTINGS)


@settings(max_examples=15, deadline=None)
@given(
    counts=st.lists(st.integers(0, 40), min_size=2, max_size=9).filter(sum),
    factor=st.sampled_from([1e-6, 0.5, 1e5]),
)
def test_the_unit_of_the_denominator_does_not_matter(counts: list[int], factor: float) -> None:
    y, denominator = np.array(counts, dtype=float), np.linspace(1.0, 3.0, len(counts))
    rates = gamma_poisson_mean(y, denominator, SETTINGS)
    np.testing.assert_allclose(gamma_poisson_mean(y, denominator * factor, SETTINGS) * factor, rates, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(6)), counts=st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(sum))
def test_the_order_of_areas_does_not_matter(order: list[int], counts: list[int]) -> None:
    y, n = np.array(counts, dtype=float), np.linspace(60.0, 200.0, 6)
    for mean in (gamma_poisson_mean, beta_binomial_mean):
        np.testing.assert_allclose(mean(y[order], n[order], SETTINGS), mean(y, n, SETTINGS)[order], rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(1, 50), min_size=2, max_size=8))
def test_proportion_and_its_complement_agree(counts: list[int]) -> None:
    y, n = np.array(counts, dtype=float), np.linspace(60.0, 200.0, len(counts))
    np.testing.assert_allclose(
        beta_binomial_mean(y, n, SETTINGS), 1.0 - beta_binomial_mean(n - y, n, SETTINGS), rtol=1e-7
    )


@pytest.mark.parametrize("draw", [gamma_poisson_draws, beta_binomial_draws])
def test_random_numbers_go_by_area_code(draw) -> None:  # type: ignore[no-untyped-def]
    """Another order gives the same draws; an area that goes leaves the others near what they were."""
    counts, denominator = np.array([12.0, 30.0, 7.0, 22.0, 0.0]), np.linspace(100.0, 300.0, 5)
    codes, order = ["a", "b", "c", "d", "e"], np.array([3, 0, 4, 1, 2])
    found = draw(counts, denominator, SETTINGS, stream(1, "code"), codes)
    again = draw(counts[order], denominator[order], SETTINGS, stream(1, "code"), [codes[n] for n in order])
    np.testing.assert_allclose(np.median(again, axis=1), np.median(found, axis=1)[order], rtol=1e-6)
    counts[1] = np.nan
    without = draw(counts, denominator, SETTINGS, stream(1, "code"), codes)
    assert min(np.corrcoef(without[n], found[n])[0, 1] for n in (0, 2, 3)) > 0.5
    with pytest.raises(EngineInputError, match="labels"):
        draw(counts, denominator, SETTINGS, stream(1, "code"), ["a"] * 5)


@pytest.mark.parametrize("events", [1e4, 1e6, 1e8, 1e10])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.3])
def test_the_grid_resolves_the_posterior(events: float, spread: float) -> None:
    """Sixty points of tau give the intervals of fifteen hundred."""
    rng, denominator = np.random.default_rng(3), np.full(9, events)
    counts = rng.poisson(events * (1.0 + spread * np.linspace(-1.0, 1.0, 9))).astype(float)
    widths = [
        np.ptp(
            np.quantile(gamma_poisson_draws(counts, denominator, s, stream(1, "fine")), [0.05, 0.95], axis=1), axis=0
        ).mean()
        for s in (with_draws(4000), with_draws(4000).model_copy(update={"tau_points": 1500}))
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.03)


def coverage(n_areas: int, events: float, n_replicates: int, tau: float | None) -> float:
    """Share of 90 % intervals that hold the true rate; tau None draws the spread from its prior."""
    rng, hits, few = np.random.default_rng(5), [], with_draws(600)
    for replicate in range(n_replicates):
        spread = tau if tau is not None else max(abs(rng.normal(0.0, SETTINGS.tau_prior_scale)), 0.01)
        truth = rng.gamma(spread**-2, spread**2, n_areas)
        counts = rng.poisson(events * truth).astype(float)
        draws = gamma_poisson_draws(counts, np.full(n_areas, events), few, stream(6, replicate))
        lower, upper = np.quantile(draws, [0.05, 0.95], axis=1)
        hits.append(((lower <= truth) & (truth <= upper)).mean())
    return float(np.mean(hits))


@pytest.mark.parametrize(("n_areas", "events"), [(9, 3.0), (9, 30.0), (40, 5.0)])
def test_intervals_are_calibrated_under_the_prior(n_areas: int, events: float) -> None:
    """Simulation-based calibration: with the spread drawn from its prior, 90 % means 90 %."""
    assert coverage(n_areas, events, 200, tau=None) == pytest.approx(0.90, abs=0.02)


@pytest.mark.parametrize("events", [3.0, 30.0])
def test_intervals_of_nine_areas_cover(events: float) -> None:
    """One fixed spread of 0.3: methodology 4 expects 88 to 93 %, give or take the simulation's own error."""
    assert 0.86 <= coverage(9, events, 200, tau=0.3) <= 0.95


def test_many_areas_and_many_events_use_the_same_grid() -> None:
    rng = np.random.default_rng(8)
    truth = rng.gamma(0.02**-2, 0.02**2, 5000)
    counts = rng.poisson(20_000.0 * truth).astype(float)
    mean = gamma_poisson_mean(counts, np.full(5000, 20_000.0), SETTINGS)
    raw_error = np.mean((counts / 20_000.0 - truth) ** 2)
    assert np.mean((mean - truth) ** 2) < raw_error


def test_neighbouring_days_do_not_jitter() -> None:
    """One more event among 900 moves the median of its own area a little and of the others hardly."""
    counts, denominator = np.full(9, 100.0), np.ones(9)
    more = counts.copy()
    more[0] += 1.0
    before, after = (
        np.median(gamma_poisson_draws(y, denominator, SETTINGS, stream(4, "day")), axis=1) for y in (counts, more)
    )
    assert 0.0 < after[0] - before[0] < 1.2
    assert np.abs(after[1:] - before[1:]).max() < 0.5
