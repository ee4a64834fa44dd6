"""A zero is a zero only where something was delivered; what is late, partly there or missing says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from spark_jobs.feeds import batches, delivery_calendar
from spark_jobs.lake import tables
from tests.feeds.conftest import FEED, Trial, row

pytestmark = pytest.mark.spark
FIRST, LAST = date(2026, 2, 1), date(2026, 2, 9)
COLUMNS = ", ".join(batches.BATCH_COLUMNS.split(", ")[2:])  # the city and the feed are the slice


def batch(first: int, last: int, fetched: int, files: list[int], status: str = "checked", rejected: int = 0) -> tuple:  # type: ignore[type-arg]
    """A line of the ledger: days of February, ten rows, fetched at 01:30 local time of the day `fetched`."""
    line = dict.fromkeys(tables.declared(COLUMNS)) | {
        "batch_id": f"{first}-{last}-{status}",
        "window_from": date(2026, 2, first),
        "window_to": date(2026, 2, last),
        "fetched_at": datetime(2026, 2, fetched - 1, 17, 30, tzinfo=UTC),
        "n_received": 10,
        "n_accepted": 10 - rejected,
        "n_rejected": rejected,
        "n_outside": 0,
        "n_deleted": 0,
        "status": status,
        "delivered_days": [date(2026, 2, day) for day in files],
    }
    return tuple(line.values())


LEDGER = [
    batch(1, 2, 3, [1, 2]),  # the first delivery: history
    batch(2, 3, 4, [3]),
    batch(3, 5, 6, [4, 5]),  # the file of the 4th came with that of the 5th
    batch(5, 6, 7, [6], rejected=6),  # of ten rows, where half may be
    batch(6, 7, 8, [7]),
    batch(7, 7, 8, [7], "breached"),  # another file of the same day
    batch(7, 8, 9, [8], "breached"),
    batch(8, 9, 10, [9], "replaced"),
]


def test_each_county_and_day_has_its_state(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial(FEED.replace("2026-01-01", "2026-02-01"))
    happened = [("9901", 1), ("9902", 2), ("9901", 3), ("9901", 3), ("9901", 5), ("9901", 6), ("9902", 7)]
    trial.deliver(
        "cases_20260210.csv",
        [row(f"{n}", "2026-02-10 08:00:00", place=p, day=f"2026-02-0{d}") for n, (p, d) in enumerate(happened)],
    )
    trial.land()
    trial.refine()
    ledger = trial.spark.createDataFrame(LEDGER, COLUMNS)
    tables.replace_slice(
        trial.spark, ledger, batches.BATCHES, {"city_code": trial.city.city_code, "feed_code": "cases"}
    )
    rows = delivery_calendar.calendar(trial.spark, trial.city, "cases", FIRST, LAST)
    found = {(each.area_code, each.day.day): (each.state_code, each.n_records) for each in rows}
    east = ["delivered", "zero", "delivered", "late", "delivered", "partial", "partial", "missing", "missing"]
    west = ["zero", "delivered", "zero", "late", "zero", "partial", "partial", "missing", "missing"]
    assert [found["9901", day][0] for day in range(1, 10)] == east
    assert [found["9902", day][0] for day in range(1, 10)] == west
    assert [found["9901", day][1] for day in range(1, 10)] == [1, 0, 2, 0, 1, 1, 0, None, None]
    assert trial.spark.read.table(delivery_calendar.VIEW).columns == [
        column.split()[0] for column in delivery_calendar.COLUMNS.split(", ")
    ]
    console = Console(file=StringIO(), width=200)
    for table in delivery_calendar.as_tables(trial.city, rows):
        console.print(table)
    shown = console.file.getvalue()
    assert "9901 东县" in shown
    assert "0 late" in shown
    assert "·" in shown


def test_a_row_of_counts_is_as_many_records_and_one_of_zero_is_none(spark: SparkSession) -> None:
    """Rows of one kind: of records (no number), and of counts."""
    said = [("a", None), ("a", None), ("b", 0), ("c", 3), ("c", 4), ("c", 0)]
    columns = "feed_code string, n_events int, city_code string, area_code string, occurred_on date, is_current boolean, is_deleted boolean"
    rows = [(feed, n, "city", "9901", FIRST, True, False) for feed, n in said]
    spark.createDataFrame(rows, columns).createOrReplaceTempView("told")
    (query,) = [query for query in delivery_calendar._records() if "silver.`case`" in query]
    found = spark.sql(query.replace("silver.`case`", "told")).collect()
    assert {row.feed_code: row.n_records for row in found} == {"a": 2, "b": 0, "c": 7}
