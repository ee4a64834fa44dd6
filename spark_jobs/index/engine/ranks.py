"""Ranks with their uncertainty. Rank 1 is the greatest value; equal values share the best rank."""

import numpy as np
from scipy.stats import rankdata

from spark_jobs.index.engine.arrays import (
    LARGEST_SIZE,
    EngineInputError,
    FloatArray,
    IntArray,
    require_number,
    require_numbers,
    require_whole,
)

MAX_RANK_SET_UNITS = 5000  # all pairs are held in memory: 200 MB for each of a few arrays


def ranks(values: FloatArray) -> FloatArray:
    """Ranks along axis 0, greatest first; NaN has no rank (NaN) and takes none."""
    if values.ndim == 0:
        raise EngineInputError("values must have an axis of units; found a single number")
    return np.asarray(rankdata(-values, method="min", axis=0, nan_policy="omit"), dtype=np.float64)


def rank_interval(rank_draws: FloatArray, coverage: float) -> tuple[FloatArray, FloatArray]:
    """Equal-tailed interval of each unit's rank, (n_units,) each, from rank draws (n_units, n_draws)."""
    _require_rank_draws(rank_draws)
    tail = (1.0 - require_number("coverage", coverage, 0.0, 1.0, is_open=True)) / 2.0
    low, high = np.quantile(rank_draws, [tail, 1.0 - tail], axis=-1, method="inverted_cdf")
    return low, high


def top_probability(rank_draws: FloatArray, k: int) -> FloatArray:
    """P(rank <= k) of each unit, (n_units,); NaN for a unit without ranks."""
    _require_rank_draws(rank_draws)
    share = (rank_draws <= require_number("k", k)).mean(axis=-1)
    return np.asarray(np.where(np.isnan(rank_draws).any(axis=-1), np.nan, share))


def _require_rank_draws(rank_draws: FloatArray) -> None:
    require_numbers("rank_draws", rank_draws, (None, None), least=1.0)
    if rank_draws.shape[1] == 0:
        raise EngineInputError("rank_draws must hold one draw or more; found none")


