"""Treatment of skewed indicators before normalisation. (n_units,) to (n_units,); NaN stays NaN."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import boxcox as scipy_boxcox
from scipy.stats import kurtosis, skew

from spark_jobs.index.engine.arrays import (
    EngineInputError,
    FloatArray,
    require_finite,
    require_number,
    require_numbers,
    require_whole,
)


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
    require_number("max_skewness", max_skewness, 0.0)
    require_number("max_kurtosis", max_kurtosis)
    values = require_numbers("values", x, (None,))
    values = values[~np.isnan(values)]
    if values.size < 4:
        raise EngineInputError(f"skewness and kurtosis need at least 4 values; found {values.size}")
    if np.ptp(values) == 0.0:
        return Shape(float("nan"), float("nan"), True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # moments of values that differ by rounding only
        skewness, excess = float(skew(values, bias=False)), float(kurtosis(values, bias=False))
    if not np.isfinite([skewness, excess]).all():
        return Shape(float("nan"), float("nan"), True)
    return Shape(skewness, excess, abs(skewness) < max_skewness or excess < max_kurtosis)


def winsorise(
    x: FloatArray, max_points: int = 5, max_skewness: float = 2.0, max_kurtosis: float = 3.5
) -> tuple[FloatArray, int]:
    """Pull the outermost value in to its neighbour until the shape passes or max_points are treated.

    The side follows the sign of the skewness. Returns the values and the number of treated points (points
    that are equal are pulled in together, so the limit may be passed by ties).
    """
    require_whole("max_points", max_points, 0)
    treated, high, low = require_numbers("values", x, (None,)).copy(), 0, 0
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
    if not shift > 0.0:
        raise EngineInputError(f"the shift of a logarithm must be positive; found {shift}")
    require_number("shift", shift)
    return np.asarray(np.log(_from_zero(x) + shift))


def box_cox(x: FloatArray, exponent: float | None = None) -> tuple[FloatArray, float]:
    """Box-Cox of values shifted to a minimum of 1, and its exponent (by maximum likelihood unless given).

    Estimating the exponent needs two different values; fewer are an EngineInputError.
    """
    shifted = _from_zero(x) + 1.0
    present = ~np.isnan(shifted)
    if exponent is None and np.unique(shifted[present]).size < 2:
        raise EngineInputError("no exponent can be estimated for a constant; give one or leave it untreated")
    if exponent is not None:
        require_number("exponent", exponent)
    result = np.full(x.shape, np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        if exponent is None:
            result[present], exponent = scipy_boxcox(shifted[present])
        else:
            result[present] = scipy_boxcox(shifted[present], lmbda=exponent)
    require_finite("the transformation", [*result[present], float(exponent)])
    return result, float(exponent)


def _from_zero(x: FloatArray) -> FloatArray:
    """Values less the least present one; all NaN stays all NaN."""
    return np.asarray(require_numbers("values", x, (None,)) - np.fmin.reduce(x, initial=np.inf))
