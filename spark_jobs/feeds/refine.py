"""One feed from landing to silver: bronze -> staged -> judged -> merged. Each batch once, however often it is run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession

from expectations.models import City, Feed, FilesSource
from spark_jobs import lineage
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import batches, bronze, silver, staging, versions
from spark_jobs.feeds.absence import Withheld, open_before, without_rows
from spark_jobs.feeds.batch_faults import costs_its_batch
from spark_jobs.feeds.check import judge, rows_to_judge
from spark_jobs.feeds.corrections import healed_report
from spark_jobs.feeds.doubts import (
    changed_ids,
    doubt_columns,
    flood,
    ids_in_doubt,
    in_words,
    swapped_days,
    twice_as_many,
    usual_late,
)
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.lake import stored, tables
from spark_jobs.lake.locks import one_run_a_feed
from spark_jobs.masking import LEGEND
from spark_jobs.settings import Settings

FEW_BYTES = 2**18  # of a landed batch: so few are done before Spark has compiled expressions for them


def create_tables(spark: SparkSession, feed: Feed) -> None:
    batches.create_table(spark)
    silver.create_tables(spark)
    bronze.create_table(spark, feed)


def pending(ledger: batches.Ledger, landing: Landing) -> list[Manifest]:
    """Landed batches that silver has not taken yet, in order of their windows."""
    done = {batch_id for batch_id, row in ledger.items() if row.status in ("checked", "replaced")}
    return [manifest for manifest in landing.manifests() if manifest.batch_id not in done]


@dataclass(frozen=True)
class Run:
    """What the batches of one run of a feed share. The ledger grows by each batch that is taken."""

    spark: SparkSession
    city: City
    feed: Feed
    settings: Settings
    landing: Landing
    pseudonymiser: Pseudonymiser
    areas: DataFrame
    contract_version: str
    ledger: batches.Ledger

    @property
    def taken(self) -> list[Row]:
        """Rows of the batches that were taken."""
        return [row for row in self.ledger.values() if row.status == "checked"]


def refine(spark: SparkSession, city: City, feed: Feed, settings: Settings) -> list[str]:
    """Take all pending batches of a feed into silver. Returns a line of account for each batch.

    A batch that breaks its contract, or over which a library fails, leaves silver as it was and is recorded as
    breached. The other batches go through, then ContractBreach is raised. The next run tries the batch again. Once the
    source has delivered all its files again, it is set aside as replaced. Two runs of one feed take turns; the second
    finds nothing to do.
    """
    with one_run_a_feed(settings.state, feed):
        create_tables(spark, feed)
        landing = Landing.of(settings.landing, feed)
        ledger = batches.ledger_of(spark, feed)
        manifests = pending(ledger, landing)
        if not manifests:
            return []
        version = batches.note_contract(spark, city, feed, ledger)
        keys = Pseudonymiser.from_file(settings.hash_keys)
        areas = silver.area_lookup(spark, city, feed)
        return _refine_all(Run(spark, city, feed, settings, landing, keys, areas, version, ledger), manifests)


class Counted(NamedTuple):
    """What the staged rows of a batch count.

    counts: for the ledger, with what was left out before. doubts: what fits row by row and looks wrong in number.
    useless: files without a usable row. through: the day through which the rows say that they reach.
    """

    counts: dict[str, int]
    doubts: dict[str, int]
    useless: list[str]
    through: date | None


def _refine_all(run: Run, manifests: list[Manifest]) -> list[str]:
    account, breaches = [], []
    for manifest in manifests:
        try:
            account.append(_try_batch(run, manifest))
        except ContractBreach as breach:
            is_replaced = run.landing.replaced(run.feed, manifest) == {file.name for file in manifest.files}
            status = "replaced" if is_replaced else "breached"
            _record(run, manifest, {}, status, str(breach).splitlines()[0])
            if is_replaced:
                account.append(f"{run.feed.code} {manifest.batch_id}: set aside, its files were delivered again")
            else:
                breaches.append(str(breach))
    if breaches:
        raise ContractBreach("\n".join([*breaches, *account]))
    return account


def _try_batch(run: Run, manifest: Manifest) -> str:
    """One batch; whatever a library raises over it is a StepError."""
    with costs_its_batch(run.feed, manifest.batch_id), tables.compiled(run.spark, manifest.n_bytes > FEW_BYTES):
        return _refine_batch(run, manifest)


def _refine_batch(run: Run, manifest: Manifest) -> str:
    """One batch through all steps. A ContractBreach of any step leaves silver as it was."""
    brought = _append_to_bronze(run, manifest)
    folder = staging.stage(run.spark, run.city, run.feed, manifest, run.areas, run.settings)
    staged = run.spark.read.parquet(str(folder))
    counts, doubts, useless, through = _counted(run, manifest, brought, staged)
    doubtful: list[Withheld] = []
    if brought.n_rows:
        _judge(run, manifest, folder, staged, counts, useless)
        doubts |= _doubt(run, manifest, folder, doubts)
        doubtful = _take(run, manifest, staged, counts["n_rejected"])
    n_unseen, unseen = _without_rows(run, manifest, brought)
    counts["n_withheld"] = sum(each.n_absent for each in doubtful) + n_unseen
    told = in_words(run.feed, doubts) if brought.n_rows else []
    told += [*map(str, doubtful), *unseen, *_of_one_day(run, manifest), *_round(brought)]
    days = (file.delivered_on for file in manifest.files)
    told += filter(None, [twice_as_many(run.feed, days, counts["n_accepted"], run.taken)])
    remark = "; ".join([*_remark(brought), *told])
    known = counts | {"covered_through": through, "n_late": doubts["n_late"]}
    run.ledger[manifest.batch_id] = _record(run, manifest, known, "checked", remark)
    shutil.rmtree(folder)
    return "; ".join([_account(run.feed, manifest, brought, counts), *told])


def _record(run: Run, manifest: Manifest, counts: dict[str, Any], status: str, reason: str) -> Row:
    is_known = manifest.batch_id in run.ledger
    return batches.record(run.spark, manifest, counts, status, reason, run.contract_version, is_known)


def _append_to_bronze(run: Run, manifest: Manifest) -> bronze.Received:
    lineage.read(f"landing.{run.feed.city_code}_{run.feed.feed_code}")
    before = run.ledger.get(manifest.batch_id)
    is_read_anew = before is not None and before.contract_version != run.contract_version
    scratch = run.settings.state / "staging"
    brought = bronze.append(run.spark, run.feed, run.landing, manifest, scratch, run.pseudonymiser, is_read_anew)
    if manifest.n_rows is not None and manifest.n_rows != brought.n_rows:
        raise ContractBreach(
            f"feed {run.feed.code}: batch {manifest.batch_id}: the source counts {manifest.n_rows} rows, "
            f"found {brought.n_rows}"
        )
    return brought


def _counted(run: Run, manifest: Manifest, brought: bronze.Received, staged: DataFrame) -> Counted:
    """Raises ContractBreach if a row was lost on the way or a correction has ended."""
    feed, counted = run.feed, staging.count_columns()
    columns = (*counted, *doubt_columns(run.city, feed), staging.covered_through(run.city, feed))
    found = staged.agg(*columns).collect()[0].asDict()
    through = found.pop("covered_through")
    counts, doubts = dict(list(found.items())[: len(counted)]), dict(list(found.items())[len(counted) :])
    useless = counts.pop("useless_files")
    if not brought.n_rows == counts["n_received"] == counts["n_accepted"] + counts["n_rejected"]:
        raise ContractBreach(
            f"feed {feed.code}: batch {manifest.batch_id}: {brought.n_rows} rows received, staged {counts}"
        )
    if counts["n_healed"]:
        raise ContractBreach(healed_report(feed, manifest.batch_id, staged))
    counts["n_received"] += brought.n_left_out
    return Counted(counts | {"n_left_out": brought.n_left_out}, doubts, useless, through)


def _judge(
    run: Run, manifest: Manifest, folder: Path, staged: DataFrame, counts: dict[str, int], useless: list[str]
) -> None:
    """Raises ContractBreach if the batch fails the feed's suite, or holds a file of which nothing can be used.

    A share cannot judge what is small: one row of one may be wrong by chance, and so may be all that a day brings. The
    pages of a pull are no deliveries of their own.
    """
    rows = rows_to_judge(run.city, run.feed, folder, staged, counts["n_received"])
    n_meant = staging.n_meant(counts)
    failures = judge(run.city, run.feed, rows, n_meant, run.settings.state / "gx", manifest.batch_id)
    if isinstance(run.feed.source, FilesSource) or not counts["n_accepted"] + counts["n_outside"]:
        failures += [f"file {name}: expected rows that can be used, found none" for name in useless]
    if failures:
        raise ContractBreach(_error_report(run.feed, manifest, counts, failures, staged))


def _doubt(run: Run, manifest: Manifest, folder: Path, doubts: dict[str, int]) -> dict[str, int]:
    """Counts of what else is in doubt. Raises ContractBreach if there is more of it than chance explains.

    Ids of a docket are not asked: there every row of a record tells of another day.
    """
    nothing = dict.fromkeys(("again", "changed", "capitals", "spellings"), 0)
    found = nothing if versions.carries(run.feed) else ids_in_doubt(run.spark, run.feed, folder, is_all=not run.taken)
    swapped = swapped_days(run.feed, doubts, usual_late(run.taken))
    much = flood(run.feed, manifest.window_from, manifest.window_to, doubts["n_told"], run.taken)
    if failures := [*filter(None, (swapped, changed_ids(run.feed, found), much))]:
        lines = [f"feed {run.feed.code}: batch {manifest.batch_id} is in doubt; silver stays as it was", *failures]
        raise ContractBreach("\n  ".join([*lines, "what to do: ask the source, then change the feed's contract"]))
    return found


def _take(run: Run, manifest: Manifest, staged: DataFrame, n_rejected: int) -> list[Withheld]:
    """Rejects and silver of a batch that keeps its contract; which of its snapshots closed nothing.

    A run that was killed may have left rejects where there are none now. Silver comes last, so that it stays as it was
    where anything fails.
    """
    keys = {"city_code": run.feed.city_code, "feed_code": run.feed.feed_code, "batch_id": manifest.batch_id}
    if n_rejected or stored.rows(run.spark, silver.REJECTS, keys).num_rows:
        tables.replace_slice(run.spark, silver.rejects(staged), silver.REJECTS, keys, batches.PARTITIONS)
    ids = [*(row.batch_id for row in run.taken), manifest.batch_id]
    if _needs_all(run, manifest, ids):
        with staging.staged_current(run.spark, run.city, run.feed, ids, run.areas, run.settings) as everything:
            doubtful = versions.replace(run.spark, run.feed, everything)
    else:
        own = staging.current(staged, run.feed, run.landing, [manifest.batch_id])
        doubtful = versions.merge(run.spark, run.feed, own, is_first=not run.taken)
    return [each for each in doubtful if each.snapshot.batch_id == manifest.batch_id]


def _without_rows(run: Run, manifest: Manifest, brought: bronze.Received) -> tuple[int, list[str]]:
    """How many open records the whole tables without a row lack, which close none of them; and a line that says so."""
    empty = without_rows(run.feed, manifest, brought.empty_files, run.taken)
    n_absent = sum(open_before(run.spark, run.city, run.feed, empty.values()).values())
    said = f"closings withheld: no row, though there were records before ({n_absent:,}): {', '.join(empty)}"
    return n_absent, [said] if empty else []


def _of_one_day(run: Run, manifest: Manifest) -> list[str]:
    """A line for each day that the batch brings and of which there are several files."""
    before, days = (
        {day for row in run.taken for day in row.delivered_days or ()},
        [f.delivered_on for f in manifest.files],
    )
    if before.isdisjoint(days) and len(set(days)) == len(days):
        return []
    groups = run.landing.of_one_day(run.feed, {manifest.batch_id, *(row.batch_id for row in run.taken)})
    own = {(manifest.batch_id, file.name) for file in manifest.files}
    names = [", ".join(name for _, name in group) for group in groups if not own.isdisjoint(group)]
    return [f"several files of one day, the later counts: {of_day}" for of_day in names]


def _needs_all(run: Run, manifest: Manifest, ids: list[str]) -> bool:
    """True if the versions can only be made from all rows of the feed, not from the batch and what is stored."""
    names = {file.name for file in manifest.files}
    return (
        versions.carries(run.feed)
        or (run.feed.mode == "snapshot" and not _is_newest(run.feed, manifest, run.taken))
        or any(name in names for _, name in staging.outdated(run.feed, run.landing, ids))
    )


def _is_newest(feed: Feed, manifest: Manifest, taken: list[Row]) -> bool:
    """True if the batch brings only days after all that were taken: what is stored of them need not be read again.

    The windows of an archive end with it, so that they do not say which day came last.
    """
    first = min(file.delivered_on for file in manifest.files)
    return not taken or (feed.ends_on is None and first > max(row.window_to for row in taken))


def _remark(brought: bronze.Received) -> list[str]:
    """What a person should know of a batch that was taken, by name: for the ledger."""
    beyond = f"columns not in the contract, kept in landing only: {', '.join(brought.beyond)}" if brought.beyond else ""
    again = f"left out, delivered again since: {', '.join(brought.came_again)}" if brought.came_again else ""
    unread = f"not read: {', '.join(map(str, brought.left_out))}" if brought.left_out else ""
    return [*filter(None, [beyond, again, unread])]


def _round(brought: bronze.Received) -> list[str]:
    """A line about files that may have been cut off where an export stops."""
    return [f"a round number of rows, at which exports stop: {', '.join(brought.round_files)}"] * bool(
        brought.round_files
    )


def _account(feed: Feed, manifest: Manifest, brought: bronze.Received, counts: dict[str, int]) -> str:
    """received = accepted + rejected + left out, and what else a person should know, in one line."""
    return (
        f"{feed.code} {manifest.batch_id}: {counts['n_received']:,} received = {counts['n_accepted']:,} accepted "
        f"+ {counts['n_rejected']:,} rejected"
        + (f" ({counts['n_outside']:,} of them of other places)" if counts["n_outside"] else "")
        + (f" + {counts['n_left_out']:,} left out" if counts["n_left_out"] else "")
        + (f"; {counts['n_deleted']:,} deleted" if counts["n_deleted"] else "")
        + (f"; {counts['n_corrected']:,} corrected" if counts["n_corrected"] else "")
        + (f"; columns not in the contract: {len(brought.beyond)}" if brought.beyond else "")
        + (f"; files left out: {len(brought.came_again)}" if brought.came_again else "")
        + (f"; not read: {', '.join(map(str, brought.left_out))}" if brought.left_out else "")
    )


def _error_report(
    feed: Feed, manifest: Manifest, counts: dict[str, int], failures: list[str], staged: DataFrame
) -> str:
    """What broke, with up to five reasons for rejection, for the person who has to talk to the source.

    It quotes no value of a row, which may be a person's where columns have slipped, but names the row.
    """
    lines = [f"feed {feed.code}: batch {manifest.batch_id} breaks its contract; {counts}; silver stays as it was"]
    lines += [f"  {failure}" for failure in failures]
    lines += [f"  {reason}" for reason in silver.reasons(staged)]
    lines.append(
        f"  what to do: look at the rows in landing (masked here: {LEGEND}), correct the "
        "contract or ask the source, then run the feed again; nothing has to be undone. "
        "Rows of earlier batches that the old contract rejected: python -m spark_jobs rebuild "
        f"--city {feed.city_code} --feed {feed.feed_code}"
    )
    return "\n".join(lines)
