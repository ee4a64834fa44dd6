"""What the statistical rules look at, ISO week by ISO week, and what a rule says of a week. Pure.

Why ISO weeks and not days: a day of a county has too few events, and weekdays differ. Also, a week that is judged on
seven nights is one decision, so looking every night does not multiply false alarms. A week is judged once it is
complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from expectations.holiday_notices import DayTypes
from spark_jobs.flags.detectors.daily_counts import FloatArray, Series, last_complete_sunday, weekly_counts
from spark_jobs.flags.holiday_weeks import usual_rises, week_kinds
from spark_jobs.index.engine.holidays import MovingHoliday
from spark_jobs.index.flag_thresholds import Flags
from spark_jobs.index.methodology import Indicator, Methodology

BoolArray = npt.NDArray[np.bool_]
DAYS_A_WEEK = 7
MOST_WEEKS_A_YEAR = 53
WEEK = timedelta(days=DAYS_A_WEEK - 1)  # from a Monday to its Sunday


@dataclass(frozen=True, eq=False)
class Weekly:
    """Complete ISO weeks of all series (county × indicator): arrays (series, weeks), oldest first.

    numerators, denominators: NaN in a week that the feeds do not cover whole.
    exposures: the denominator of a rate, one a series; NaN for a proportion, and where no denominator is known.
    is_festival: one a week. True if a day of it lies in the season of the holiday that moves, when nothing is as in the
    same week of other years.
    kinds: one a week, its holiday or worked weekend; all are ordinary if not given.
    """

    series: tuple[Series, ...]
    mondays: tuple[date, ...]
    numerators: FloatArray
    denominators: FloatArray
    exposures: FloatArray
    is_festival: BoolArray
    methodology: Methodology
    kinds: tuple[str, ...] = ()

    @cached_property
    def usual_rises(self) -> FloatArray:
        """(series, weeks): how far the city's count of the indicator rose in earlier weeks of the same kind; at least 1."""
        rises, rule = np.ones(self.numerators.shape), self.methodology.flags.f1_exceedance
        for indicator in dict.fromkeys(indicator for _, indicator in self.series) if any(self.kinds) else ():
            rows = self.rows_of(indicator)
            city = self.numerators[rows].sum(axis=0)
            rises[rows] = usual_rises(city, self.kinds, rule.half_window_weeks, rule.excluded_recent_weeks)
        return rises

    def indicator(self, row: int) -> Indicator:
        return next(each for each in self.methodology.indicators if each.id == self.series[row][1])

    def rows_of(self, indicator_id: str, among: Sequence[int] | None = None) -> list[int]:
        """The series of an indicator, one a county: all of them, or those `among` these rows."""
        rows = range(len(self.series)) if among is None else among
        return [row for row in rows if self.series[row][1] == indicator_id]

    def flows(self, rows: Sequence[int]) -> list[int]:
        """The series among `rows` whose weeks count events; the others are stocks."""
        flows = {each.id for each in self.methodology.indicators if each.flow_or_stock == "flow"}
        return [row for row in rows if self.series[row][1] in flows]

    def n_known(self, row: int, at: int) -> int:
        """Weeks since the series' first known one, week `at` included; 0 before."""
        known = np.flatnonzero(~np.isnan(self.numerators[row, : at + 1]))
        return at + 1 - int(known[0]) if known.size else 0


@dataclass(frozen=True)
class Judgement:
    """What a rule says of the series `row` in one week.

    p_value: probability of as much or more if nothing has changed; NaN for a limit, which is no test.
    is_alarm: the rule's own bound is passed. Whether it becomes a flag is decided over all series of the night.
    observed, expected, threshold: over the `n_weeks` that end with the week.
    """

    row: int
    is_alarm: bool
    p_value: float
    observed: float
    expected: float
    threshold: float
    is_red: bool = False
    n_weeks: int = 1


def weeks_needed(flags: Flags) -> int:
    """Weeks that the rules look at: the years of F1's past, and the weeks over which a flag is followed back."""
    rule = flags.f1_exceedance
    return MOST_WEEKS_A_YEAR * rule.history_years + rule.half_window_weeks + flags.lifecycle.history_weeks + 2


def weekly(
    daily: pd.DataFrame,
    values: pd.DataFrame,
    counties: Sequence[str],
    covered: Mapping[str, tuple[date, date]],
    methodology: Methodology,
    business_date: date,
    holiday: MovingHoliday | None = None,
    day_types: DayTypes | None = None,
) -> Weekly:
    """The weeks of a city. `daily`: indicators.daily; `values`: index.indicator_value of the day, for denominators.

    `covered`: indicator -> first and last day that its feeds cover. Indicators that are not in it have no series.
    """
    series = [(area, each.id) for each in methodology.indicators if each.id in covered for area in sorted(counties)]
    sunday, n_weeks = last_complete_sunday(business_date), weeks_needed(methodology.flags)
    mondays = tuple(sunday - timedelta(days=DAYS_A_WEEK * back + 6) for back in range(n_weeks - 1, -1, -1))
    is_known = np.array(
        [
            [first <= monday and monday + WEEK <= last for monday in mondays]
            for first, last in (covered[indicator] for _, indicator in series)
        ],
        dtype=np.bool_,
    ).reshape(len(series), n_weeks)
    numerators, denominators = (
        np.where(is_known, weekly_counts(daily, series, sunday, n_weeks, column), np.nan)
        for column in ("numerator", "denominator")
    )
    return Weekly(
        tuple(series),
        mondays,
        numerators,
        denominators,
        _exposures(series, values, methodology),
        np.array([has_festival(monday, holiday) for monday in mondays], dtype=np.bool_),
        methodology,
        week_kinds(mondays, day_types),
    )


def has_festival(monday: date, holiday: MovingHoliday | None) -> bool:
    """Whether a day of the week lies in the season of the holiday that moves."""
    days = (monday + timedelta(days=n) for n in range(DAYS_A_WEEK))
    return holiday is not None and any(holiday.season_of(day) is not None for day in days)


def _exposures(series: Sequence[Series], values: pd.DataFrame, methodology: Methodology) -> FloatArray:
    rates = {each.id for each in methodology.indicators if each.kind == "rate"}
    found = dict(zip(zip(values["area_code"], values["indicator_id"], strict=True), values["denominator"], strict=True))
    own = [found.get(key, np.nan) if key[1] in rates else np.nan for key in series]
    return np.array([np.nan if value is None else value for value in own], dtype=np.float64)


def windows(counts: npt.NDArray[np.float64], at: int, n_weeks: int) -> FloatArray:
    """Sum over the `n_weeks` that end with `at`, one a series; NaN if a week is missing or there are fewer."""
    if at + 1 < n_weeks:
        return np.full(counts.shape[0], np.nan)
    total: FloatArray = counts[:, at + 1 - n_weeks : at + 1].sum(axis=1)
    return total
