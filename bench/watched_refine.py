"""`refine` on a lake of the bench's own, watched from outside: seconds by stage, bytes, files, JVMs."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pyarrow as pa
import pyarrow.csv as pa_csv
from pyspark.sql import SparkSession

from bench.hotline_rows import CITY
from bench.lakehouse_page import Refined
from bench.own_server import descendants, hash_keys, layout_in, looking, own_server
from expectations.contract import load_city
from expectations.models import City, Feed
from spark_jobs.feeds import batches, bronze, refine, silver, staging, versions
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.sources.database import ROWS_PER_FILE
from spark_jobs.settings import Settings

MB = 1e6
TIMED = (
    (refine, "create_tables", "tables"),
    (bronze, "_write", "decode"),
    (bronze, "append", "bronze"),
    (staging, "stage", "stage"),
    (refine, "rows_to_judge", "judge"),
    (refine, "judge", "judge"),
    (refine, "_doubt", "judge"),
    (versions, "merge", "merge"),
    (batches, "record", "ledger"),
)


@dataclass(frozen=True)
class Lakehouse:
    """A Spark server with an empty lake, a landing zone, and the feed."""

    spark: SparkSession
    settings: Settings
    city: City
    feed: Feed

    @property
    def table(self) -> str:
        return silver.silver_table(self.feed.kind)

    @property
    def log(self) -> Path:
        return self.settings.lake / "silver.db" / self.feed.kind / "_delta_log"

    def land(self, rows: pa.Table, first: date, last: date) -> Manifest:
        """Land raw rows as a pull of the source does: gzipped CSV in one or more files."""
        with Landing.of(self.settings.landing, self.feed).new_batch() as batch:
            for number, start in enumerate(range(0, rows.num_rows, ROWS_PER_FILE)):
                with (
                    batch.file(f"rows_{number:04d}.csv.gz", last) as out,
                    gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as zipped,
                ):
                    zipped.write(f"{','.join(rows.column_names)}\n".encode())
                    options = pa_csv.WriteOptions(include_header=False, quoting_style="none")
                    pa_csv.write_csv(rows.slice(start, ROWS_PER_FILE), zipped, options)
            return batch.commit(self.feed, first, last, n_rows=rows.num_rows)

    def raw_files(self, manifest: Manifest) -> list[Path]:
        return [Landing.of(self.settings.landing, self.feed).path(manifest, file) for file in manifest.files]

    def n_versions(self) -> int:
        return int(self.spark.read.table(self.table).count())

    def silver_files(self) -> list[str]:
        """Files of the silver table as it is now."""
        rows = self.spark.read.table(self.table).select("_metadata.file_path").distinct().collect()
        return [row.file_path.removeprefix("file://") for row in rows]


@contextmanager
def lakehouse(state: Path) -> Iterator[Lakehouse]:
    """The feed `hotline` and an empty lake, on a server of the bench's own."""
    layout, city = layout_in(state), load_city(CITY)
    settings = Settings(state, layout.published, "", "", hash_keys(layout))
    with own_server(layout) as spark:
        yield Lakehouse(spark, settings, city, city.feed("hotline"))


@contextmanager
def stage_seconds() -> Iterator[dict[str, float]]:
    """Seconds that `refine` spends in each of its stages while the context is open."""
    seconds = dict.fromkeys((stage for _, _, stage in TIMED), 0.0)

    def timed(work: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                seconds[stage] += time.perf_counter() - began

        return run

    with ExitStack() as stack:
        for module, name, stage in TIMED:
            stack.enter_context(patch.object(module, name, timed(getattr(module, name), stage)))
        yield seconds
    seconds["bronze"] -= seconds["decode"]  # decoding is part of it


def javas() -> set[int]:
    """Process ids of the JVMs that descend from this process."""
    return {process.pid for process in descendants(lambda process: process.name() == "java")}


def bytes_read() -> int:
    """Bytes that this process and the server have read so far by read calls."""
    processes = [psutil.Process(), *map(psutil.Process, javas())]
    return sum(process.io_counters().read_chars for process in processes)


def refined(lake: Lakehouse) -> Refined:
    """Run `refine` on what has landed, and watch it from outside."""
    commits, javas_before, read_before = {*lake.log.glob("*.json")}, javas(), bytes_read()
    seen = set[int]()
    with looking(lambda: seen.update(javas())), stage_seconds() as stages:
        began = time.perf_counter()
        refine.refine(lake.spark, lake.city, lake.feed, lake.settings)
        seconds = time.perf_counter() - began
    lines = [line for path in {*lake.log.glob("*.json")} - commits for line in path.read_text().splitlines()]
    actions = [json.loads(line) for line in lines]
    added = [action["add"]["size"] for action in actions if "add" in action]
    removed = [action["remove"]["size"] for action in actions if "remove" in action]
    return Refined(
        seconds,
        stages | {"the rest": seconds - sum(stages.values())},
        len(seen - javas_before),
        (bytes_read() - read_before) / MB,
        len(added),
        len(removed),
        sum(added) / MB,
        sum(removed) / MB,
    )
