"""Filling of gaps, only where the methodology asks for it: the peace index itself never imputes.

Every function returns the filled values and a mask of what was filled, so that it can be flagged.
"""

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import BoolArray, EngineInputError, FloatArray, require_number, require_numbers


def fill_mean(x: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Gaps take the mean of the present values; nothing present, nothing filled."""
    return fill_group_mean(x, np.full(x.shape, ""))


def fill_group_mean(x: FloatArray, group: npt.NDArray[np.str_]) -> tuple[FloatArray, BoolArray]:
    """Gaps take the mean of their group; a gap in a group without any value stays NaN. Both (n_units,)."""
    if x.ndim != 1 or x.shape != group.shape:
        raise EngineInputError(f"values and groups must both be (n_units,); found {x.shape}, {group.shape}")
    require_numbers("values", x)
    _, member_of = np.unique(group, return_inverse=True)
    present = ~np.isnan(x)
    n_present = np.bincount(member_of[present], minlength=x.size)
    total = np.bincount(member_of[present], weights=x[present], minlength=x.size)
    mean = np.divide(total, n_present, out=np.full(total.size, np.nan), where=n_present > 0)[member_of]
    mask = ~present & ~np.isnan(mean)
    return np.where(mask, mean, x), mask


def has_enough_data(values: FloatArray, least_share: float) -> BoolArray:
    """Units (rows) of which at least `least_share` of the indicators (columns) are present."""
    if require_numbers("values", values, (None, None)).shape[1] == 0:
        raise EngineInputError("no indicator to count; give (n_units, n_indicators) with one or more")
    return np.asarray((~np.isnan(values)).mean(axis=1) >= require_number("least_share", least_share, 0.0, 1.0))
