"""The current release of a city for readers of the lake: one row a city, switched last."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from spark_jobs.lake import tables

POINTER = "release.pointer"
POINTER_COLUMNS = "release_id string, business_date date"
MANIFEST = "release.manifest"  # a release's document and evidence, by release_id


def move_pointer(spark: SparkSession, city_code: str, release_id: str, business_date: date) -> None:
    """Make the release the current one for the lake's readers."""
    content = spark.createDataFrame([(release_id, business_date)], POINTER_COLUMNS)
    tables.replace_slice(spark, content, POINTER, {"city_code": city_code})


def pointed_release(spark: SparkSession, city_code: str) -> str | None:
    """The city's current release in the lake, or None before the first."""
    if not tables.exists(spark, POINTER):
        return None
    rows = tables.read(spark, POINTER).where(f.col("city_code") == city_code).select("release_id").collect()
    return str(rows[0].release_id) if rows else None
