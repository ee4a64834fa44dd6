"""Local times at which a city changes its clocks: an hour that does not exist, and one that comes twice.

Neither makes a row wrong: its source may keep winter time all year, and cannot say which of the two hours it means. So
each such time is read in one way, and counted: where clocks skip it, by the offset before the change (02:30 is 03:30 in
summer time); where they repeat it, as the first of the two. That is PEP 495's fold=0, and Java's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as f

SKIPPED, REPEATED = "skipped", "repeated"
FIRST_YEAR, LAST_YEAR = 1990, 2100  # of the times that casting takes
WEEK = timedelta(days=7)
DAY = timedelta(days=1)  # longer than clocks are ever put back, shorter than from one change to the next


@dataclass(frozen=True)
class Changes:
    """When a zone changes its clocks, roughly: `last` lies after all of it, in any offset, and `months` hold it all."""

    last: datetime
    months: tuple[int, ...]

    def may_be(self, moment: Column) -> Column:
        """False for a moment that lies at no change: nearly all do, and are asked no more."""
        return (moment < f.lit(self.last)) & f.month(moment).isin(*self.months)


@cache
def changes(time_zone: str) -> Changes | None:
    """None for a zone that never changes its clocks."""
    zone = ZoneInfo(time_zone)
    weeks = [datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + n * WEEK for n in range((LAST_YEAR - FIRST_YEAR) * 53)]
    offsets = [week.astimezone(zone).utcoffset() for week in weeks]
    edges = [end for n, end in enumerate(weeks[1:]) if offsets[n] != offsets[n + 1]]
    if not edges:
        return None
    around = [end + shift for end in edges for shift in (-WEEK - DAY, DAY)]
    return Changes(edges[-1].replace(tzinfo=None) + 2 * DAY, tuple(sorted({day.month for day in around})))


def clock_change(local: Column, time_zone: str) -> Column:
    """SKIPPED or REPEATED for a local time that is so; null for all others.

    Midnight is what a source without clock times writes, and is neither.
    """
    moment = f.to_utc_timestamp(local, time_zone)
    is_skipped = f.from_utc_timestamp(moment, time_zone) != local
    found = f.when(is_skipped, f.lit(SKIPPED)).when(_again(moment, time_zone) > moment, f.lit(REPEATED))
    return f.when(local != f.date_trunc("day", local), found)


def later_reading(moment: Column, time_zone: str) -> Column:
    """The second of the two moments at which clocks show the same, where this is the first; otherwise the moment itself."""
    of_zone = changes(time_zone)
    return f.when(of_zone.may_be(moment), _again(moment, time_zone)).otherwise(moment) if of_zone else moment


def _again(moment: Column, time_zone: str) -> Column:
    """The moment at which clocks show the same once more, by the offset of a day later; the moment itself if they do not."""
    local = f.from_utc_timestamp(moment, time_zone)
    day_later = moment + f.lit(DAY)
    again = day_later - (f.from_utc_timestamp(day_later, time_zone) - local)
    is_again = f.from_utc_timestamp(again, time_zone) == local
    return f.when(is_again, f.greatest(again, moment)).otherwise(moment)
