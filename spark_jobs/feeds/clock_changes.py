"""Local times at which a city changes its clocks: an hour that does not exist, and one that comes twice.

Neither makes a row wrong: its source may keep winter time all year, and cannot say which of the two hours it means. So
each such time is read in one way, and counted: where clocks skip it, by the offset before the change (02:30 is 03:30 in
summer time); where they repeat it, as the first of the two. That is PEP 495's fold=0, and Java's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as f

SKIPPED, REPEATED = "skipped", "repeated"
FIRST_YEAR, LAST_YEAR = 1990, 2100  # of the times that casting takes
DAY = timedelta(days=1)  # longer than clocks are ever put back, shorter than from one change to the next


@cache
def last_change(time_zone: str) -> datetime | None:
    """A time after all changes of a zone's clocks, in any offset; None if it never changes them."""
    zone, moment = ZoneInfo(time_zone), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    while moment.year >= FIRST_YEAR:
        if (moment - DAY).astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
            return moment.replace(tzinfo=None) + 2 * DAY
        moment -= DAY
    return None


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
    last = last_change(time_zone)
    return moment if last is None else f.when(moment < f.lit(last), _again(moment, time_zone)).otherwise(moment)


def _again(moment: Column, time_zone: str) -> Column:
    """The moment at which clocks show the same once more, by the offset of a day later; the moment itself if they do not."""
    local = f.from_utc_timestamp(moment, time_zone)
    day_later = moment + f.lit(DAY)
    again = day_later - (f.from_utc_timestamp(day_later, time_zone) - local)
    is_again = f.from_utc_timestamp(again, time_zone) == local
    return f.when(is_again, f.greatest(again, moment)).otherwise(moment)
