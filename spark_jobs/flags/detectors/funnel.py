"""Funnel: which county lies outside what chance and the usual spread between counties explain.

Source: Spiegelhalter (2005), Statistics in Medicine 24:1185 (additive variance between units). His limits are normal; a
unit of one expected event passes such a limit of 97.5 % in 8 % of all cases. Ours are exact: quantiles of a negative
binomial count with the same two variances, or of a Poisson count where the units differ by chance alone. The limits of
chance alone, and over-dispersion, are the engine's: index/engine/funnel.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_number, require_numbers
from spark_jobs.index.engine.count_quantiles import negative_binomial_quantile
from spark_jobs.index.engine.funnel import dispersion
from spark_jobs.index.flag_thresholds import OutlierFlag

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Funnel:
    """One value a unit (county). ratio: count / expected; 1 = like the city.

    phi: mean square of the winsorised z (1 = chance alone). between_variance: variance of the true ratios.
    z: distance from 1 after allowing for that variance. lower, upper: exact limits of the ratio, amber and red,
    (units, 2). Chance puts a unit strictly beyond each with a probability of (1 − level) / 2 at most.
    """

    ratio: FloatArray
    phi: float
    between_variance: float
    z: FloatArray
    lower: FloatArray
    upper: FloatArray


def count_funnel(counts: npt.ArrayLike, expected: npt.ArrayLike, rule: OutlierFlag) -> Funnel:
    """Counts against expected counts (city rate × denominator), Poisson: the ratio has variance 1 / expected.

    Raises ValueError for fewer than `min_units` units or an expected count of 0.
    """
    e = require_numbers("funnel: expected", expected, (None,), most=LARGEST_COUNT, has_gaps=False)
    y = require_numbers("funnel: counts", counts, e.shape, least=0.0, most=LARGEST_COUNT, has_gaps=False)
    if y.size < rule.min_units or not np.all(e > 0):
        raise ValueError(
            f"funnel: expected at least {rule.min_units} units with an expected count above 0, "
            f"found {y.size} units, smallest expected count {e.min(initial=np.inf)}"
        )
    ratio, precision = y / e, e
    phi = dispersion((ratio - 1) * np.sqrt(precision), rule.winsorised_share)
    between = between_variance(phi, precision)
    spread = np.sqrt(1 / precision + between)
    tails = [(1 - level) / 2 for level in (rule.amber_limit, rule.red_limit)]
    lower, upper = (
        np.stack([negative_binomial_quantile(e, 1 + e * between, p) for p in ends], axis=1) / e[:, None]
        for ends in (tails, [1 - tail for tail in tails])
    )
    return Funnel(ratio, phi, between, (ratio - 1) / spread, lower, upper)


def between_variance(phi: float, precision: FloatArray) -> float:
    """Method-of-moments variance between units from over-dispersion phi; 0 if phi is what chance brings."""
    weight = require_numbers("funnel: precision", precision, (None,), has_gaps=False)
    n = weight.size
    if n < 2 or not np.all(weight > 0):
        raise ValueError(f"funnel: expected two units or more with a precision above 0, found {n} units")
    spare = weight.sum() - np.sum(weight**2) / weight.sum()
    excess = n * require_number("funnel: phi", phi, 0.0) - (n - 1)
    return float(excess / spare) if excess > 0 and spare > 0 else 0.0
