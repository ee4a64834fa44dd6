"""Ranks with their uncertainty, completeness of late data, and sensitivity."""

import numpy as np
import pytest

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray
from spark_jobs.index.engine.chain_ladder import mack, nowcast, publishable_delay
from spark_jobs.index.engine.ranks import rank_interval, rank_sets, ranks, tiers, top_probability
from spark_jobs.index.engine.reference.empirical_bayes import gamma_prior_ml, marshall_poisson
from spark_jobs.index.engine.sensitivity import median_rank_shift, sobol

pytestmark = pytest.mark.unit


def test_ranks_with_ties_and_gaps() -> None:
    np.testing.assert_array_equal(ranks(np.array([90.0, 110.0, np.nan, 110.0])), [3.0, 1.0, np.nan, 1.0])


def test_rank_interval_and_top_probability_count_draws() -> None:
    draws = np.array([[1.0] * 90 + [2.0] * 10, [2.0] * 90 + [1.0] * 10])
    low, high = rank_interval(draws, 0.9)
    assert low.tolist() == [1.0, 1.0] and high.tolist() == [2.0, 2.0]
    np.testing.assert_allclose(top_probability(draws, 1), [0.9, 0.1])
    assert np.isnan(top_probability(np.array([[np.nan, np.nan]]), 1)).all()


def test_rank_sets_of_far_and_of_equal_units() -> None:
    rng = np.random.default_rng(1)
    low, high = rank_sets(np.array([10.0, 20.0, 30.0]), np.eye(3) * 0.01, 0.95, rng)
    assert low.tolist() == high.tolist() == [3.0, 2.0, 1.0]
    low, high = rank_sets(np.array([10.0, 10.1, 9.9]), np.eye(3), 0.95, rng)
    assert low.tolist() == [1.0, 1.0, 1.0] and high.tolist() == [3.0, 3.0, 3.0]


def test_rank_sets_without_any_variance_are_the_ranks() -> None:
    low, high = rank_sets(np.array([1.0, 3.0, 3.0]), np.zeros((3, 3)), 0.95, np.random.default_rng(1))
    assert low.tolist() == [3.0, 1.0, 1.0] and high.tolist() == [3.0, 2.0, 2.0]


@pytest.mark.parametrize("is_simultaneous", [True, False])
def test_rank_sets_cover_the_true_ranks(is_simultaneous: bool) -> None:
    """Six units one standard error apart: the sets hold all (or each) true ranks in at least 95 % of samples."""
    truth, rng = np.arange(6.0), np.random.default_rng(2)
    true_ranks, inside = ranks(truth), []
    for _ in range(150):
        low, high = rank_sets(rng.normal(truth, 1.0), np.eye(6), 0.95, rng, is_simultaneous, n_draws=1500)
        inside.append((low <= true_ranks) & (true_ranks <= high))
    covered = np.array(inside).all(axis=1).mean() if is_simultaneous else np.array(inside).mean(axis=0).min()
    assert covered >= 0.92


def test_tiers_start_where_the_leader_is_out_of_reach() -> None:
    values = np.array([50.0, 99.0, 98.0, 51.0, np.nan])
    found = tiers(values, np.array([3.0, 1, 1, 3, np.nan]), np.array([4.0, 2, 2, 4, np.nan]))
    np.testing.assert_array_equal(found, [2.0, 1.0, 1.0, 2.0, np.nan])


def test_chain_ladder_of_a_perfect_pattern_has_no_error() -> None:
    """Every origin develops 50 %, 80 %, 100 %: completeness is that, and nothing is uncertain."""
    share = np.array([0.5, 0.8, 1.0])
    triangle = np.outer([100.0, 200.0, 400.0], share)
    triangle[1, 2] = triangle[2, 1] = triangle[2, 2] = np.nan
    found = mack(triangle)
    np.testing.assert_allclose(found.completeness, share)
    np.testing.assert_allclose(found.ultimate, [100.0, 200.0, 400.0])
    np.testing.assert_allclose(found.outstanding, [0.0, 40.0, 200.0], atol=1e-9)
    assert found.total_standard_error == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(nowcast(np.array([50.0, 80.0, 10.0]), share), [100.0, 100.0, 10.0])
    assert [publishable_delay(found.completeness, least) for least in (0.4, 0.8, 0.9)] == [0, 1, 2]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]], "gap"),
        ([[np.nan, np.nan], [1.0, 2.0]], "first value"),
        ([[0.0, 1.0], [0.0, 1.0]], "no volume"),
    ],
)
def test_a_broken_triangle_is_named(rows: list[list[float]], message: str) -> None:
    with pytest.raises(EngineInputError, match=message):
        mack(np.array(rows))


def test_sobol_of_a_sum_and_of_a_product() -> None:
    def model(x: FloatArray) -> FloatArray:
        return np.stack([x[0] + 2.0 * x[1], (x[0] - 0.5) * (x[1] - 0.5)])

    found = sobol(model, np.array([[0.0, 1.0]] * 3), n_base=2**12, seed=3)
    np.testing.assert_allclose(found.first, [[0.2, 0.8, 0.0], [0.0, 0.0, 0.0]], atol=0.03)
    np.testing.assert_allclose(found.total, [[0.2, 0.8, 0.0], [1.0, 1.0, 0.0]], atol=0.03)


def test_median_rank_shift() -> None:
    reference = np.array([3.0, 2.0, 1.0])
    alternatives = np.array([[3.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 3.0, 3.0]])
    assert median_rank_shift(reference, alternatives).tolist() == [2.0, 0.0, 2.0]


def test_moment_estimator_collapses_where_the_areas_do_not_vary() -> None:
    counts, denominator = np.array([10.0, 10.0, 10.0]), np.array([100.0, 100.0, 100.0])
    assert marshall_poisson(counts, denominator).variance == 0.0
    np.testing.assert_allclose(marshall_poisson(counts, denominator).rates, 0.1)


def test_maximum_likelihood_finds_the_prior_of_many_areas() -> None:
    rng = np.random.default_rng(4)
    expected = rng.uniform(5.0, 50.0, 4000)
    counts = rng.poisson(expected * rng.gamma(4.0, 0.25, 4000)).astype(float)
    prior = gamma_prior_ml(counts, expected)
    assert prior.shape == pytest.approx(4.0, rel=0.1) and prior.rate == pytest.approx(4.0, rel=0.1)
