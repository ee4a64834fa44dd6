"""CUSUM of counts with Rossi's z: finds a small lasting rise that no single period shows.

Source: Rossi, Lampugnani and Marchi (1999), Statistics in Medicine 18:2111; the bound on the count follows
`algo.cusum` of the R package surveillance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cusum:
    """One value a period. statistic: the sum after the period. upper: the count at which it reaches h."""

    statistic: FloatArray
    upper: FloatArray
    is_alarm: npt.NDArray[np.bool_]


def rossi_z(counts: npt.ArrayLike, mean: npt.ArrayLike) -> FloatArray:
    """(x − 3m + 2·sqrt(x·m)) / (2·sqrt(m)): near standard normal for Poisson counts of mean m > 0."""
    x, m = np.asarray(counts, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    if not np.all(m > 0):
        raise ValueError(f"CUSUM: expected a mean above 0, found {m.min()}; without events there is no drift")
    z: FloatArray = (x - 3 * m + 2 * np.sqrt(x * m)) / (2 * np.sqrt(m))
    return z


def rossi_cusum(counts: npt.ArrayLike, mean: npt.ArrayLike, *, k: float, h: float, resets_after_alarm: bool) -> Cusum:
    """Sum of (z − k), never below 0; alarm at h or above. `mean` is one number or one a period.

    With `resets_after_alarm` the sum begins again at 0 after an alarm: each alarm is then a new fact.
    """
    x = np.asarray(counts, dtype=np.float64)
    m = np.broadcast_to(np.asarray(mean, dtype=np.float64), x.shape)
    z = rossi_z(x, m)
    statistic, before = np.zeros_like(x), np.zeros_like(x)
    level = 0.0
    for t in range(x.size):
        before[t] = level
        statistic[t] = level = max(0.0, level + z[t] - k)
        if resets_after_alarm and level >= h:
            level = 0.0
    return Cusum(statistic, _count_reaching(h + k - before, m), statistic >= h)


def _count_reaching(z: FloatArray, mean: FloatArray) -> FloatArray:
    """The count whose Rossi z is `z`: (sqrt(4m + 2z·sqrt(m)) − sqrt(m))²; 0 where any count is enough.

    Below z = −1.5·sqrt(m) the square takes the other root of the equation. The published figures have it so,
    and the sum is above h there whatever is counted.
    """
    inside = 4 * mean + 2 * z * np.sqrt(mean)
    upper: FloatArray = np.where(inside < 0, 0.0, (np.sqrt(np.maximum(inside, 0.0)) - np.sqrt(mean)) ** 2)
    return upper
