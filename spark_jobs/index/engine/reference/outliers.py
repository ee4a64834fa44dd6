"""Treatment of skewed indicators before normalisation. (n_units,) to (n_units,); NaN stays NaN."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import boxcox as scipy_boxcox
from scipy.stats import kurtosis, skew

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray


@dataclass(frozen=True)
class Shape:
    """Bias-corrected skewness and excess kurtosis, and whether they are acceptable."""

    skewness: float
    kurtosis: float
    passes: bool


def shape(x: FloatArray, max_skewness: float = 2.0, max_kurtosis: float = 3.5) -> Shape:
    """An indicator passes unless both its |skewness| and its kurtosis reach their limits.

    Needs four values; zero variance has no shape (NaN) and passes.
    """
    values = x[~np.isnan(x)]
    if values.size < 4:
        raise EngineInputError(f"skewness and kurtosis need at least 4 values; found {values.size}")
    if np.ptp(values) == 0.0:
        return Shape(float("nan"), float("nan"), True)
    skewness, excess = float(skew(values, bias=False)), float(kurtosis(values, bias=False))
    return Shape(skewness, excess, abs(skewness) < max_skewness or excess < max_kurtosis)


def winsorise(
    x: FloatArray, max_points: int = 5, max_skewness: float = 2.0, max_kurtosis: float = 3.5
) -> tuple[FloatArray, int]:
    """Pull the outermost value in to its neighbour until the shape passes or max_points are treated.

    The side follows the sign of the skewness. Returns the values and the number of treated points (points
    that are equal are pulled in together, so the limit may be passed by ties).
    """
    treated, high, low = x.copy(), 0, 0
    while high + low < max_points:
        found = shape(treated, max_skewness, max_kurtosis)
        if found.passes:
            break
        if found.skewness >= 0.0:
            outer = treated == np.nanmax(treated)
            treated[outer] = np.nanmax(treated[~outer])
            high = int(outer.sum())
        else:
            outer = treated == np.nanmin(treated)
            treated[outer] = np.nanmin(treated[~outer])
            low = int(outer.sum())
    return treated, high + low


def log_shifted(x: FloatArray, shift: float = 1.0) -> FloatArray:
    """ln(x - min + shift): defined for every sign, 0 at the least value when the shift is 1."""
    if shift <= 0.0:
        raise EngineInputError(f"the shift of a logarithm must be positive; found {shift}")
    return np.asarray(np.log(_from_zero(x) + shift))


def box_cox(x: FloatArray, exponent: float | None = None) -> tuple[FloatArray, float]:
    """Box-Cox of values shifted to a minimum of 1, and its exponent (by maximum likelihood unless given).

    Estimating the exponent needs two different values; fewer are an EngineInputError.
    """
    shifted = _from_zero(x) + 1.0
    present = ~np.isnan(shifted)
    if exponent is None and np.unique(shifted[present]).size < 2:
        raise EngineInputError("no exponent can be estimated for a constant; give one or leave it untreated")
    result = np.full(x.shape, np.nan)
    if exponent is None:
        result[present], exponent = scipy_boxcox(shifted[present])
    else:
        result[present] = scipy_boxcox(shifted[present], lmbda=exponent)
    return result, float(exponent)


def _from_zero(x: FloatArray) -> FloatArray:
    """Values less the least present one; all NaN stays all NaN."""
    return np.asarray(x - np.fmin.reduce(x, initial=np.inf))
