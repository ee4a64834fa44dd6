"""A night and a backfill at the same tables: real Delta commits side by side, none lost, none twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import load_cities
from expectations.models import Feed
from spark_jobs.lake import tables
from spark_jobs.lake.locks import nobody_else, one_run_a_feed, reading_silver

SLICE = "city_code string, feed_code string"
FEEDS = ("night", "backfill")
KEYS = ("city_code", "feed_code", "record_id", "known_at")


def at_once(*works: Callable[[], Any]) -> None:
    """Run all of them at the same moment; raises what one of them raises."""
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], Any]) -> None:
        start.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(begin, work) for work in works]:
            done.result()


@pytest.mark.spark
def test_writers_of_the_same_tables_neither_fail_nor_lose_rows(spark: Any) -> None:
    spark.sql("create schema if not exists silver")
    spark.sql("create schema if not exists ops")
    ledger, versions, raw = "ops.side_by_side", "silver.side_by_side", "ops.appended"
    version = "record_id string, known_at timestamp, known_to timestamp, row_hash string, batch_id string"
    day = datetime(2026, 1, 1, tzinfo=UTC)

    def record(feed: str, batch: str) -> None:
        tables.ensure(spark, ledger, tables.declared(f"{SLICE}, batch_id string, n bigint"), ("city_code", "feed_code"))
        keys = {"city_code": "x", "feed_code": feed, "batch_id": batch}
        tables.replace_slice(spark, spark.createDataFrame([(1,)], "n bigint"), ledger, keys, ("city_code", "feed_code"))

    def merge(feed: str, ids: range) -> None:
        tables.ensure(spark, versions, tables.declared(f"{SLICE}, {version}"), ("city_code", "feed_code"))
        rows = [("x", feed, str(number), day, None, feed, "1") for number in ids]
        fresh = spark.createDataFrame(rows, f"{SLICE}, {version}")
        tables.upsert(spark, fresh, versions, KEYS, f"old.city_code = 'x' and old.feed_code = '{feed}'")

    def append(batch: str) -> None:
        tables.ensure(spark, raw, {"n": "bigint"})
        tables.append_once(spark, spark.range(5).toDF("n"), raw, batch)

    at_once(  # tables that are new to all of them; two feeds, and twice the same feed
        lambda: record("night", "1"),
        lambda: record("backfill", "1"),
        lambda: record("night", "2"),
        lambda: merge("night", range(0, 6)),
        lambda: merge("night", range(3, 9)),
        lambda: merge("backfill", range(0, 6)),
        lambda: append("a"),
        lambda: append("a"),
        lambda: append("b"),
    )
    written = {(row.feed_code, row.batch_id) for row in tables.read(spark, ledger).collect()}
    assert written == {("night", "1"), ("backfill", "1"), ("night", "2")}
    merged = sorted((row.feed_code, row.record_id) for row in tables.read(spark, versions).collect())
    assert merged == sorted([*(("night", str(n)) for n in range(9)), *(("backfill", str(n)) for n in range(6))])
    assert tables.read(spark, raw).count() == 10  # the same batch twice is one

    at_once(  # while its small files are merged, a table takes new rows
        lambda: tables.rearrange(spark, versions, "city_code = 'x' and feed_code = 'night'", 0, by="record_id"),
        lambda: merge("night", range(6, 12)),
    )
    assert tables.read(spark, versions).where("feed_code = 'night'").count() == 12
    for table in (ledger, versions, raw):
        spark.sql(f"drop table {table}")


@pytest.mark.unit
def test_runs_of_one_feed_take_turns_others_do_not_wait_and_an_erasure_is_alone(tmp_path: Path) -> None:
    one, other = _two_feeds()
    happened: list[str] = []

    def held(name: str, lock: Any) -> threading.Thread:
        def work() -> None:
            with lock:
                happened.append(name)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    with one_run_a_feed(tmp_path, one):
        waiting = [held("same", one_run_a_feed(tmp_path, one)), held("erasure", nobody_else(tmp_path))]
        free = [held("other", one_run_a_feed(tmp_path, other)), held("reader", reading_silver(tmp_path))]
        for thread in free:
            thread.join(10)
        time.sleep(0.1)
        assert sorted(happened) == ["other", "reader"]
    for thread in waiting:
        thread.join(10)
    assert sorted(happened[2:]) == ["erasure", "same"]


def _two_feeds() -> tuple[Feed, Feed]:
    city = next(city for city in load_cities() if len(city.feeds) > 1)
    return city.feeds[0], city.feeds[1]
