"""Quantiles and tails of counts, elementwise: Poisson, binomial, negative binomial. NaN gives NaN.

They are found by bisection of the distribution function, in bounded time for every finite argument. SciPy's quantiles
of the binomial and the negative binomial abort the process near 1e15 events and do not end beyond 1e17. The negative
binomial is given by its mean and its dispersion: variance = dispersion x mean; with 1 it is the Poisson. From MANY
events on it is replaced by the gamma distribution of equal mean and variance, which differs by less than one event in
MANY.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincc, gammainc, gammaincc, pdtr, pdtrc

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    BoolArray,
    EngineInputError,
    FloatArray,
    require_number,
    require_numbers,
)

MANY = 1e9
LIKE_POISSON = 1e15  # a larger size adds less than a millionth to the variance of fewer than MANY events
WIDEST = 1e12  # a larger dispersion is taken as this one, at which 1 minus its inverse is not yet rounded to 1
LIKE_NOTHING = 1e-12  # with a smaller size there is hardly ever an event, and the beta function fails


def poisson_quantile(mean: npt.ArrayLike, probability: float) -> FloatArray:
    """The smallest count with P(count or fewer) >= probability."""
    mu = require_numbers("mean", mean, least=0.0, most=LARGEST_COUNT)
    p = _probability(probability)
    return _smallest(lambda count: pdtr(count, mu) >= p, mu, np.sqrt(mu))


def binomial_quantile(trials: npt.ArrayLike, share: float, probability: float) -> FloatArray:
    """The smallest count with P(count or fewer) >= probability; trials are whole numbers."""
    n = require_numbers("trials", trials, least=0.0, most=LARGEST_COUNT)
    if bool(np.any(np.floor(n) < n)):
        raise EngineInputError("trials must be whole numbers; correct the input")
    q, p = require_number("share", share, 0.0, 1.0, is_open=True), _probability(probability)

    def reached(count: FloatArray) -> BoolArray:
        left = np.where(count < n, n - count, 1.0)
        return np.asarray((count >= n) | (betaincc(count + 1.0, left, q) >= p))

    return np.minimum(_smallest(reached, n * q, np.sqrt(n * q * (1.0 - q))), n)


def negative_binomial_quantile(mean: npt.ArrayLike, dispersion: npt.ArrayLike, probability: float) -> FloatArray:
    """The smallest count with P(count or fewer) >= probability."""
    mu, phi = _mean_and_dispersion(mean, dispersion)
    p = _probability(probability)
    return _smallest(lambda count: _at_most(count, mu, phi) >= p, mu, np.sqrt(phi * mu))


def negative_binomial_limit(mean: npt.ArrayLike, dispersion: npt.ArrayLike, tail: float) -> FloatArray:
    """The smallest count with P(more) <= tail: the quantile at 1 - tail, exact for small tails too."""
    mu, phi = _mean_and_dispersion(mean, dispersion)
    p = _probability(tail)
    return _smallest(lambda count: _at_least(count + 1.0, mu, phi) <= p, mu, np.sqrt(phi * mu))


def negative_binomial_tail(count: npt.ArrayLike, mean: npt.ArrayLike, dispersion: npt.ArrayLike) -> FloatArray:
    """P(count or more)."""
    mu, phi = _mean_and_dispersion(mean, dispersion)
    whole = np.ceil(require_numbers("count", count, least=0.0))
    return np.where(np.isnan(whole), np.nan, _at_least(whole, mu, phi))


def _at_most(count: FloatArray, mean: FloatArray, dispersion: FloatArray) -> FloatArray:
    """P(count or fewer); count >= 0."""
    few, many = _two_ways(mean, dispersion, count + 1.0, betaincc, pdtr(count, mean))
    return np.where(mean < MANY, few, gammainc(many, count / dispersion))


def _at_least(count: FloatArray, mean: FloatArray, dispersion: FloatArray) -> FloatArray:
    """P(count or more); count >= 0."""
    few, many = _two_ways(mean, dispersion, np.maximum(count, 1.0), betainc, pdtrc(np.maximum(count - 1.0, 0.0), mean))
    found = np.where(mean < MANY, few, gammaincc(many, np.maximum(count - 1.0, 0.0) / dispersion))
    return np.where(count <= 0.0, 1.0, found)


def _two_ways(
    mean: FloatArray,
    dispersion: FloatArray,
    count: FloatArray,
    beta: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    poisson: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The probability of the negative binomial for fewer than MANY events, and the shape of the gamma for more."""
    excess = np.where(dispersion > 1.0, np.minimum(dispersion, WIDEST) - 1.0, 1.0)
    size = np.maximum(np.where(mean > 0.0, mean, 1.0) / excess, LIKE_NOTHING)
    is_poisson = (dispersion == 1.0) | (size > LIKE_POISSON) | (mean == 0.0) | (mean >= MANY)
    found = beta(count, np.where(is_poisson, 1.0, size), excess / (1.0 + excess))
    return np.where(is_poisson, poisson, found), np.where(mean > 0.0, mean, 1.0) / dispersion


def _smallest(is_reached: Callable[[FloatArray], BoolArray], mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """The smallest count >= 0 that `is_reached`, which holds from some count on; NaN where the mean is NaN."""
    nothing = np.isnan(mean + deviation)
    above = np.where(nothing, 0.0, np.ceil(mean + 4.0 * deviation) + 1.0)
    below = np.full_like(above, -1.0)
    while bool(np.any(beyond := ~(is_reached(above) | nothing))):
        below, above = np.where(beyond, above, below), np.where(beyond, 4.0 * above, above)
    while True:
        middle = np.floor((below + above) / 2.0)
        is_open = (below < middle) & (middle < above)
        if not bool(np.any(is_open)):
            return np.where(nothing, np.nan, above)
        reached = is_reached(np.maximum(middle, 0.0))
        above = np.where(is_open & reached, middle, above)
        below = np.where(is_open & ~reached, middle, below)


def _mean_and_dispersion(mean: npt.ArrayLike, dispersion: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    mu, phi = np.broadcast_arrays(
        require_numbers("mean", mean, least=0.0), require_numbers("dispersion", dispersion, least=1.0)
    )
    return np.asarray(mu), np.asarray(phi)


def _probability(probability: float) -> float:
    return require_number("probability", probability, 0.0, 1.0, is_open=True)
