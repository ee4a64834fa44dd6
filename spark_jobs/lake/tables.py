"""The only reader and writer of Delta tables.

Every write is idempotent: a slice is replaced as a whole, or a batch is appended once under its own number. So a write
that another one has overtaken is simply made again. A column comes into the lake with its class and meaning as comment,
by its name (spark_jobs/lake/meanings.py), and one of which nothing says them does not come into it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as f
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from spark_jobs import lineage
from spark_jobs.lake import locks
from spark_jobs.lake.meanings import comment

WRITERS = 4
SAFE_HOURS = 168  # what Delta holds to be safe for whoever still reads an older version
ROWS_A_FILE, BYTES_A_FILE = 50_000, 8 * 2**20  # small enough that a night's changes rewrite little of a table
MOST_OVERLAPPING = 4
# Delta would put all that a merge rewrites into one file, which the next night rewrites again, and first send the rows
# through one more shuffle to one task, because a feed's slice is one partition
MERGED = {
    "spark.sql.files.maxRecordsPerFile": str(ROWS_A_FILE),
    "spark.databricks.delta.merge.repartitionBeforeWrite.enabled": "false",
}
SCHEMAS = ("raw", "bronze", "silver", "ops", "conformed", "indicators", "index", "flags", "release")
HOW_TO_PROJECT = "spark.sql.codegen.factoryMode"


# Another writer's commit came first: what was written is thrown away by Delta, and written again it finds the new state.
OVERTAKEN = (
    "DELTA_CONCURRENT_",
    "DELTA_METADATA_CHANGED",
    "DELTA_PROTOCOL_CHANGED",
    "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION",
    "TABLE_OR_VIEW_ALREADY_EXISTS",
)


def _is_overtaken(error: BaseException) -> bool:
    return isinstance(error, PySparkException) and any(name in str(error) for name in OVERTAKEN)


again_if_overtaken = retry(
    retry=retry_if_exception(_is_overtaken),
    stop=stop_after_attempt(8),
    wait=wait_exponential_jitter(0.2, 10),
    reraise=True,
)


def literal(value: str) -> str:
    """SQL string literal, for the places where Spark takes neither a column nor a parameter. Sessions of `connect`
    replace nothing inside it.
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def condition(keys: Mapping[str, str], of: str = "") -> str:
    """SQL that holds for the rows in which every key column equals its value. `of` is the table's name in the query."""
    prefix = f"{of}." if of else ""
    return " and ".join(f"{prefix}{column} = {literal(value)}" for column, value in keys.items())


def lake_folder(spark: SparkSession) -> Path:
    """Where the tables lie."""
    return Path(urlsplit(str(spark.conf.get("spark.sql.warehouse.dir"))).path)


@contextmanager
def locked(spark: SparkSession, name: str) -> Iterator[Path]:
    """The lake's folder, held by one process at a time for the purpose of that name."""
    lake = lake_folder(spark)
    with locks.locked(lake / name, f"another process that holds {name} of the lake"):
        yield lake


def columns_of(spark: SparkSession, table: str) -> list[str]:
    """Names of the table's columns, in order; empty if there is no such table."""
    try:
        return list(spark.read.table(table).columns)
    except AnalysisException as fault:
        if fault.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        return []


def exists(spark: SparkSession, table: str) -> bool:
    return bool(columns_of(spark, table))


def declared(ddl: str) -> dict[str, str]:
    """`name type, …` -> {name: type}."""
    return {name: type_ for name, _, type_ in (part.partition(" ") for part in ddl.split(", "))}


def ensure(
    spark: SparkSession,
    table: str,
    columns: Mapping[str, str],
    partition_by: tuple[str, ...] = (),
    statistics: tuple[str, ...] | None = None,
) -> None:
    """Create a Delta table, or add the columns that one from before lacks. A complete one is only looked at.

    `columns`: name -> SQL type. Existing rows have no value in a new column. `statistics`: columns whose least and
    greatest values stand in the table's log; without it the first 32. A personal column must not be one of them: the
    log keeps what the rows no longer say. Raises MeaningError, and leaves the table as it was, if nothing says what a
    new column means.
    """
    found = columns_of(spark, table)
    if columns.keys() <= {*found}:
        return
    if not found:
        _create(spark, table, columns, partition_by, statistics)
    with locked(spark, ".columns.lock"):
        found = columns_of(spark, table)
        lacking = {name: type_ for name, type_ in columns.items() if name not in found}
        if lacking:
            spark.sql(f"alter table {table} add columns ({_with_comments(table, lacking)})")


