"""A feed's silver, rejects and counts made anew from bronze: after a contract was corrected, or to prove that they agree."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import date
from itertools import chain
from pathlib import Path

from pyspark.sql import DataFrame, Row, SparkSession

from expectations.models import City, Feed
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import batches, bronze, refine, silver, staging, versions
from spark_jobs.feeds.absence import open_before
from spark_jobs.feeds.batch_faults import as_step_error, costs_its_batch
from spark_jobs.feeds.check import judge, rows_to_judge
from spark_jobs.feeds.corrections import healed_report
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.lake import tables
from spark_jobs.lake.locks import one_run_a_feed
from spark_jobs.settings import Settings

Counts = dict[str, dict[str, int]]  # of staged rows, by batch


def rebuild(spark: SparkSession, city: City, feed: Feed, settings: Settings, from_landing: bool = False) -> str:
    """Judge all taken batches by the contract as it is now, and replace what silver, rejects and ledger say of them.

    `from_landing` reads the raw bytes again first: bronze holds only the columns that the contract read at the time,
    as its encoding said. A batch whose bytes are no longer kept stays as bronze has it.

    Returns a line of account. Raises ContractBreach if batches break the contract now, or a library fails over one; then
    silver stays as it was.
    """
    with one_run_a_feed(settings.state, feed), tables.compiled(spark):
        refine.create_tables(spark, feed)
        ledger = batches.ledger_of(spark, feed)
        taken = [row for row in ledger.values() if row.status == "checked"]
        if not taken:
            return f"{feed.code}: nothing to rebuild: no batch has been taken yet"
        version = batches.note_contract(spark, city, feed, ledger)
        left_out = {row.batch_id: row.n_left_out or 0 for row in taken}
        received = {row.batch_id: row.n_received - left_out[row.batch_id] for row in taken}
        if from_landing:
            brought = _read_anew(spark, feed, settings, received)
            received |= {batch_id: of.n_rows for batch_id, of in brought.items()}
            left_out |= {batch_id: of.n_left_out for batch_id, of in brought.items()}
        folder = settings.state / "staging" / f"{feed.code}-rebuild.parquet"
        areas = silver.area_lookup(spark, city, feed)
        batch_ids = [row.batch_id for row in taken]
        staged = _staged(spark, city, feed, batch_ids, areas, folder)
        with costs_its_batch(feed, _span(batch_ids)):
            counts, through = _counts(staged, left_out), _covered(city, feed, staged)
            _check(city, feed, (folder, staged), settings.state / "gx", received, counts)
            landing = Landing.of(settings.landing, feed)
            rows = (staged, staging.current(staged, feed, landing, batch_ids))
            empty = _empty_days(feed, landing, staged, batch_ids)
            _replace(spark, city, feed, rows, list(ledger.values()), counts, through, empty, version)
        shutil.rmtree(folder)
        return _account(feed, taken, counts)


def _staged(
    spark: SparkSession, city: City, feed: Feed, batch_ids: list[str], areas: DataFrame, folder: Path
) -> DataFrame:
    """All batches, cast at once; where a library fails, one by one, so that the report names the batch."""

    def cast(of: list[str]) -> DataFrame:
        rows = staging.cast(spark, city, feed, of, areas)
        return staging.written(spark, rows if versions.carries(feed) else silver.mark_reused(rows), folder)

    try:
        return cast(batch_ids)
    except Exception as error:
        for batch_id in batch_ids:
            with costs_its_batch(feed, batch_id):
                cast([batch_id])
        raise as_step_error(feed, _span(batch_ids), error) from error


def _span(batch_ids: list[str]) -> str:
    """Batches as a report names them where it is not one of them."""
    first, *_, last = sorted(batch_ids) * 2
    return first if first == last else f"{first} to {last}"


def _read_anew(
    spark: SparkSession, feed: Feed, settings: Settings, batch_ids: Collection[str]
) -> dict[str, bronze.Received]:
    """Replace batches in bronze by what landing holds of them. Returns what each brings now."""
    landing = Landing.of(settings.landing, feed)
    pseudonymiser = Pseudonymiser.from_file(settings.hash_keys)
    scratch, received = settings.state / "staging", {}
    for manifest in landing.manifests():
        if manifest.batch_id in batch_ids and all(file.kept_sha256 for file in manifest.files):
            with costs_its_batch(feed, manifest.batch_id):
                received[manifest.batch_id] = bronze.append(
                    spark, feed, landing, manifest, scratch, pseudonymiser, is_read_anew=True
                )
    return received


def _counts(staged: DataFrame, left_out: dict[str, int]) -> Counts:
    """A batch of a quiet day has no rows in bronze: it counts nothing, and is taken all the same.

    `left_out`: rows of each batch that were received and never read.
    """
    found = staged.groupBy("batch_id").agg(*staging.count_columns()).collect()
    nothing = dict.fromkeys((*batches.COUNTS, "n_healed"), 0)
    by_batch = {row.batch_id: nothing | row.asDict() for row in found}
    counts = {}
    for batch_id, n_rows in left_out.items():
        of = by_batch.get(batch_id, nothing)
        counts[batch_id] = {name: of[name] for name in nothing}
        counts[batch_id] |= {"n_left_out": n_rows, "n_received": of["n_received"] + n_rows}
    return counts


def _covered(city: City, feed: Feed, staged: DataFrame) -> dict[str, date]:
    """Batch -> the day through which it says that it reaches."""
    if feed.covered_through is None:
        return {}
    found = staged.groupBy("batch_id").agg(staging.covered_through(city, feed)).collect()
    return {row.batch_id: row.covered_through for row in found}


def _empty_days(feed: Feed, landing: Landing, staged: DataFrame, batch_ids: Collection[str]) -> dict[str, list[date]]:
    """Batch -> days of its whole tables without a row, where a table of their day or before has some."""
    if feed.mode != "snapshot":
        return {}
    full = {tuple(row) for row in staged.select("batch_id", "delivered_on").distinct().collect()}
    first, replaced = min((day for _, day in full), default=date.max), landing.delivered_again(feed)
    return {
        manifest.batch_id: [
            file.delivered_on
            for file in manifest.files
            if file.delivered_on >= first
            and (manifest.batch_id, file.delivered_on) not in full
            and (manifest.batch_id, file.name) not in replaced
        ]
        for manifest in landing.manifests()
        if manifest.batch_id in batch_ids
    }


def _check(
    city: City, feed: Feed, staged: tuple[Path, DataFrame], gx_folder: Path, received: dict[str, int], counts: Counts
) -> None:
    """Raises ContractBreach: bronze has lost rows, a correction has ended, or rejects beyond tolerance."""
    from expectations.suite import tolerated_rejects

    folder, rows = staged
    total = {name: sum(each[name] for each in counts.values()) for name in (*batches.COUNTS, "n_healed")}
    faults = []
    for batch_id, n_received in received.items():
        of = counts[batch_id]
        if not n_received == of["n_received"] - of["n_left_out"] == of["n_accepted"] + of["n_rejected"]:
            faults.append(f"batch {batch_id}: {n_received} rows received, found {of} in bronze")
        meant, wrong = staging.n_meant(of), of["n_rejected"] - of["n_outside"]
        most = tolerated_rejects(meant, feed.tolerance.rejected_share)
        if wrong > most:
            faults.append(f"batch {batch_id}: expected at most {most} of {meant} rows to be rejected, found {wrong}")
    if total["n_healed"]:
        faults.append(healed_report(feed, "all", rows))
    if not faults and total["n_received"]:
        judged = rows_to_judge(city, feed, folder, rows, total["n_received"])
        faults = judge(city, feed, judged, staging.n_meant(total), gx_folder, "rebuild")
    if faults:
        report = [f"feed {feed.code}: its batches break the contract as it is now; nothing was replaced"]
        report += [*faults, *silver.reasons(rows)]
        report.append(
            "what to do: correct the contract and rebuild again; if it reads a column or an encoding that it did not "
            "read before, add --from-landing"
        )
        raise ContractBreach("\n  ".join(report))


def _replace(
    spark: SparkSession,
    city: City,
    feed: Feed,
    staged: tuple[DataFrame, DataFrame],
    ledger: list[Row],
    counts: Counts,
    through: dict[str, date],
    empty: dict[str, list[date]],
    version: str,
) -> None:
    """Three commits; a run that is killed between them is repeated, and the ledger comes last.

    `staged` are all rows, of which the rejects are told, and those of them that count for silver. `empty` days are
    those of tables without a row, which close nothing.
    """
    everything, current = staged
    keys = {"city_code": feed.city_code, "feed_code": feed.feed_code}
    tables.replace_slice(spark, silver.rejects(everything), silver.REJECTS, keys)
    doubtful = versions.replace(spark, feed, current)
    n_open = open_before(spark, city, feed, chain.from_iterable(empty.values()))
    rows = [row.asDict() for row in ledger]
    for row in rows:
        if of := counts.get(row["batch_id"]):
            withheld = sum(each.n_absent for each in doubtful if each.snapshot.batch_id == row["batch_id"])
            withheld += sum(n_open[day] for day in empty.get(row["batch_id"], ()))
            row |= {name: of[name] for name in batches.COUNTS} | {"contract_version": version, "n_withheld": withheld}
            row["covered_through"] = through.get(row["batch_id"])
    values = [tuple(row[name] for name in tables.declared(batches.BATCH_COLUMNS)) for row in rows]
    tables.replace_slice(spark, spark.createDataFrame(values, batches.BATCH_COLUMNS), batches.BATCHES, keys)


def _account(feed: Feed, taken: list[Row], counts: Counts) -> str:
    """received = accepted + rejected + left out over all batches, and what was rejected before."""
    now = {name: sum(each[name] for each in counts.values()) for name in batches.COUNTS}
    before = sum(row.n_rejected for row in taken)
    return (
        f"{feed.code}: {len(taken)} batches rebuilt: {now['n_received']:,} received = {now['n_accepted']:,} accepted "
        f"+ {now['n_rejected']:,} rejected (before: {before:,})"
        + (f" + {now['n_left_out']:,} left out" if now["n_left_out"] else "")
        + (f"; {now['n_deleted']:,} deleted" if now["n_deleted"] else "")
        + (f"; {now['n_corrected']:,} corrected" if now["n_corrected"] else "")
    )
