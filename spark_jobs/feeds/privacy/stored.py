"""Pseudonyms and stray personal text in the lake: bronze and silver rows that are changed in place, then old files go.

A value or a pseudonym is never part of a statement: Delta's log keeps statements. It comes as a row to join with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.models import City, Feed
from expectations.places import places_of
from expectations.source_columns import bronze_name
from spark_jobs.feeds import batches, silver, staging, versions
from spark_jobs.feeds.bronze import BATCH, bronze_table
from spark_jobs.feeds.casting import cleaned
from spark_jobs.feeds.decoding import FAULT, FILE, ROW, hashed_sources, pseudonym_columns
from spark_jobs.feeds.privacy.spellings import in_java
from spark_jobs.lake import tables
from spark_jobs.settings import Settings

BRONZE_KEYS = (BATCH, FILE, ROW)
SILVER_KEYS = ("city_code", "feed_code", "record_id", "known_at")
REJECT_KEYS = ("city_code", "feed_code", "batch_id", "source_file", "row_number", "rule", "column_name")
BATCH_KEYS = ("city_code", "feed_code", "batch_id")


def own_rows(feed: Feed) -> Column:
    return (f.col("city_code") == feed.city_code) & (f.col("feed_code") == feed.feed_code)


def pseudonyms_of(spark: SparkSession, feed: Feed) -> set[str]:
    """Every pseudonym that bronze or silver holds for a feed."""
    found: set[str] = set()
    for column in pseudonym_columns(feed):
        stored = tables.read(spark, bronze_table(feed)).select(column)
        kept = tables.read(spark, silver.silver_table(feed.kind)).where(own_rows(feed)).select(column)
        rows = stored.union(kept).where(f.col(column).isNotNull()).distinct().toPandas()
        found.update(rows[column])
    return found


def replace_pseudonyms(
    spark: SparkSession, city: City, feed: Feed, settings: Settings, fresh: Mapping[str, str | None]
) -> int:
    """Put the value of `fresh` where its key stands, in bronze and then in silver. Returns the rows changed in bronze."""
    columns = list(pseudonym_columns(feed))
    if not columns or not fresh:
        return 0
    pairs = spark.createDataFrame(list(fresh.items()), "stale string, fresh string")
    n_changed = 0
    for column in columns:
        changed = _replaced(tables.read(spark, bronze_table(feed)), pairs, column)
        n_changed += _update(spark, changed, bronze_table(feed), BRONZE_KEYS)
    if feed.is_rebuilt:
        _rebuild(spark, city, feed, settings)
        return n_changed
    for column in columns:
        rows = tables.read(spark, silver.silver_table(feed.kind)).where(own_rows(feed))
        _update_silver(spark, feed, _replaced(rows, pairs, column))
    return n_changed


def _update(spark: SparkSession, changed: DataFrame, table: str, keys: tuple[str, ...], within: str = "true") -> int:
    """Changed rows back to their table; no commit where there are none. Returns how many."""
    n_rows = changed.count()
    if n_rows:
        tables.update(spark, changed, table, keys, within)
    return n_rows


def _replaced(rows: DataFrame, pairs: DataFrame, column: str) -> DataFrame:
    met = rows.join(f.broadcast(pairs), f.col(column) == f.col("stale"))
    return met.withColumn(column, f.col("fresh")).drop("stale", "fresh")


def _update_silver(spark: SparkSession, feed: Feed, changed: DataFrame) -> int:
    """Changed rows back to silver under the hash of what they say now."""
    hashed = changed.withColumn("row_hash", silver.content_hash(load_kinds()[feed.kind]))
    within = tables.condition({"city_code": feed.city_code, "feed_code": feed.feed_code}, of="old")
    return _update(spark, hashed, silver.silver_table(feed.kind), SILVER_KEYS, within)


def _rebuild(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> None:
    """Silver of a feed whose records need all their rows, made from bronze again."""
    taken = sorted(batches.recorded(spark, feed, "checked"))
    with staging.staged_current(spark, city, feed, taken, silver.area_lookup(spark, city, feed), settings) as staged:
        versions.replace(spark, feed, staged)


def clear_text(spark: SparkSession, feed: Feed, values: list[str]) -> int:
    """Empty every text of the feed that holds one of the values in clear, as a shifted row may. Returns how many rows.

    Keys stay as they are: they name records, not persons. So do names of places, which some persons share.
    """
    n_cleared = 0
    for table, keys, columns, is_own in _texts(feed):
        hit = {name: _holds(f.col(name), values) & ~is_place for name, is_place in columns.items()}
        rows = tables.read(spark, table).where(is_own).where(reduce(or_, hit.values()))
        changed = rows.withColumns({name.split(".")[0]: _emptied(name, holds) for name, holds in hit.items()})
        if table == silver.silver_table(feed.kind):
            n_cleared += _update_silver(spark, feed, changed)
        else:
            n_cleared += _update(spark, changed, table, keys)
    return n_cleared


def file_names(spark: SparkSession, feed: Feed) -> set[str]:
    """Names of files, with those of their members and sheets, in which rows of the feed stood."""
    found: set[str] = set()
    for table, column, is_own in _names(feed):
        rows = tables.read(spark, table).where(is_own).select(f.col(column).alias("name")).distinct().collect()
        found |= {row.name for row in rows}
    return found


def rename_files(spark: SparkSession, feed: Feed, fresh: Mapping[str, str]) -> None:
    """Call files by other names in bronze and among the rejects, batch by batch: the name is part of a row's key."""
    if not fresh:
        return
    pairs = spark.createDataFrame(list(fresh.items()), "stale string, fresh string")
    for table, column, is_own in _names(feed):
        rows = tables.read(spark, table).where(is_own)
        batch = "batch_id" if table == silver.REJECTS else BATCH
        met = rows.join(f.broadcast(pairs), f.col(column) == f.col("stale"), "left")
        named = met.withColumn(column, f.coalesce("fresh", column)).drop("stale", "fresh")
        keys = {} if table != silver.REJECTS else versions.keys(feed)
        for of in met.where("fresh is not null").select(batch).distinct().collect():
            tables.replace_slice(spark, named.where(f.col(batch) == of[0]), table, {**keys, batch: of[0]})


