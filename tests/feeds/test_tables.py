"""Tables that grow: a new column reaches a table that is there, its rows stay, and it says its class and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from pyspark.sql import functions as f

from spark_jobs.lake import stored, tables
from spark_jobs.lake.meanings import MeaningError, comment
from tests.lake_columns import comments
from tests.stored_rows import read_alike

pytestmark = pytest.mark.spark
BEFORE = {"city_code": "string", "n": "int"}
AFTER = BEFORE | {"colour_code": "string", "fetched_at": "timestamp"}
KEYS = {"city_code": "a"}


@pytest.fixture
def table(spark: Any) -> Iterator[str]:
    table = "ops.grown"
    spark.sql("create schema if not exists ops")
    spark.sql(f"drop table if exists {table}")
    yield table
    spark.sql(f"drop table if exists {table}")


def n_commits(spark: Any, table: str) -> int:
    return int(spark.sql(f"describe history {table}").count())


def said(table: str, *columns: str) -> dict[str, str]:
    return {column: comment(table, column) for column in columns}


def test_a_table_from_before_gets_its_new_columns_once(spark: Any, table: str) -> None:
    tables.ensure(spark, table, BEFORE, ("city_code",))
    spark.sql(f"insert into {table} values ('a', 1)")
    with ThreadPoolExecutor(3) as pool:  # the feeds of a night run side by side
        list(pool.map(lambda _: tables.ensure(spark, table, AFTER, ("city_code",)), range(3)))
    assert [tuple(row) for row in spark.read.table(table).collect()] == [("a", 1, None, None)]
    assert read_alike(spark, table, KEYS)
    assert stored.version(spark, table) == 2
    assert comments(spark, table) == said(table, *AFTER)
    before = n_commits(spark, table)
    tables.ensure(spark, table, AFTER, ("city_code",))
    assert n_commits(spark, table) == before == 3  # made, filled, widened


def test_a_written_column_says_its_class_and_meaning_from_the_first_commit_on(spark: Any, table: str) -> None:
    tables.replace_slice(spark, spark.createDataFrame([(1,)], "n int"), table, KEYS)
    assert comments(spark, table) == said(table, "n", "city_code")
    wider = spark.createDataFrame([(1, "x")], "n int, colour_code string")
    tables.replace_slice(spark, wider, table, KEYS)
    tables.append_once(spark, wider.selectExpr("*", "'b' as city_code", "1L as delay_days"), table, "b/1")
    assert comments(spark, table) == said(table, "n", "city_code", "colour_code", "delay_days")
    assert n_commits(spark, table) == 3  # a comment comes with the rows
    assert not tables.carry_meanings(spark, table)
    assert n_commits(spark, table) == 3


def test_rows_that_come_in_order_are_written_in_order(spark: Any, table: str) -> None:
    tables.ensure(spark, table, BEFORE, ("city_code",))
    rows = spark.range(0, 3 * tables.ROWS_A_FILE, numPartitions=1).selectExpr("cast(id as int) as n")
    tables.replace_slice(spark, rows, table, KEYS)
    least, greatest = f.min("n").alias("least"), f.max("n").alias("greatest")
    files = spark.read.table(table).groupBy("_metadata.file_path").agg(least, greatest).orderBy("least").collect()
    assert len(files) == 3
    assert all(file.greatest < following.least for file, following in pairwise(files))  # or none could be skipped


def test_a_column_without_a_meaning_does_not_come_into_the_lake(spark: Any, table: str) -> None:
    strange = spark.createDataFrame([(1, "red")], "n int, colour string")
    with pytest.raises(MeaningError, match=r"ops\.grown\.colour: nothing says what it means; say it in meanings"):
        tables.replace_slice(spark, strange, table, KEYS)
    with pytest.raises(MeaningError, match=r"ops\.grown\.colour"):
        tables.ensure(spark, table, BEFORE | {"colour": "string"})
    assert not tables.exists(spark, table)
    tables.ensure(spark, table, BEFORE)
    with pytest.raises(MeaningError, match=r"ops\.grown\.colour"):
        tables.append_once(spark, strange.selectExpr("*", "'a' as city_code"), table, "a/1")
    assert tables.columns_of(spark, table) == list(BEFORE)
    assert n_commits(spark, table) == 1
