"""The only reader and writer of Delta tables.

Every write is idempotent: a slice is replaced as a whole, or a batch is appended once under its own number.
"""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

WRITERS = 4
SAFE_HOURS = 168  # what Delta holds to be safe for whoever still reads an older version
SCHEMAS = ("raw", "bronze", "silver", "ops", "conformed", "indicators", "index", "flags", "release")
ATTACHED = "attached"  # an empty schema, made last: the server knows all tables of the folder


def literal(value: str) -> str:
    """SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def attach(spark: SparkSession) -> None:
    """Tell a server that has just started which tables lie in the lake's folder; at once if it knows already.

    The folder is the only catalogue: no second record of the tables can be lost, locked, or disagree with it.
    What a killed creation left without a single commit is removed, because it was never a table.
    """
    with locked(spark, ".attach.lock") as lake:
        if spark.catalog.databaseExists(ATTACHED):
            return
        for schema in SCHEMAS:
            spark.sql(f"create schema if not exists `{schema}`")
            for folder in sorted((lake / f"{schema}.db").glob("*/")):
                if not any((folder / "_delta_log").glob("*.json")):
                    shutil.rmtree(folder)
                    continue
                table = f"`{schema}`.`{folder.name}`"
                spark.sql(f"create table if not exists {table} using delta location {literal(str(folder))}")
        spark.sql(f"create schema `{ATTACHED}`")


@contextmanager
def locked(spark: SparkSession, name: str) -> Iterator[Path]:
    """The lake's folder, held by one process at a time for the purpose of that name."""
    lake = Path(urlsplit(str(spark.conf.get("spark.sql.warehouse.dir"))).path)
    lake.mkdir(parents=True, exist_ok=True)
    with (lake / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lake


def exists(spark: SparkSession, table: str) -> bool:
    return bool(spark.catalog.tableExists(table))


def create(
    spark: SparkSession,
    table: str,
    columns: str,
    partition_by: tuple[str, ...] = (),
    statistics: tuple[str, ...] | None = None,
) -> None:
    """Create a Delta table if there is none. `columns` is SQL DDL.

    `statistics` are the columns whose least and greatest values stand in the table's log; without it the first 32.
    A personal column must not be one of them: the log keeps what the rows no longer say.
    """
    partition = f" partitioned by ({', '.join(partition_by)})" if partition_by else ""
    listed = ",".join(statistics or ())
    properties = f" tblproperties ('delta.dataSkippingStatsColumns' = '{listed}')" if statistics else ""
    spark.sql(f"create table if not exists {table} ({columns}) using delta{partition}{properties}")


def ensure(
    spark: SparkSession,
    table: str,
    columns: Mapping[str, str],
    partition_by: tuple[str, ...] = (),
    statistics: tuple[str, ...] | None = None,
) -> None:
    """Create a Delta table, or give one from before the columns that it lacks. A complete one is only looked at.

    `columns`: name -> type, and a comment if it has one, in SQL. Rows that are there have no value in a new column.
    """
    try:
        if columns.keys() <= {*read(spark, table).columns}:
            return
    except AnalysisException as fault:
        if fault.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        declared = ", ".join(f"`{name}` {type_}" for name, type_ in columns.items())
        create(spark, table, declared, partition_by, statistics)
    with locked(spark, ".columns.lock"):
        found = {*read(spark, table).columns}
        lacking = ", ".join(f"`{name}` {type_}" for name, type_ in columns.items() if name not in found)
        if lacking:
            spark.sql(f"alter table {table} add columns ({lacking})")


def read(spark: SparkSession, table: str) -> DataFrame:
    return spark.read.table(table)


def replace_slice(
    spark: SparkSession,
    frame: DataFrame | pd.DataFrame,
    table: str,
    keys: Mapping[str, str],
    partition_by: tuple[str, ...] | None = None,
) -> None:
    """Make the rows of `table` where every key column equals its value be exactly `frame`; create the table if new.

    The table is partitioned by the key columns, or by `partition_by`, so that other slices are not rewritten.
    """
    rows = spark.createDataFrame(frame) if isinstance(frame, pd.DataFrame) else frame
    for column, value in keys.items():
        rows = rows.withColumn(column, f.lit(value))
    writer = rows.write.format("delta")
    if not exists(spark, table):
        writer.partitionBy(*(partition_by or tuple(keys))).saveAsTable(table)
        return
    condition = " and ".join(f"{column} = {literal(value)}" for column, value in keys.items())
    writer.mode("overwrite").option("replaceWhere", condition).option("mergeSchema", "true").saveAsTable(table)


def replace_slices(
    spark: SparkSession,
    frames: Mapping[str, DataFrame],
    keys: Mapping[str, str],
    partition_by: tuple[str, ...] | None = None,
) -> None:
    """`replace_slice` of several tables at once: a small Delta commit is mostly waiting, so they wait together."""
    with ThreadPoolExecutor(WRITERS) as pool:
        writes = [
            pool.submit(replace_slice, spark, frame, table, keys, partition_by) for table, frame in frames.items()
        ]
        for write in writes:
            write.result()


def append_once(spark: SparkSession, frame: DataFrame, table: str, batch_id: str) -> None:
    """Append one batch. Appending it again writes nothing: Delta remembers the batch as a transaction id."""
    (
        frame.write.format("delta")
        .mode("append")
        .option("mergeSchema", "true")
        .option("txnAppId", batch_id)
        .option("txnVersion", "1")
        .saveAsTable(table)
    )


def upsert(spark: SparkSession, frame: DataFrame, table: str, keys: tuple[str, ...], within: str = "true") -> None:
    """Insert the rows whose keys are new, update the others. `within` narrows the target to some partitions."""
    on = " and ".join(f"new.{key} = old.{key}" for key in keys)
    name = f"upsert_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    spark.sql(
        f"merge into {table} as old using {name} as new on {on} and {within} "
        "when matched and old.row_hash is distinct from new.row_hash or old.valid_to is distinct from new.valid_to "
        "then update set * when not matched then insert *"
    )
    spark.catalog.dropTempView(name)


def update(spark: SparkSession, frame: DataFrame, table: str, keys: tuple[str, ...], within: str = "true") -> None:
    """Replace the rows that have the keys of `frame`; rows with other keys are neither added nor touched."""
    on = " and ".join(f"new.`{key}` = old.`{key}`" for key in keys)
    name = f"update_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    spark.sql(f"merge into {table} as old using {name} as new on {on} and {within} when matched then update set *")
    spark.catalog.dropTempView(name)


def drop_old_files(spark: SparkSession, table: str, hours: int) -> None:
    """Remove files that no version of the last `hours` needs. Under 168 nobody else may read or write the table."""
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark.conf.set(check, str(hours >= SAFE_HOURS).lower())
    try:
        spark.sql(f"vacuum {table} retain {hours} hours")
    finally:
        spark.conf.unset(check)
