"""Upkeep changes what is stored and not what it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import batches, bronze, maintain, silver
from spark_jobs.lake import tables
from tests.feeds.conftest import Trial, row
from tests.lake_columns import comments, unexplained
from tests.stored_rows import read_alike

pytestmark = pytest.mark.spark


def test_raw_files_end_with_their_time_and_are_not_pulled_again(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("a"), row("b", place="9999")])
    trial.land()
    trial.refine()
    trial.deliver("cases_20260211.csv", [row("c")])
    trial.land()  # not refined: nothing but landing has it
    before = (trial.silver(), trial.rejects(), len(trial.batches()))
    long_after = date.today() + timedelta(days=trial.feed.raw_kept_days + 2)

    account = list(maintain.maintain(trial.spark, trial.city, long_after, trial.settings))
    assert account[0].startswith(f"{trial.feed.code}: 1 raw batches")
    taken = {manifest.batch_id for manifest in trial.landing.manifests()[:1]}
    assert maintain.expire(trial.feed, trial.landing, long_after, taken) == 0
    assert (trial.silver(), trial.rejects(), len(trial.batches())) == before
    old, fresh = trial.landing.manifests()
    assert trial.landing.verified(fresh, fresh.files[0]).is_file()
    with pytest.raises(ContractBreach, match=r"removed on .* \(expired\)"):
        trial.landing.verified(old, old.files[0])
    assert trial.land() is None
    assert len(trial.refine()) == 1  # the batch that waited; the other is not missed
    assert {version[0] for version in trial.silver()} == {"a", "c"}


def test_a_lake_from_before_gets_the_classes_and_meanings_of_its_columns(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("a")])
    trial.land()
    trial.refine()
    spark, before, strange = trial.spark, "ops.from_before", "ops.of_nobody"
    own = [bronze.bronze_table(trial.feed), silver.silver_table("case"), silver.REJECTS, batches.BATCHES, before]
    for table, column in ((before, "reason"), (strange, "colour")):
        spark.sql(f"create table {table} (city_code string, {column} string) using delta partitioned by (city_code)")
    for table in own[:-1]:
        emptied = ", ".join(f"`{column}` comment ''" for column in tables.columns_of(spark, table))
        spark.sql(f"alter table {table} alter column {emptied}")
    n_columns = sum(len(tables.columns_of(spark, table)) for table in own)
    assert len(unexplained({table: comments(spark, table) for table in own})) == n_columns > 50

    account = "\n".join(maintain.maintain(spark, trial.city, date.today(), trial.settings))
    assert f"{len(own)} tables: classes and meanings" in account
    assert f"{strange}.colour: nothing says what it means" in account  # told, and keeps nothing else from being done
    assert unexplained({table: comments(spark, table) for table in own}) == []
    versions = [spark.sql(f"describe history {table}").first().version for table in own]
    again = "\n".join(maintain.maintain(spark, trial.city, date.today(), trial.settings))
    assert "tables: classes and meanings" not in again
    written = ("ALTER TABLE", "CHANGE COLUMN", "CHANGE COLUMNS")
    for table, version in zip(own, versions, strict=True):
        later = spark.sql(f"describe history {table}").where(f"version > {version}").collect()
        assert not [commit for commit in later if commit.operation in written], table
    for table in (before, strange):
        spark.sql(f"drop table {table}")


def test_small_files_are_merged_once_and_replaced_ones_removed(spark: Any) -> None:
    spark.sql("create schema if not exists ops")
    table = "ops.small_files"
    spark.sql(f"create table {table} (n bigint) using delta tblproperties ('delta.checkpointInterval' = '3')")
    for number in range(4):
        tables.append_once(spark, spark.range(number, number + 1).coalesce(1).toDF("n"), table, f"batch {number}")
    assert read_alike(spark, table, {})  # from a checkpoint and what was committed since
    assert tables.rearrange(spark, table, None, 3, by="n")
    assert not tables.rearrange(spark, table, None, 3, by="n")
    assert len(tables.read(spark, table).inputFiles()) == 1
    folder = tables.lake_folder(spark) / "ops.db" / "small_files"
    before = set(folder.glob("*.parquet"))
    tables.drop_old_files(spark, [table], tables.SAFE_HOURS)
    assert set(folder.glob("*.parquet")) == before  # a night that began before may still read them
    tables.drop_old_files(spark, [table], 0)
    assert len(list(folder.glob("*.parquet"))) == 1
    assert sorted(row.n for row in tables.read(spark, table).collect()) == [0, 1, 2, 3]
    spark.sql(f"drop table {table}")


def test_files_whose_records_lie_in_all_of_them_are_written_in_order(spark: Any) -> None:
    spark.sql("create schema if not exists ops")
    table = "ops.mixed_files"
    for number in range(6):
        mixed = spark.range(number, 600, 6).coalesce(1).toDF("n")
        tables.append_once(spark, mixed, table, f"batch {number}")
    assert tables.rearrange(spark, table, None, 8, by="n")  # few, but each record may lie in any
    assert not tables.rearrange(spark, table, None, 8, by="n")
    assert tables.read(spark, table).count() == 600
    spark.sql(f"drop table {table}")
