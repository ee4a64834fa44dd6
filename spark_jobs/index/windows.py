"""Daily counts -> windows: any number of days and windows of one city from one pass over its daily rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from spark_jobs.index.arrays import FloatArray
from spark_jobs.index.inputs import IndicatorWindow
from spark_jobs.index.methodology import Indicator, Methodology

DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class Coverage:
    """Days on which an indicator's feeds have delivered: from `first` to `last`, both included; None = never."""

    first: date
    last: date | None

    def covers(self, first: date, last: date) -> bool:
        return self.last is not None and self.first <= first and last <= self.last


class DailyCounts:
    """Cumulative counts of a city by indicator, stratum, area and day.

    daily: indicator_id, area_code, day, stratum, numerator, denominator (null for rates); one row a combination,
    days without events left out. denominators: area_code, measure, valid_from, valid_to (null = open), value.
    coverage: indicator id -> Coverage; an indicator without an entry has no feed in this city.
    """

    def __init__(
        self,
        daily: pd.DataFrame,
        denominators: pd.DataFrame,
        coverage: Mapping[str, Coverage],
        area_codes: Sequence[str],
        methodology: Methodology,
    ) -> None:
        self._coverage, self._areas, self._methodology = coverage, tuple(area_codes), methodology
        days = pd.to_datetime(daily["day"])
        self._first = min((c.first for c in coverage.values()), default=date.min)
        offsets = (days - pd.Timestamp(self._first)).dt.days.to_numpy()
        inside = offsets >= 0
        self._n_days = int(offsets[inside].max()) + 1 if inside.any() else 1
        rows = daily.assign(offset=offsets)[inside]
        self._by_indicator = {
            i.id: self._cumulated(rows[rows["indicator_id"] == i.id], i) for i in methodology.indicators
        }
        self._exposures = {
            measure: [rows[rows["area_code"] == area] for area in self._areas]
            for measure, rows in denominators.groupby("measure")
        }

    def _cumulated(self, rows: pd.DataFrame, indicator: Indicator) -> FloatArray:
        """(n_strata + 1, n_areas, n_days + 1) cumulative numerators, then denominators; stocks are not summed."""
        cube = np.zeros((len(indicator.strata) + 1, len(self._areas), self._n_days + 1))
        strata = rows["stratum"].map({name: position for position, name in enumerate(indicator.strata)})
        areas = rows["area_code"].map({code: position for position, code in enumerate(self._areas)})
        known = (strata.notna() & areas.notna()).to_numpy()
        place = (areas[known].astype(int), rows["offset"][known] + 1)
        np.add.at(cube, (strata[known].astype(int), *place), rows["numerator"][known].astype(float))
        if indicator.kind == "proportion":
            np.add.at(cube, (np.full(known.sum(), -1), *place), rows["denominator"][known].astype(float))
        return cube if indicator.measure == "stock" else cube.cumsum(axis=2)

    def window(self, indicator: Indicator, last: date, n_days: int) -> IndicatorWindow:
        """The indicator over the `n_days` that end on `last`; not live unless its feeds covered all of them."""
        first = last - timedelta(days=n_days - 1)
        coverage = self._coverage.get(indicator.id)
        weights = np.array(self._methodology.harm_days(indicator))
        n_areas = len(self._areas)
        if coverage is None or not coverage.covers(first, last):
            nothing = np.full(n_areas, np.nan)
            return IndicatorWindow(
                indicator.id, np.full((weights.size, n_areas), np.nan), nothing, weights, is_live=False
            )
        cube, end = self._by_indicator[indicator.id], self._position(last)
        counts = (
            cube[:, :, end] if indicator.measure == "stock" else cube[:, :, end] - cube[:, :, self._position(first) - 1]
        )
        exposure = counts[-1] if indicator.kind == "proportion" else self._exposure(indicator, first, last)
        return IndicatorWindow(indicator.id, counts[:-1], exposure, weights, is_live=True)

    def windows(self, last: date, n_days: int) -> tuple[IndicatorWindow, ...]:
        return tuple(self.window(indicator, last, n_days) for indicator in self._methodology.indicators)

    def _position(self, day: date) -> int:
        return min(max((day - self._first).days + 1, 0), self._n_days)

    def _exposure(self, indicator: Indicator, first: date, last: date) -> FloatArray:
        """Measure x years of each area, its dated values weighted by the days they were valid; NaN where unknown."""
        assert indicator.exposure
        rows_by_area = self._exposures.get(indicator.exposure, [])
        return np.array([_area_exposure(rows, first, last) for rows in rows_by_area] or [np.nan] * len(self._areas))


def _area_exposure(rows: pd.DataFrame, first: date, last: date) -> float:
    total, n_known = 0.0, 0
    columns = (rows["valid_from"], rows["valid_to"], rows["value"])
    for valid_from, valid_to, value in zip(*columns, strict=True):
        begin, end = max(first, valid_from), last if pd.isna(valid_to) else min(last, valid_to)
        n_days = max((end - begin).days + 1, 0)
        total, n_known = total + n_days * float(value), n_known + n_days
    return total / DAYS_A_YEAR if n_known == (last - first).days + 1 else np.nan


def base_year_ends(first_day: date, n_years: int) -> list[date]:
    """Last days of the base years."""
    return [
        date(first_day.year + year + 1, first_day.month, first_day.day) - timedelta(days=1) for year in range(n_years)
    ]


def month_ends(last: date, n_months: int) -> list[date]:
    """The last `n_months` ends of months before `last`, in order, then `last` itself."""
    ends, day = [], last.replace(day=1) - timedelta(days=1)
    for _ in range(n_months):
        ends.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return [*reversed(ends), last]
