"""One feed from landing to silver: bronze -> staged -> judged -> merged. Each batch once, however often it is run."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as f

from expectations.models import City, Feed
from expectations.version import contract_document, contract_version
from spark_jobs import lineage
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import bronze, silver, versions
from spark_jobs.feeds.check import has_reused_keys, judge, rows_to_judge
from spark_jobs.feeds.corrections import CORRECTED, HEALED, healed_letter
from spark_jobs.feeds.decoding import FILE
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.lake import tables
from spark_jobs.lake.locks import one_run_a_feed
from spark_jobs.masking import LEGEND
from spark_jobs.settings import Settings

BATCHES = "ops.batches"
BATCH_COLUMNS = (
    "city_code string, feed_code string, batch_id string, window_from date, window_to date, fetched_at timestamp, "
    "n_received bigint, n_accepted bigint, n_rejected bigint, n_outside bigint, n_deleted bigint, n_corrected bigint, "
    "status string, reason string, sha256 string, contract_version string, delivered_days array<date>"
)
CONTRACTS = "ops.contracts"
CONTRACT_COLUMNS = (
    "city_code string, feed_code string, contract_version string, first_judged_at timestamp, document string"
)
FEW_BYTES = 2**18  # of a batch as it landed, which is sooner done than expressions are compiled for it
Ledger = dict[str, Row]  # a feed's rows of ops.batches by batch


def create_tables(spark: SparkSession, feed: Feed) -> None:
    create_ledger(spark)
    silver.create_tables(spark)
    bronze.create_table(spark, feed)


def create_ledger(spark: SparkSession) -> None:
    """The ledger of batches; one from before it got another column gets it here."""
    tables.ensure(spark, BATCHES, tables.declared(BATCH_COLUMNS), ("city_code", "feed_code"), ("batch_id",))


def recorded(spark: SparkSession, feed: Feed, *statuses: str) -> set[str]:
    """Ids of the feed's batches that the ledger knows with one of the statuses."""
    return {batch_id for batch_id, row in ledger_of(spark, feed).items() if row.status in statuses}


def ledger_of(spark: SparkSession, feed: Feed) -> Ledger:
    own = (f.col("city_code") == feed.city_code) & (f.col("feed_code") == feed.feed_code)
    return {row.batch_id: row for row in tables.read(spark, BATCHES).where(own).collect()}


def pending(ledger: Ledger, landing: Landing) -> list[Manifest]:
    """Landed batches that silver has not taken yet, in order of their windows."""
    done = {batch_id for batch_id, row in ledger.items() if row.status in ("checked", "replaced")}
    return [manifest for manifest in landing.manifests() if manifest.batch_id not in done]


