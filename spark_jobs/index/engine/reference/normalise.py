"""Normalisations of one indicator over its units, (n_units,) to (n_units,).

NaN stays NaN and takes no part in minima, means or ranks. A harm is turned first by multiplying with -1
(`directed`). Equal values have equal ranks. Where there is no scale (one unit, zero variance, goalposts that
coincide) the result is NaN, never a made-up score. Infinite values are an EngineInputError.
Definitions: OECD/JRC Handbook on Constructing Composite Indicators (2008), chapter 5.
"""

import numpy as np
from scipy.stats import rankdata

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, require_number, require_numbers

LEAST_SCALE = 3.0  # of the exponential rank: below it e^(-100 / scale) is lost in rounding


def directed(x: FloatArray, direction: int) -> FloatArray:
    """+1 keeps the values, -1 turns them, so that more is always better afterwards."""
    if direction not in (1, -1):
        raise EngineInputError(f"a direction is 1 or -1; found {direction}")
    return _values(x) * direction


def minmax(x: FloatArray, low: float = 0.0, high: float = 100.0) -> FloatArray:
    """Least value to `low`, greatest to `high`, linear between."""
    bottom, top = require_number("low", low), require_number("high", high)
    return bottom + (top - bottom) * _position(_values(x) - _least(x), _greatest(x) - _least(x))


def zscore(x: FloatArray, mean: float = 0.0, deviation: float = 1.0) -> FloatArray:
    """Mean and sample standard deviation (n - 1) brought to the given ones."""
    present = _values(x)[~np.isnan(x)]
    to = (require_number("mean", mean), require_number("deviation", deviation))
    if present.size == 0 or np.ptp(present) == 0.0:  # rounding gives a constant a deviation of its own
        return np.full(x.shape, np.nan)
    return np.asarray(to[0] + to[1] * (x - present.mean()) / present.std(ddof=1))


def rank(x: FloatArray) -> FloatArray:
    """1 for the least value; equal values share the lowest rank."""
    return np.asarray(rankdata(_values(x), method="min", nan_policy="omit"), dtype=np.float64)


def borda(x: FloatArray) -> FloatArray:
    """Number of units that are strictly below."""
    return rank(x) - 1.0


def percentile_rank(x: FloatArray) -> FloatArray:
    """Share of the other units that are strictly below, 0 to 1; a single unit has no others (NaN)."""
    return _position(borda(x), float(np.sum(~np.isnan(x)) - 1))


def distance_to_maximum(x: FloatArray) -> FloatArray:
    """1 - (max - x) / range: 1 for the best, 0 for the least."""
    return 1.0 - _position(_greatest(_values(x)) - x, _greatest(x) - _least(x))


def distance_to_target(x: FloatArray, target: float) -> FloatArray:
    """1 - (target - x) / (target - min), at most 1: reached and passed targets count the same."""
    return np.minimum(1.0 - _position(_goalpost("target", target, x) - x, target - _least(x)), 1.0)


def distance_to_reference(x: FloatArray, reference: float) -> FloatArray:
    """1 - (reference - x) / (reference - min): 1 for the reference, more above it."""
    return 1.0 - _position(_goalpost("reference", reference, x) - x, reference - _least(x))


def fraction_of_maximum(x: FloatArray) -> FloatArray:
    """x / max(x). A maximum of 0 gives infinities and NaN by the rules of division."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_values(x) / _greatest(x))


def scaled(x: FloatArray, offset: float = 0.0, factor: float = 1.0) -> FloatArray:
    """(x - offset) / factor with given numbers: a change of unit. A factor of 0 is an EngineInputError."""
    if factor == 0.0:
        raise EngineInputError("a unit cannot be 0 of another; give the factor")
    return np.asarray((_values(x) - require_number("offset", offset)) / require_number("factor", factor))


def goalposts(x: FloatArray, low: float, high: float, is_capped: bool = True) -> FloatArray:
    """Fixed goalposts instead of the sample's: low to 0, high to 1; capped to [0, 1] unless told otherwise."""
    position = _position(_values(x) - require_number("low", low), require_number("high", high) - low)
    return np.clip(position, 0.0, 1.0) if is_capped else position


def reference_scale(x: FloatArray, reference: float, low: float, high: float) -> FloatArray:
    """100 at the reference and 60 points from low to high: the AMPI normalisation for benefits.

    Mazziotta and Pareto (2016), Soc. Indic. Res. 127: 70 to 130 when the reference lies in the middle.
    """
    span = require_number("high", high) - require_number("low", low)
    return 100.0 + 60.0 * _position(_values(x) - require_number("reference", reference), span)


def exponential_rank(x: FloatArray, scale: float = 23.0) -> FloatArray:
    """Ranks to (0, 100] with most of the spread at the top: -23 ln(1 - R (1 - e^(-100/23))), R = rank / n.

    English Indices of Deprivation, Technical report (2019); equal values share the mean rank.
    """
    require_number("scale", scale, LEAST_SCALE)
    n_present = max(int(np.sum(~np.isnan(_values(x)))), 1)
    share = np.asarray(rankdata(x, method="average", nan_policy="omit")) / n_present
    return np.asarray(-scale * np.log(1.0 - share * (1.0 - np.exp(-100.0 / scale))))


def _values(x: FloatArray) -> FloatArray:
    """The values (n_units,), checked."""
    return require_numbers("values", x, (None,))


def _goalpost(name: str, value: float, x: FloatArray) -> float:
    """A given goalpost; one that is infinite because no value is present makes every position NaN."""
    _values(x)
    return value if np.isnan(x).all() and np.isposinf(value) else require_number(name, value)


def _position(distance: FloatArray, span: float) -> FloatArray:
    """distance / span; NaN without a span."""
    return np.asarray(distance / (span if span != 0.0 else np.nan))


def _least(x: FloatArray) -> float:
    """The least present value, infinite where none is present: every position is then NaN."""
    return float(np.fmin.reduce(x, initial=np.inf))


def _greatest(x: FloatArray) -> float:
    return float(np.fmax.reduce(x, initial=-np.inf))
