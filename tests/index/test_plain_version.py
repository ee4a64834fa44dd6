"""The chain beside an independent, plain NumPy/SciPy version of the same model (bench/engine.py)."""

import numpy as np
import pytest

from bench.engine import plain_index
from bench.made_up_years import METHODOLOGY, SEED, days, year
from spark_jobs.index.engine.composite_index import base_goalposts, compute_index

pytestmark = pytest.mark.unit


def test_the_chain_agrees_with_a_plain_version_of_the_model() -> None:
    """Index, interval and change within the Monte Carlo error of 2,000 draws and the plain version's coarser grid."""
    rng = np.random.default_rng(SEED)
    goalposts = base_goalposts([year(rng) for _ in range(METHODOLOGY.windows.base_years)], METHODOLOGY)
    (inputs,) = days(1)
    found = compute_index(inputs, goalposts, METHODOLOGY, SEED).overall
    low, middle, high, change_low, change, change_high, p_below = plain_index(inputs, goalposts, rng)
    np.testing.assert_allclose(found.index, middle, atol=0.5)
    np.testing.assert_allclose([found.lower, found.upper], [low, high], atol=1.0)
    np.testing.assert_allclose(found.change, change, atol=0.7)
    np.testing.assert_allclose([found.change_lower, found.change_upper], [change_low, change_high], atol=1.4)
    np.testing.assert_allclose(found.p_below_last_year, p_below, atol=0.06)
    assert np.ptp(middle[:-1]) > 20.0, "areas differ by far more than the tolerances"
