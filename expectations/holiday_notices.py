"""Which days are holidays, worked weekends and eves: as a country's yearly notices say, never computed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from expectations.models import Frozen, Text

DayType = Literal["holiday", "make_up_workday", "workday", "weekend"]
DAY = timedelta(days=1)
SATURDAY = 5  # of date.weekday()
KNOWN_AHEAD = timedelta(days=60)  # a year's notice appears in November or December, so there is time to add it


class HolidayNotice(Frozen):
    """The holidays of one year. days_off: holiday -> its first and last day; it may begin in the year before."""

    year: int = Field(ge=1950)
    number: str
    days_off: dict[str, tuple[date, date]]
    make_up_workdays: tuple[date, ...]

    @model_validator(mode="after")
    def _days_are_of_the_year(self) -> HolidayNotice:
        for first, last in self.days_off.values():
            if not first <= last or last.year != self.year or first.year < self.year - 1:
                raise ValueError(f"holidays from a first day to a last one in {self.year}; found {first} to {last}")
        for day in self.make_up_workdays:
            if day.weekday() < SATURDAY or day in self.holidays or day.year not in (self.year - 1, self.year):
                raise ValueError(f"worked Saturdays and Sundays for holidays of {self.year}, outside them; found {day}")
        return self

    @cached_property
    def holidays(self) -> dict[date, str]:
        """Every day off with its holiday."""
        ranges = self.days_off.items()
        return {first + n * DAY: name for name, (first, last) in ranges for n in range((last - first).days + 1)}


class DayTypes(Frozen):
    """The notices of consecutive years. Days before the first year or after the last one have no known type."""

    name: Text
    source: str
    notices: tuple[HolidayNotice, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _years_without_a_gap(self) -> DayTypes:
        years = [notice.year for notice in self.notices]
        if years != list(range(years[0], years[0] + len(years))):
            raise ValueError(f"one notice a year, in order and without a gap; found {years}")
        return self

    @property
    def first_day(self) -> date:
        return date(self.notices[0].year, 1, 1)

    @property
    def last_day(self) -> date:
        """The day until which the calendar reaches."""
        return date(self.notices[-1].year, 12, 31)

    def ends_before(self, day: date) -> date | None:
        """The last known day, if the calendar does not reach `KNOWN_AHEAD` beyond `day`."""
        return self.last_day if self.last_day < day + KNOWN_AHEAD else None

    def of(self, day: date) -> DayType | None:
        """The type of a day; None where the calendar does not reach."""
        if not self.first_day <= day <= self.last_day:
            return None
        if day in self._holidays:
            return "holiday"
        if day in self._make_up_workdays:
            return "make_up_workday"
        return "weekend" if day.weekday() >= SATURDAY else "workday"

    def is_eve(self, day: date) -> bool:
        """Whether a day is the last worked one before days off that hold a holiday; a worked weekend may be one too."""
        if self.of(day) not in ("workday", "make_up_workday"):
            return False
        return any(self.of(off) == "holiday" for off in self._days_off_after(day))

    def holiday_on(self, day: date) -> str | None:
        """The holiday that a day off belongs to, where the calendar reaches."""
        return self._holidays.get(day) if self.of(day) == "holiday" else None

    @cached_property
    def _holidays(self) -> dict[date, str]:
        return {day: name for notice in self.notices for day, name in notice.holidays.items()}

    @cached_property
    def _make_up_workdays(self) -> frozenset[date]:
        return frozenset(day for notice in self.notices for day in notice.make_up_workdays)

    def _days_off_after(self, worked: date) -> Iterator[date]:
        day = worked + DAY
        while self.of(day) in ("holiday", "weekend"):
            yield day
            day += DAY
