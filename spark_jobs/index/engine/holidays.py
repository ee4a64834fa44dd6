"""The same days of other years: by weekday; around a holiday that moves, by the distance from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from spark_jobs.index.engine.arrays import EngineInputError, require_whole

WEEKS_A_YEAR = 52


@dataclass(frozen=True)
class MovingHoliday:
    """First days of a holiday that moves through the calendar, at most one a year, and how far its season reaches.

    A year that is not in the list has no season: its days are ordinary ones.
    """

    first_days: tuple[date, ...]
    days_before: int
    days_after: int

    def season_of(self, day: date) -> date | None:
        """First day of the holiday in whose season `day` lies."""
        for first in self.first_days:
            if -self.days_before <= (day - first).days <= self.days_after:
                return first
        return None

    def in_year(self, year: int) -> date | None:
        return next((first for first in self.first_days if first.year == year), None)


def same_days(days: Sequence[date], years_back: int, holiday: MovingHoliday | None = None) -> list[date]:
    """For each of `days`, the day of an earlier year with which it is compared.

    A day in the holiday's season is compared with the day at the same distance from the earlier holiday. Any other day
    is compared with the same weekday 52 weeks a year back, or the nearest one outside a season. EngineInputError where
    there is none, or where the calendar does not reach back so far.
    """
    require_whole("years_back", years_back, 0, date.max.year)
    try:
        return [_same_day(day, years_back, holiday) for day in days]
    except OverflowError as error:
        raise EngineInputError(
            f"days must lie {years_back} years after the calendar begins; found {min(days)}"
        ) from error


def _same_day(day: date, years_back: int, holiday: MovingHoliday | None) -> date:
    plain = day - timedelta(weeks=WEEKS_A_YEAR * years_back)
    if holiday is None:
        return plain
    season = holiday.season_of(day)
    earlier = holiday.in_year(season.year - years_back) if season else None
    if season and earlier:
        return earlier + (day - season)
    reach = (holiday.days_before + holiday.days_after) // 7 + 1
    nearest = (plain + timedelta(weeks=sign * n) for n in range(reach + 1) for sign in (1, -1))
    free = next((found for found in nearest if season or holiday.season_of(found) is None), None)
    if free is None:
        raise EngineInputError(f"holiday must leave days between its seasons; none is free about {plain}")
    return free
