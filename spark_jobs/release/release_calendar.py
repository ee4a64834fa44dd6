"""When releases come, a year ahead. Pure. Whether they came in time: record/punctuality.py.

A night's release is provisional, and up by 07:00 local time of the next day. A month is revised, and a year final, once
its last day is old enough: on the morning after the night at whose cut-off figures of that day count as revised.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from spark_jobs.index.methodology import Methodology

CALENDAR_FILE = "release_calendar.csv"
ANNOUNCED_DAYS = 366
UP_BY = time(7)  # a night's; a month's or year's has its whole day, because a person must approve it
Kind = Literal["nightly", "monthly", "yearly"]
STATUS: dict[Kind, str] = {"nightly": "provisional", "monthly": "revised", "yearly": "final"}


@dataclass(frozen=True)
class Due:
    """One release of the calendar. `business_date`: last day of its period. `due_on`: local day on which it is due."""

    kind: Kind
    business_date: date
    due_on: date

    @property
    def by(self) -> datetime:
        """Local time by which it must be up, without a zone."""
        if self.kind == "nightly":
            return datetime.combine(self.due_on, UP_BY)
        return datetime.combine(self.due_on + timedelta(days=1), time())


def due(methodology: Methodology, first: date, last: date) -> list[Due]:
    """Every release that is due from the local day `first` to `last`, by day."""
    found: list[Due] = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        found.append(Due("nightly", day - timedelta(days=1), day))
        if is_month_end(known := revised_in(methodology, day)):
            found.append(Due("yearly" if known.month == 12 else "monthly", known, day))
    return found


def next_due(methodology: Methodology, business_date: date) -> Due:
    """The release that comes after that of a business date: the next night's."""
    night = business_date + timedelta(days=1)
    return due(methodology, night + timedelta(days=1), night + timedelta(days=1))[0]


def revised_in(methodology: Methodology, day: date) -> date:
    """Business date whose figures become revised with the night that is published on this local day."""
    night = day - timedelta(days=1)
    return night - (methodology.revised_on(night) - night)


def is_month_end(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def calendar_rows(methodology: Methodology, newest: date) -> Iterator[list[str]]:
    """Header and rows of release_calendar.csv: the year after the newest published business date."""
    yield ["kind_code", "business_date", "status_code", "due_on", "by_local_time"]
    tomorrow = newest + timedelta(days=2)
    for each in due(methodology, tomorrow, tomorrow + timedelta(days=ANNOUNCED_DAYS - 1)):
        by = UP_BY.isoformat("minutes") if each.kind == "nightly" else "24:00"
        yield [each.kind, each.business_date.isoformat(), STATUS[each.kind], each.due_on.isoformat(), by]
