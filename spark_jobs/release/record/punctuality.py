"""How many releases came when the calendar said, and which revision is due. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from expectations.models import City
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.record.journal import Published, Withdrawn
from spark_jobs.release.release_calendar import STATUS, Due, due, is_month_end, revised_in

PUNCTUALITY_FILE = "punctuality.csv"


def due_revision(methodology: Methodology, entries: Sequence[Published | Withdrawn], night: date) -> date | None:
    """The newest month end that can be revised once the business date `night` is published, and is not revised yet.

    None before that night is published, or where nothing was ever published about the newest month end that is due.
    """
    published = [entry for entry in entries if isinstance(entry, Published)]
    if not any(entry.period >= night for entry in published):
        return None
    day = revised_in(methodology, night + timedelta(days=1))
    while not is_month_end(day):
        day -= timedelta(days=1)
    statuses = {entry.status for entry in published if entry.period == day}
    return day if statuses == {"provisional"} else None


def punctuality_rows(
    city: City, methodology: Methodology, entries: Sequence[Published | Withdrawn]
) -> Iterator[list[str]]:
    """Header and rows of punctuality.csv: by month and kind, how many releases were due and how many came in time.

    It begins with the journal. A release that never came counts as due.
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
    """Business date and status -> the instant at which the first such release was up."""
    return {(entry.period, entry.status): entry.at for entry in reversed(published)}


def _in_time(each: Due, up: dict[tuple[date, str], datetime], zone: ZoneInfo) -> bool:
    at = up.get((each.business_date, STATUS[each.kind]))
    return at is not None and at <= each.by.replace(tzinfo=zone)
