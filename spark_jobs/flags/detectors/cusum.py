"""CUSUM of counts with Rossi's z: finds a small lasting rise that no single period shows.

Source: Rossi, Lampugnani and Marchi (1999), Statistics in Medicine 18:2111. The bound on the count follows
`algo.cusum` of the R package surveillance. To watch many series at once, sums are capped instead of reset, and each has
a p-value: Gandy and Lau (2013), Biometrika 100:261.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import LARGEST, LARGEST_COUNT, require_number, require_numbers

FloatArray = npt.NDArray[np.float64]
SIEGMUND = 0.583  # mean overshoot of a normal walk over a boundary


@dataclass(frozen=True)
class Cusum:
    """One value a period. statistic: the sum after the period. upper: the count at which it reaches h.

    A period without a count (NaN) has no statistic (NaN) and no alarm; the sum before it is carried on.
    """

    statistic: FloatArray
    upper: FloatArray
    is_alarm: npt.NDArray[np.bool_]


def rossi_z(counts: npt.ArrayLike, mean: npt.ArrayLike) -> FloatArray:
    """(x − 3m + 2·sqrt(x·m)) / (2·sqrt(m)): near standard normal for Poisson counts of mean m > 0; NaN gives NaN."""
    x = require_numbers("CUSUM: counts", counts, least=0.0, most=LARGEST_COUNT)
    m = require_numbers("CUSUM: mean", mean, most=LARGEST_COUNT, has_gaps=False)
    if not np.all(m > 0):
        raise ValueError(f"CUSUM: expected a mean above 0, found {m.min()}; without events there is no drift")
    if m.ndim and m.shape != x.shape:
        raise ValueError(f"CUSUM: expected one mean or one a count, found {m.shape} for {x.shape}")
    z: FloatArray = (x - 3 * m + 2 * np.sqrt(x * m)) / (2 * np.sqrt(m))
    return z


def rossi_cusum(
    counts: npt.ArrayLike,
    mean: npt.ArrayLike,
    *,
    k: float,
    h: float,
    resets_after_alarm: bool,
    ceiling: float = LARGEST,
    dispersion: float = 1.0,
) -> Cusum:
    """Sum of (z − k), never below 0; alarm at h or above. `mean` is one number or one a period.

    With `resets_after_alarm` the sum begins again at 0 after an alarm, so each alarm is a new fact.
    `ceiling`: the sum never exceeds it, so it comes down soon after the rise is over.
    `dispersion`: variance / mean of the counts.
    """
    x = require_numbers("CUSUM: counts", counts, (None,))
    require_number("CUSUM: k", k, 0.0)
    require_number("CUSUM: h", h, 0.0)
    require_number("CUSUM: ceiling", ceiling, 0.0)
    scale = np.sqrt(require_number("CUSUM: dispersion", dispersion, 1.0))
    z = rossi_z(x, mean) / scale
    m = np.broadcast_to(np.asarray(mean, dtype=np.float64), x.shape)
    statistic, before = np.zeros_like(x), np.zeros_like(x)
    level = 0.0
    for t in range(x.size):
        before[t] = level
        if np.isnan(z[t]):
            statistic[t] = np.nan
            continue
        statistic[t] = level = min(max(0.0, level + z[t] - k), ceiling)
        if resets_after_alarm and level >= h:
            level = 0.0
    return Cusum(statistic, _count_reaching((h + k - before) * scale, m), statistic >= h)


def exceedance_probability(statistic: npt.ArrayLike, k: float) -> FloatArray:
    """P(the sum of standard normal z − k is as high or higher) in the long run without any change; NaN gives NaN.

    It is exp(−2k(s + 0.583)), and 1 for a sum of 0: Siegmund (1985), Sequential Analysis, chapter 10.
    """
    s = require_numbers("CUSUM: statistic", statistic, least=0.0)
    p = np.exp(-2 * require_number("CUSUM: k", k, 0.0) * (s + SIEGMUND))
    result: FloatArray = np.where(s > 0.0, p, np.where(np.isnan(s), np.nan, 1.0))
    return result


def _count_reaching(z: FloatArray, mean: FloatArray) -> FloatArray:
    """The count whose Rossi z is `z`: (sqrt(4m + 2z·sqrt(m)) − sqrt(m))²; 0 where any count is enough.

    Below z = −1.5·sqrt(m) the square takes the other root of the equation. The published figures do so too; there the
    sum is above h whatever the count.
    """
    inside = 4 * mean + 2 * z * np.sqrt(mean)
    upper: FloatArray = np.where(inside < 0, 0.0, (np.sqrt(np.maximum(inside, 0.0)) - np.sqrt(mean)) ** 2)
    return upper
