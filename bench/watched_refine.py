"""`refine` on a lake of the bench's own, watched from outside: seconds by stage, bytes, files, JVMs."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
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
from expectations.contract import City, Feed, load_city
from spark_jobs import bronze, refine, silver, versions
from spark_jobs.landing import Landing, Manifest
from spark_jobs.session import connect
from spark_jobs.settings import Settings
from spark_jobs.sources.database import ROWS_PER_FILE
from stack.layout import Layout
from stack.private_files import made_once
from stack.spark_server import spark_environment, spark_server

PORT_BASE = 27600
MB = 1e6
TIMED = (
    (refine, "create_tables", "tables"),
    (bronze, "_write", "decode"),
    (bronze, "append", "bronze"),
    (refine, "_stage", "stage"),
    (refine, "accepted_in_memory", "judge"),
    (refine, "judge", "judge"),
    (versions, "merge", "merge"),
    (refine, "_record", "ledger"),
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
    """A server of the bench's own in a state folder of its own."""
    layout = Layout(state=state, published=state / "published", port_base=PORT_BASE)
    made_once(layout.secrets / "hash_keys.json", lambda: {"1": "ab" * 32})
    server, city = spark_server(layout), load_city(CITY)
    server.start()
    try:
        settings = Settings(state, layout.published, "", "", layout.secrets / "hash_keys.json")
        with patch.dict(os.environ, spark_environment(layout)):
            spark = connect()
            try:
                yield Lakehouse(spark, settings, city, city.feed("hotline"))
            finally:
                spark.stop()  # before its server: alone, it would call for minutes
    finally:
        server.stop()


@contextmanager
def stage_seconds() -> Iterator[dict[str, float]]:
    """Seconds that `refine` spends in each of its stages, while this lasts."""
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
    seconds["bronze"] -= seconds["decode"]  # which is part of it


def javas() -> set[int]:
    """Process ids of the JVMs that descend from this process."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended
            if process.name() == "java":
                found.add(process.pid)
    return found


@contextmanager
def javas_seen() -> Iterator[set[int]]:
    """Process ids of the JVMs that live meanwhile, looked for five times a second."""
    seen, is_over = set[int](), threading.Event()

    def look() -> None:
        while not is_over.wait(0.2):
            seen.update(javas())

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield seen
    finally:
        is_over.set()
        watch.join()


def bytes_read() -> int:
    """What this process and the server have read so far by read calls."""
    processes = [psutil.Process(), *map(psutil.Process, javas())]
    return sum(process.io_counters().read_chars for process in processes)


def refined(lake: Lakehouse) -> Refined:
    """Run `refine` on what has landed, and look at it from outside."""
    commits, javas_before, read_before = {*lake.log.glob("*.json")}, javas(), bytes_read()
    with javas_seen() as seen, stage_seconds() as stages:
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
