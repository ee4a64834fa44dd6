"""Bronze: every row of every batch as text, appended exactly once; personal values dropped or hashed before."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from expectations.models import Feed, FilesSource
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.decoding import FAULT, FAULT_SQL, FAULT_TYPE, FILE, ROW, bronze_columns, decode
from spark_jobs.feeds.formats.content import LeftOut
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.lake import tables

BATCH, DELIVERED, LANDED = "_batch_id", "_delivered_on", "_landed_at"
ROUND = 1_000  # exports stop at 1,000, 5,000, 10,000 rows; nobody can say whether this one did
ROWS_A_GROUP = 50_000  # of the staged file
INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Received:
    """What a batch brought: its rows, columns that the contract does not name, files that came again in a later batch,
    the parts that are not read, dropped files with a round number of rows, at which exports stop, and files without a row.
    """

    n_rows: int
    beyond: tuple[str, ...]
    came_again: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    round_files: tuple[str, ...]
    empty_files: tuple[str, ...]

    @property
    def n_left_out(self) -> int:
        return sum(part.n_rows for part in self.left_out)


def bronze_table(feed: Feed) -> str:
    return f"bronze.{feed.city_code}_{feed.feed_code}"


def create_table(spark: SparkSession, feed: Feed) -> None:
    columns = dict.fromkeys(bronze_columns(feed), "string")
    own = {FILE: "string", ROW: "bigint", FAULT: FAULT_SQL, DELIVERED: "date", LANDED: "timestamp", BATCH: "string"}
    tables.ensure(spark, bronze_table(feed), columns | own, statistics=(BATCH,))


def append(
    spark: SparkSession,
    feed: Feed,
    landing: Landing,
    manifest: Manifest,
    staging: Path,
    pseudonymiser: Pseudonymiser,
    is_read_anew: bool = False,
) -> Received:
    """Decode one batch and append it to the feed's bronze table. Doing so again is harmless.

    `is_read_anew`: bronze may hold the batch as another contract read it; those rows are replaced. Raises
    ContractBreach for a file that cannot be read, unless the source has delivered it again since.
    """
    folder = staging / feed.city_code / feed.feed_code / manifest.batch_id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    received = _write(feed, landing, manifest, folder, pseudonymiser)
    if is_read_anew:
        rows = spark.read.parquet(str(folder))
        tables.replace_slice(spark, rows, bronze_table(feed), {BATCH: manifest.batch_id})
    elif received.n_rows:
        rows = spark.read.parquet(str(folder)).withColumn(BATCH, f.lit(manifest.batch_id))
        tables.append_once(spark, rows, bronze_table(feed), f"{feed.code}/{manifest.batch_id}")
    shutil.rmtree(folder)
    return received


def _write(feed: Feed, landing: Landing, manifest: Manifest, folder: Path, pseudonymiser: Pseudonymiser) -> Received:
    """The rows of all files of a batch as one Parquet file, in groups small enough for each core to get some."""
    schema = pa.schema(
        [(name, pa.string()) for name in bronze_columns(feed)]
        + [(FILE, pa.string()), (ROW, pa.int64()), (FAULT, FAULT_TYPE), (DELIVERED, pa.date32()), (LANDED, INSTANT)]
    )
    n_rows, beyond, came_again, left_out = 0, dict[str, None](), [], list(manifest.left_out)
    round_files, empty_files = [], []
    landed_at = manifest.landed_at(feed)
    with pa_parquet.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for file in manifest.files:
            try:
                decoded = decode(feed, landing.verified(manifest, file), pseudonymiser)
            except ContractBreach:
                again = landing.replaced(feed, manifest)
                if file.name not in again or len(again) == len(manifest.files):
                    raise
                came_again.append(file.name)
                continue
            n_decoded = decoded.table.num_rows
            delivered = pa.repeat(pa.scalar(file.delivered_on, pa.date32()), n_decoded)
            landed = pa.repeat(pa.scalar(landed_at[file.name], INSTANT), n_decoded)
            table = decoded.table.append_column(DELIVERED, delivered).append_column(LANDED, landed).cast(schema)
            writer.write_table(table, row_group_size=ROWS_A_GROUP)
            n_rows += n_decoded
            if n_decoded and n_decoded % ROUND == 0 and isinstance(feed.source, FilesSource):
                round_files.append(f"{file.name} ({n_decoded:,})")
            empty_files += [file.name] if not n_decoded else []
            beyond |= dict.fromkeys(decoded.beyond)
            left_out += decoded.left_out
    return Received(n_rows, tuple(beyond), tuple(came_again), tuple(left_out), tuple(round_files), tuple(empty_files))
