"""Normalisation, treatment, imputation and denominators: invariances, gaps, ties and zero variance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.engine.reference import normalise
from spark_jobs.index.engine.reference.denominate import denominated
from spark_jobs.index.engine.reference.impute import fill_group_mean, fill_mean
from spark_jobs.index.engine.reference.outliers import box_cox, log_shifted, shape, winsorise

pytestmark = pytest.mark.unit

SCALE_FREE = [
    normalise.minmax,
    normalise.zscore,
    normalise.rank,
    normalise.borda,
    normalise.percentile_rank,
    normalise.distance_to_maximum,
    normalise.exponential_rank,
]


@pytest.mark.parametrize("function", SCALE_FREE)
@given(
    values=st.lists(st.integers(-1000, 1000), min_size=3, max_size=12, unique=True),
    factor=st.floats(0.01, 1e4),
)
def test_the_unit_of_an_indicator_does_not_matter(function, values: list[int], factor: float) -> None:  # type: ignore[no-untyped-def]
    x = np.array(values, dtype=float)
    np.testing.assert_allclose(function(3.0 + factor * x), function(x), rtol=1e-6, atol=1e-7)


def test_gaps_ties_and_values_by_hand() -> None:
    x = np.array([10.0, np.nan, 20.0, 20.0, 40.0])
    cases = {
        normalise.rank: [1, np.nan, 2, 2, 4],
        normalise.borda: [0, np.nan, 1, 1, 3],
        normalise.percentile_rank: [0, np.nan, 1 / 3, 1 / 3, 1],
        normalise.minmax: [0, np.nan, 100 / 3, 100 / 3, 100],
        normalise.distance_to_maximum: [0, np.nan, 1 / 3, 1 / 3, 1],
        normalise.fraction_of_maximum: [0.25, np.nan, 0.5, 0.5, 1],
    }
    for function, expected in cases.items():
        np.testing.assert_allclose(function(x), expected)
    np.testing.assert_allclose(normalise.distance_to_target(x, 30.0), [0, np.nan, 0.5, 0.5, 1])
    np.testing.assert_allclose(normalise.distance_to_reference(x, 30.0), [0, np.nan, 0.5, 0.5, 1.5])
    np.testing.assert_allclose(normalise.goalposts(x, 15.0, 25.0), [0, np.nan, 0.5, 0.5, 1])
    np.testing.assert_allclose(normalise.scaled(x, 10.0, 10.0), [0, np.nan, 1, 1, 3])


def test_zero_variance_has_no_score() -> None:
    same = np.full(4, 7.0)
    for function in (normalise.minmax, normalise.zscore, normalise.distance_to_maximum):
        assert np.isnan(function(same)).all()
    assert normalise.rank(same).tolist() == [1, 1, 1, 1]


def test_the_most_deprived_tenth_has_half_of_the_exponential_scale() -> None:
    found = normalise.exponential_rank(np.arange(1.0, 32_845.0))
    assert found[-1] == pytest.approx(100.0)
    assert np.mean(found >= 50.0) == pytest.approx(0.10, abs=0.005)


def test_the_base_is_one_hundred_on_the_reference_scale() -> None:
    assert normalise.reference_scale(np.array([5.0, 8.0]), 5.0, 2.0, 8.0).tolist() == [100.0, 130.0]


def test_winsorising_pulls_the_outlier_to_its_neighbour() -> None:
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 500])
    found, n_points = winsorise(x)
    assert n_points == 1 and found.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
    low, n_low = winsorise(-x)
    assert n_low == 1 and low.tolist() == (-found).tolist()
    calm = np.arange(10.0)
    assert winsorise(calm)[1] == 0


def test_shape_needs_four_values_and_a_constant_passes() -> None:
    with pytest.raises(EngineInputError, match="at least 4"):
        shape(np.array([1.0, np.nan, 2.0, 3.0]))
    assert shape(np.full(5, 2.0)).passes


def test_logarithm_and_box_cox() -> None:
    x = np.array([-3.0, 0.0, np.nan, 6.0])
    np.testing.assert_allclose(log_shifted(x), np.log([1.0, 4.0, np.nan, 10.0]))
    np.testing.assert_allclose(box_cox(x, 2.0)[0], (np.array([1.0, 4.0, np.nan, 10.0]) ** 2 - 1.0) / 2.0)
    np.testing.assert_allclose(box_cox(x, 0.0)[0], log_shifted(x))
    skewed = np.exp(np.random.default_rng(1).normal(size=400))
    transformed, _ = box_cox(skewed)
    assert abs(shape(transformed).skewness) < abs(shape(skewed).skewness) / 3.0
    with pytest.raises(EngineInputError, match="constant"):
        box_cox(np.full(4, 1.0))


def test_imputation_says_what_it_filled() -> None:
    x, group = np.array([1.0, np.nan, 5.0, np.nan, np.nan]), np.array(["a", "a", "b", "b", "c"])
    filled, mask = fill_group_mean(x, group)
    np.testing.assert_array_equal(filled, [1.0, 1.0, 5.0, 5.0, np.nan])
    assert mask.tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(fill_mean(x)[0], [1.0, 3.0, 5.0, 3.0, 3.0])


def test_a_denominator_of_zero_gives_no_figure() -> None:
    found = denominated(np.array([5.0, 5.0, np.nan]), np.array([2.0, 0.0, 1.0]), per=100.0)
    np.testing.assert_array_equal(found, [250.0, np.nan, np.nan])
    with pytest.raises(EngineInputError, match="negative"):
        denominated(np.ones(1), -np.ones(1))
