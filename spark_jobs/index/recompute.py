"""The index on past days: every as-of day of a range, as known now or as known then, and revisions.

Nothing here touches indicators.daily: what was known at an older cut-off is computed from silver's versions.
"""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from expectations.models import City
from spark_jobs.conform import daily_as_known
from spark_jobs.errors import UsageError
from spark_jobs.index import history, job
from spark_jobs.index.engine.as_of import CityFrame
from spark_jobs.index.methodology import load_methodology


def as_known_now(spark: SparkSession, city: City, first: date, last: date) -> str:
    """Bring index.history up to date for every as-of day from `first` to `last`.

    Only the days whose inputs changed are computed; many of them are mapped by Spark.
    """
    given = job.read(spark, city, last, job.known_by_default(city, last), None)
    days = _days(first, last)
    due = history.affected(given.counts, given.frame, days, given.past)
    if len(due) > history.IN_PROCESS_DAYS:
        fresh = _mapped(spark, job.daily_of(spark, city, last), city, given.frame, due)
    else:
        fresh = history.history_frame(given.counts, given.frame, due)
    if due:
        job.keep(spark, city, history.merged(given.past, fresh))
    return _account(city, first, last, len(days), len(due))


def as_known_then(spark: SparkSession, city: City, first: date, last: date) -> str:
    """The same, each day as it was known at its own cut-off: one query of silver's versions a day."""
    days, n_due = _days(first, last), 0
    for day in days:
        daily = daily_as_known(city.city_code, city.time_zone, day, city.as_of(day), city.context_feeds)
        given = job.read(spark, city, day, day, daily)
        own = given.past[given.past["known_on"] == day]
        due = history.affected(given.counts, given.frame, [day], own)
        if due:
            fresh = history.history_frame(given.counts, given.frame, due)
            job.keep(spark, city, history.merged(given.past, fresh))
        n_due += len(due)
    return _account(city, first, last, len(days), n_due)


def revise(spark: SparkSession, city: City, business_date: date) -> str:
    """Compute index.* of the day again from what was known when its figures became revised."""
    known_on = load_methodology().revised_on(business_date)
    _require_past(spark, city, known_on)
    as_of = city.as_of(known_on)
    daily = daily_as_known(city.city_code, city.time_zone, business_date, as_of, city.context_feeds)
    return job.run(spark, city, business_date, known_on, daily)


def _require_past(spark: SparkSession, city: City, known_on: date) -> None:
    """Raises UsageError if no night as late as `known_on` has come: its knowledge is not there yet."""
    past = history.stored(spark, city.city_code)
    if past.empty or past["known_on"].max() < known_on:
        raise UsageError(
            f"index {city.city_code}: figures of the day are revised with what is known on {known_on}; "
            "no night as late as that has been run yet"
        )


def _mapped(spark: SparkSession, daily: DataFrame, city: City, frame: CityFrame, due: list[date]) -> pd.DataFrame:
    cities, days = {city.city_code: frame}, {city.city_code: due}
    n_parts = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    return history.mapped(spark, daily, cities, days, n_parts).drop("city_code").toPandas()


def _days(first: date, last: date) -> list[date]:
    if first > last:
        raise UsageError(f"--from {first} lies after --date {last}")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _account(city: City, first: date, last: date, n_days: int, n_due: int) -> str:
    return f"{city.city_code} {first} to {last}: {n_days} as-of days, {n_due} computed, the others unchanged"
