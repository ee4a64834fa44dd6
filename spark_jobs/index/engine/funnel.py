"""Funnel plots: how far from the target a unit of a given size may lie by chance.

Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202. Limits of chance alone are one-sided at `probability`
(0.025 and 0.975 are the pair of a 95 % funnel) and exact: the quantile of the discrete distribution. Chance puts a unit
strictly above the limit at 0.975 with a probability of 0.025 at most, and strictly below the limit at 0.025 likewise.
Spiegelhalter's appendix interpolates the distribution function instead. Then a limit may lie between two counts, and
the upper one exceeds it: with one expected event in 8 % of cases, with five trials in up to 34 %.
"""

import numpy as np

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, require_number, require_numbers
from spark_jobs.index.engine.count_quantiles import binomial_quantile, poisson_quantile


def ratio_limit(expected: FloatArray, probability: float) -> FloatArray:
    """Limit of observed / expected events around the target 1 (Poisson); NaN where nothing is expected."""
    return poisson_quantile(expected, probability) / np.where(expected > 0.0, expected, np.nan)


def proportion_limit(trials: FloatArray, target: float, probability: float) -> FloatArray:
    """Limit of a proportion around the target (binomial); NaN without trials, which are whole numbers."""
    require_number("target", target, 0.0, 1.0, is_open=True)
    return binomial_quantile(trials, target, probability) / np.where(trials > 0.0, trials, np.nan)


def dispersion(z: FloatArray, winsorised_share: float) -> float:
    """Over-dispersion of z-scores: their mean square, 1 = chance alone.

    Values beyond the `winsorised_share` and 1 - `winsorised_share` quantiles are first moved to them, so that an
    outlier does not hide itself (Spiegelhalter 2005, Quality and Safety in Health Care 14, 347). NaN takes no part.
    """
    if not 0.0 <= winsorised_share < 0.5:
        raise EngineInputError(f"the share drawn in at each end lies in [0, 0.5); found {winsorised_share}")
    present = require_numbers("z", z)[~np.isnan(z)]
    if present.size == 0:
        raise EngineInputError("over-dispersion needs at least one z-score")
    low, high = np.quantile(present, [winsorised_share, 1.0 - winsorised_share])
    return float(np.mean(np.clip(present, low, high) ** 2))
