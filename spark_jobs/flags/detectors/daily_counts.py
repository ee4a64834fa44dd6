"""Event counts of indicators.daily as arrays: a row a series (county × indicator), a column a day or week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from spark_jobs.index.engine.arrays import LARGEST_SIZE, require_whole

FloatArray = npt.NDArray[np.float64]
Series = tuple[str, str]  # area_code, indicator_id


def daily_counts(
    daily: pd.DataFrame, series: Sequence[Series], last_day: date, n_days: int, column: str = "numerator"
) -> FloatArray:
    """(series, days) events, all strata together; the last column is `last_day`. A day without a row is 0.

    `daily`: indicator_id, area_code, day (date) and `column`. A row without a number makes its day NaN. Raises
    ValueError for more cells than memory holds, or for a first day before the calendar begins.
    """
    require_whole("daily_counts: n_days", n_days, 1, min(last_day.toordinal(), LARGEST_SIZE // max(len(series), 1)))
    keys = pd.MultiIndex.from_arrays([daily["area_code"], daily["indicator_id"]])
    rows = pd.MultiIndex.from_tuples(series, names=keys.names).get_indexer(keys) if series else np.full(len(daily), -1)
    first_day = np.datetime64(last_day - timedelta(days=n_days - 1), "D")
    columns = (daily["day"].to_numpy(dtype="datetime64[D]") - first_day).astype(np.int64)
    is_wanted = (rows >= 0) & (columns >= 0) & (columns < n_days)
    counts = np.zeros((len(series), n_days))
    np.add.at(counts, (rows[is_wanted], columns[is_wanted]), daily[column].to_numpy(dtype=np.float64)[is_wanted])
    return counts


def weekly_counts(
    daily: pd.DataFrame, series: Sequence[Series], last_sunday: date, n_weeks: int, column: str = "numerator"
) -> FloatArray:
    """(series, weeks) events of ISO weeks, Monday to Sunday; the last column ends on `last_sunday`."""
    days = daily_counts(daily, series, last_sunday, 7 * n_weeks, column)
    weeks: FloatArray = days.reshape(len(series), n_weeks, 7).sum(axis=2)
    return weeks


def last_complete_sunday(day: date) -> date:
    """End of the last ISO week that is complete on `day`."""
    return day - timedelta(days=day.isoweekday() % 7)
