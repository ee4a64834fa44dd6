"""Plug-in empirical Bayes smoothing: the published standard that the joint posterior is compared with.

Not used for the index: with nine areas the moment estimators often collapse to "all equal".
counts, denominator (n_areas,), one area or more, no missing values; denominator must be positive. Areas that do
not differ, or one area alone, all take the pooled rate.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    EngineInputError,
    FloatArray,
    require_finite,
    require_numbers,
)

LARGEST_SHAPE = 1e6  # areas that vary by less than 0.1 %: the likelihood rises without end
LARGEST_DENOMINATOR = 1e15
LARGEST_LOG = 100.0  # of a parameter on its way


@dataclass(frozen=True)
class Smoothed:
    """Smoothed rates (n_areas,), the global mean and the between-area variance that was plugged in."""

    rates: FloatArray
    mean: float
    variance: float


def marshall_poisson(counts: FloatArray, denominator: FloatArray) -> Smoothed:
    """Global moment estimator of Marshall (1991), Applied Statistics 40; a negative variance counts as 0."""
    raw, mean, spread = _moments(counts, denominator)
    variance = max(spread - mean / float(denominator.mean()), 0.0)
    if mean == 0.0:
        return Smoothed(np.zeros_like(raw), 0.0, 0.0)
    return Smoothed(mean + variance * (raw - mean) / (variance + mean / denominator), mean, variance)


def martuzzi_binomial(counts: FloatArray, denominator: FloatArray) -> Smoothed:
    """Binomial moment estimator of Martuzzi and Elliott (1996), Statistics in Medicine 15."""
    raw, mean, spread = _moments(counts, denominator)
    relative, binomial = denominator / float(denominator.mean()), mean * (1.0 - mean)
    if binomial == 0.0 or spread == 0.0:
        return Smoothed(np.full_like(raw, mean), mean, 0.0)
    if mean > 1.0:
        raise EngineInputError(f"counts must be successes among the denominator; found a pooled share of {mean:g}")
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = (denominator * spread - relative * binomial) / (
            (denominator - 1.0) * spread + (1.0 - relative) * binomial
        )
    if not bool(np.isfinite(weight).all()):
        raise EngineInputError(
            "denominator must be more than one trial; these shares leave the estimator nothing to divide by"
        )
    return Smoothed(weight * raw + (1.0 - weight) * mean, mean, spread)


@dataclass(frozen=True)
class GammaPrior:
    """theta ~ Gamma(shape, rate): relative risks of the Poisson-gamma model."""

    shape: float
    rate: float


def gamma_prior_ml(counts: FloatArray, expected: FloatArray) -> GammaPrior:
    """Maximum likelihood of the negative binomial (Clayton and Kaldor 1987, Biometrics 43).

    Areas that vary no more than chance (one alone, or no event, are such) have none: EngineInputError.
    """
    _require_valid(counts, expected)

    def minus_log_likelihood(log_parameters: FloatArray) -> float:
        shape, rate = np.exp(np.clip(log_parameters, -LARGEST_LOG, LARGEST_LOG))
        terms = gammaln(counts + shape) - gammaln(shape) + shape * np.log(rate)
        return -float((terms - (counts + shape) * np.log(expected + rate)).sum())

    start = np.log([1.0, float(expected.sum() / max(counts.sum(), 1.0))])
    found = minimize(
        minus_log_likelihood,
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000},
    )
    shape, rate = (float(value) for value in np.exp(np.clip(found.x, -LARGEST_LOG, LARGEST_LOG)))
    if not found.success or shape > LARGEST_SHAPE or counts.sum() == 0.0:
        raise EngineInputError(
            "the areas vary no more than chance: the maximum likelihood prior is degenerate; use the joint posterior"
        )
    return GammaPrior(shape, rate)


def _moments(counts: FloatArray, denominator: FloatArray) -> tuple[FloatArray, float, float]:
    """Raw rates, pooled rate, denominator-weighted variance."""
    _require_valid(counts, denominator)
    raw, mean = counts / denominator, float(counts.sum() / denominator.sum())
    return raw, mean, float((denominator * (raw - mean) ** 2).sum() / denominator.sum())


def _require_valid(counts: FloatArray, denominator: FloatArray) -> None:
    if counts.size == 0 or not bool(np.all(counts >= 0.0) and np.all(denominator > 0.0)):
        raise EngineInputError("empirical Bayes needs one area or more, counts >= 0 and denominator > 0 without gaps")
    require_numbers("counts", counts, (None,), most=LARGEST_COUNT)
    require_numbers("denominator", denominator, counts.shape, most=LARGEST_DENOMINATOR)
    require_finite("rates", counts / denominator)
