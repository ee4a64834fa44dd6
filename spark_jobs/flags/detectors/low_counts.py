"""The smallest count that is still usual, from counts of comparable days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_numbers
from spark_jobs.index.engine.count_quantiles import negative_binomial_quantile

FloatArray = npt.NDArray[np.float64]


def lower_bounds(past: npt.ArrayLike, alpha: float) -> FloatArray:
    """Smallest counts not exceptionally low: P(count < bound) < alpha. `past`: (days, comparable days).

    Negative binomial with the mean of the past and its dispersion (at least Poisson), widened by (1 + 1/n) for the
    error of the mean. A feed so small that its absence would not show has the bound 0. A day with a gap in its past has
    none (NaN).
    """
    y = require_numbers("low counts: past", past, (None, None), least=0.0, most=LARGEST_COUNT)
    if y.shape[1] < 2:
        raise ValueError(f"low counts: expected two comparable days or more, found {y.shape[1]}")
    n, mean = y.shape[1], y.mean(axis=1)
    dispersion = np.maximum(1.0, y.var(axis=1, ddof=1) / np.where(mean > 0, mean, 1.0)) * (1 + 1 / n)
    return negative_binomial_quantile(mean, dispersion, alpha)
