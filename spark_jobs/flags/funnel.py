"""Funnel: which county lies outside what chance, and the usual spread between counties, would bring.

Source: Spiegelhalter (2005), Quality and Safety in Health Care 14:347 (over-dispersion from winsorised z) and
Statistics in Medicine 24:1185 (additive variance between units).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

FloatArray = npt.NDArray[np.float64]
MIN_UNITS = 4  # below that a spread between units cannot be told from a single outlier


@dataclass(frozen=True)
class Funnel:
    """One value a unit (county). ratio: count / expected; 1 = like the city.

    phi: mean square of the winsorised z (1 = chance alone). between_variance: variance of the true ratios.
    z: distance from 1 after allowing for it. lower, upper: ratio limits at each of the levels, (units,
    levels).
    """

    ratio: FloatArray
    phi: float
    between_variance: float
    z: FloatArray
    lower: FloatArray
    upper: FloatArray


def count_funnel(
    counts: npt.ArrayLike, expected: npt.ArrayLike, *, levels: tuple[float, ...], winsorised_share: float
) -> Funnel:
    """Counts against expected counts (city rate × exposure), Poisson: the ratio has variance 1 / expected.

    The outermost `winsorised_share` on each side is drawn in to its quantile before the spread is measured,
    so that the county we look for does not hide itself. Raises ValueError for fewer than 4 units or an
    expected count of 0.
    """
    y, e = np.asarray(counts, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if y.size < MIN_UNITS or not np.all(e > 0):
        raise ValueError(
            f"funnel: expected at least {MIN_UNITS} units with an expected count above 0, "
            f"found {y.size} units, smallest expected count {e.min(initial=np.inf)}"
        )
    ratio, precision = y / e, e
    drawn_in = winsorise((ratio - 1) * np.sqrt(precision), winsorised_share)
    phi = float(np.mean(drawn_in**2))
    between = between_variance(phi, precision)
    spread = np.sqrt(1 / precision + between)
    reach = stats.norm.isf((1 - np.asarray(levels)) / 2) * spread[:, None]
    return Funnel(ratio, phi, between, (ratio - 1) / spread, np.maximum(0.0, 1 - reach), 1 + reach)


def winsorise(z: FloatArray, share: float) -> FloatArray:
    """Values beyond the `share` and 1 − `share` quantiles set to these quantiles."""
    low, high = np.quantile(z, [share, 1 - share])
    return np.clip(z, low, high)


def between_variance(phi: float, precision: FloatArray) -> float:
    """Method-of-moments variance between units from over-dispersion phi; 0 if phi is what chance brings."""
    n = precision.size
    spare = precision.sum() - np.sum(precision**2) / precision.sum()
    return max(0.0, float((n * phi - (n - 1)) / spare))
