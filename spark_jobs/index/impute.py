"""Filling of gaps, only where the methodology asks for it: the peace index itself never imputes.

Every function returns the filled values and a mask of what was filled, so that it can be flagged.
"""

import numpy as np
import numpy.typing as npt

from spark_jobs.index.arrays import BoolArray, FloatArray


def fill_mean(x: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Gaps take the mean of the present values; nothing present, nothing filled."""
    return _fill(x, np.ones(x.shape, dtype=bool), np.full(x.shape, False), x.copy())


def fill_group_mean(x: FloatArray, group: npt.NDArray[np.str_]) -> tuple[FloatArray, BoolArray]:
    """Gaps take the mean of their group; a gap in a group without any value stays NaN. Both (n_units,)."""
    filled, mask = x.copy(), np.full(x.shape, False)
    for name in np.unique(group):
        filled, mask = _fill(x, group == name, mask, filled)
    return filled, mask


def has_enough_data(values: FloatArray, least_share: float) -> BoolArray:
    """Units (rows) of which at least `least_share` of the indicators (columns) are present."""
    return np.asarray((~np.isnan(values)).mean(axis=1) >= least_share)


def _fill(x: FloatArray, members: BoolArray, mask: BoolArray, filled: FloatArray) -> tuple[FloatArray, BoolArray]:
    gaps = members & np.isnan(x)
    present = x[members & ~np.isnan(x)]
    if present.size == 0:
        return filled, mask
    return np.where(gaps, present.mean(), filled), mask | gaps
