"""The edge of the flags: reads what the rules look at as small frames, writes flags.flag and flags.flag_rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import day_types_of, read_table
from expectations.dated import row_holds
from expectations.models import City, Text
from spark_jobs import lineage
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.feed_status import batches_read, feed_status
from spark_jobs.flags.assembly import COLUMNS, RULE_COLUMNS, flags_for
from spark_jobs.flags.rule import DAILY, Place, QuantityLimit, Query, RuleInput
from spark_jobs.flags.rules import IN_FORCE
from spark_jobs.index.coverage import with_content
from spark_jobs.index.engine.territory import REMAINDER, Territory, placed, territory
from spark_jobs.index.flag_thresholds import Flags
from spark_jobs.index.job import moving_holiday
from spark_jobs.index.methodology import load_methodology
from spark_jobs.lake import tables

TABLE, RULES_TABLE = "flags.flag", "flags.flag_rule"


def run(spark: SparkSession, city: City, business_date: date) -> str:
    """Compute and write flags.flag and flags.flag_rule for one city and day. Returns a line for the log."""
    methodology = load_methodology().named_by(city.names)
    in_city = (f.col("city_code") == city.city_code) & (f.col("level") == "county")
    areas = tables.read(spark, "conformed.area").where(in_city).toPandas()
    of_today = territory(areas, business_date)
    evidence = _placed(read_evidence(spark, city, methodology.flags, business_date), of_today, city)
    place, holiday = _place(city, areas, of_today), moving_holiday(city, methodology)
    given = RuleInput(
        business_date,
        place,
        city.feeds,
        methodology,
        evidence,
        holiday=holiday,
        day_types=day_types_of(city),
        limits=_limits(city, business_date),
    )
    raised = flags_for(given)
    frames = {
        TABLE: _spark_frame(spark, raised.flags, COLUMNS),
        RULES_TABLE: _spark_frame(spark, raised.rules, RULE_COLUMNS),
    }
    tables.replace_slices(spark, frames, {"city_code": city.city_code, "business_date": business_date.isoformat()})
    colours = raised.flags["colour_code"].value_counts()
    counts = ", ".join(f"{colours.get(colour, 0)} {colour}" for colour in ("red", "amber", "grey"))
    return f"{city.city_code} {business_date}: flags: {counts}"


def read_evidence(spark: SparkSession, city: City, flags: Flags, business_date: date) -> dict[str, pd.DataFrame]:
    """Small frames from the lake as known at the day's cut-off, for RuleInput.evidence. None is about a person."""
    batches = batches_read(batches_of(spark, city), business_date)
    kinds = {None, *(feed.kind for feed in city.feeds)}
    queried = {
        query.name: _query(spark, query.sql, city, business_date, days)
        for query, days in needed(flags).items()
        if query.kind in kinds
    }
    status = feed_status(city.feeds, batches, business_date)
    status = with_content(city, status, queried[DAILY.name], business_date, load_methodology())
    return {"status": status, "batches": batches, **queried}


def needed(flags: Flags) -> dict[Query, int]:
    """Each query that a rule in force needs, with the most days that any of these rules looks back."""
    most: dict[Query, int] = {}
    for rule in IN_FORCE:
        for query, days in rule.needs(flags).items():
            most[query] = max(days, most.get(query, 0))
    return most


def _placed(evidence: Mapping[str, pd.DataFrame], of_today: Territory, city: City) -> dict[str, pd.DataFrame]:
    """Each row under the county of today to which its own county belongs; if there is none, under the city."""
    county_of = {code: city.area_code if to == REMAINDER else to for code, to in of_today.county_of.items()}
    return {name: placed(frame, county_of) if "area_code" in frame else frame for name, frame in evidence.items()}


def _place(city: City, areas: pd.DataFrame, of_today: Territory) -> Place:
    now = areas[areas["area_code"].isin(of_today.area_codes)].sort_values("valid_from")
    names = now[["area_code", "name_zh", "name_en"]].itertuples(index=False, name=None)
    return Place(city.city_code, city.area_code, {code: Text(zh, en) for code, zh, en in names})


def _limits(city: City, business_date: date) -> list[QuantityLimit]:
    """Those of quantity_limits.csv that hold on the day."""
    return [
        QuantityLimit(row["product_code"], row["container_code"], row["unit_code"], Decimal(row["limit"]))
        for row in read_table(city.city_code, "quantity_limits")
        if row_holds(business_date, row)
    ]


# Values are put in as literals: with Delta's extension, named parameters reach Spark Connect 4.1.4 unbound.
def _query(spark: SparkSession, query: str, city: City, business_date: date, days: int = 0) -> pd.DataFrame:
    values = {
        "city": city.city_code,
        "day": business_date.isoformat(),
        "as_of": city.as_of(business_date).isoformat(),
        "zone": city.time_zone,
    }
    literals = {name: tables.literal(value) for name, value in values.items()}
    lineage.queried(query)
    return spark.sql(query.format(**literals, days=days)).toPandas()


def _spark_frame(spark: SparkSession, frame: pd.DataFrame, columns: Mapping[str, str]) -> DataFrame:
    """A frame with a declared schema, so that a night without flags or numbers has the same types."""
    rows: list[list[Any]] = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return spark.createDataFrame(rows, ", ".join(f"{column} {kind}" for column, kind in columns.items()))
