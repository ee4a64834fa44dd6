"""Daily counts -> windows: any number of days and windows of one city from one pass over its daily rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, require_whole
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.index.methodology import Indicator, Methodology

DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class Coverage:
    """Days for which an indicator's feeds have delivered: `first` to `last`, both included; None = never."""

    first: date
    last: date | None

    def covers(self, first: date, last: date) -> bool:
        return self.last is not None and self.first <= first and last <= self.last


@dataclass(frozen=True)
class DayCounts:
    """Events of one indicator on some days, all strata together, and its denominator; (n_areas,) each, and the rest."""

    events: FloatArray
    denominator: FloatArray
    rest_events: float = 0.0
    rest_denominator: float = 0.0


class DailyCounts:
    """Cumulative counts of a city by indicator, stratum, area and day.

    daily: indicator_id, area_code, day, stratum, numerator, denominator (null for rates). One row a combination; days
    without events are left out. Areas that are not in `area_codes` count as the REMAINDER.
    denominators: area_code, denominator_code, valid_from (null = always), valid_to (first day on which it no longer
    holds; null = open), value.
    coverage: indicator id -> Coverage. An indicator without an entry has no feed in this city.
    """

    def __init__(
        self,
        daily: pd.DataFrame,
        denominators: pd.DataFrame,
        coverage: Mapping[str, Coverage],
        area_codes: Sequence[str],
        methodology: Methodology,
    ) -> None:
        self._coverage, self._areas, self._methodology = coverage, (*area_codes, REMAINDER), methodology
        days = daily["day"].to_numpy().astype("datetime64[D]")
        self._first = min((c.first for c in coverage.values()), default=date.min)
        offsets = (days - np.datetime64(self._first)).astype(int)
        inside = offsets >= 0
        delivered = [(c.last - self._first).days + 1 for c in coverage.values() if c.last]
        self._n_days = max([1, *delivered, int(offsets[inside].max()) + 1 if inside.any() else 1])
        rows = daily.assign(offset=offsets)[inside]
        found = dict(iter(rows.groupby("indicator_id", sort=False)))
        self._by_indicator = {i.id: self._cumulated(found.get(i.id, rows.iloc[:0]), i) for i in methodology.indicators}
        self._denominators = {
            code: self._denominator_by_day(denominators[denominators["denominator_code"] == code])
            for code in {i.denominator for i in methodology.indicators if i.denominator}
        }

    @property
    def area_codes(self) -> tuple[str, ...]:
        return self._areas[:-1]

    def _cumulated(self, rows: pd.DataFrame, indicator: Indicator) -> FloatArray:
        """(n_strata + 1, n_areas + 1, n_days + 1) cumulative numerators, then denominators; stocks are not summed."""
        cube = np.zeros((len(indicator.strata) + 1, len(self._areas), self._n_days + 1))
        strata = rows["stratum"].map({name: position for position, name in enumerate(indicator.strata)})
        positions = {code: position for position, code in enumerate(self._areas)}
        areas = rows["area_code"].map(positions).fillna(positions[REMAINDER])
        known = strata.notna().to_numpy()
        place = (areas[known].astype(int), rows["offset"][known] + 1)
        np.add.at(cube, (strata[known].astype(int), *place), rows["numerator"][known].astype(float))
        if indicator.kind == "proportion":
            np.add.at(cube, (np.full(known.sum(), -1), *place), rows["denominator"][known].astype(float))
        return cube if indicator.flow_or_stock == "stock" else cube.cumsum(axis=2)

    def _denominator_by_day(self, rows: pd.DataFrame) -> FloatArray:
        """(2, n_areas + 1, n_days + 1): cumulative values of one denominator, and days on which exactly one is known.

        A remainder without rows has a known denominator of 0.
        """
        values = np.zeros((2, len(self._areas), self._n_days + 1))
        columns = (rows["area_code"], rows["valid_from"], rows["valid_to"], rows["value"])
        for area, valid_from, valid_to, value in zip(*columns, strict=True):
            if area in self._areas:
                first = 0 if pd.isna(valid_from) else self._position(valid_from - timedelta(days=1)) + 1
                end = self._n_days if pd.isna(valid_to) else self._position(valid_to - timedelta(days=1))
                values[:, self._areas.index(area), first : end + 1] += [[float(value)], [1.0]]
        values[1, -1] += not (rows["area_code"] == REMAINDER).any()
        values[1] = values[1] == 1.0
        return values.cumsum(axis=2)

    def is_covered(self, indicator: Indicator, first: date, last: date) -> bool:
        """Whether all feeds of the indicator have delivered all of these days."""
        coverage = self._coverage.get(indicator.id)
        return coverage is not None and coverage.covers(first, last)

    def window(self, indicator: Indicator, day: date, n_days: int, held_back: int = 0) -> IndicatorWindow:
        """The indicator over `n_days`, the last one `held_back` days before `day`, because later ones are incomplete.

        Not live unless its feeds have delivered through `day` itself.
        """
        last = day - timedelta(days=held_back)
        first = last - timedelta(days=n_days - 1)
        weights = np.array(self._methodology.harm_days(indicator))
        if not self.is_covered(indicator, first, day):
            nothing = np.full(len(self._areas) - 1, np.nan)
            return IndicatorWindow(
                indicator.id, np.full((weights.size, nothing.size), np.nan), nothing, weights, is_live=False
            )
        cube, end = self._by_indicator[indicator.id], self._position(last)
        counts = (
            cube[:, :, end]
            if indicator.flow_or_stock == "stock"
            else cube[:, :, end] - cube[:, :, self._position(first) - 1]
        )
        denominator = counts[-1] if indicator.kind == "proportion" else self._denominator(indicator, first, last)
        rest = (counts[:-1, -1], float(denominator[-1]))
        return IndicatorWindow(indicator.id, counts[:-1, :-1], denominator[:-1], weights, True, *rest)

    def windows(
        self, day: date, n_days: int, held_back: Mapping[str, int] | None = None
    ) -> tuple[IndicatorWindow, ...]:
        """The windows of all indicators. `held_back`: indicator id -> days; 0 for an indicator without an entry."""
        left_off = held_back or {}
        return tuple(self.window(i, day, n_days, left_off.get(i.id, 0)) for i in self._methodology.indicators)

    def on_days(self, indicator: Indicator, days: Sequence[date]) -> DayCounts:
        """A flow indicator on these days, which must all be covered. A day that is named twice counts twice."""
        ends = np.array([self._position(day) for day in days])
        cube = self._by_indicator[indicator.id]
        counts = (cube[:, :, ends] - cube[:, :, ends - 1]).sum(axis=2)
        span = (max(days) - min(days)).days + 1
        is_rate = indicator.kind == "rate"
        denominator = self._denominator(indicator, min(days), max(days)) * len(days) / span if is_rate else counts[-1]
        events = counts[:-1].sum(axis=0)
        return DayCounts(events[:-1], denominator[:-1], float(events[-1]), float(denominator[-1]))

    def recent(self, indicator: Indicator, day: date, n_days: int) -> FloatArray:
        """(2, n_days): the city's events and trials on `day` and the days before, `day` first; a rate has 0 trials."""
        ends = np.array([self._position(day - timedelta(days=n)) for n in range(n_days)])
        cube = self._by_indicator[indicator.id]
        of_areas = (cube[:, :, ends] - cube[:, :, ends - 1]).sum(axis=1)
        return np.stack([of_areas[:-1].sum(axis=0), of_areas[-1]])

    def _position(self, day: date) -> int:
        return min(max((day - self._first).days + 1, 0), self._n_days)

    def _denominator(self, indicator: Indicator, first: date, last: date) -> FloatArray:
        """Denominator x years of each area and the remainder; NaN where unknown. Dated values weigh by their days."""
        assert indicator.denominator
        by_day = self._denominators[indicator.denominator]
        total, n_known = by_day[:, :, self._position(last)] - by_day[:, :, self._position(first) - 1]
        return np.where(n_known == (last - first).days + 1, total / DAYS_A_YEAR, np.nan)


def base_year_spans(first_day: date, n_years: int) -> list[tuple[date, int]]:
    """Last day and length of each base year: 365 days, or 366.

    A first day of 29 February, or years beyond the calendar, are an EngineInputError.
    """
    require_whole("n_years", n_years, 0, date.max.year - first_day.year)
    if (first_day.month, first_day.day) == (2, 29):
        raise EngineInputError(f"first_day must come every year; found {first_day}")
    firsts = [date(first_day.year + year, first_day.month, first_day.day) for year in range(n_years + 1)]
    return [(after - timedelta(days=1), (after - first).days) for first, after in pairwise(firsts)]


def month_ends(last: date, n_months: int) -> list[date]:
    """The last `n_months` ends of months before `last`, in order, then `last` itself."""
    require_whole("n_months", n_months, 0, 12 * (last.year - 1) + last.month - 1)
    ends, day = [], last.replace(day=1) - timedelta(days=1)
    for _ in range(n_months):
        ends.append(day)
        day = day.replace(day=1) - timedelta(days=1)
    return [*reversed(ends), last]
