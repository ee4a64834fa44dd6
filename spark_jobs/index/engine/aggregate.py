"""Aggregation of scores into one number. Axis 0 is what is aggregated; all other axes are kept.

Weights are (k,) or any shape that broadcasts over `values` from the left, e.g. (k, n_areas) for values
(k, n_areas, n_draws); they are normalised here. A NaN value with a positive weight gives NaN: nothing is filled in. Use
`available_weights` to spread the weight over what is there. Without any component, or any that has weight, the result
is NaN. A weight that is negative or NaN, and an infinite value, are EngineInputErrors.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST,
    BoolArray,
    EngineInputError,
    FloatArray,
    require_number,
    require_numbers,
    require_weights,
)

Direction = Literal["benefit", "harm"]
UNITS_AT_ONCE = 256  # bounds the memory of the pairs of units
MOST_IN_MATRIX = 10_000  # units: a matrix of 800 MB
MOST_COMPARED = 100_000  # units, all with all: some minutes


def arithmetic(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted mean."""
    return _mean(values, values, weights)


def geometric(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted geometric mean; a zero gives zero, a negative value is an EngineInputError."""
    _require_not_negative(values, "geometric")
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(_mean(values, np.log(values), weights)))


def harmonic(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted harmonic mean; a zero gives zero (its limit), a negative value is an EngineInputError."""
    _require_not_negative(require_numbers("values", values), "harmonic")
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / _mean(values, 1.0 / values, weights))


def ampi(values: FloatArray, weights: FloatArray, direction: Direction = "benefit") -> FloatArray:
    """Adjusted Mazziotta-Pareto index: M - S^2 / M when higher is better ("benefit"), M + S^2 / M for harms.

    M and S^2 are the weighted mean and variance over the components (Mazziotta and Pareto 2016, with
    weights). Undefined, NaN, where M <= 0; equal values have no penalty.
    """
    if direction not in ("benefit", "harm"):
        raise EngineInputError(f"direction must be benefit or harm; found {direction!r}")
    mean = _mean(values, values, weights)
    with np.errstate(invalid="ignore", over="ignore"):
        squares = (values - mean) ** 2
    variance = _mean(values, squares, weights)
    sign = -1.0 if direction == "benefit" else 1.0
    positive = np.where(mean > 0.0, mean, np.nan)
    return np.asarray(positive + sign * variance / positive)


def available_weights(weights: FloatArray, is_available: BoolArray, least_share: float) -> FloatArray:
    """Weights spread over the available components, (k, ...) like `is_available`, summing to 1.

    All zero where the available components hold less than `least_share` of the weight.
    """
    share = live_share(weights, is_available)
    least = require_number("least_share", least_share, 0.0, 1.0)
    kept = np.where(is_available, _along_first(weights, is_available.shape), 0.0)
    total = kept.sum(axis=0)
    enough = (share >= least - 1e-12) & (total > 0.0)
    return np.asarray(np.where(enough, kept / np.where(total > 0.0, total, 1.0), 0.0))


def live_share(weights: FloatArray, is_available: BoolArray) -> FloatArray:
    """Share of the weight that the available components hold; 0 where there is no weight at all."""
    if is_available.dtype != np.bool_:
        raise EngineInputError(f"is_available must be true or false; found {is_available.dtype}")
    spread = _along_first(require_weights("weights", weights), is_available.shape)
    total = weights.sum(axis=0)
    return np.asarray((spread * is_available).sum(axis=0) / np.where(total > 0.0, total, np.inf))


