"""EARS C1, C2, C3: a count against the mean and spread of its own recent past, for short histories.

Source: Fricker, Hegler and Dunfee (2008), Statistics in Medicine 27:3407; conventions of `earsC` in the R
package surveillance (Salmon, Schumacher and Höhle 2016, Journal of Statistical Software 70(10)).

Arrays are (..., time): the last axis is time, all other axes are series. Where the baseline is not complete (in the
first periods, or with a missing count in it) the period cannot be judged: every result is NaN and there is no alarm. A
period with a missing count has a bound and no z; in C3 the two periods after it have no z either. Where the baseline
does not vary, z is infinite, or NaN for a count that equals it. A `min_sigma` avoids that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_number, require_numbers, require_whole

FloatArray = npt.NDArray[np.float64]
LAG_OF_C2 = 2  # periods between baseline and count, so that a slow outbreak does not raise its own baseline


@dataclass(frozen=True)
class Ears:
    """One value a period, in the shape of the counts.

    expected: mean of the baseline. upper: bound above which a count alarms. z: (count − expected) / spread.
    """

    expected: FloatArray
    upper: FloatArray
    z: FloatArray
    is_alarm: npt.NDArray[np.bool_]


def c1(counts: npt.ArrayLike, *, alpha: float, baseline: int = 7, min_sigma: float = 0.0) -> Ears:
    """C1: the baseline is the `baseline` periods just before."""
    y, mean, spread = _against_past(counts, baseline, 0, min_sigma, 0.0)
    return _verdict(y, mean, spread, mean + _quantile(alpha) * spread)


def c2(
    counts: npt.ArrayLike,
    *,
    alpha: float,
    baseline: int = 7,
    lag: int = LAG_OF_C2,
    min_sigma: float = 0.0,
    dispersion: npt.ArrayLike = 0.0,
) -> Ears:
    """C2: as C1, with `lag` periods between the baseline and the count.

    `dispersion`, one number or one a series, keeps the spread at or above the square root of dispersion × mean (1 =
    Poisson). Seven periods often look calmer than counts can be, and so small a spread causes most false alarms.
    """
    y, mean, spread = _against_past(counts, baseline, lag, min_sigma, dispersion)
    return _verdict(y, mean, spread, mean + _quantile(alpha) * spread)


def c3(counts: npt.ArrayLike, *, alpha: float, baseline: int = 7, min_sigma: float = 0.0) -> Ears:
    """C3: C2, with the excess (above one spread) of the two periods before added.

    The manual of the R package bounds the count by  mean + spread · (z − excess of the two periods before). Its code,
    and so every published figure, has the count itself in place of the mean. We follow the published figures: an alarm
    says that the two periods *before* were in excess. Therefore F1b uses C2.
    """
    y, mean, spread = _against_past(counts, baseline, LAG_OF_C2, min_sigma, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.maximum(0.0, (y - mean) / spread - 1.0)
    before = np.full_like(y, np.nan)
    before[..., 2:] = excess[..., 1:-1] + excess[..., :-2]
    with np.errstate(invalid="ignore"):
        upper = np.maximum(0.0, y + spread * (_quantile(alpha) - before))
    return _verdict(y, mean, spread, upper)


def _quantile(alpha: float) -> float:
    return float(stats.norm.isf(require_number("EARS: alpha", alpha, 0.0, 1.0, is_open=True)))


def _against_past(
    counts: npt.ArrayLike, baseline: int, lag: int, min_sigma: float, dispersion: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The counts, and mean and standard deviation of each one's baseline; NaN where the baseline is not complete."""
    if baseline < 3:
        raise ValueError(f"EARS: expected a baseline of at least 3 periods, found {baseline}")
    y = require_numbers("EARS: counts", counts, least=0.0, most=LARGEST_COUNT)
    if not y.ndim:
        raise ValueError("EARS: expected counts over time, found a single number")
    require_whole("EARS: baseline", baseline)
    require_whole("EARS: lag", lag, 0)
    require_number("EARS: min_sigma", min_sigma, 0.0)
    mean, spread = np.full_like(y, np.nan), np.full_like(y, np.nan)
    n_first = baseline + lag
    if y.shape[-1] > n_first:
        windows = np.lib.stride_tricks.sliding_window_view(y, baseline, axis=-1)
        past = windows[..., : y.shape[-1] - n_first, :]
        mean[..., n_first:] = past.mean(axis=-1)
        spread[..., n_first:] = np.maximum(past.std(axis=-1, ddof=1), min_sigma)
    least = require_numbers("EARS: dispersion", dispersion, least=0.0, has_gaps=False)
    if least.ndim and least.shape != y.shape[:-1]:
        raise ValueError(f"EARS: expected one dispersion or one a series, found {least.shape} for {y.shape}")
    return y, mean, np.maximum(spread, np.sqrt(least[..., None] * mean))


def _verdict(y: FloatArray, mean: FloatArray, spread: FloatArray, upper: FloatArray) -> Ears:
    with np.errstate(divide="ignore", invalid="ignore"):  # flat baseline: z is infinite or NaN
        z = (y - mean) / spread
    return Ears(mean, upper, z, y > upper)