@again_if_overtaken
def _create(
    spark: SparkSession,
    table: str,
    columns: Mapping[str, str],
    partition_by: tuple[str, ...],
    statistics: tuple[str, ...] | None,
) -> None:
    partition = f" partitioned by ({', '.join(partition_by)})" if partition_by else ""
    listed = ",".join(statistics or ())
    properties = f" tblproperties ('delta.dataSkippingStatsColumns' = '{listed}')" if statistics else ""
    spark.sql(
        f"create table if not exists {table} ({_with_comments(table, columns)}) using delta{partition}{properties}"
    )


def _with_comments(table: str, columns: Mapping[str, str]) -> str:
    """DDL of columns, each with its class and meaning."""
    return ", ".join(f"`{name}` {type_} comment {literal(comment(table, name))}" for name, type_ in columns.items())


def _with_new_comments(frame: DataFrame, table: str, stored: Collection[str]) -> DataFrame:
    """The frame with class and meaning at the columns that the table does not have yet."""
    for name in frame.columns:
        if name not in stored:
            frame = frame.withMetadata(name, {"comment": comment(table, name)})
    return frame


@again_if_overtaken
def carry_meanings(spark: SparkSession, table: str) -> bool:
    """Give each column of a table its class and meaning as a comment, where it has none or another. Returns whether any
    had not.

    For tables that are not created here: those that dbt makes, and those from before. One commit; a complete table is
    only looked at. Raises MeaningError, and leaves the table as it was, if nothing says what a column means.
    """
    fields = spark.read.table(table).schema.fields
    said = {field.name: comment(table, field.name) for field in fields}
    changed = {field.name: said[field.name] for field in fields if field.metadata.get("comment") != said[field.name]}
    if changed:
        comments = ", ".join(f"`{name}` comment {literal(text)}" for name, text in changed.items())
        spark.sql(f"alter table {table} alter column {comments}")
    return bool(changed)


def read(spark: SparkSession, table: str) -> DataFrame:
    lineage.read(table)
    return spark.read.table(table)


@again_if_overtaken
def replace_slice(
    spark: SparkSession,
    frame: DataFrame | pd.DataFrame,
    table: str,
    keys: Mapping[str, str],
    partition_by: tuple[str, ...] | None = None,
) -> None:
    """Replace the rows of `table` in which every key column equals its value by `frame`; create the table if it is new.

    The table is partitioned by the key columns, or by `partition_by`, so that other slices are not rewritten. Raises
    MeaningError, and writes nothing, if nothing says what a column new to the table means.
    """
    lineage.wrote(table)
    rows = spark.createDataFrame(frame) if isinstance(frame, pd.DataFrame) else frame
    for column, value in keys.items():
        rows = rows.withColumn(column, f.lit(value))
    stored = columns_of(spark, table)
    writer = _with_new_comments(rows, table, stored).write.format("delta").option("maxRecordsPerFile", ROWS_A_FILE)
    if not stored:
        writer.partitionBy(*(partition_by or tuple(keys))).saveAsTable(table)
        return
    writer.mode("overwrite").option("replaceWhere", condition(keys)).option("mergeSchema", "true").saveAsTable(table)


def replace_slices(
    spark: SparkSession,
    frames: Mapping[str, DataFrame],
    keys: Mapping[str, str],
    partition_by: tuple[str, ...] | None = None,
) -> None:
    """`replace_slice` of several tables at once."""
    together(*(partial(replace_slice, spark, frame, table, keys, partition_by) for table, frame in frames.items()))


@again_if_overtaken
def append(spark: SparkSession, frame: DataFrame, table: str, partition_by: tuple[str, ...]) -> None:
    """Append rows of which the table has none, in its own columns. That costs a quarter of `replace_slice`."""
    lineage.wrote(table)
    frame.write.format("delta").mode("append").partitionBy(*partition_by).saveAsTable(table)


@again_if_overtaken
def append_once(
    spark: SparkSession, frame: DataFrame, table: str, batch_id: str, partition_by: tuple[str, ...] = ()
) -> None:
    """Append one batch. Appending it again writes nothing: Delta remembers the batch as a transaction id.

    Raises MeaningError, and writes nothing, if nothing says what a column new to the table means.
    """
    lineage.wrote(table)
    stored = columns_of(spark, table)
    rows = _with_new_comments(frame, table, stored)
    if not stored:  # the commit that makes a table would not remember the batch
        rows.limit(0).write.format("delta").mode("ignore").partitionBy(*partition_by).saveAsTable(table)
    (
        rows.write.format("delta")
        .mode("append")
        .partitionBy(*partition_by)
        .option("mergeSchema", "true")
        .option("txnAppId", batch_id)
        .option("txnVersion", "1")
        .saveAsTable(table)
    )


def together(*writes: Callable[[], None]) -> None:
    """Several small writes at once: a small Delta commit is mostly waiting, so they wait together."""
    with ThreadPoolExecutor(WRITERS) as pool:
        for write in [pool.submit(write) for write in writes]:
            write.result()


