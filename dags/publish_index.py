"""One DAG a city that publishes its index: when all feeds have arrived, or at the deadline with whatever has.

Every arriving feed wakes it, and `gate` asks the lake, not the queue of events, whether the day is complete:
a queue remembers last night's leftovers, the lake knows what was delivered. Events that arrive while a run
is active wait and wake one run together (max_active_runs=1), which is about the day of the last; `other_days`
wakes runs for the days that would be left. A publication that lacks a feed stays published, and `complete`
fails, so that the run is red while the release is up.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, BaseOperator, Context, Param
from airflow.sdk.exceptions import AirflowFailException

from dags.business_day import business_date, business_date_param, daily_at, last_events
from dags.step import StepOperator
from expectations.contract import load_cities
from expectations.models import City
from expectations.outcomes import Outcome

GRACE = timedelta(minutes=10)  # for feeds still running at the deadline
POLL_SECONDS = 10.0
LOOK_BACK = timedelta(days=1)  # no run is active for as long, so that an arrival is seen by the run that comes after


class Gate(StepOperator):
    """Lets a run through that may publish now, and skips one that a later run will do better.

    Through at once are: the parameter `now`; the deadline, after waiting GRACE for feeds that are running (a machine
    that slept through the night starts feeds and deadline together); a feed that came after its deadline. Any other run
    asks `delivered`, and is skipped while a feed is outstanding.
    """

    def execute(self, context: Context) -> None:
        if context["params"]["now"]:
            return
        if context["dag_run"].run_type in ("scheduled", "backfill"):
            self._wait_for_running_feeds(context["ti"])
        elif not self._is_late(context):
            super().execute(context)

    def _wait_for_running_feeds(self, ti: Any) -> None:
        dag_ids = [f"feed_{self.city.city_code}_{feed.feed_code}" for feed in self.city.feeds]
        give_up = time.monotonic() + GRACE.total_seconds()
        while time.monotonic() < give_up and any(
            ti.get_dr_count(dag_id, states=["queued", "running"]) for dag_id in dag_ids
        ):
            time.sleep(POLL_SECONDS)

    def _is_late(self, context: Context) -> bool:
        """Whether the deadline run of this business date has been. If so, a feed that comes now is published at once."""
        if self.city.publication is None:
            return False
        day_after = date.fromisoformat(business_date(context, self.city)) + timedelta(days=1)
        zone = ZoneInfo(self.city.time_zone)
        deadline = datetime.combine(day_after, self.city.publication.deadline, zone)
        return bool(context["ti"].get_dr_count(self.dag_id, logical_dates=[deadline]))


class Complete(BaseOperator):
    """Fails, with the release's own words, when what was published lacks a feed."""

    def execute(self, context: Context) -> None:
        ti = context["ti"]
        if ti.xcom_pull(task_ids="release", key="exit_code") == Outcome.INCOMPLETE:
            said = ti.xcom_pull(task_ids="release", key="said")
            raise AirflowFailException(f"published, but a feed is missing: {said}")


class OtherDays(BaseOperator):
    """Finds the days that no run is about: a feed of theirs has arrived and they have not been published since.

    Arrivals of several days come together where an older day is brought beside the night. Airflow's queue then wakes one
    run and forgets those that came while an earlier one of the same feed was waiting, so all events of a day are asked.
    A run that was told its day leaves others alone.
    """

    def __init__(self, *, city: City, **arguments: Any) -> None:
        super().__init__(inlets=[*arrivals(city), published(city)], **arguments)
        self.city = city

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """What to wake: one run for each day and arrival, however often it is found."""
        if context["params"]["business_date"]:
            return []
        arrived = _last_events(context, arrivals(self.city))
        released = _last_events(context, [published(self.city)])
        own = business_date(context, self.city)
        return [
            {"conf": {"business_date": day}, "trigger_run_id": f"other_day__{day}__{at.isoformat()}"}
            for day, at in sorted(arrived.items())
            if day != own and not (day in released and released[day] > at)
        ]


def _last_events(context: Context, assets: list[Asset]) -> dict[str, datetime]:
    """Business date -> when the last event of these assets about it was, within LOOK_BACK."""
    since = (datetime.now(UTC) - LOOK_BACK).isoformat()
    return last_events(chain.from_iterable(context["inlet_events"][asset].after(since) for asset in assets))


class Wake(TriggerDagRunOperator):
    """Wakes a run of a publication; nothing of it is rendered, so that nothing is stored."""

    template_fields = ()


def arrivals(city: City) -> list[Asset]:
    return [Asset(name=f"silver.{city.city_code}.{feed.feed_code}") for feed in city.feeds]


def published(city: City) -> Asset:
    return Asset(name=f"published.{city.city_code}")


def schedule(city: City) -> AssetAny | AssetOrTimeSchedule:
    any_arrival = AssetAny(*arrivals(city))
    if city.publication is None:
        return any_arrival
    return AssetOrTimeSchedule(timetable=daily_at(city.publication.deadline, city), assets=any_arrival)


def publish_dag(city: City) -> DAG:
    with DAG(
        dag_id=f"publish_{city.city_code}",
        dag_display_name=f"{city.name.zh} · 平安指数发布",
        description=f"The peace index of {city.name.en}: conform, compute, raise flags, release",
        schedule=schedule(city),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
        params={
            "business_date": business_date_param(),
            "now": Param(False, type="boolean", title="立即发布 · now", description="whatever has arrived"),
        },
        tags=["publish", city.city_code],
    ) as dag:
        gate = Gate(task_id="gate", step="delivered", city=city, if_incomplete="skip")
        conform, index, flags = (
            StepOperator(task_id=step, step=step, city=city, pool="spark") for step in ("conform", "index", "flags")
        )
        release = StepOperator(
            task_id="release",
            step="release",
            city=city,
            pool="spark",
            if_incomplete="succeed",
            outlets=[published(city)],
        )
        others = OtherDays(task_id="other_days", city=city)
        wake = Wake.partial(task_id="wake", trigger_dag_id=dag.dag_id, logical_date=None, skip_when_already_exists=True)
        wake.expand_kwargs(others.output)
        gate >> conform >> index >> flags >> release >> Complete(task_id="complete", retries=0)
        if city.digest:  # beside `complete`: what could not be told makes the run red, and nothing waits for it
            release >> StepOperator(task_id="digest", step="digest", city=city, connection=city.digest)
    return dag


for _city in load_cities():
    if _city.feeds:
        publish_dag(_city)
