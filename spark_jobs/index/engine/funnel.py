"""Funnel plots: how far from the target a unit of a given size may lie by chance.

Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202. Limits of chance alone are one-sided at `probability`
(0.025 and 0.975 are the pair of a 95 % funnel) and interpolate the discrete distribution function.
"""

import numpy as np
from scipy.stats import binom, poisson

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray


def ratio_limit(expected: FloatArray, probability: float) -> FloatArray:
    """Limit of observed / expected events around the target 1 (Poisson)."""
    quantile = poisson.ppf(probability, expected)
    above, below = poisson.cdf(quantile, expected), poisson.cdf(quantile - 1.0, expected)
    return _interpolated(quantile, above, below, probability) / np.where(expected > 0.0, expected, np.nan)


def proportion_limit(trials: FloatArray, target: float, probability: float) -> FloatArray:
    """Limit of a proportion around the target (binomial)."""
    if not 0.0 < target < 1.0:
        raise EngineInputError(f"the target proportion lies strictly between 0 and 1; found {target}")
    quantile = binom.ppf(probability, trials, target)
    above, below = binom.cdf(quantile, trials, target), binom.cdf(quantile - 1.0, trials, target)
    return _interpolated(quantile, above, below, probability) / np.where(trials > 0.0, trials, np.nan)


def dispersion(z: FloatArray, winsorised_share: float) -> float:
    """Over-dispersion of z-scores: their mean square, 1 = chance alone.

    What lies beyond the `winsorised_share` and 1 - `winsorised_share` quantiles is first drawn in to them, so
    that the unit one looks for does not hide itself (Spiegelhalter 2005, Quality and Safety in Health Care
    14, 347). NaN takes no part.
    """
    if not 0.0 <= winsorised_share < 0.5:
        raise EngineInputError(f"the share drawn in at each end lies in [0, 0.5); found {winsorised_share}")
    present = z[~np.isnan(z)]
    if present.size == 0:
        raise EngineInputError("over-dispersion needs at least one z-score")
    low, high = np.quantile(present, [winsorised_share, 1.0 - winsorised_share])
    return float(np.mean(np.clip(present, low, high) ** 2))


def _interpolated(quantile: FloatArray, above: FloatArray, below: FloatArray, probability: float) -> FloatArray:
    share = (above - probability) / np.where(above > below, above - below, np.nan)
    return np.asarray(np.maximum(quantile - share, 0.0))