def upsert(spark: SparkSession, frame: DataFrame, table: str, keys: tuple[str, ...], within: str = "true") -> None:
    """Insert the rows whose keys are new, update the others. `within` says where in the target `old` they may lie."""
    changed = "(old.row_hash, old.known_to, old.batch_id) is distinct from (new.row_hash, new.known_to, new.batch_id)"
    then = f"when matched and {changed} then update set * when not matched then insert *"
    _merge(spark, frame, table, keys, within, then)


def update(spark: SparkSession, frame: DataFrame, table: str, keys: tuple[str, ...], within: str = "true") -> None:
    """Replace the rows that have the keys of `frame`; rows with other keys are neither added nor touched."""
    _merge(spark, frame, table, keys, within, "when matched then update set *")


@again_if_overtaken
def _merge(spark: SparkSession, frame: DataFrame, table: str, keys: tuple[str, ...], within: str, then: str) -> None:
    lineage.wrote(table)
    on = " and ".join(f"new.`{key}` = old.`{key}`" for key in keys)
    name = f"merge_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:
        with configured(spark, MERGED):
            spark.sql(f"merge into {table} as old using {name} as new on {on} and {within} {then}")
    finally:
        spark.catalog.dropTempView(name)  # a server lives on after a merge that failed


def all_tables(spark: SparkSession) -> list[str]:
    """Every table of the lake, as schema.`table`; views are none."""
    lake = lake_folder(spark)
    found = ((schema, folder.name) for schema in SCHEMAS for folder in sorted((lake / f"{schema}.db").glob("*/")))
    return [f"{schema}.`{name}`" for schema, name in found]


@again_if_overtaken
def rearrange(spark: SparkSession, table: str, where: str | None, most_files: int, by: str | None = None) -> bool:
    """Write a slice anew in files of BYTES_A_FILE if its files are too many or overlap too much. Returns whether it was
    so.

    Too many: more than `most_files` a partition, and more than twice as many as their bytes need. `by` orders the rows
    over the files (Z-order), for tables in which single rows are looked up: there the range of values of a file should
    meet few others, on average no more than MOST_OVERLAPPING. `where` names columns that the table is partitioned by.
    """
    rows = read(spark, table)
    found = _files(rows.where(where) if where else rows, by)
    n_partitions = len({file.path.rpartition("/")[0] for file in found})
    is_many = len(found) > max(most_files * n_partitions, 2 * sum(file.n_bytes for file in found) // BYTES_A_FILE)
    is_mixed = bool(by) and _overlapping(found) > MOST_OVERLAPPING
    if not is_many and not is_mixed:
        return False
    names = ("minFileSize", "maxFileSize")
    with configured(spark, {f"spark.databricks.delta.optimize.{name}": str(BYTES_A_FILE) for name in names}):
        spark.sql(f"optimize {table}" + (f" where {where}" if where else "") + (f" zorder by ({by})" if by else ""))
    return True


def _files(rows: DataFrame, by: str | None) -> list[Row]:
    """(path, n_bytes, least and greatest value of `by`) of each file."""
    value = f.col(by) if by else f.lit("")
    of_file = rows.groupBy(f.col("_metadata.file_path").alias("path"), f.col("_metadata.file_size").alias("n_bytes"))
    return of_file.agg(f.min(value).alias("least"), f.max(value).alias("greatest")).collect()


def _overlapping(files: Collection[Row]) -> float:
    """Mean number of files whose ranges of values meet the range of a file, itself included."""
    n_meetings = sum(file.least <= other.greatest and other.least <= file.greatest for file in files for other in files)
    return float(n_meetings / max(1, len(files)))


def drop_old_files(spark: SparkSession, tables: Collection[str], hours: int) -> None:
    """Remove files that no version of the last `hours` needs. Under 168 nobody else may read or write the tables."""
    check = {"spark.databricks.delta.retentionDurationCheck.enabled": str(hours >= SAFE_HOURS).lower()}
    with configured(spark, check), ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda table: spark.sql(f"vacuum {table} retain {hours} hours").collect(), tables))


@contextmanager
def configured(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """The session with other settings, for a while."""
    before = {name: spark.conf.get(name, None) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, former in before.items():
            if former:
                spark.conf.set(name, former)
            else:
                spark.conf.unset(name)


def interpret(spark: SparkSession) -> None:
    """Let the session's tasks interpret expressions: a night's few rows are done before a compiler has begun.

    Work on years of rows runs in `compiled`.
    """
    spark.conf.set(HOW_TO_PROJECT, "NO_CODEGEN")


def compiled(spark: SparkSession, when: bool = True) -> AbstractContextManager[None]:
    """For a while, compile the expressions of tasks, or leave the session as it is."""
    return configured(spark, {HOW_TO_PROJECT: "FALLBACK"} if when else {})
