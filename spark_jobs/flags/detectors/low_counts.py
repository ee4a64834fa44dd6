"""The smallest count that is still usual, from counts of comparable days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]


def lower_bounds(past: npt.ArrayLike, alpha: float) -> FloatArray:
    """Smallest counts not exceptionally low: P(count < bound) < alpha. `past`: (days, comparable days).

    Negative binomial with the mean of the past and its dispersion (at least Poisson), widened by (1 + 1/n)
    for the error of the mean. A feed too small to be missed has the bound 0.
    """
    y = np.asarray(past, dtype=np.float64)
    n, mean = y.shape[1], y.mean(axis=1)
    dispersion = np.maximum(1.0, y.var(axis=1, ddof=1) / np.where(mean > 0, mean, 1.0)) * (1 + 1 / n)
    size = np.where(mean > 0, mean, 1.0) / (dispersion - 1)
    bounds: FloatArray = np.where(mean > 0, stats.nbinom.ppf(alpha, size, 1 / dispersion), 0.0)
    return bounds
