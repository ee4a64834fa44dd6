"""Weeks that hold a public holiday or a worked weekend, and how far counts usually rise in them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from expectations.holiday_notices import DayTypes
from spark_jobs.index.engine.arrays import FloatArray

WEEK = [timedelta(days=n) for n in range(7)]


def week_kinds(mondays: Sequence[date], day_types: DayTypes | None) -> tuple[str, ...]:
    """For each week its holiday; else `make_up_workday` if a weekend day is worked; else nothing, as for unknown days."""
    return tuple(_kind(monday, day_types) if day_types else "" for monday in mondays)


def _kind(monday: date, day_types: DayTypes) -> str:
    days = [monday + after for after in WEEK]
    holidays = Counter(name for day in days if (name := day_types.holiday_on(day)))
    if holidays:
        return holidays.most_common(1)[0][0]
    return "make_up_workday" if any(day_types.of(day) == "make_up_workday" for day in days) else ""


def usual_rises(city: FloatArray, kinds: Sequence[str], half_window: int, least_back: int) -> FloatArray:
    """By week, the factor by which a count of the city rose in a week of the same kind before; at least 1.

    It is the highest one of those at least `least_back` weeks before, so that a rise of this year's holiday does not
    explain itself. Each is the count over the mean of the ordinary weeks within `half_window`. 1 in an ordinary week,
    and where no earlier one is known. city: (weeks,); NaN where it is not known.
    """
    ordinary = np.array([not kind for kind in kinds], dtype=np.bool_)
    ratios = np.full(city.size, np.nan)
    for at in np.flatnonzero(~ordinary).tolist():
        near = slice(max(0, at - half_window), at + half_window + 1)
        around = city[near][ordinary[near] & ~np.isnan(city[near])]
        if around.sum() > 0:
            ratios[at] = city[at] / around.mean()
    rises = np.ones(city.size)
    for at in np.flatnonzero(~ordinary).tolist():
        same = [ratios[e] for e in range(at - least_back + 1) if kinds[e] == kinds[at] and not np.isnan(ratios[e])]
        rises[at] = max([1.0, *same])
    return rises
