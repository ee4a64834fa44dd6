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


def daily_counts(daily: pd.DataFrame, series: Sequence[Series], last_day: date, n_days: int) -> FloatArray:
    """(series, days) events, all strata together; the last column is `last_day`. A day without a row is 0.

    `daily`: indicator_id, area_code, day (date), numerator; a row without a number makes its day NaN. ValueError for
    more cells than memory holds, or a first day before the calendar.
    """
    require_whole("daily_counts: n_days", n_days, 1, min(last_day.toordinal(), LARGEST_SIZE // max(len(series), 1)))
    counts = np.zeros((len(series), n_days))
    place = {key: row for row, key in enumerate(series)}
    first_day = last_day - timedelta(days=n_days - 1)
    rows = zip(daily["area_code"], daily["indicator_id"], daily["day"], daily["numerator"], strict=True)
    for area_code, indicator_id, day, numerator in rows:
        row = place.get((area_code, indicator_id))
        if row is not None and first_day <= day <= last_day:
            counts[row, (day - first_day).days] += numerator
    return counts


def weekly_counts(daily: pd.DataFrame, series: Sequence[Series], last_sunday: date, n_weeks: int) -> FloatArray:
    """(series, weeks) events of ISO weeks, Monday to Sunday; the last column ends on `last_sunday`."""
    days = daily_counts(daily, series, last_sunday, 7 * n_weeks)
    weeks: FloatArray = days.reshape(len(series), n_weeks, 7).sum(axis=2)
    return weeks


def last_complete_sunday(day: date) -> date:
    """End of the last ISO week that is complete on `day`."""
    return day - timedelta(days=day.isoweekday() % 7)
