"""The ledger of batches: one row a batch of a feed, what became of it and what was counted; and contracts that judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pyspark.sql import Row, SparkSession

from expectations.models import City, Feed
from expectations.version import contract_document, contract_version
from spark_jobs.feeds.landing import Manifest
from spark_jobs.lake import stored, tables

BATCHES = "ops.batches"
COUNTS = ("n_received", "n_accepted", "n_rejected", "n_outside", "n_deleted", "n_corrected", "n_left_out")
BATCH_COLUMNS = (
    "city_code string, feed_code string, batch_id string, window_from date, window_to date, fetched_at timestamp, "
    f"{', '.join(f'{name} bigint' for name in COUNTS)}, n_withheld bigint, "
    "status string, reason string, sha256 string, contract_version string, delivered_days array<date>, "
    "covered_through date, n_late bigint"
)
CONTRACTS = "ops.contracts"
CONTRACT_COLUMNS = (
    "city_code string, feed_code string, contract_version string, first_judged_at timestamp, document string"
)
PARTITIONS = ("city_code", "feed_code")
Ledger = dict[str, Row]  # a feed's rows of ops.batches by batch


def create_table(spark: SparkSession) -> None:
    """The ledger of batches; one from before it got another column gets it here."""
    tables.ensure(spark, BATCHES, tables.declared(BATCH_COLUMNS), PARTITIONS, ("batch_id",))


def ledger_of(spark: SparkSession, feed: Feed) -> Ledger:
    found = stored.rows(spark, BATCHES, {"city_code": feed.city_code, "feed_code": feed.feed_code})
    return {row["batch_id"]: Row(**row) for row in found.to_pylist()}


def recorded(spark: SparkSession, feed: Feed, *statuses: str) -> set[str]:
    """Ids of the feed's batches that the ledger knows with one of the statuses."""
    return {batch_id for batch_id, row in ledger_of(spark, feed).items() if row.status in statuses}


def batches_of(spark: SparkSession, city: City) -> pd.DataFrame:
    """The ledger of a city's batches, one row a batch."""
    create_table(spark)
    found: pd.DataFrame = stored.rows(spark, BATCHES, {"city_code": city.city_code}).to_pandas()
    return found


def record(
    spark: SparkSession,
    manifest: Manifest,
    counts: Mapping[str, Any],
    status: str,
    reason: str,
    version: str,
    is_known: bool,
) -> Row:
    """One row in the ledger of batches, written last: a batch without it is pending.

    `counts`: COUNTS, n_withheld, covered_through and n_late, as far as they are known. `is_known`: the ledger has a row
    of the batch, which this one replaces.
    """
    digest = hashlib.sha256("".join(file.sha256 for file in manifest.files).encode()).hexdigest()
    values = {
        "window_from": manifest.window_from,
        "window_to": manifest.window_to,
        "fetched_at": manifest.fetched_at.astimezone(UTC),
        **{name: counts.get(name) for name in (*COUNTS, "n_withheld")},
        **{"status": status, "reason": reason, "sha256": digest, "contract_version": version},
        "delivered_days": sorted({file.delivered_on for file in manifest.files}),
        "covered_through": counts.get("covered_through"),
        "n_late": counts.get("n_late"),
    }
    keys = {"city_code": manifest.city_code, "feed_code": manifest.feed_code, "batch_id": manifest.batch_id}
    row = spark.createDataFrame([(*keys.values(), *values.values())], BATCH_COLUMNS)
    if is_known:
        tables.replace_slice(spark, row, BATCHES, keys, PARTITIONS)
    else:
        tables.append(spark, row, BATCHES, PARTITIONS)
    return Row(**keys, **values)


def note_contract(spark: SparkSession, city: City, feed: Feed, ledger: Ledger) -> str:
    """Version of the contract that judges now. What it says is kept when it judges for the first time."""
    document = contract_document(city, feed)
    version = contract_version(document)
    if version not in {row.contract_version for row in ledger.values()}:
        tables.ensure(spark, CONTRACTS, tables.declared(CONTRACT_COLUMNS), PARTITIONS)
        keys = {"city_code": city.city_code, "feed_code": feed.feed_code, "contract_version": version}
        new = spark.createDataFrame([(*keys.values(), datetime.now(UTC), document)], CONTRACT_COLUMNS)
        tables.append_once(spark, new, CONTRACTS, "/".join(keys.values()), PARTITIONS)
    return version
