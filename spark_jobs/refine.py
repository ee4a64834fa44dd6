"""One feed from landing to silver: bronze -> staged -> judged -> merged. Each batch once, however often it is run."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import City, Feed
from spark_jobs import bronze, lineage, silver, tables
from spark_jobs.check import IN_MEMORY_ROWS, accepted_in_memory, begin_import, has_reused_keys, judge
from spark_jobs.errors import ContractBreach
from spark_jobs.landing import Landing, Manifest
from spark_jobs.locks import one_run_a_feed
from spark_jobs.pseudonym import Pseudonymiser
from spark_jobs.settings import Settings

BATCHES = "ops.batches"
BATCH_COLUMNS = (
    "city_code string, feed_code string, batch_id string, window_from date, window_to date, fetched_at timestamp, "
    "n_received bigint, n_accepted bigint, n_rejected bigint, n_outside bigint, status string, reason string, sha256 string"
)


def create_tables(spark: SparkSession, feed: Feed) -> None:
    tables.create(spark, BATCHES, BATCH_COLUMNS, ("city_code", "feed_code"), ("batch_id",))
    silver.create_tables(spark)
    bronze.create_table(spark, feed)


def pending(spark: SparkSession, feed: Feed, landing: Landing) -> list[Manifest]:
    """Landed batches that silver has not taken yet, in order of their windows."""
    done = recorded(spark, feed, "checked", "replaced")
    return [manifest for manifest in landing.manifests() if manifest.batch_id not in done]


def recorded(spark: SparkSession, feed: Feed, *statuses: str) -> set[str]:
    """Ids of the feed's batches that the ledger knows with one of the statuses."""
    own = (f.col("city_code") == feed.city_code) & (f.col("feed_code") == feed.feed_code)
    ledger = tables.read(spark, BATCHES).where(own & f.col("status").isin(*statuses))
    return {row.batch_id for row in ledger.select("batch_id").collect()}


