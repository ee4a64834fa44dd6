"""Which uncertain choice moves the result: Sobol indices, and how far ranks shift."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import sobol_indices, uniform

from spark_jobs.index.engine.arrays import (
    LARGEST_SIZE,
    EngineInputError,
    FloatArray,
    require_finite,
    require_numbers,
    require_whole,
)
from spark_jobs.index.engine.ranks import ranks


@dataclass(frozen=True)
class Sobol:
    """first and total (n_outputs, n_inputs): share of an output's variance due to an input alone, and with
    all its interactions. Zero for an output that does not vary."""

    first: FloatArray
    total: FloatArray


def sobol(model: Callable[[FloatArray], FloatArray], bounds: FloatArray, n_base: int, seed: int) -> Sobol:
    """Sobol indices of `model` over independent uniform inputs; bounds (n_inputs, 2).

    `model` takes (n_inputs, n) and returns (n_outputs, n) or (n,). `n_base` is a power of two; the model sees
    n_base x (n_inputs + 3) points. Estimator of Saltelli et al. (2010) as in SciPy. An input with equal
    bounds is fixed and has index 0; a model that gives NaN or infinity is an EngineInputError.
    """
    ends = require_numbers("bounds", bounds, (None, 2), has_gaps=False)
    if n_base < 2 or n_base & (n_base - 1):
        raise EngineInputError(f"n_base must be a power of two; found {n_base}")
    require_whole("n_base", n_base, 2, LARGEST_SIZE // (len(ends) + 3) ** 2)
    require_whole("seed", seed, 0, 2**128 - 1)
    if not len(ends):
        raise EngineInputError("bounds must have one input or more; found none")
    low, high = ends.T[:, :, None]
    if bool(np.any(low > high)):
        raise EngineInputError("each input needs a lower bound, then an upper one")

    def finite(unit: FloatArray) -> FloatArray:
        output = np.atleast_2d(model(low + (high - low) * unit[:-1]))
        if output.shape[1:] != unit.shape[1:]:
            raise EngineInputError(
                f"the model must give (n_outputs, {unit.shape[1]}) or one axis; found {output.shape}"
            )
        if not bool(np.isfinite(output).all()):
            raise EngineInputError("the model must give a finite number at every point between the bounds")
        return output

    idle = uniform()  # SciPy wants two inputs or more
    with np.errstate(divide="ignore", invalid="ignore"):  # an output without variance
        found = sobol_indices(func=finite, n=n_base, dists=[idle] * (low.size + 1), rng=np.random.default_rng(seed))
    first, total = np.atleast_2d(found.first_order)[:, :-1], np.atleast_2d(found.total_order)[:, :-1]
    require_finite("first and total", [first, total])
    return Sobol(np.nan_to_num(first, nan=0.0), np.nan_to_num(total, nan=0.0))


def median_rank_shift(reference: FloatArray, alternatives: FloatArray) -> FloatArray:
    """Median absolute change of each unit's rank, (n_units,), over the alternatives (n_units, n_alternatives).

    NaN for a unit that has no rank in one of them.
    """
    require_numbers("reference", reference, (None,))
    require_numbers("alternatives", alternatives, (reference.size, None))
    if alternatives.shape[1] == 0:
        raise EngineInputError("alternatives must hold one alternative or more; found none")
    shift = np.abs(ranks(alternatives) - ranks(reference)[:, None])
    return np.asarray(np.median(shift, axis=1))