def rank_sets(
    values: FloatArray,
    covariance: FloatArray,
    coverage: float,
    rng: np.random.Generator,
    is_simultaneous: bool = True,
    n_draws: int = 10_000,
) -> tuple[FloatArray, FloatArray]:
    """Confidence sets (lowest, highest rank) for all ranks at once, or for each unit on its own.

    Mogstad, Romano, Shaikh and Wilhelm (2024), Review of Economic Studies 91: a unit's rank is bounded by the number of
    units significantly above and below it, tested on all pairs with step-down. values (n_units,) have the sampling
    `covariance` (n_units, n_units); for draws of an index it is np.cov(draws).
    Units whose difference has no variance differ if their values do. A unit with a NaN value or variance has no set
    (NaN) and takes no part. More than MAX_RANK_SET_UNITS units are an EngineInputError; so is a matrix that cannot be a
    covariance, because it is not symmetric or gives some difference a negative variance.
    """
    _require_rankable(values, covariance)
    require_number("coverage", coverage, 0.0, 1.0, is_open=True)
    require_whole("n_draws", n_draws, 1, LARGEST_SIZE // max(values.size, 1))
    present = ~np.isnan(values) & ~np.isnan(np.diag(covariance))
    low, high = np.full(values.size, np.nan), np.full(values.size, np.nan)
    if present.any():
        of_present = (values[present], covariance[np.ix_(present, present)])
        low[present], high[present] = _rank_sets(*of_present, coverage, rng, is_simultaneous, n_draws)
    return low, high


def _require_rankable(values: FloatArray, covariance: FloatArray) -> None:
    if values.ndim != 1 or covariance.shape != (values.size, values.size):
        raise EngineInputError(
            f"rank sets need values (n_units,) and covariance (n_units, n_units); "
            f"found {values.shape}, {covariance.shape}"
        )
    if values.size > MAX_RANK_SET_UNITS:
        raise EngineInputError(
            f"rank sets compare all pairs of at most {MAX_RANK_SET_UNITS} units; found {values.size}: "
            "rank inside groups, or use rank_interval on draws"
        )
    require_numbers("values", values)
    require_numbers("variances", np.diag(covariance), least=0.0)
    known = ~np.isnan(np.diag(covariance))
    own = require_numbers("covariance", covariance[np.ix_(known, known)], has_gaps=False)
    if not np.allclose(own, own.T, rtol=1e-6, atol=1e-9 * float(np.max(np.diag(own), initial=0.0))):
        raise EngineInputError("covariance must be symmetric; give np.cov of the draws")


def _rank_sets(
    values: FloatArray,
    covariance: FloatArray,
    coverage: float,
    rng: np.random.Generator,
    is_simultaneous: bool,
    n_draws: int,
) -> tuple[FloatArray, FloatArray]:
    """The sets of `rank_sets` for units that all have a value."""
    noise = _noise(covariance, n_draws, rng)
    variances = np.diag(covariance)
    error = np.sqrt(np.maximum(variances[:, None] + variances[None, :] - 2.0 * covariance, 0.0))
    difference = values[:, None] - values[None, :]
    without_error = np.where(difference == 0.0, 0.0, np.copysign(np.inf, difference))
    statistic = np.divide(difference, error, out=without_error, where=error > 0.0)
    together = [np.arange(values.size)] if is_simultaneous else list(np.arange(values.size)[:, None])
    counts = [_significant_pairs(statistic, noise, error, coverage, units) for units in together]
    above, below = np.concatenate(counts, axis=1)
    return 1.0 + above, values.size - below


def _noise(covariance: FloatArray, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Normal draws (n_units, n_draws) with this covariance."""
    greatest = float(np.max(np.diag(covariance)))
    unit = (
        4.0 ** np.round(np.log2(greatest) / 2.0) if greatest > 0.0 else 1.0
    )  # a power of four: exact, and so its root
    try:
        noise = rng.multivariate_normal(
            np.zeros(len(covariance)), covariance / unit, n_draws, check_valid="raise", method="eigh"
        )
    except ValueError as error:
        raise EngineInputError("covariance must be positive semidefinite; give np.cov of the draws") from error
    return np.asarray(noise.T * np.sqrt(unit))


def _significant_pairs(
    statistic: FloatArray, noise: FloatArray, error: FloatArray, coverage: float, units: IntArray
) -> FloatArray:
    """Numbers of units significantly (above, below) each of `units`, (2, len(units)).

    "j does not lie above i" and "j does not lie below i" are two hypotheses. Rejected ones leave the family, and the
    critical value is computed again from the rest, until no more are rejected.
    """
    towards = np.stack([-statistic[units], statistic[units]])  # evidence that j is above, below
    rejected = np.isposinf(towards)
    while True:
        open_tests = ~rejected & (error[units] > 0.0)
        if not bool(np.any(open_tests)):
            return np.asarray(rejected.sum(axis=2), dtype=np.float64)
        greatest = np.full(noise.shape[1], -np.inf)
        for row, unit in enumerate(units):
            for sign, tested in ((-1.0, open_tests[0, row]), (1.0, open_tests[1, row])):
                if tested.any():
                    z = sign * (noise[unit] - noise[tested]) / error[unit, tested][:, None]
                    greatest = np.maximum(greatest, z.max(axis=0))
        found = rejected | (towards > np.quantile(greatest, coverage))
        if np.array_equal(found, rejected):
            return np.asarray(rejected.sum(axis=2), dtype=np.float64)
        rejected = found


def tiers(values: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Tier of each unit (1 = top), (n_units,). The best unit without a tier leads the next one; in it are all units
    whose rank set reaches its own. NaN values have no tier; a value without a set is an EngineInputError."""
    require_numbers("values", values, (None,))
    for name, end in (("low", low), ("high", high)):
        require_numbers(name, end, values.shape, least=1.0)
    if bool(np.any(~(low <= high) & ~np.isnan(values))):
        raise EngineInputError("low must lie at or below high for every unit with a value")
    tier, current, leader_high = np.full(values.size, np.nan), 0, -np.inf
    for unit in np.argsort(-values, kind="stable"):
        if np.isnan(values[unit]):
            continue
        if low[unit] > leader_high:
            current, leader_high = current + 1, float(high[unit])
        tier[unit] = current
    return tier