def refine(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> list[str]:
    """Take all pending batches of a feed into silver. Returns a line of account for each batch.

    A batch that breaks its contract leaves silver as it was and is recorded as breached; the other batches go through,
    then ContractBreach is raised, and the next run tries it again. Once the source has delivered all its files again
    it is set aside as replaced. Two runs of one feed take their turns.
    """
    with one_run_a_feed(settings.state, feed):
        return _refine(spark, city, feed, settings)


def _refine(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> list[str]:
    create_tables(spark, feed)
    landing = Landing.of(settings.landing, feed)
    manifests = pending(spark, feed, landing)
    if not manifests:
        return []
    begin_import()
    pseudonymiser = Pseudonymiser.from_file(settings.hash_keys)
    areas = silver.area_lookup(spark, city)
    account, breaches = [], []
    for manifest in manifests:
        try:
            account.append(_refine_batch(spark, city, feed, (landing, manifest, areas), settings, pseudonymiser))
        except ContractBreach as breach:
            is_replaced = landing.replaced(feed, manifest) == {file.name for file in manifest.files}
            _record(spark, manifest, {}, "replaced" if is_replaced else "breached", str(breach).splitlines()[0])
            if is_replaced:
                account.append(f"{feed.code} {manifest.batch_id}: set aside, its files were delivered again")
            else:
                breaches.append(str(breach))
    if breaches:
        raise ContractBreach("\n".join([*breaches, *account]))
    return account


def _refine_batch(
    spark: SparkSession,
    city: City,
    feed: Feed,
    batch: tuple[Landing, Manifest, DataFrame],
    settings: Settings,
    pseudonymiser: Pseudonymiser,
) -> str:
    landing, manifest, areas = batch
    lineage.read(f"landing.{feed.city_code}_{feed.feed_code}")
    brought = bronze.append(spark, feed, landing, manifest, settings.state / "staging", pseudonymiser)
    received = brought.n_rows
    if manifest.n_rows is not None and manifest.n_rows != received:
        raise ContractBreach(
            f"feed {feed.code}: batch {manifest.batch_id}: the source counts {manifest.n_rows} rows, found {received}"
        )
    folder = _stage(spark, city, feed, manifest, areas, settings)
    staged = spark.read.parquet(str(folder))
    counts = _counts(staged)
    if counts["n_received"] != received or counts["n_accepted"] + counts["n_rejected"] != received:
        raise ContractBreach(f"feed {feed.code}: batch {manifest.batch_id}: {received} rows received, staged {counts}")
    fresh = silver.accepted(staged)
    if received:
        rows_to_judge = accepted_in_memory(folder) if received <= IN_MEMORY_ROWS else fresh
        failures = judge(
            city, feed, rows_to_judge, (received, counts["n_outside"]), settings.state / "gx", manifest.batch_id
        )
        if failures:
            raise ContractBreach(_letter(feed, manifest, counts, failures, staged))
        taken = recorded(spark, feed, "checked") | {manifest.batch_id} if feed.is_rebuilt else set()
        silver.merge(spark, city, feed, fresh, areas, taken)
        keys = {"city_code": city.city_code, "feed_code": feed.feed_code, "batch_id": manifest.batch_id}
        tables.replace_slice(spark, silver.rejects(staged), silver.REJECTS, keys, ("city_code", "feed_code"))
    _record(spark, manifest, counts, "checked", _remark(brought))
    shutil.rmtree(folder)
    return (
        f"{feed.code} {manifest.batch_id}: {received:,} received = {counts['n_accepted']:,} accepted "
        f"+ {counts['n_rejected']:,} rejected"
        + (f" ({counts['n_outside']:,} of them of other places)" if counts["n_outside"] else "")
        + (f"; columns not in the contract: {len(brought.beyond)}" if brought.beyond else "")
        + (f"; files left out: {len(brought.left_out)}" if brought.left_out else "")
    )


def _stage(
    spark: SparkSession, city: City, feed: Feed, manifest: Manifest, areas: DataFrame, settings: Settings
) -> Path:
    """Cast a batch once, for all that reads it afterwards. Returns the folder of the staged rows."""
    folder = settings.state / "staging" / f"{feed.code}-{manifest.batch_id}.parquet"
    rows = tables.read(spark, bronze.bronze_table(feed)).where(f.col(bronze.BATCH) == manifest.batch_id)
    silver.stage(rows, city, feed, areas).write.mode("overwrite").parquet(str(folder))
    if silver.carries(feed) or not has_reused_keys(folder):
        return folder
    marked = folder.with_suffix(".marked.parquet")
    silver.mark_reused(spark.read.parquet(str(folder))).write.mode("overwrite").parquet(str(marked))
    shutil.rmtree(folder)
    return marked


def _remark(brought: bronze.Received) -> str:
    """What a person should know of a batch that was taken, by name: for the ledger."""
    beyond = f"columns not in the contract, kept in landing only: {', '.join(brought.beyond)}" if brought.beyond else ""
    again = f"left out, delivered again since: {', '.join(brought.left_out)}" if brought.left_out else ""
    return "; ".join(filter(None, [beyond, again]))


def _counts(staged: DataFrame) -> dict[str, int]:
    rejected = f.size("faults") > 0
    outside = f.exists("faults", lambda fault: fault.rule == "outside_area")
    row = staged.agg(
        f.count("*").alias("n_received"),
        f.count_if(~rejected).alias("n_accepted"),
        f.count_if(rejected).alias("n_rejected"),
        f.count_if(outside).alias("n_outside"),
    ).collect()[0]
    return dict(row.asDict())


def _letter(feed: Feed, manifest: Manifest, counts: dict[str, int], failures: list[str], staged: DataFrame) -> str:
    """What broke, with up to five reasons for rejection, for the person who has to talk to the source."""
    reasons = (
        silver.rejects(staged)
        .groupBy("rule", "column_name")
        .agg(f.count("*").alias("n"), f.min("found").alias("example"))
        .orderBy(f.desc("n"))
        .limit(5)
        .collect()
    )
    lines = [f"feed {feed.code}: batch {manifest.batch_id} breaks its contract; {counts}; silver stays as it was"]
    lines += [f"  {failure}" for failure in failures]
    lines += [f"  {row.n} times {row.rule} in {row.column_name}, such as {row.example!r}" for row in reasons]
    lines.append(
        "  what to do: correct the contract or ask the source, then run the feed again; nothing has to be undone"
    )
    return "\n".join(lines)


def _record(spark: SparkSession, manifest: Manifest, counts: dict[str, int], status: str, reason: str) -> None:
    """One row in the ledger of batches, written last: a batch without it is pending."""
    row = (
        manifest.window_from,
        manifest.window_to,
        manifest.fetched_at.astimezone(UTC),
        *(counts.get(name) for name in ("n_received", "n_accepted", "n_rejected", "n_outside")),
        status,
        reason,
        hashlib.sha256("".join(file.sha256 for file in manifest.files).encode()).hexdigest(),
    )
    columns = ", ".join(BATCH_COLUMNS.split(", ")[3:])
    keys = {"city_code": manifest.city_code, "feed_code": manifest.feed_code, "batch_id": manifest.batch_id}
    tables.replace_slice(spark, spark.createDataFrame([row], columns), BATCHES, keys, ("city_code", "feed_code"))


def batches_of(spark: SparkSession, city: City) -> pd.DataFrame:
    """The ledger of a city's batches, one row a batch."""
    tables.create(spark, BATCHES, BATCH_COLUMNS, ("city_code", "feed_code"), ("batch_id",))
    return tables.read(spark, BATCHES).where(f.col("city_code") == city.city_code).toPandas()
