"""Tables that grow with their contracts: a new column reaches a table that is there, and its rows stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spark_jobs import tables

pytestmark = pytest.mark.spark
BEFORE = {"city_code": "string", "n_people": "int"}
AFTER = BEFORE | {"level_code": "string comment '[internal] 层级 / level'", "added_at": "timestamp"}


def test_a_table_from_before_gets_its_new_columns_once(spark: Any) -> None:
    table = "ops.grown"
    spark.sql(f"drop table if exists {table}")
    tables.ensure(spark, table, BEFORE, ("city_code",))
    spark.sql(f"insert into {table} values ('a', 1)")
    with ThreadPoolExecutor(3) as pool:  # the feeds of a night run side by side
        list(pool.map(lambda _: tables.ensure(spark, table, AFTER, ("city_code",)), range(3)))
    assert spark.read.table(table).columns == list(AFTER)
    assert [tuple(row) for row in spark.read.table(table).collect()] == [("a", 1, None, None)]
    n_commits = spark.sql(f"describe history {table}").count()
    tables.ensure(spark, table, AFTER, ("city_code",))
    assert spark.sql(f"describe history {table}").count() == n_commits == 3  # made, filled, widened
    spark.sql(f"drop table {table}")

