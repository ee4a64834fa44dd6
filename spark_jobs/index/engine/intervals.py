"""Classical confidence limits of counts, rates, proportions and standardised figures.

All functions are elementwise on arrays and return (lower, upper) unless said otherwise. `coverage` is
two-sided, strictly between 0 and 1. NaN and zero denominator give NaN; counts that are negative, infinite or beyond
LARGEST_COUNT are an EngineInputError.
"""

import numpy as np
from scipy.stats import chi2, norm

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    EngineInputError,
    FloatArray,
    require_number,
    require_numbers,
    require_weights,
)

Limits = tuple[FloatArray, FloatArray]

BYAR_FROM = 10  # below this count Byar's approximation is replaced by the exact limits


def byar(counts: FloatArray, coverage: float = 0.95) -> Limits:
    """Byar's approximation for a Poisson count (Breslow and Day 1987, vol. II, p. 69).

    Where the cube of the lower limit falls below 0, at few events and a wide coverage, the limit is 0.
    """
    _require_counts(counts)
    z = norm.isf(_tail(coverage))
    positive = np.where(counts > 0.0, counts, 1.0)
    lower = positive * np.maximum(1.0 - 1.0 / (9.0 * positive) - z / (3.0 * np.sqrt(positive)), 0.0) ** 3
    above = counts + 1.0
    upper = above * (1.0 - 1.0 / (9.0 * above) + z / (3.0 * np.sqrt(above))) ** 3
    return np.where(counts == 0.0, 0.0, np.where(np.isnan(counts), np.nan, lower)), upper


def exact_poisson(counts: FloatArray, coverage: float = 0.95) -> Limits:
    """Exact (Garwood 1936) limits of a Poisson count; the lower limit of 0 events is 0."""
    _require_counts(counts)
    tail = _tail(coverage)
    lower = np.where(counts == 0.0, 0.0, chi2.ppf(tail, 2.0 * counts) / 2.0)
    return np.asarray(lower), np.asarray(chi2.isf(tail, 2.0 * counts + 2.0) / 2.0)


def count_limits(counts: FloatArray, coverage: float = 0.95) -> Limits:
    """Byar's limits from ten events, exact ones below: the practice of English public health statistics."""
    approximate, exact = byar(counts, coverage), exact_poisson(counts, coverage)
    few = counts < BYAR_FROM
    return np.where(few, exact[0], approximate[0]), np.where(few, exact[1], approximate[1])


def rate(counts: FloatArray, denominator: FloatArray, coverage: float = 0.95, per: float = 1.0) -> Limits:
    """Limits of a crude rate: those of its count over the denominator."""
    lower, upper = count_limits(counts, coverage)
    scale = require_number("per", per, 0.0) / _positive(denominator)
    return lower * scale, upper * scale


def wilson(successes: FloatArray, trials: FloatArray, coverage: float = 0.95) -> Limits:
    """Wilson (1927) score limits of a proportion, inside [0, 1] also for none and all."""
    _require_counts(successes)
    require_numbers("trials", trials, least=0.0, most=LARGEST_COUNT)
    if bool(np.any(successes > trials)):
        raise EngineInputError("more successes than trials; correct the input")
    z = norm.isf(_tail(coverage))
    n = _positive(trials)
    p = successes / n
    middle = p + z**2 / (2.0 * n)
    half = z * np.sqrt(p * (1.0 - p) / n + z**2 / (4.0 * n**2))
    lower, upper = (middle - half) / (1.0 + z**2 / n), (middle + half) / (1.0 + z**2 / n)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def directly_standardised_rate(
    counts: FloatArray, denominator: FloatArray, standard: FloatArray, coverage: float = 0.95, per: float = 1.0
) -> tuple[float, float, float]:
    """(rate, lower, upper) of one area from its strata, all (n_strata,): Dobson et al. (1991).

    The limits are those of the total count, moved and scaled to the variance of the weighted sum. Without events the
    rate is 0 and its limits are undefined (NaN), because the method needs a variance. A stratum of standard weight 0
    takes no part. A stratum without a denominator is an error. A NaN in one stratum makes all three NaN.
    """
    _require_counts(counts)
    require_numbers("denominator", denominator, counts.shape)
    require_numbers("per", per, ())
    if counts.ndim != 1 or require_weights("standard", standard).shape != counts.shape or not standard.sum() > 0.0:
        raise EngineInputError("the standard population must be >= 0 in every stratum (n_strata,) and not 0 in all")
    used = standard > 0.0
    counts, denominator, share = counts[used], denominator[used], standard[used] / standard.sum()
    if bool(np.any(denominator <= 0.0)):
        raise EngineInputError("every stratum needs a denominator; merge strata before standardising")
    value, total = float((share * counts / denominator).sum()), float(counts.sum())
    if total == 0.0:
        return 0.0, float("nan"), float("nan")
    spread = np.sqrt(float((share**2 * counts / denominator**2).sum()) / total)
    lower, upper = count_limits(np.array([total]), coverage)
    ends = value + spread * (lower[0] - total), value + spread * (upper[0] - total)
    return value * per, float(ends[0]) * per, float(ends[1]) * per


def standardised_ratio(
    counts: FloatArray, expected: FloatArray, coverage: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(ratio, lower, upper): observed over expected events (SMR), with the limits of the observed count."""
    lower, upper = count_limits(counts, coverage)
    base = _positive(expected)
    return counts / base, lower / base, upper / base


def _tail(coverage: float) -> float:
    return (1.0 - require_number("coverage", coverage, 0.0, 1.0, is_open=True)) / 2.0


def _positive(denominator: FloatArray) -> FloatArray:
    require_numbers("denominator", denominator, least=0.0)
    return np.where(denominator > 0.0, denominator, np.nan)


def _require_counts(counts: FloatArray) -> None:
    require_numbers("counts", counts, least=0.0, most=LARGEST_COUNT)