def outranking(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the weight on which unit i (row) beats unit j (column), (n_units, n_units); ties count half.

    values (k, n_units). A unit whose value is NaN in a component with weight takes no part: NaN.
    More than MOST_IN_MATRIX units are an EngineInputError.
    """
    _require_comparable(values, weights, MOST_IN_MATRIX)
    return _outranking(values, values, weights)


def copeland(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Copeland score: units outranked minus units that outrank, (n_units,). Munda and Nardo (2009).

    A unit whose value is NaN in a component with weight has no score (NaN) and takes no part. All pairs are compared,
    some units at a time: time grows with n_units^2, memory does not. More than MOST_COMPARED are an EngineInputError.
    """
    _require_comparable(values, weights, MOST_COMPARED)
    takes_part = ~np.isnan(values[weights > 0.0]).any(axis=0)
    kept, scores = values[:, takes_part], []
    for start in range(0, kept.shape[1], UNITS_AT_ONCE):
        margin = _outranking(kept[:, start : start + UNITS_AT_ONCE], kept, weights) - 0.5
        scores.append(np.where(np.abs(margin) < 1e-9, 0.0, np.sign(margin)).sum(axis=1))
    result = np.full(values.shape[1], np.nan)
    result[takes_part] = np.concatenate(scores) if scores else 0.0
    return result


def effective_weights(parents: Mapping[str, str | None], weights: Mapping[str, float]) -> dict[str, float]:
    """Weight of every node in the root: its share among its siblings, times the shares of all its ancestors.

    `parents` names each node's parent, None for the root. An unknown parent, a cycle, siblings without any weight, and
    a weight that is absent, negative or infinite are EngineInputErrors.
    """
    siblings: dict[str | None, float] = {}
    for node, parent in parents.items():
        if not 0.0 <= weights.get(node, -1.0) <= LARGEST:
            raise EngineInputError(f"every node needs a weight >= 0; found {weights.get(node)} for {node!r}")
        siblings[parent] = siblings.get(parent, 0.0) + weights[node]
    empty = [parent for parent, total in siblings.items() if total == 0.0]
    if empty:
        raise EngineInputError(f"one child at least must have a weight above 0; none has below {empty}")
    effective: dict[str | None, float] = {None: 1.0}
    for node in parents:
        for step in reversed(_path(node, parents, effective)):
            effective[step] = weights[step] / siblings[parents[step]] * effective[parents[step]]
    return {node: effective[node] for node in parents}


def _path(node: str, parents: Mapping[str, str | None], known: Mapping[str | None, float]) -> list[str]:
    """The node and its ancestors up to the first that is known."""
    path: dict[str, None] = {}
    at: str | None = node
    while at is not None and at not in known:
        if at in path or at not in parents:
            raise EngineInputError(f"the hierarchy must be a tree; {at!r} is its own ancestor or not listed")
        path[at] = None
        at = parents[at]
    return list(path)


def _mean(values: FloatArray, terms: FloatArray, weights: FloatArray) -> FloatArray:
    """The weighted sum of the terms, after checks of the arguments.

    There are many values, so they are checked only where a result is not finite.
    """
    require_weights("weights", weights)
    if values.ndim == 0:
        raise EngineInputError("values must have an axis of components; found a single number")
    with np.errstate(invalid="ignore", over="ignore"):
        result = _weighted_sum(terms, weights)
    if not bool(np.isfinite(result).all()) or float(np.abs(result).max(initial=0.0)) > LARGEST:
        require_numbers("values", values)
    return result


def _weighted_sum(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum over axis 0 with weights that sum to 1; weightless components are left out even when NaN."""
    spread = _along_first(weights, values.shape)
    total = spread.sum(axis=0)
    products = np.where(spread > 0.0, values * spread, 0.0)
    return np.asarray(products.sum(axis=0) / np.where(total > 0.0, total, np.nan))


def _outranking(units: FloatArray, others: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the weight on which each of `units` (k, m) beats each of `others` (k, n), (m, n)."""
    share = np.zeros((units.shape[1], others.shape[1]))
    for weight, of_units, of_others in zip(weights / weights.sum(), units, others, strict=True):
        if weight > 0.0:
            share += weight * (0.5 + 0.5 * np.sign(of_units[:, None] - of_others))
    return share


def _require_comparable(values: FloatArray, weights: FloatArray, most: int) -> None:
    require_numbers("values", values, (None, None))
    require_weights("weights", weights, is_positive=True)
    if weights.shape != values.shape[:1] or values.shape[1] > most:
        raise EngineInputError(
            f"values must be (k, n_units) of at most {most} units, weights (k,); found {values.shape}, {weights.shape}"
        )


def _along_first(weights: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The weights with as many axes as `shape`, over which they broadcast."""
    spread = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    axes: list[tuple[int, int]] = list(zip(spread.shape, shape, strict=False))
    if spread.ndim != len(shape) or any(length not in (1, whole) for length, whole in axes):
        raise EngineInputError(f"weights {weights.shape} must fit the first axes of the values {shape}")
    return spread


def _require_not_negative(values: FloatArray, mean: str) -> None:
    if bool(np.any(values < 0.0)):
        raise EngineInputError(f"the {mean} mean needs values >= 0; found {np.nanmin(values)}; re-scale first")