def _names(feed: Feed) -> Iterator[tuple[str, str, Column]]:
    """(table, column, rows of the feed) wherever the name of a file is kept."""
    yield bronze_table(feed), FILE, f.lit(True)
    yield silver.REJECTS, "source_file", own_rows(feed)


def _texts(feed: Feed) -> Iterator[tuple[str, tuple[str, ...], dict[str, Column], Column]]:
    """(table, keys, text columns, rows of the feed) wherever a source's own text is kept.

    Each column with the condition under which its text is a place that the city knows.
    """
    no_place = f.lit(False)
    places = [*places_of(feed.city_code), *(word.lower() for word in feed.outside_area)]
    texts = {
        bronze_name(name): f.coalesce(f.lower(cleaned(feed, name)).isin(places), no_place)
        if name in feed.area
        else no_place
        for name in feed.mapped_columns
        if name not in {*feed.record_id, *hashed_sources(feed)}
    }
    yield bronze_table(feed), BRONZE_KEYS, texts | {f"{FAULT}.found": no_place}, f.lit(True)
    kind = load_kinds()[feed.kind]
    kept = [name for name, column in kind.columns.items() if column.type == "text" and not name.endswith("record_id")]
    if kept:
        yield silver.silver_table(feed.kind), SILVER_KEYS, dict.fromkeys(kept, no_place), own_rows(feed)
    yield silver.REJECTS, REJECT_KEYS, {"found": no_place}, own_rows(feed)
    yield batches.BATCHES, BATCH_KEYS, {"reason": no_place}, own_rows(feed)


def _holds(column: Column, values: list[str]) -> Column:
    return f.coalesce(column.rlike(in_java(values)), f.lit(False))


def _emptied(name: str, holds: Column) -> Column:
    if name == f"{FAULT}.found":
        fault = f.struct(
            f.col(f"{FAULT}.rule"), f.col(f"{FAULT}.column_name"), f.lit(None).cast("string").alias("found")
        )
        return f.when(holds, fault).otherwise(f.col(FAULT))
    return f.when(~holds, f.col(name))


def drop_replaced_files(spark: SparkSession, feed: Feed) -> None:
    """Remove the files that the rows stood in before, at once: nobody else may be at work (locks.nobody_else)."""
    held = [bronze_table(feed), silver.silver_table(feed.kind), silver.REJECTS, batches.BATCHES]
    tables.drop_old_files(spark, held, hours=0)


def drop_scratch(spark: SparkSession) -> None:
    """Remove what statements that are over have left between their stages: rows as they were, in the server's scratch.

    Spark drops such a file when the garbage collector finds that nothing asks for it any more, once in half an hour;
    here at once. What the next statements need of Delta's logs stays; it holds no rows.
    """
    scratch = Path(str(spark.conf.get("spark.local.dir")))
    left, before = set(scratch.rglob("shuffle_*")), None
    spark.sql("select java_method('java.lang.System', 'gc')").collect()
    while left != before:  # the collector only tells, others do the work; what others write meanwhile is not waited for
        time.sleep(0.5)
        left, before = {path for path in left if path.exists()}, left
