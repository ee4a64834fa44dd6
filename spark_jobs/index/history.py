"""The index on every as-of day: what was computed before, what has to be computed again, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from spark_jobs.index import rows
from spark_jobs.index.engine.as_of import CityFrame, computed, input_hash
from spark_jobs.index.engine.windows import DailyCounts
from spark_jobs.lake import tables
from spark_jobs.released.schemas import ddl

HISTORY = "index.history"
IN_PROCESS_DAYS = 60  # so many days take as long here as Spark needs to start its Python workers


def stored(spark: SparkSession, city_code: str) -> pd.DataFrame:
    """Rows of the city, of all as-of days and of every knowledge that changed one."""
    if not tables.exists(spark, HISTORY):
        return pd.DataFrame(columns=pd.Index(list(rows.HISTORY)))
    return tables.read(spark, HISTORY).where(f.col("city_code") == city_code).drop("city_code").toPandas()


def latest(history: pd.DataFrame, known_on: date) -> pd.DataFrame:
    """For each as-of day the rows of the newest knowledge that there was on `known_on`."""
    known = history[history["known_on"] <= known_on]
    return known if known.empty else known[known["known_on"] == known.groupby("day")["known_on"].transform("max")]


def affected(counts: DailyCounts, city: CityFrame, days: Iterable[date], history: pd.DataFrame) -> list[date]:
    """The days whose newest result was computed from other inputs than there are now: new days, new or late counts,
    revised denominators, another method.
    """
    known = latest(history, city.known_on)
    hashes = dict(zip(known["day"], known["input_hash"], strict=True))
    return [day for day in days if hashes.get(day) != input_hash(city.inputs(counts, day), city)]


def merged(history: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """The rows, with the fresh ones in the place of those of the same day and knowledge. None where there is no value."""
    if history.empty:
        return fresh
    replaced = pd.MultiIndex.from_frame(history[["day", "known_on"]]).isin(
        pd.MultiIndex.from_frame(fresh[["day", "known_on"]].drop_duplicates())
    )
    whole = pd.concat([history[~replaced].astype(object), fresh.astype(object)], ignore_index=True)
    return whole.where(whole.notna(), None)


def history_frame(counts: DailyCounts, city: CityFrame, days: Sequence[date]) -> pd.DataFrame:
    """Rows of index.history for these days: what is mapped over cities and days."""
    found = [
        row
        for day, identity, result in computed(counts, city, days)
        for row in rows.history_rows(result, city.units, day, city.known_on, city.methodology.version, identity)
    ]
    return pd.DataFrame(found, columns=pd.Index(list(rows.HISTORY)))


def mapped(
    spark: SparkSession,
    daily: DataFrame,
    cities: Mapping[str, CityFrame],
    days: Mapping[str, Sequence[date]],
    n_parts: int,
) -> DataFrame:
    """`history_frame` over cities and parts of their days, by Spark: rows of index.history with their city_code.

    daily: rows of indicators.daily of these cities. Each part of a city's days is one task, which holds that city's
    counts and nothing of the others.
    """
    tasks = [(code, part) for code in cities for part in range(min(n_parts, len(days[code])))]
    listed = spark.createDataFrame([(code, n) for n, (code, _) in enumerate(tasks)], "city_code string, task int")

    def compute(of_task: pd.DataFrame) -> pd.DataFrame:
        code, part = tasks[int(of_task["task"].iloc[0])]
        found = history_frame(cities[code].counts(of_task), cities[code], days[code][part::n_parts])
        return found.assign(city_code=code)[["city_code", *rows.HISTORY]]

    # by range and by number: each task is a partition of its own, which nothing merges for being small
    spread = daily.join(f.broadcast(listed), "city_code").repartitionByRange(len(tasks), "task")
    return spread.groupBy("task").applyInPandas(compute, ddl({"city_code": "string", **rows.HISTORY}))
