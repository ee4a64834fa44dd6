"""One DAG a feed, built from the contracts: `land` fetches raw bytes, `refine` checks and versions them.

A feed that comes through emits the asset `silver.<city>.<feed>` with its business date, for which the city's
publication waits. Adding a feed's YAML adds its DAG; nothing is registered here.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset

from dags.business_day import business_date_param, daily_at, since_param
from dags.step import StepOperator
from expectations.contract import load_cities
from expectations.models import City, Feed


def feed_dag(city: City, feed: Feed) -> DAG:
    with DAG(
        dag_id=f"feed_{city.city_code}_{feed.feed_code}",
        dag_display_name=f"{city.name.zh} · {feed.name.zh}",
        description=f"{feed.name.en} of {city.name.en}: land, then refine into silver",
        schedule=daily_at(city.publication.starts, city) if city.publication else None,
        catchup=False,
        max_active_runs=1,
        params={"business_date": business_date_param(), "since": since_param()},
        tags=["feed", city.city_code, feed.kind],
    ) as dag:
        land = StepOperator(
            task_id="land",
            step="land",
            city=city,
            feed_code=feed.feed_code,
            connection=feed.source.connection,
            takes=("since",),
            # 2 + 4 + 8 + 15 minutes: a source has half an hour to come back before the deadline
            retries=4,
            retry_delay=timedelta(minutes=2),
            retry_exponential_backoff=2,
            max_retry_delay=timedelta(minutes=15),
        )
        refine = StepOperator(
            task_id="refine",
            step="refine",
            city=city,
            feed_code=feed.feed_code,
            pool="spark",
            retries=2,
            retry_delay=timedelta(seconds=30),
            outlets=[Asset(name=f"silver.{city.city_code}.{feed.feed_code}")],
        )
        land >> refine
    return dag


for _city in load_cities():
    for _feed in _city.feeds:
        feed_dag(_city, _feed)
