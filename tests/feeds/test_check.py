"""A batch is judged by the columns that its suite asks about, in memory or in Spark, as it would be by all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from pyspark.sql import SparkSession

from expectations.contract import load_city, load_kinds
from expectations.models import City, Feed
from expectations.suite import judged_columns
from spark_jobs.feeds import check
from spark_jobs.feeds.check import accepted_in_memory, judge, rows_to_judge
from spark_jobs.feeds.decoding import FAULT_TYPE

WRONG = {
    "a code": {"nature_code": "no such code"},
    "a place": {"area_code": "999999"},
    "a count": {"n_deaths": -1},
    "a required day": {"occurred_on": None},
}


@pytest.fixture(scope="module")
def city() -> City:
    return load_city("daqing")


@pytest.fixture(scope="module")
def feed(city: City) -> Feed:
    return city.feed("cases")


def staged_row(city: City, feed: Feed, number: int, **values: Any) -> dict[str, Any]:
    kind = load_kinds()[feed.kind]
    right = {name: column.codes[0] if column.codes else None for name, column in kind.columns.items()}
    known = {"record_id": f"c{number}", "known_at": pd.Timestamp("2026-02-02"), "row_hash": f"h{number}"}
    place = {"area_code": "230602", "occurred_on": pd.Timestamp("2026-02-01"), "n_deaths": 0}
    return right | known | place | {"is_deleted": False, "faults": []} | values


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    table = pa.Table.from_pandas(pd.DataFrame(rows).drop(columns="faults"))
    faults = pa.array([row["faults"] for row in rows], pa.list_(FAULT_TYPE))
    folder.mkdir()
    pa_parquet.write_table(table.append_column("faults", faults), folder / "rows.parquet", coerce_timestamps="us")
    return folder


@pytest.mark.unit
def test_a_right_batch_passes_whatever_its_rejected_and_deleted_rows_say(
    tmp_path: Path, city: City, feed: Feed
) -> None:
    fault = {"rule": "unknown_code", "column_name": "nature_code", "found": "?"}
    rows = [staged_row(city, feed, n) for n in range(99)]
    rejected = staged_row(city, feed, 99, nature_code="no such code", faults=[fault])
    deleted = staged_row(city, feed, 100, area_code=None, occurred_on=None, is_deleted=True)
    accepted = accepted_in_memory(written(tmp_path / "staged", [*rows, rejected, deleted]), judged_columns(city, feed))
    assert len(accepted) == len(rows)
    assert judge(city, feed, accepted, 100, tmp_path / "gx", "batch") == []


@pytest.mark.unit
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_found_as_in_all_columns(
    tmp_path: Path, city: City, feed: Feed, wrong: dict[str, Any]
) -> None:
    rows = [*(staged_row(city, feed, n) for n in range(9)), staged_row(city, feed, 9, **wrong)]
    accepted = accepted_in_memory(written(tmp_path / "staged", rows), judged_columns(city, feed))
    found = judge(city, feed, accepted, 10, tmp_path / "gx", "batch")
    everything = pd.DataFrame(rows).drop(columns="faults")
    assert found == judge(city, feed, everything, 10, tmp_path / "gx", "batch")
    assert len(found) == 1
    assert next(iter(wrong)) in found[0]


@pytest.mark.spark
def test_a_batch_too_large_for_memory_gets_the_same_verdict(
    tmp_path: Path, city: City, feed: Feed, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [staged_row(city, feed, 10 + n, **values) for n, values in enumerate(WRONG.values())]
    deleted = staged_row(city, feed, 9, occurred_on=None, is_deleted=True)
    rows = [*(staged_row(city, feed, n) for n in range(9)), deleted, *wrong]
    folder = written(tmp_path / "staged", rows)
    staged = spark.read.parquet(str(folder))
    small = rows_to_judge(city, feed, folder, staged, len(rows))
    monkeypatch.setattr(check, "IN_MEMORY_ROWS", len(rows) - 1)
    large = rows_to_judge(city, feed, folder, staged, len(rows))
    assert [type(small), sorted(small.columns)] == [pd.DataFrame, sorted(large.columns)]
    found = [judge(city, feed, accepted, len(rows), tmp_path / "gx", "batch") for accepted in (small, large)]
    assert found[0] == found[1]
    assert len(found[0]) == len(WRONG)
