"""Means, the penalised mean, outranking and weights: from their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.index.engine import weights
from spark_jobs.index.engine.aggregate import (
    ampi,
    arithmetic,
    available_weights,
    copeland,
    effective_weights,
    geometric,
    harmonic,
    live_share,
    outranking,
)
from spark_jobs.index.engine.arrays import EngineInputError

pytestmark = pytest.mark.unit

SCORES = st.lists(st.floats(1.0, 200.0), min_size=2, max_size=8)


@given(value=st.floats(1.0, 200.0), k=st.integers(1, 9))
def test_equal_scores_have_no_penalty(value: float, k: int) -> None:
    scores, equal = np.full(k, value), weights.equal(k)
    for mean in (arithmetic, geometric, harmonic, ampi):
        assert mean(scores, equal) == pytest.approx(value, rel=1e-12)


@given(scores=SCORES)
def test_means_are_ordered_and_imbalance_costs(scores: list[float]) -> None:
    values, equal = np.array(scores), weights.equal(len(scores))
    slack = 1e-9
    assert harmonic(values, equal) <= geometric(values, equal) + slack
    assert geometric(values, equal) <= arithmetic(values, equal) + slack
    assert ampi(values, equal) <= arithmetic(values, equal) + slack
    assert ampi(values, equal, "harm") >= arithmetic(values, equal) - slack


@given(scores=SCORES, data=st.data())
def test_order_and_scale_of_weights_do_not_matter(scores: list[float], data: st.DataObject) -> None:
    values, order = np.array(scores), data.draw(st.permutations(range(len(scores))))
    some = np.linspace(1.0, 3.0, len(scores))
    for mean in (arithmetic, geometric, harmonic, ampi):
        assert mean(values[order], some[order] * 7.0) == pytest.approx(mean(values, some), rel=1e-9)


def test_ampi_by_hand() -> None:
    """Scores 80 and 120, weights 1 and 3: M = 110, S^2 = 300, penalty 300/110."""
    values, unequal = np.array([80.0, 120.0]), np.array([1.0, 3.0])
    assert ampi(values, unequal) == pytest.approx(110.0 - 300.0 / 110.0)
    assert ampi(values, unequal, "harm") == pytest.approx(110.0 + 300.0 / 110.0)


def test_ampi_of_a_mean_that_is_not_positive_is_undefined() -> None:
    assert np.isnan(ampi(np.array([-1.0, 1.0]), weights.equal(2)))


def test_a_missing_score_is_missing_unless_it_has_no_weight() -> None:
    values = np.array([[100.0, 100.0], [np.nan, 50.0]])
    assert np.isnan(arithmetic(values, np.array([1.0, 1.0]))).tolist() == [True, False]
    assert arithmetic(values, np.array([1.0, 0.0])).tolist() == [100.0, 100.0]


@pytest.mark.bad_input
@pytest.mark.parametrize("mean", [geometric, harmonic])
def test_negative_values_have_no_such_mean(mean) -> None:  # type: ignore[no-untyped-def]
    assert mean(np.array([0.0, 5.0]), weights.equal(2)) == 0.0
    with pytest.raises(EngineInputError, match="values >= 0"):
        mean(np.array([-1.0, 5.0]), weights.equal(2))


@pytest.mark.bad_input
def test_negative_weights_are_an_error() -> None:
    with pytest.raises(EngineInputError, match="weights must not be negative"):
        arithmetic(np.array([1.0, 2.0]), np.array([1.0, -1.0]))


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ([True, True, True, True], [0.40, 0.25, 0.20, 0.15]),
        ([True, True, False, False], [0.40 / 0.65, 0.25 / 0.65, 0.0, 0.0]),  # 65 % is enough
        ([False, True, True, True], [0.0, 0.0, 0.0, 0.0]),  # 60 % is not
    ],
)
def test_the_weight_of_what_is_missing_goes_to_the_rest(live: list[bool], expected: list[float]) -> None:
    fixed, is_live = np.array([40.0, 25.0, 20.0, 15.0]), np.array(live)
    np.testing.assert_allclose(available_weights(fixed, is_live, 0.65), expected)
    assert live_share(fixed, is_live) == pytest.approx(fixed[is_live].sum() / 100.0)


def test_outranking_and_copeland_with_a_tie() -> None:
    """a beats b on 2 of 3, ties with c on one and wins one of the others; b and c win one each."""
    values = np.array([[3.0, 1.0, 3.0], [3.0, 1.0, 2.0], [1.0, 3.0, 2.0]])
    share = outranking(values, np.ones(3))
    np.testing.assert_allclose(share[0], [0.5, 2 / 3, 0.5])
    assert copeland(values, np.ones(3)).tolist() == [1.0, -2.0, 1.0]


def test_effective_weights_multiply_down_the_tree() -> None:
    parents = {"root": None, "a": "root", "b": "root", "a1": "a", "a2": "a"}
    found = effective_weights(parents, {"root": 1, "a": 3, "b": 1, "a1": 1, "a2": 1})
    assert found == {"root": 1.0, "a": 0.75, "b": 0.25, "a1": 0.375, "a2": 0.375}
    with pytest.raises(EngineInputError, match="must be a tree"):
        effective_weights({"a": "b", "b": "a"}, {"a": 1, "b": 1})


def test_principal_component_weights() -> None:
    """Two components that move together share the weight; a third that is unrelated gets little."""
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=500), rng.normal(size=500)
    noise = rng.normal(size=(500, 2)) * 0.1
    found = weights.principal_component(np.column_stack([common + noise[:, 0], common + noise[:, 1], own]))
    assert found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx(found[1], abs=0.02) and found[2] < 0.02
    with pytest.raises(EngineInputError, match="variance in each"):
        weights.principal_component(np.ones((5, 2)))


def test_shaken_weights_sum_to_one_and_keep_their_mean() -> None:
    fixed, rng = np.array([35.0, 30.0, 20.0, 15.0]), np.random.default_rng(3)
    noisy = weights.noisy(fixed, 0.25, 4000, rng)
    drawn = weights.dirichlet(fixed, 0.25, 40_000, rng)
    for found in (noisy, drawn):
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        np.testing.assert_allclose(found.mean(axis=0), fixed / 100.0, atol=0.004)
    relative = (weights.dirichlet(np.ones(4), 0.25, 40_000, rng) * 4.0).std(axis=0)
    np.testing.assert_allclose(relative, 0.25, atol=0.01)
