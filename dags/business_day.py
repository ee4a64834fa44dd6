"""Which business day (业务日) a run is about: the city's local day that ended before the run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Context, CronTriggerTimetable, Param

from expectations.models import City, TimeOfDay


def daily_at(clock: TimeOfDay, city: City) -> CronTriggerTimetable:
    """Every day at a local time of the city, summer and winter."""
    return CronTriggerTimetable(f"{clock.minute} {clock.hour} * * *", timezone=city.time_zone)


def business_date_param() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="业务日期 · business date",
        description="YYYY-MM-DD; empty: the city's last full day (or its archive day)",
    )


def business_date(context: Context, city: City) -> str:
    """ISO date of the run: the parameter, else what the feed that woke it last delivered, else yesterday.

    Airflow's `ds` is the UTC date and absent from manual runs, so it is of no use here.
    """
    given = context["params"].get("business_date")
    delivered = given or _delivered_last(context)
    if delivered:
        return str(delivered)
    if city.archive:
        return city.archive.business_date.isoformat()
    moment: datetime = context.get("logical_date") or context["dag_run"].run_after
    local_day = moment.astimezone(ZoneInfo(city.time_zone)).date()
    return (local_day - timedelta(days=1)).isoformat()


def _delivered_last(context: Context) -> str | None:
    """Business date of the youngest asset event that triggered this run, if any did."""
    events = chain.from_iterable((context.get("triggering_asset_events") or {}).values())
    return next(reversed(last_events(events)), None)


def last_events(events: Iterable[Any]) -> dict[str, datetime]:
    """Business date (ISO) -> when the last asset event about it was; the day of the youngest event comes last."""
    last: dict[str, datetime] = {}
    for event in sorted(events, key=lambda event: event.timestamp):
        if day := event.extra.get("business_date"):
            last.pop(day, None)
            last[day] = event.timestamp
    return last


def since_param() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="重新拉取起始日 · since",
        description="YYYY-MM-DD; pull the days from here on once more; empty: only what has not landed",
    )
