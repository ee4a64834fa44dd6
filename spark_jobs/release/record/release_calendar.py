"""When releases come, a year ahead, and how many came when they should. Pure.

A night is provisional and up by 07:00 local time of the next day. A month is revised, and a year final, on the morning after
the business date at whose cut-off its last day is known so late that its figures are revised.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Literal
from zoneinfo import ZoneInfo

from expectations.models import City
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.record.journal import Published, Withdrawn

CALENDAR_FILE, PUNCTUALITY_FILE = "release_calendar.csv", "punctuality.csv"
ANNOUNCED_DAYS = 366
UP_BY = time(7)  # a night; a month or year has the whole of its day, for it waits for a person
Kind = Literal["nightly", "monthly", "yearly"]
STATUS: dict[Kind, str] = {"nightly": "provisional", "monthly": "revised", "yearly": "final"}


@dataclass(frozen=True)
class Due:
    """One release of the calendar. `business_date`: the last day of its period; `due_on`: the local day on which it comes."""

    kind: Kind
    business_date: date
    due_on: date

    @property
    def by(self) -> datetime:
        """Local time by which it is up, without its zone."""
        if self.kind == "nightly":
            return datetime.combine(self.due_on, UP_BY)
        return datetime.combine(self.due_on + timedelta(days=1), time())


def due(methodology: Methodology, first: date, last: date) -> list[Due]:
    """Every release that comes from one local day to another, by day."""
    found: list[Due] = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        found.append(Due("nightly", day - timedelta(days=1), day))
        if is_month_end(known := _revised_in(methodology, day)):
            found.append(Due("yearly" if known.month == 12 else "monthly", known, day))
    return found


def _revised_in(methodology: Methodology, day: date) -> date:
    """Business date whose figures are revised with the night that is published on this local day."""
    night = day - timedelta(days=1)
    return night - (methodology.revised_on(night) - night)


def is_month_end(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def due_revision(methodology: Methodology, entries: Sequence[Published | Withdrawn], night: date) -> date | None:
    """The newest end of a month that can be revised once the business date `night` is published, and has not been.

    None before that, once it stands as revised, and for a day of which nothing was ever published.
    """
    published = [entry for entry in entries if isinstance(entry, Published)]
    if not any(entry.period >= night for entry in published):
        return None
    day = _revised_in(methodology, night + timedelta(days=1))
    while not is_month_end(day):
        day -= timedelta(days=1)
    statuses = {entry.status for entry in published if entry.period == day}
    return day if statuses == {"provisional"} else None


def calendar_rows(methodology: Methodology, newest: date) -> Iterator[list[str]]:
    """Header and rows of release_calendar.csv: a year ahead of the newest business date that is published."""
    yield ["kind_code", "business_date", "status_code", "due_on", "by_local_time"]
    tomorrow = newest + timedelta(days=2)
    for each in due(methodology, tomorrow, tomorrow + timedelta(days=ANNOUNCED_DAYS - 1)):
        by = UP_BY.isoformat("minutes") if each.kind == "nightly" else "24:00"
        yield [each.kind, each.business_date.isoformat(), STATUS[each.kind], each.due_on.isoformat(), by]


def punctuality_rows(
    city: City, methodology: Methodology, entries: Sequence[Published | Withdrawn]
) -> Iterator[list[str]]:
    """Header and rows of punctuality.csv: by month and kind, releases due, and up in time, since the journal began.

    A release that never came is one that was due.
    """
    yield ["kind_code", "month_on", "n_due", "n_in_time", "in_time_share"]
    published = [entry for entry in entries if isinstance(entry, Published)]
    if not published:
        return
    zone = ZoneInfo(city.time_zone)
    up = first_up(published)
    began, newest = published[0].period, max(entry.period for entry in published)
    announced = due(methodology, began + timedelta(days=1), newest + timedelta(days=1))
    listed = [each for each in announced if each.business_date >= began]
    month = lambda each: (each.kind, each.due_on.replace(day=1))  # noqa: E731
    for (kind, month_on), of_month in groupby(sorted(listed, key=month), month):
        in_time = [_in_time(each, up, zone) for each in of_month]
        share = f"{sum(in_time) / len(in_time):.4f}"
        yield [kind, month_on.isoformat(), str(len(in_time)), str(sum(in_time)), share]


def first_up(published: Sequence[Published]) -> dict[tuple[date, str], datetime]:
    """Business date and status -> since when there has been such a release."""
    return {(entry.period, entry.status): entry.at for entry in reversed(published)}


def _in_time(each: Due, up: dict[tuple[date, str], datetime], zone: ZoneInfo) -> bool:
    at = up.get((each.business_date, STATUS[each.kind]))
    return at is not None and at <= each.by.replace(tzinfo=zone)
