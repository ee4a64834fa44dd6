"""A lake from before: its columns get the names of today, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import load_kinds
from spark_jobs.feeds.silver import LEADING, TRAILING
from spark_jobs.lake import catalogue, tables
from spark_jobs.lake.reference_data import RAW, columns_of
from spark_jobs.released.columns import TABLES
from tests.stored_rows import read_alike

OLD = "city_code string, record_id string, known_at timestamp, valid_from timestamp, valid_to timestamp, "
OLD += "row_hash string, batch_id string"
FIRST, SECOND = "2026-03-01 00:00:00", "2026-03-02 00:00:00"
TABLE = "silver.`from_before`"


def declared() -> dict[str, set[str]]:
    """Columns of today's tables in the lake, by name."""
    found = {f"silver.{kind}": {*tables.declared(LEADING), *tables.declared(TRAILING)} for kind in load_kinds()}
    found |= {table: set(columns_of(table)) for table in RAW}
    for name, table in TABLES.items():
        found |= {table.lake: {*table.lake_columns}} if table.lake else {}
        found[f"release.{name}"] = {*table.columns}
    return found


@pytest.mark.parametrize("pattern", [pattern for pattern in catalogue.RENAMED if "conformed" not in pattern])
def test_what_was_renamed_is_declared_under_its_new_name_alone(pattern: str) -> None:
    of_pattern = [columns for table, columns in declared().items() if fnmatch(table, pattern)]
    assert of_pattern
    for columns in of_pattern:
        assert columns >= {*catalogue.RENAMED[pattern].values()}
        assert not columns & catalogue.RENAMED[pattern].keys()


@pytest.fixture
def lake(spark: Any) -> Iterator[Path]:
    """A lake whose server starts anew, with a table of before in it: two versions of a record, one current."""
    statistics = "'delta.dataSkippingStatsColumns' = 'record_id,known_at,valid_from,valid_to'"
    spark.sql(f"create table {TABLE} ({OLD}) using delta partitioned by (city_code) tblproperties ({statistics})")
    spark.sql(
        f"insert into {TABLE} values ('a', '1', '{FIRST}', '{FIRST}', '{SECOND}', 'x', 'b1'), "
        f"('a', '1', '{SECOND}', '{SECOND}', null, 'y', 'b1')"
    )
    yield tables.lake_folder(spark)
    spark.sql(f"drop table {TABLE}")


def started_anew(spark: Any) -> None:
    spark.sql(f"drop schema if exists {catalogue.ATTACHED}")
    catalogue.attach(spark)


def rows(spark: Any) -> list[tuple[str, ...]]:
    given = "city_code, record_id, string(known_from), string(known_to), row_hash, batch_id"
    return [tuple(row) for row in spark.sql(f"select {given} from {TABLE} order by 1, 2, 3").collect()]


@pytest.mark.spark
def test_a_lake_from_before_has_the_new_names_when_a_server_starts(spark: Any, lake: Path) -> None:
    files = {path.name for path in (lake / "silver.db" / "from_before").rglob("*.parquet")}
    started_anew(spark)
    stored = [("a", "1", FIRST, SECOND, "x", "b1"), ("a", "1", SECOND, None, "y", "b1")]
    assert rows(spark) == stored
    assert read_alike(spark, TABLE, {"city_code": "a", "record_id": "1"})
    assert {path.name for path in (lake / "silver.db" / "from_before").rglob("*.parquet")} == files  # none is written
    n_commits = spark.sql(f"describe history {TABLE}").count()
    started_anew(spark)
    assert spark.sql(f"describe history {TABLE}").count() == n_commits  # a lake of today is only looked at


@pytest.mark.spark
def test_a_renamed_table_is_written_like_any_other(spark: Any, lake: Path) -> None:
    started_anew(spark)
    ddl = "city_code string, record_id string, known_at string, known_from string, known_to string, "
    third = [("a", "1", SECOND, SECOND, "2026-03-03 00:00:00", "y", "b2"), ("a", "2", FIRST, FIRST, None, "z", "b2")]
    times = {name: f"timestamp({name}) as {name}" for name in ("known_at", "known_from", "known_to")}
    frame = spark.createDataFrame(third, ddl + "row_hash string, batch_id string")
    typed = frame.selectExpr(*(times.get(name, name) for name in frame.columns))
    tables.upsert(spark, typed, TABLE, ("city_code", "record_id", "known_at"))
    changed = [
        ("a", "1", FIRST, SECOND, "x", "b1"),
        ("a", "1", SECOND, "2026-03-03 00:00:00", "y", "b2"),
        ("a", "2", FIRST, None, "z", "b2"),
    ]
    assert rows(spark) == changed
    assert read_alike(spark, TABLE, {"batch_id": "b2"})
    tables.ensure(spark, TABLE, tables.declared("city_code string, delivered_on date"))
    tables.replace_slice(spark, typed.where("record_id = '2'").drop("city_code"), TABLE, {"city_code": "a"})
    assert rows(spark) == changed[2:]
    assert tables.rearrange(spark, TABLE, "city_code = 'a'", most_files=0, by="record_id") in (True, False)
    assert spark.read.table(TABLE).columns[-1] == "delivered_on"
