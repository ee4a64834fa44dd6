"""Which business day (业务日) a run is about: the city's local day that ended before the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Context, CronTriggerTimetable, Param

from expectations.contract import City, TimeOfDay


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
    """ISO date of the run: the parameter, else what the feeds that triggered it delivered, else yesterday.

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
    events: list[Any] = list(chain.from_iterable((context.get("triggering_asset_events") or {}).values()))
    dated = [event for event in events if event.extra.get("business_date")]
    if not dated:
        return None
    return str(max(dated, key=lambda event: event.timestamp).extra["business_date"])


def since_param() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="重新拉取起始日 · since",
        description="YYYY-MM-DD; pull the days from here on once more; empty: only what has not landed",
    )
