"""One DAG a city for the upkeep of its part of the lake: weekly, on the city's Sunday morning after the publication.

It shares the one Spark slot with the nightly steps, so that a night and the upkeep wait for each other.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from dags.business_day import business_date_param
from dags.step import StepOperator
from expectations.contract import load_cities
from expectations.models import City

SUNDAY_MORNING = "0 5 * * 0"


def maintenance_dag(city: City) -> DAG:
    with DAG(
        dag_id=f"maintain_{city.city_code}",
        dag_display_name=f"{city.name.zh} · 数据湖维护",
        description=f"Upkeep of the lake of {city.name.en}: raw files past their time, small files, old files",
        schedule=CronTriggerTimetable(SUNDAY_MORNING, timezone=city.time_zone) if city.publication else None,
        catchup=False,
        max_active_runs=1,
        params={"business_date": business_date_param()},
        tags=["maintenance", city.city_code],
    ) as dag:
        StepOperator(
            task_id="maintain",
            step="maintain",
            city=city,
            pool="spark",
            priority_weight=-10,  # a nightly step that waits for the slot goes first
            retries=2,
            retry_delay=timedelta(minutes=5),
        )
    return dag


for _city in load_cities():
    if _city.feeds:
        maintenance_dag(_city)