def refine(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> list[str]:
    """Take all pending batches of a feed into silver. Returns a line of account for each batch.

    A batch that breaks its contract leaves silver as it was and is recorded as breached; the other batches go through,
    then ContractBreach is raised, and the next run tries it again. Once the source has delivered all its files again
    it is set aside as replaced. Two runs of one feed take their turns; the second finds nothing to do.
    """
    with one_run_a_feed(settings.state, feed):
        return _refine(spark, city, feed, settings)


def _refine(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> list[str]:
    create_tables(spark, feed)
    landing = Landing.of(settings.landing, feed)
    ledger = ledger_of(spark, feed)
    manifests = pending(ledger, landing)
    if not manifests:
        return []
    version = note_contract(spark, city, feed, ledger)
    pseudonymiser = Pseudonymiser.from_file(settings.hash_keys)
    areas = silver.area_lookup(spark, city)
    account, breaches = [], []
    for manifest in manifests:
        batch = (landing, manifest, areas, ledger, version)
        try:
            with tables.compiled(spark, when=manifest.n_bytes > FEW_BYTES):
                account.append(_refine_batch(spark, city, feed, batch, settings, pseudonymiser))
        except ContractBreach as breach:
            is_replaced = landing.replaced(feed, manifest) == {file.name for file in manifest.files}
            status = "replaced" if is_replaced else "breached"
            _record(spark, manifest, {}, status, str(breach).splitlines()[0], version)
            if is_replaced:
                account.append(f"{feed.code} {manifest.batch_id}: set aside, its files were delivered again")
            else:
                breaches.append(str(breach))
    if breaches:
        raise ContractBreach("\n".join([*breaches, *account]))
    return account


def note_contract(spark: SparkSession, city: City, feed: Feed, ledger: Ledger) -> str:
    """Version of the contract that judges now. What it says is kept when it judges for the first time."""
    document = contract_document(city, feed)
    version = contract_version(document)
    if version not in {row.contract_version for row in ledger.values()}:
        tables.ensure(spark, CONTRACTS, tables.declared(CONTRACT_COLUMNS), ("city_code", "feed_code"))
        new = spark.createDataFrame([(datetime.now(UTC), document)], "first_judged_at timestamp, document string")
        keys = {"city_code": city.city_code, "feed_code": feed.feed_code, "contract_version": version}
        tables.replace_slice(spark, new, CONTRACTS, keys)
    return version


def _refine_batch(
    spark: SparkSession,
    city: City,
    feed: Feed,
    batch: tuple[Landing, Manifest, DataFrame, Ledger, str],
    settings: Settings,
    pseudonymiser: Pseudonymiser,
) -> str:
    landing, manifest, areas, ledger, version = batch
    lineage.read(f"landing.{feed.city_code}_{feed.feed_code}")
    before = ledger.get(manifest.batch_id)
    is_read_anew = before is not None and before.contract_version != version
    brought = bronze.append(spark, feed, landing, manifest, settings.state / "staging", pseudonymiser, is_read_anew)
    received = brought.n_rows
    if manifest.n_rows is not None and manifest.n_rows != received:
        raise ContractBreach(
            f"feed {feed.code}: batch {manifest.batch_id}: the source counts {manifest.n_rows} rows, found {received}"
        )
    folder = _stage(spark, city, feed, manifest, areas, settings)
    staged = spark.read.parquet(str(folder))
    counts = dict(staged.agg(*count_columns()).collect()[0].asDict())
    if counts["n_received"] != received or counts["n_accepted"] + counts["n_rejected"] != received:
        raise ContractBreach(f"feed {feed.code}: batch {manifest.batch_id}: {received} rows received, staged {counts}")
    if counts["n_healed"]:
        raise ContractBreach(healed_letter(feed, manifest.batch_id, staged))
    if received:
        rows = rows_to_judge(city, feed, folder, staged, received)
        failures = judge(city, feed, rows, n_meant(counts), settings.state / "gx", manifest.batch_id)
        if failures:
            raise ContractBreach(_letter(feed, manifest, counts, failures, staged))
        taken = [row for row in ledger.values() if row.status == "checked"]
        ids = [*(row.batch_id for row in taken), manifest.batch_id]
        names = {file.name for file in manifest.files}
        needs_all = (
            versions.carries(feed)
            or (feed.mode == "snapshot" and not _is_newest(feed, manifest, taken))
            or any(name in names for _, name in _outdated(feed, landing, ids))
        )
        if needs_all:
            with staged_current(spark, city, feed, ids, areas, settings) as everything:
                versions.replace(spark, feed, everything)
        else:
            versions.merge(spark, feed, staged)
        keys = {"city_code": city.city_code, "feed_code": feed.feed_code, "batch_id": manifest.batch_id}
        tables.replace_slice(spark, silver.rejects(staged), silver.REJECTS, keys, ("city_code", "feed_code"))
    ledger[manifest.batch_id] = _record(spark, manifest, counts, "checked", _remark(brought), version)
    shutil.rmtree(folder)
    return (
        f"{feed.code} {manifest.batch_id}: {received:,} received = {counts['n_accepted']:,} accepted "
        f"+ {counts['n_rejected']:,} rejected"
        + (f" ({counts['n_outside']:,} of them of other places)" if counts["n_outside"] else "")
        + (f"; {counts['n_deleted']:,} deleted" if counts["n_deleted"] else "")
        + (f"; {counts['n_corrected']:,} corrected" if counts["n_corrected"] else "")
        + (f"; columns not in the contract: {len(brought.beyond)}" if brought.beyond else "")
        + (f"; files left out: {len(brought.left_out)}" if brought.left_out else "")
    )


def _is_newest(feed: Feed, manifest: Manifest, taken: list[Row]) -> bool:
    """True if the batch brings only days after all that were taken: what is stored of them need not be read again.

    The windows of an archive end with it, so that they do not say which day came last.
    """
    first = min(file.delivered_on for file in manifest.files)
    return not taken or (feed.ends_on is None and first > max(row.window_to for row in taken))


def stage_all(spark: SparkSession, city: City, feed: Feed, batch_ids: list[str], areas: DataFrame) -> DataFrame:
    """Batches of bronze, cast; bronze also holds those that broke their contract."""
    rows = tables.read(spark, bronze.bronze_table(feed)).where(f.col(bronze.BATCH).isin(batch_ids))
    return silver.stage(rows, city, feed, areas)


@contextmanager
def staged_current(
    spark: SparkSession, city: City, feed: Feed, batch_ids: list[str], areas: DataFrame, settings: Settings
) -> Iterator[DataFrame]:
    """Batches of bronze, cast, without what a later file of the same name has replaced. Written while they are used."""
    folder = settings.state / "staging" / f"{feed.code}-current.parquet"
    staged = written(spark, stage_all(spark, city, feed, batch_ids, areas), folder)
    try:
        yield current(staged, feed, Landing.of(settings.landing, feed), batch_ids)
    finally:
        shutil.rmtree(folder)


def written(spark: SparkSession, rows: DataFrame, folder: Path) -> DataFrame:
    """Staged rows, cast once for all that reads them: versions ask for them several times, and Spark plans each anew."""
    rows.write.mode("overwrite").parquet(str(folder))
    return spark.read.parquet(str(folder))


def current(staged: DataFrame, feed: Feed, landing: Landing, batch_ids: list[str]) -> DataFrame:
    """Staged rows of these batches that count for silver."""
    outdated = _outdated(feed, landing, batch_ids)
    file = f.concat_ws("/", "batch_id", f.split(FILE, "/")[0])  # of an archive's member: archive/member
    return staged.where(~file.isin(*map("/".join, outdated))) if outdated else staged


def _outdated(feed: Feed, landing: Landing, batch_ids: list[str]) -> frozenset[tuple[str, str]]:
    """(batch, name) of the files that were delivered again, where rows have no time of their own: the later file counts.

    Rows that say when they were recorded are ordered by that, whichever file brings them.
    """
    return frozenset() if feed.known_at.column else landing.delivered_again(feed, batch_ids)


def _stage(
    spark: SparkSession, city: City, feed: Feed, manifest: Manifest, areas: DataFrame, settings: Settings
) -> Path:
    """Cast a batch once, for all that reads it afterwards. Returns the folder of the staged rows."""
    folder = settings.state / "staging" / f"{feed.code}-{manifest.batch_id}.parquet"
    staged = written(spark, stage_all(spark, city, feed, [manifest.batch_id], areas), folder)
    if versions.carries(feed) or not has_reused_keys(folder):
        return folder
    marked = folder.with_suffix(".marked.parquet")
    written(spark, silver.mark_reused(staged), marked)
    shutil.rmtree(folder)
    return marked


def _remark(brought: bronze.Received) -> str:
    """What a person should know of a batch that was taken, by name: for the ledger."""
    beyond = f"columns not in the contract, kept in landing only: {', '.join(brought.beyond)}" if brought.beyond else ""
    again = f"left out, delivered again since: {', '.join(brought.left_out)}" if brought.left_out else ""
    return "; ".join(filter(None, [beyond, again]))


COUNTS = ("n_received", "n_accepted", "n_rejected", "n_outside", "n_deleted", "n_corrected")


def count_columns() -> list[Column]:
    """What is counted of the staged rows of a batch: what the ledger keeps, and rows whose correction has ended."""
    is_accepted = silver.accepted()
    outside = f.exists("faults", lambda fault: fault.rule == silver.OUTSIDE)
    return [
        f.count("*").alias("n_received"),
        f.count_if(is_accepted).alias("n_accepted"),
        f.count_if(~is_accepted).alias("n_rejected"),
        f.count_if(outside).alias("n_outside"),
        f.count_if(is_accepted & f.col("is_deleted")).alias("n_deleted"),
        f.count_if(f.col(CORRECTED).isNotNull()).alias("n_corrected"),
        f.count_if(f.col(HEALED).isNotNull()).alias("n_healed"),
    ]


def n_meant(counts: dict[str, int]) -> int:
    """Rows that tell of something in this city: those of which a share may be rejected."""
    return counts["n_received"] - counts["n_outside"] - counts["n_deleted"]


def _letter(feed: Feed, manifest: Manifest, counts: dict[str, int], failures: list[str], staged: DataFrame) -> str:
    """What broke, with up to five reasons for rejection, for the person who has to talk to the source.

    It quotes no value of a row, which may be a person's where columns have slipped, but names the row.
    """
    lines = [f"feed {feed.code}: batch {manifest.batch_id} breaks its contract; {counts}; silver stays as it was"]
    lines += [f"  {failure}" for failure in failures]
    lines += [f"  {reason}" for reason in silver.reasons(staged)]
    lines.append(
        f"  what to do: look at the rows in landing (in a shape {LEGEND}), correct the "
        "contract or ask the source, then run the feed again; nothing has to be undone. "
        "Rows of earlier batches that the old contract rejected: python -m spark_jobs rebuild "
        f"--city {feed.city_code} --feed {feed.feed_code}"
    )
    return "\n".join(lines)


def _record(
    spark: SparkSession, manifest: Manifest, counts: dict[str, int], status: str, reason: str, version: str
) -> Row:
    """One row in the ledger of batches, written last: a batch without it is pending."""
    digest = hashlib.sha256("".join(file.sha256 for file in manifest.files).encode()).hexdigest()
    values = {
        "window_from": manifest.window_from,
        "window_to": manifest.window_to,
        "fetched_at": manifest.fetched_at.astimezone(UTC),
        **{name: counts.get(name) for name in COUNTS},
        **{"status": status, "reason": reason, "sha256": digest, "contract_version": version},
        "delivered_days": sorted({file.delivered_on for file in manifest.files}),
    }
    columns = ", ".join(BATCH_COLUMNS.split(", ")[3:])
    keys = {"city_code": manifest.city_code, "feed_code": manifest.feed_code, "batch_id": manifest.batch_id}
    row = spark.createDataFrame([tuple(values.values())], columns)
    tables.replace_slice(spark, row, BATCHES, keys, ("city_code", "feed_code"))
    return Row(**keys, **values)


def batches_of(spark: SparkSession, city: City) -> pd.DataFrame:
    """The ledger of a city's batches, one row a batch."""
    create_ledger(spark)
    return tables.read(spark, BATCHES).where(f.col("city_code") == city.city_code).toPandas()
