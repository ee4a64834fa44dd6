"""Staged rows: batches of bronze, cast by the contract and written once for all that reads them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.feed_faults import dated_columns
from expectations.models import City, Feed
from spark_jobs.feeds import bronze, silver, versions
from spark_jobs.feeds.check import has_reused_keys
from spark_jobs.feeds.corrections import CORRECTED, HEALED
from spark_jobs.feeds.decoding import FILE
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.row_faults import OUTSIDE
from spark_jobs.lake import tables
from spark_jobs.settings import Settings


def cast(spark: SparkSession, city: City, feed: Feed, batch_ids: list[str], areas: DataFrame) -> DataFrame:
    """Batches of bronze, cast; bronze also holds those that broke their contract."""
    rows = tables.read(spark, bronze.bronze_table(feed)).where(f.col(bronze.BATCH).isin(batch_ids))
    return silver.stage(rows, city, feed, areas)


def written(spark: SparkSession, rows: DataFrame, folder: Path) -> DataFrame:
    """Staged rows, cast once for all that reads them: versions ask for them several times, and Spark plans each anew."""
    rows.write.mode("overwrite").parquet(str(folder))
    return spark.read.parquet(str(folder))


def stage(
    spark: SparkSession, city: City, feed: Feed, manifest: Manifest, areas: DataFrame, settings: Settings
) -> Path:
    """Cast a batch once, for all that reads it afterwards. Returns the folder of the staged rows."""
    folder = settings.state / "staging" / f"{feed.code}-{manifest.batch_id}.parquet"
    staged = written(spark, cast(spark, city, feed, [manifest.batch_id], areas), folder)
    if versions.carries(feed) or not has_reused_keys(folder):
        return folder
    marked = folder.with_suffix(".marked.parquet")
    written(spark, silver.mark_reused(staged), marked)
    shutil.rmtree(folder)
    return marked


@contextmanager
def staged_current(
    spark: SparkSession, city: City, feed: Feed, batch_ids: list[str], areas: DataFrame, settings: Settings
) -> Iterator[DataFrame]:
    """Batches of bronze, cast, without what a later file of the same name has replaced. Written while they are used."""
    folder = settings.state / "staging" / f"{feed.code}-current.parquet"
    staged = written(spark, cast(spark, city, feed, batch_ids, areas), folder)
    try:
        yield current(staged, feed, Landing.of(settings.landing, feed), batch_ids)
    finally:
        shutil.rmtree(folder)


def current(staged: DataFrame, feed: Feed, landing: Landing, batch_ids: list[str]) -> DataFrame:
    """Staged rows of these batches that count for silver."""
    replaced = outdated(feed, landing, batch_ids) | _earlier_editions(staged, feed, landing, batch_ids)
    return staged.where(~_file().isin(*map("/".join, replaced))) if replaced else staged


def _file() -> Column:
    """Batch and name of the landed file of a row; of an archive's member, the archive."""
    return f.concat_ws("/", "batch_id", f.split(FILE, "/")[0])


def _earlier_editions(
    staged: DataFrame, feed: Feed, landing: Landing, batch_ids: list[str]
) -> frozenset[tuple[str, str]]:
    """(batch, name) of whole tables of which a later file of the same day has at least half of the records.

    Files of one day that share no records are parts of one table, and all of them count.
    """
    groups = landing.of_one_day(feed, batch_ids) if feed.mode == "snapshot" else []
    if not groups:
        return frozenset()
    places = [("/".join(file), n, turn) for n, group in enumerate(groups) for turn, file in enumerate(group)]
    listed = staged.sparkSession.createDataFrame(places, "file string, day int, turn int")
    has = staged.select(_file().alias("file"), "record_id").distinct().join(f.broadcast(listed), "file")
    later = has.select("day", "record_id", f.col("turn").alias("later"))
    both = has.join(later, ["day", "record_id"]).where("later >= turn").groupBy("day", "turn", "later").count()
    n_shared = {(row.day, row.turn, row.later): row["count"] for row in both.collect()}
    return frozenset(
        groups[day][turn]
        for (day, turn, later_turn), n in n_shared.items()
        if later_turn > turn and 2 * n >= n_shared[day, turn, turn]
    )


def outdated(feed: Feed, landing: Landing, batch_ids: list[str]) -> frozenset[tuple[str, str]]:
    """(batch, name) of the files that were delivered again, where rows have no time of their own: the later file counts.

    Rows that say when they were recorded are ordered by that, whichever file brings them.
    """
    return frozenset() if feed.known_at.column else landing.delivered_again(feed, batch_ids)


def covered_through(city: City, feed: Feed) -> Column:
    """Newest local day in the column that says how far the content reaches. Days after the file's own do not count."""
    if feed.covered_through is None:
        return f.lit(None).cast("date").alias("covered_through")
    kind = load_kinds()[feed.kind]
    name = dated_columns(feed, kind)[feed.covered_through.column]
    is_instant = name == "known_at" or kind.columns[name].type == "instant"
    day = f.to_date(f.from_utc_timestamp(name, city.time_zone)) if is_instant else f.col(name)
    return f.max(f.when(silver.accepted() & (day <= f.col("delivered_on")), day)).alias("covered_through")


def count_columns() -> list[Column]:
    """Counts over the staged rows of a batch: what the ledger keeps, rows whose correction has ended, and files without
    a usable row.

    A row of another place, or one that another row of its key won over, counts as usable.
    """
    is_accepted = silver.accepted()
    is_usable = is_accepted | f.exists("faults", lambda fault: fault.rule.isin(OUTSIDE, silver.REUSED))
    useful = f.collect_set(f.when(is_usable, f.col(FILE)))
    outside = f.exists("faults", lambda fault: fault.rule == OUTSIDE)
    return [
        f.count("*").alias("n_received"),
        f.count_if(is_accepted).alias("n_accepted"),
        f.count_if(~is_accepted).alias("n_rejected"),
        f.count_if(outside).alias("n_outside"),
        f.count_if(is_accepted & f.col("is_deleted")).alias("n_deleted"),
        f.count_if(f.col(CORRECTED).isNotNull()).alias("n_corrected"),
        f.count_if(f.col(HEALED).isNotNull()).alias("n_healed"),
        f.sort_array(f.array_except(f.collect_set(FILE), useful)).alias("useless_files"),
    ]


def n_meant(counts: dict[str, int]) -> int:
    """Rows that tell of something in this city: those of which a share may be rejected."""
    return counts["n_received"] - counts["n_left_out"] - counts["n_outside"] - counts["n_deleted"]
