"""Funnel: which county lies outside what chance, and the usual spread between counties, would bring.

Source: Spiegelhalter (2005), Statistics in Medicine 24:1185 (additive variance between units). The limits of
chance alone, and over-dispersion, are the engine's: index/funnel.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from spark_jobs.index.engine.funnel import dispersion
from spark_jobs.index.methodology import OutlierFlag

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Funnel:
    """One value a unit (county). ratio: count / expected; 1 = like the city.

    phi: mean square of the winsorised z (1 = chance alone). between_variance: variance of the true ratios.
    z: distance from 1 after allowing for it. lower, upper: ratio limits, amber and red, (units, 2).
    """

    ratio: FloatArray
    phi: float
    between_variance: float
    z: FloatArray
    lower: FloatArray
    upper: FloatArray


def count_funnel(counts: npt.ArrayLike, expected: npt.ArrayLike, rule: OutlierFlag) -> Funnel:
    """Counts against expected counts (city rate × exposure), Poisson: the ratio has variance 1 / expected.

    Raises ValueError for fewer than `min_units` units or an expected count of 0.
    """
    y, e = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if y.size < rule.min_units or not np.all(e > 0):
        raise ValueError(
            f"funnel: expected at least {rule.min_units} units with an expected count above 0, "
            f"found {y.size} units, smallest expected count {e.min(initial=np.inf)}"
        )
    ratio, precision = y / e, e
    phi = dispersion((ratio - 1) * np.sqrt(precision), rule.winsorised_share)
    between = between_variance(phi, precision)
    spread = np.sqrt(1 / precision + between)
    levels = np.array([rule.amber_limit, rule.red_limit])
    reach = stats.norm.isf((1 - levels) / 2) * spread[:, None]
    return Funnel(ratio, phi, between, (ratio - 1) / spread, np.maximum(0.0, 1 - reach), 1 + reach)


def between_variance(phi: float, precision: FloatArray) -> float:
    """Method-of-moments variance between units from over-dispersion phi; 0 if phi is what chance brings."""
    n = precision.size
    spare = precision.sum() - np.sum(precision**2) / precision.sum()
    return max(0.0, float((n * phi - (n - 1)) / spare))
