"""Any number of units, gaps, ties, no variance, no denominator: a defined result or a named error, and no warning."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from spark_jobs.index.engine import aggregate, funnel, intervals, sensitivity, weights
from spark_jobs.index.engine.arrays import EngineInputError, FloatArray
from spark_jobs.index.engine.chain_ladder import mack, nowcast, publishable_delay
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.posterior import (
    beta_binomial_draws,
    beta_binomial_mean,
    gamma_poisson_draws,
    gamma_poisson_mean,
)
from spark_jobs.index.engine.ranks import rank_interval, rank_sets, ranks, tiers, top_probability
from spark_jobs.index.engine.reference import empirical_bayes, impute, normalise
from spark_jobs.index.engine.reference import outliers as treat
from spark_jobs.index.engine.reference.denominate import denominated
from spark_jobs.index.methodology import load_methodology

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("error")]

NAN = float("nan")
NOTHING, GAPS, ONE = np.array([]), np.array([NAN, NAN]), np.array([7.0])
TIES, TIES_WITH_GAP = np.full(5, 0.1), np.array([0.1, NAN, 0.1, 0.1])
MANY = 40_000
COARSE = load_methodology().posterior.model_copy(update={"draws": 8, "tau_points": 6, "mean_points": 7})
RNG = np.random.default_rng

Function = Callable[[FloatArray], FloatArray]
SCALES: dict[str, Function] = {
    "minmax": normalise.minmax,
    "zscore": normalise.zscore,
    "distance_to_maximum": normalise.distance_to_maximum,
    "distance_to_target": lambda x: normalise.distance_to_target(x, float(np.fmin.reduce(x, initial=np.inf))),
    "distance_to_reference": lambda x: normalise.distance_to_reference(x, float(np.fmin.reduce(x, initial=np.inf))),
    "goalposts": lambda x: normalise.goalposts(x, 3.0, 3.0),
    "reference_scale": lambda x: normalise.reference_scale(x, 3.0, 3.0, 3.0),
}
BY_RANK: dict[str, tuple[Function, float]] = {  # and the value that all share when all are equal
    "rank": (normalise.rank, 1.0),
    "ranks": (ranks, 1.0),
    "borda": (normalise.borda, 0.0),
}


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("x", [NOTHING, GAPS, ONE, TIES, TIES_WITH_GAP, np.zeros(4)])
def test_without_a_scale_there_is_no_score(name: str, x: FloatArray) -> None:
    """Rounding gives 0.1, 0.1, 0.1 a standard deviation of 1e-17: it must not become a score."""
    assert np.isnan(SCALES[name](x)).all() and SCALES[name](x).shape == x.shape


@pytest.mark.parametrize("name", BY_RANK)
def test_equal_units_share_a_rank(name: str) -> None:
    function, shared = BY_RANK[name]
    for x in (NOTHING, GAPS, ONE, TIES, TIES_WITH_GAP):
        np.testing.assert_array_equal(function(x), np.where(np.isnan(x), NAN, shared))


def test_other_normalisations_at_their_edges() -> None:
    assert np.isnan(normalise.percentile_rank(ONE)).all() and normalise.percentile_rank(TIES).tolist() == [0.0] * 5
    assert normalise.exponential_rank(ONE) == pytest.approx(100.0)
    assert len(set(normalise.exponential_rank(TIES))) == 1
    assert normalise.fraction_of_maximum(TIES).tolist() == [1.0] * 5
    np.testing.assert_array_equal(normalise.fraction_of_maximum(np.array([-2.0, 0.0])), [-np.inf, NAN])
    with pytest.raises(EngineInputError, match="unit"):
        normalise.scaled(ONE, factor=0.0)


def test_treatment_at_its_edges() -> None:
    for x in (NOTHING, GAPS, ONE):
        with pytest.raises(EngineInputError, match="at least 4"):
            treat.winsorise(x)
        np.testing.assert_array_equal(treat.log_shifted(x), np.where(np.isnan(x), NAN, 0.0))
        with pytest.raises(EngineInputError, match="constant"):
            treat.box_cox(x)
    assert treat.winsorise(TIES)[1] == 0 and treat.winsorise(TIES)[0].tolist() == TIES.tolist()
    assert treat.box_cox(TIES, 0.5)[0].tolist() == [0.0] * 5


def test_denominators_and_imputation_at_their_edges() -> None:
    assert np.isnan(denominated(ONE, np.zeros(1))).all() and denominated(NOTHING, NOTHING).size == 0
    filled, mask = impute.fill_mean(GAPS)
    assert np.isnan(filled).all() and not mask.any()
    assert impute.fill_mean(NOTHING)[0].size == 0
    with pytest.raises(EngineInputError, match="groups"):
        impute.fill_group_mean(ONE, np.array(["a", "b"]))
    with pytest.raises(EngineInputError, match="no indicator"):
        impute.has_enough_data(np.zeros((2, 0)), 0.9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: weights.equal(0), "one component"),
        (lambda: weights.noisy(np.zeros(2), 0.25, 3, RNG(1)), "not all 0"),
        (lambda: weights.noisy(np.ones(2), 1.5, 3, RNG(1)), "factor"),
        (lambda: weights.dirichlet(np.array([2.0, -1.0]), 0.25, 3, RNG(1)), ">= 0"),
        (lambda: weights.principal_component(np.full((3, 2), 0.1)), "variance in each"),
        (lambda: weights.principal_component(np.ones((1, 2))), "two complete units"),
    ],
)
def test_impossible_weights_are_named(make: Callable[[], FloatArray], message: str) -> None:
    with pytest.raises(EngineInputError, match=message):
        make()


def test_a_component_alone_has_the_whole_weight() -> None:
    for found in (
        weights.equal(1),
        weights.noisy(ONE, 0.25, 1, RNG(1))[0],
        weights.dirichlet(ONE, 0.25, 1, RNG(1))[0],
        weights.principal_component(np.array([[1.0], [2.0]])),
    ):
        np.testing.assert_allclose(found, [1.0])


@pytest.mark.parametrize("mean", [aggregate.arithmetic, aggregate.geometric, aggregate.harmonic, aggregate.ampi])
def test_means_of_one_of_none_and_without_weight(mean: Callable[[FloatArray, FloatArray], FloatArray]) -> None:
    assert mean(ONE, np.ones(1)) == pytest.approx(7.0)
    assert np.isnan(mean(NOTHING, NOTHING))
    assert np.isnan(mean(np.array([1.0, 2.0]), np.zeros(2)))
    assert mean(np.array([NAN, 2.0]), np.array([0.0, 1.0])) == pytest.approx(2.0)


def test_nothing_available_holds_no_share() -> None:
    none = np.array([False, False])
    assert aggregate.live_share(np.ones(2), none) == aggregate.live_share(np.zeros(2), ~none) == 0.0
    assert aggregate.available_weights(np.ones(2), none, 0.0).tolist() == [0.0, 0.0]


def test_copeland_of_one_of_ties_and_with_a_gap() -> None:
    assert aggregate.copeland(ONE[None, :], np.ones(1)).tolist() == [0.0]
    assert aggregate.copeland(np.ones((2, 4)), np.ones(2)).tolist() == [0.0] * 4
    with_gap = aggregate.copeland(np.array([[3.0, NAN, 1.0], [1.0, 2.0, 3.0]]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(with_gap, [1.0, NAN, -1.0])
    with pytest.raises(EngineInputError, match="not all 0"):
        aggregate.copeland(np.ones((1, 2)), np.zeros(1))


@pytest.mark.parametrize("given", [{"a": 1, "b": 0}, {"a": 1}, {"a": 1, "b": -1}])
def test_a_hierarchy_without_weights_is_named(given: dict[str, float]) -> None:
    with pytest.raises(EngineInputError, match="weight"):
        aggregate.effective_weights({"a": None, "b": "a"}, given)


def test_ranks_and_sets_of_one_and_with_gaps() -> None:
    low, high = rank_sets(np.array([3.0, NAN, 9.0]), np.diag([0.01, 0.01, 0.01]), 0.95, RNG(1))
    np.testing.assert_array_equal([low, high], [[2.0, NAN, 1.0], [2.0, NAN, 1.0]])
    assert [ends.tolist() for ends in rank_sets(ONE, np.eye(1), 0.95, RNG(1))] == [[1.0], [1.0]]
    assert rank_sets(NOTHING, np.zeros((0, 0)), 0.95, RNG(1))[0].size == 0
    np.testing.assert_array_equal(rank_interval(np.array([[NAN, NAN], [1.0, 1.0]]), 0.9), [[NAN, 1.0], [NAN, 1.0]])
    assert top_probability(np.ones((1, 4)), 3).tolist() == tiers(ONE, np.ones(1), np.ones(1)).tolist() == [1.0]
    with pytest.raises(EngineInputError, match="n_units, n_units"):
        rank_sets(np.ones(3), np.eye(2), 0.95, RNG(1))
    with pytest.raises(EngineInputError, match="rank inside groups"):
        rank_sets(np.ones(5001), np.broadcast_to(0.0, (5001, 5001)), 0.95, RNG(1))


def test_limits_without_denominator_or_count_are_missing() -> None:
    for limits in (
        intervals.rate(np.array([0.0, NAN, 4.0]), np.array([0.0, 1.0, NAN])),
        intervals.wilson(np.array([0.0, NAN, 4.0]), np.array([0.0, 1.0, NAN])),
        intervals.standardised_ratio(np.array([0.0, NAN, 4.0]), np.array([0.0, 1.0, NAN])),
    ):
        assert np.isnan(limits).all()
    for missing in (funnel.ratio_limit(np.array([0.0, NAN]), 0.9), funnel.proportion_limit(np.zeros(1), 0.5, 0.9)):
        assert np.isnan(missing).all()
    for limits in (intervals.byar, intervals.exact_poisson, intervals.count_limits):
        assert np.isnan(limits(np.array([NAN]))).all() and limits(NOTHING)[0].size == 0
        with pytest.raises(EngineInputError, match="coverage"):
            limits(ONE, 1.0)


def test_directly_standardised_rates_at_their_edges() -> None:
    one = intervals.directly_standardised_rate(np.array([20.0]), np.array([1000.0]), np.ones(1))
    counts, denominator = np.array([20.0, 5.0]), np.array([1000.0, 0.0])
    assert intervals.directly_standardised_rate(counts, denominator, np.array([3.0, 0.0])) == one
    with pytest.raises(EngineInputError, match="every stratum needs a denominator"):
        intervals.directly_standardised_rate(counts, denominator, np.ones(2))
    with pytest.raises(EngineInputError, match="not 0 in all"):
        intervals.directly_standardised_rate(counts, np.ones(2), np.zeros(2))
    assert np.isnan(intervals.directly_standardised_rate(np.array([1.0, NAN]), np.ones(2), np.ones(2))).all()


@pytest.mark.parametrize("scale", ["rate", "proportion"])
def test_posteriors_of_ties_gaps_and_no_denominator(scale: str) -> None:
    draw, mean = {
        "rate": (gamma_poisson_draws, gamma_poisson_mean),
        "proportion": (beta_binomial_draws, beta_binomial_mean),
    }[scale]
    equal = mean(np.full(6, 5.0), np.full(6, 50.0), COARSE)
    np.testing.assert_allclose(equal, equal[0])
    assert equal[0] == pytest.approx(0.1, rel=0.05)
    for counts, denominator in ((np.zeros(2), np.zeros(2)), (GAPS, np.ones(2)), (np.zeros(2), GAPS)):
        assert np.isnan(mean(counts, denominator, COARSE)).all()
        assert np.isnan(draw(counts, denominator, COARSE, stream(1, "edge"))).all()
    assert draw(NOTHING, NOTHING, COARSE, stream(1, "edge")).shape == (0, COARSE.draws)
    with pytest.raises(EngineInputError, match="finite"):
        mean(np.ones(2), np.array([1.0, np.inf]), COARSE)


def test_chain_ladder_of_one_origin_and_of_an_origin_without_events() -> None:
    alone = mack(np.array([[5.0, 10.0]]))
    assert alone.completeness.tolist() == [0.5, 1.0] and alone.total_standard_error == 0.0
    shape = [[10.0, 12.0, 13.0], [8.0, 9.0, NAN], [20.0, NAN, NAN]]
    usual, with_zero = mack(np.array(shape)), mack(np.array([*shape, [0.0, NAN, NAN]]))
    assert with_zero.ultimate[3] == with_zero.standard_error[3] == 0.0
    np.testing.assert_allclose(with_zero.standard_error[:3], usual.standard_error)
    assert with_zero.total_standard_error == pytest.approx(usual.total_standard_error)
    np.testing.assert_array_equal(nowcast(np.array([5.0, NAN]), np.array([0.0, 0.5])), [NAN, NAN])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mack(np.array([[5.0, 0.0], [4.0, NAN]])), "back to 0"),
        (lambda: mack(np.array([[-5.0, 6.0]])), "not be negative"),
        (lambda: mack(np.zeros((0, 3))), "two or more developments"),
        (lambda: publishable_delay(NOTHING, 0.8), "no delay"),
        (lambda: sensitivity.sobol(lambda x: x[0], np.array([[0.0, 1.0]]), 100, 1), "power of two"),
        (lambda: sensitivity.sobol(lambda x: x[0], np.array([[1.0, 0.0]]), 64, 1), "lower bound"),
        (lambda: sensitivity.sobol(lambda x: x[0] * NAN, np.array([[0.0, 1.0]]), 64, 1), "finite"),
        (lambda: empirical_bayes.marshall_poisson(NOTHING, NOTHING), "one area or more"),
        (lambda: empirical_bayes.gamma_prior_ml(np.full(3, 10.0), np.full(3, 10.0)), "no more than chance"),
        (lambda: empirical_bayes.gamma_prior_ml(np.zeros(3), np.ones(3)), "no more than chance"),
        (lambda: funnel.dispersion(GAPS, 0.1), "at least one"),
        (lambda: funnel.dispersion(TIES, 0.5), "drawn in"),
    ],
)
def test_what_has_no_meaning_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(EngineInputError, match=message):
        call()


def test_sensitivity_of_one_input_of_a_fixed_input_and_of_a_constant() -> None:
    alone = sensitivity.sobol(lambda x: x[0], np.array([[0.0, 1.0]]), 256, 1)
    assert alone.first == pytest.approx(1.0, abs=0.05) and alone.total == pytest.approx(1.0, abs=0.05)
    fixed = sensitivity.sobol(lambda x: x[0] + x[1], np.array([[0.0, 1.0], [2.0, 2.0]]), 256, 1)
    assert fixed.first[0, 1] == fixed.total[0, 1] == 0.0
    constant = sensitivity.sobol(lambda x: np.full(x.shape[1], 0.1), np.array([[0.0, 1.0]]), 64, 1)
    assert constant.first == constant.total == 0.0


@pytest.mark.parametrize("smooth", [empirical_bayes.marshall_poisson, empirical_bayes.martuzzi_binomial])
def test_empirical_bayes_of_like_areas_is_the_pooled_rate(smooth) -> None:  # type: ignore[no-untyped-def]
    for counts, denominator in ((ONE, np.array([10.0])), (np.full(2, 2.0), np.full(2, 5.0)), (np.zeros(2), np.ones(2))):
        np.testing.assert_allclose(smooth(counts, denominator).rates, counts.sum() / denominator.sum())


def test_forty_thousand_units_pass_every_function_of_one_indicator() -> None:
    rng = RNG(1)
    x = rng.gamma(2.0, size=MANY)
    for function in (*SCALES.values(), *(function for function, _ in BY_RANK.values()), normalise.exponential_rank):
        assert function(x).shape == (MANY,)
    assert treat.winsorise(x)[0].shape == treat.box_cox(x, 0.5)[0].shape == (MANY,)
    group = (np.arange(MANY) // 4).astype(str)
    x[::5] = NAN
    filled, mask = impute.fill_group_mean(x, group)
    assert mask.sum() == MANY / 5 and not np.isnan(filled).any()
    counts, denominator = rng.poisson(3.0, MANY).astype(float), np.full(MANY, 50.0)
    for limits in (intervals.rate(counts, denominator), intervals.wilson(counts, denominator)):
        assert np.isfinite(limits).all()
    assert np.isfinite(funnel.ratio_limit(denominator, 0.975)).all()
    low = ranks(x)
    assert tiers(x, low, low)[~np.isnan(x)].max() == MANY * 4 / 5
    share = np.exp(-rng.uniform(0.1, 0.5, (MANY, 1)) * [2.0, 1.0, 0.0])
    assert np.isfinite(mack(1e3 * share).total_standard_error)


def test_forty_thousand_areas_have_a_posterior() -> None:
    rng, denominator = RNG(2), np.full(MANY, 30.0)
    counts = rng.binomial(30, rng.beta(4.0, 36.0, MANY)).astype(float)
    for draws in (gamma_poisson_draws, beta_binomial_draws):
        found = draws(counts, denominator, COARSE, stream(1, "many"))
        assert found.shape == (MANY, COARSE.draws)
        assert np.corrcoef(found.mean(axis=1), counts)[0, 1] > 0.9


def test_pairs_of_many_units_are_not_all_held_in_memory() -> None:
    values = RNG(3).normal(size=(2, 4000))
    tracemalloc.start()
    scores = aggregate.copeland(values, np.ones(2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores.sum() == 0.0
    assert peak < 4000 * 4000 * 8 / 2, "less than half of one array of all pairs"
