"""Has a share risen above what it was? Compares few cases with many of the past, allowing for chance in both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_numbers

FloatArray = npt.NDArray[np.float64]


def share_above_base_p(
    count: npt.ArrayLike, n: npt.ArrayLike, base_count: npt.ArrayLike, base_n: npt.ArrayLike
) -> FloatArray:
    """P(this many of n or more) if the share is still that of the base; a gap (NaN) in any of the four gives NaN.

    Beta-binomial. The share of the base is Beta(count + ½, rest + ½) (Jeffreys), so that a short base is not trusted
    too much. Counts are rounded to whole numbers.
    """
    y, size, base_y, base_size = (
        np.rint(require_numbers(f"share: {name}", value, least=0.0, most=LARGEST_COUNT))
        for name, value in (("count", count), ("n", n), ("base_count", base_count), ("base_n", base_n))
    )
    if np.any(y > size) or np.any(base_y > base_size):
        raise ValueError("share: expected no more cases than there are, found a count above its n")
    p: FloatArray = stats.betabinom.sf(y - 1, size, base_y + 0.5, base_size - base_y + 0.5)
    return np.where(y > 0, np.clip(p, 0.0, 1.0), np.where(np.isnan(y + size + base_y + base_size), np.nan, 1.0))
