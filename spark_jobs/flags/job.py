"""The edge of the flags: reads what the rules look at as small frames, writes flags.flag."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from expectations.models import City
from spark_jobs import lineage
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.feed_status import batches_read, feed_status
from spark_jobs.flags import quality, severe
from spark_jobs.flags.assembly import COLUMNS, Evidence, Place, flags_for
from spark_jobs.flags.words import Text
from spark_jobs.index.methodology import Flags, load_methodology
from spark_jobs.lake import tables

TABLE = "flags.flag"

# Values are put in as literals: with Delta's extension, named parameters reach Spark Connect 4.1.4 unbound.
DAILY = """
    select indicator_id, area_code, day, stratum, numerator
    from indicators.daily
    where city_code = {city} and day between date_sub(date {day}, {daily_days}) and date {day}
"""

COUNTIES = """
    select area_code, name_zh, name_en
    from conformed.area
    where city_code = {city} and level = 'county'
        and valid_from <= date {day} and (valid_to is null or valid_to >= date {day})
"""

# A row without a county is counted once, however many rules it breaks.
UNKNOWN_AREA = """
    select feed_code, batch_id, count(distinct source_file, row_number) as n_unknown_area
    from silver.rejects
    where city_code = {city} and rule in ('unknown_area', 'ambiguous_area')
    group by feed_code, batch_id
"""

# Events by county, day and toll: no identity leaves the lake. Which tolls are severe is the rule's business.
TOLLS = """
    select area_code, feed_code, 'case' as family_code, occurred_on,
        coalesce(n_deaths, 0) as n_deaths, coalesce(n_serious_injuries, 0) as n_serious_injuries,
        count(*) as n_events
    from silver.`case`
    where city_code = {city} and occurred_on between date_sub(date {day}, {toll_days}) and date {day}
        and valid_from <= timestamp {as_of} and (valid_to is null or valid_to > timestamp {as_of}) and not is_deleted
        and coalesce(n_deaths, 0) + coalesce(n_serious_injuries, 0) > 0
    group by all
    union all
    select area_code, feed_code, family_code, occurred_on,
        coalesce(n_deaths, 0) as n_deaths, coalesce(n_serious_injuries, 0) as n_serious_injuries,
        count(*) as n_events
    from silver.incident
    where city_code = {city} and occurred_on between date_sub(date {day}, {toll_days}) and date {day}
        and valid_from <= timestamp {as_of} and (valid_to is null or valid_to > timestamp {as_of}) and not is_deleted
        and coalesce(n_deaths, 0) + coalesce(n_serious_injuries, 0) > 0
    group by all
"""

# Versions, not records: a source that sends its past only as it stands today has no false fall afterwards.
VOLUMES = """
    with versions as (
        select city_code, feed_code, valid_from from silver.hotline
        union all
        select city_code, feed_code, valid_from from silver.dispute
        union all
        select city_code, feed_code, valid_from from silver.`case`
        union all
        select city_code, feed_code, valid_from from silver.incident
    )
    select feed_code, to_date(from_utc_timestamp(valid_from, {zone})) as day, count(*) as n_records
    from versions
    where city_code = {city} and valid_from <= timestamp {as_of} and valid_from > date_sub(date {day}, {volume_days})
    group by all
"""


def run(spark: SparkSession, city: City, business_date: date) -> str:
    """Compute and write flags.flag for one city and day. Returns a line for the log."""
    methodology = load_methodology()
    evidence = read_evidence(spark, city, methodology.flags, business_date)
    frame = flags_for(evidence, city.feeds, _place(spark, city, business_date), methodology, business_date)
    keys = {"city_code": city.city_code, "business_date": business_date.isoformat()}
    tables.replace_slice(spark, _spark_frame(spark, frame), TABLE, keys)
    levels = frame["level_code"].value_counts()
    counts = ", ".join(f"{levels.get(level, 0)} {level}" for level in ("red", "amber", "grey"))
    return f"{city.city_code} {business_date}: flags: {counts}"


def read_evidence(spark: SparkSession, city: City, rules: Flags, business_date: date) -> Evidence:
    """Small frames from the lake as known at the cut-off of the day; nothing of them is a person."""
    batches = batches_read(batches_of(spark, city), business_date)
    unknown = _query(spark, UNKNOWN_AREA, city, business_date)
    judged = batches.merge(unknown, on=["feed_code", "batch_id"], how="left").fillna({"n_unknown_area": 0})
    reach = _days_back(rules)
    return Evidence(
        daily=_query(spark, DAILY, city, business_date, **reach),
        tolls=_query(spark, TOLLS, city, business_date, **reach),
        status=feed_status(city.feeds, batches, business_date),
        batches=judged[judged["status"] == "checked"],
        volumes=_query(spark, VOLUMES, city, business_date, **reach),
    )


def _days_back(rules: Flags) -> dict[str, int]:
    """How far back each query reads: as far as its rules look, and a day for the time zone."""
    weeks = 7 * (rules.f1b_short_history.history_weeks + 1)
    return {
        "daily_days": max(severe.days_looked_at(rules.f4_severe_event), weeks),
        "toll_days": rules.f4_severe_event.window_days,
        "volume_days": quality.days_looked_at(rules.f9_data_quality) + 1,
    }


def _place(spark: SparkSession, city: City, business_date: date) -> Place:
    names = _query(spark, COUNTIES, city, business_date).itertuples(index=False, name=None)
    return Place(city.city_code, city.area_code, {code: Text(zh, en) for code, zh, en in names})


def _query(spark: SparkSession, query: str, city: City, business_date: date, **days: int) -> pd.DataFrame:
    values = {
        "city": city.city_code,
        "day": business_date.isoformat(),
        "as_of": city.as_of(business_date).isoformat(),
        "zone": city.time_zone,
    }
    literals = {name: tables.literal(value) for name, value in values.items()}
    lineage.queried(query)
    return spark.sql(query.format(**literals, **days)).toPandas()


def _spark_frame(spark: SparkSession, frame: pd.DataFrame) -> DataFrame:
    """With a declared schema, so that a night without flags or without numbers has the same types."""
    rows: list[list[Any]] = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return spark.createDataFrame(rows, ", ".join(f"{column} {kind}" for column, kind in COLUMNS.items()))
