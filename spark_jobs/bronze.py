"""Bronze: every row of every batch as text, appended exactly once; personal values dropped or hashed before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from expectations.contract import Feed
from spark_jobs import tables
from spark_jobs.decoding import FILE, ROW, bronze_columns, decode
from spark_jobs.landing import Landing, Manifest
from spark_jobs.pseudonym import Pseudonymiser

BATCH, DELIVERED = "_batch_id", "_delivered_on"


def bronze_table(feed: Feed) -> str:
    return f"bronze.{feed.city_code}_{feed.feed_code}"


def create_table(spark: SparkSession, feed: Feed) -> None:
    columns = [f"`{name}` string" for name in bronze_columns(feed)]
    columns += [f"{FILE} string", f"{ROW} bigint", f"{DELIVERED} date", f"{BATCH} string"]
    tables.create(spark, bronze_table(feed), ", ".join(columns))


def append(
    spark: SparkSession, feed: Feed, landing: Landing, manifest: Manifest, staging: Path, pseudonymiser: Pseudonymiser
) -> int:
    """Decode one batch and append it to the feed's bronze table; again is harmless. Returns the rows received."""
    folder = staging / feed.city_code / feed.feed_code / manifest.batch_id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    schema = pa.schema(
        [(name, pa.string()) for name in bronze_columns(feed)]
        + [(FILE, pa.string()), (ROW, pa.int64()), (DELIVERED, pa.date32())]
    )
    n_rows = 0
    with pa_parquet.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for file in manifest.files:
            table = decode(feed, landing.path(manifest, file), pseudonymiser)
            delivered = pa.array([file.delivered_on] * table.num_rows, pa.date32())
            writer.write_table(table.append_column(DELIVERED, delivered).cast(schema))
            n_rows += table.num_rows
    if n_rows:
        rows = spark.read.parquet(str(folder)).withColumn(BATCH, f.lit(manifest.batch_id))
        tables.append_once(spark, rows, bronze_table(feed), f"{feed.code}/{manifest.batch_id}")
    shutil.rmtree(folder)
    return n_rows
