"""Late data: how complete a period is after d development steps, and what the final count will be.

Chain ladder with the distribution-free standard error of Mack (1993), ASTIN Bulletin 23, 213-225.
Triangle: (n_origins, n_developments) cumulative values, NaN where not yet known. Each row is known up to its latest
diagonal and then unknown, and there are at least as many developments as the tail needs. Rows that are older than the
first observation may begin unknown: they tell of their later steps only.

At the edges: a row whose latest value is 0 stays at 0 without error, because the method only multiplies. A step that
only one row knows takes its variance from the two steps before it, or 0 where there are none.
"""

from dataclasses import dataclass

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    EngineInputError,
    FloatArray,
    require_finite,
    require_number,
    require_numbers,
)


@dataclass(frozen=True)
class ChainLadder:
    """factors f_k and variances sigma2_k (n_developments - 1,); ultimate, outstanding and standard_error
    (n_origins,); completeness p_d (n_developments,), the share of the final value known after step d."""

    factors: FloatArray
    variances: FloatArray
    completeness: FloatArray
    ultimate: FloatArray
    outstanding: FloatArray
    standard_error: FloatArray
    total_standard_error: float


def mack(triangle: FloatArray) -> ChainLadder:
    """Volume-weighted development factors, ultimates and their standard errors.

    Factors that multiply beyond the range of numbers are an EngineInputError, as are counts below 0 or infinite.
    """
    known = _latest_positions(triangle)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ladder = _ladder(triangle, known)
    for name in ("ultimate", "standard_error", "total_standard_error", "completeness"):
        require_finite(name, getattr(ladder, name))
        if bool(np.isnan(getattr(ladder, name)).any()):
            raise EngineInputError(f"{name} leaves the range of numbers; the steps lie too far apart")
    return ladder


def _ladder(triangle: FloatArray, known: np.ndarray[tuple[int], np.dtype[np.intp]]) -> ChainLadder:
    factors, volumes = _factors(triangle)
    variances = _variances(triangle, factors)
    full = _completed(triangle, factors)
    ultimate = full[:, -1]
    latest = triangle[np.arange(known.size), known]
    tail = np.append(np.cumprod(factors[::-1])[::-1], 1.0)
    relative = variances / factors**2
    steps = np.arange(factors.size)
    ahead = steps[None, :] >= known[:, None]
    inverse = np.divide(1.0, full[:, :-1], out=np.zeros_like(full[:, :-1]), where=full[:, :-1] > 0.0)
    process = np.where(ahead, relative * (inverse + 1.0 / volumes), 0.0).sum(axis=1)
    square = ultimate**2 * process
    shared = np.where(ahead, 2.0 * relative / volumes, 0.0).sum(axis=1)
    order = np.argsort(known)[::-1]  # oldest first: factors ahead of an older origin lie ahead of later ones too
    later = ultimate.sum() - np.cumsum(ultimate[order])
    covariance = float((ultimate[order] * later * shared[order]).sum())
    return ChainLadder(
        factors=factors,
        variances=variances,
        completeness=1.0 / tail,
        ultimate=ultimate,
        outstanding=ultimate - latest,
        standard_error=np.sqrt(square),
        total_standard_error=float(np.sqrt(square.sum() + covariance)),
    )


def nowcast(count: FloatArray, completeness: FloatArray) -> FloatArray:
    """Expected final count n / p_d; NaN where nothing can be known yet (p_d = 0)."""
    share = require_numbers("completeness", completeness, least=0.0)
    return np.asarray(require_numbers("count", count, least=0.0) / np.where(share > 0.0, share, np.nan))


def publishable_delay(completeness: FloatArray, least: float) -> int:
    """The shortest delay d after which at least `least` of the final count is known, now and at all later d."""
    if completeness.size == 0:
        raise EngineInputError("completeness has no delay at all; give one value a development step")
    require_numbers("completeness", completeness, (None,), least=0.0, has_gaps=False)
    enough = completeness >= require_number("least", least, 0.0)
    short = np.flatnonzero(~enough)
    first = 0 if short.size == 0 else int(short[-1]) + 1
    if first >= completeness.size:
        raise EngineInputError(f"no delay reaches completeness {least}; the greatest is {completeness.max()}")
    return first


def _latest_positions(triangle: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Column of the last known value of each row; EngineInputError for gaps, an empty row, a negative value."""
    known = ~np.isnan(triangle)
    count = known.sum(axis=-1) if triangle.ndim else np.zeros(1)
    first = known.argmax(axis=-1) if known.size else count
    if triangle.ndim != 2 or triangle.shape[0] < 1 or triangle.shape[1] < 2 or bool(np.any(count == 0)):
        raise EngineInputError("a triangle has two or more developments and a first value in every row")
    require_numbers("cumulative values", triangle, least=0.0, most=LARGEST_COUNT)
    columns = np.arange(triangle.shape[1])
    if not np.array_equal(known, (columns >= first[:, None]) & (columns < (first + count)[:, None])):
        raise EngineInputError("a row of the triangle has a gap before its latest value; fill or drop it")
    return np.asarray(first + count - 1)


def _factors(triangle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """f_k = sum of C_{k+1} / sum of C_k, over the rows that know both; also these sums of C_k."""
    both = ~np.isnan(triangle[:, 1:]) & ~np.isnan(triangle[:, :-1])
    volumes = np.where(both, triangle[:, :-1], 0.0).sum(axis=0)
    if bool(np.any(volumes <= 0.0)):
        step = int(np.flatnonzero(volumes <= 0.0)[0])
        raise EngineInputError(f"development step {step} has no volume to learn from; shorten the triangle")
    factors = np.where(both, triangle[:, 1:], 0.0).sum(axis=0) / volumes
    if bool(np.any(factors == 0.0)):
        step = int(np.flatnonzero(factors == 0.0)[0])
        raise EngineInputError(f"development step {step} takes every count back to 0; check the deliveries")
    return factors, volumes


def _variances(triangle: FloatArray, factors: FloatArray) -> FloatArray:
    """sigma2_k. The last one has one row only and is Mack's extrapolation from the two before it."""
    before, after = triangle[:, :-1], triangle[:, 1:]
    positive = np.where(before > 0.0, before, np.nan)
    squares = np.nansum(positive * (after / positive - factors) ** 2, axis=0)
    rows = (~np.isnan(after) & (before > 0.0)).sum(axis=0)
    variances = squares / np.maximum(rows - 1, 1)
    for step in np.flatnonzero(rows < 2):
        if step >= 2:
            one, two = variances[step - 1], variances[step - 2]
            variances[step] = min(one**2 / two if two > 0.0 else 0.0, one, two)
    return np.asarray(variances)


def _completed(triangle: FloatArray, factors: FloatArray) -> FloatArray:
    full = triangle.copy()
    for step, factor in enumerate(factors):
        unknown = np.isnan(full[:, step + 1])
        full[unknown, step + 1] = full[unknown, step] * factor
    return full
