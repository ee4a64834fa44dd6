"""Ways to weight components: equal, from the data, or varied at random around given weights.

Given weights must be >= 0 with a positive sum, else EngineInputError. A component of weight 0 keeps it.
"""

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST_SIZE,
    EngineInputError,
    FloatArray,
    require_number,
    require_numbers,
    require_weights,
    require_whole,
)


def equal(n_components: int) -> FloatArray:
    """The same weight for each, summing to 1; there must be one component or more."""
    if n_components < 1:
        raise EngineInputError(f"weights need one component or more; found {n_components}")
    return np.full(require_whole("n_components", n_components), 1.0 / n_components)


def principal_component(values: FloatArray) -> FloatArray:
    """Squared loadings of the first principal component of the correlations; values (n_units, k).

    OECD/JRC Handbook (2008), 6.1. Squared loadings sum to 1 and have no sign. Units with a gap are left out;
    a component without variance has no correlation and is an EngineInputError.
    """
    require_numbers("values", values, (None, None))
    complete = values[~np.isnan(values).any(axis=1)]
    if values.shape[1] == 0:
        raise EngineInputError("principal components need one component or more; found none")
    if complete.shape[0] < 2 or bool(np.any(np.ptp(complete, axis=0) == 0.0)):
        raise EngineInputError("principal components need two complete units and variance in each component")
    unit = np.abs(complete).max(axis=0)  # correlations do not depend on the unit, and squares stay in range
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.atleast_2d(np.corrcoef(complete / unit, rowvar=False))
    if not bool(np.isfinite(correlations).all()):
        raise EngineInputError("principal components need variance in each component; found one that is rounding")
    return np.asarray(np.linalg.eigh(correlations).eigenvectors[:, -1] ** 2)


def noisy(weights: FloatArray, factor: float, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Weights, each changed at random by up to +-factor of itself, uniformly; (n_draws, k), rows summing to 1.

    The factor lies in [0, 1): with a larger one weights could be negative.
    """
    _require_weights(weights)
    _require_draws(n_draws, weights)
    if not 0.0 <= factor < 1.0:
        raise EngineInputError(f"weights move by a factor in [0, 1); found {factor}")
    moved = weights * (1.0 + factor * rng.uniform(-1.0, 1.0, (n_draws, weights.size)))
    return np.asarray(moved / moved.sum(axis=1, keepdims=True))


def dirichlet(weights: FloatArray, relative_deviation: float, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Dirichlet weights around `weights`, (n_draws, k), rows summing to 1.

    The concentration is such that a component of average weight 1/k has that relative standard deviation. A single
    component always has the whole weight.
    """
    _require_weights(weights)
    _require_draws(n_draws, weights)
    require_number("relative_deviation", relative_deviation, 1e-6)
    k = weights.size
    if k == 1:
        return np.ones((n_draws, 1))
    concentration = (k - 1) / relative_deviation**2 - 1.0
    if concentration <= 0.0:
        raise EngineInputError(f"{k} components cannot vary by {relative_deviation:.0%}; choose less")
    return np.asarray(rng.dirichlet(concentration * weights / weights.sum(), n_draws))


def _require_weights(weights: FloatArray) -> None:
    if require_weights("weights", weights, is_positive=True).ndim != 1:
        raise EngineInputError(f"weights must be (k,); found {weights.shape}")


def _require_draws(n_draws: int, weights: FloatArray) -> None:
    require_whole("n_draws", n_draws, 1, LARGEST_SIZE // weights.size)
