"""After the whole line, from a delivered file to a release, every column of every table says its class and meaning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from expectations import contract
from spark_jobs import conform
from spark_jobs.feeds import delivery_calendar
from spark_jobs.flags import job as flags_job
from spark_jobs.lake import reference_data, tables
from stack import dictionary_tables
from tests.feeds.conftest import Trial, new_trial, row
from tests.lake_columns import lacking
from tests.release.test_movement_job import FIRST, Nights, nights

__all__ = ["new_trial", "nights"]
pytestmark = [pytest.mark.spark, pytest.mark.e2e]
FEED = """
feed: cases
kind: hotline
name: {zh: 来电, en: Calls}
source: {type: files, connection: trial, pattern: "*.csv", format: csv, delivered: 'cases_(\\d{8})\\.csv'}
starts_on: 2026-01-01
record_id: [id]
known_at: {column: updated}
area: [place]
columns:
  called_at: updated
  intent_code: {constant: complaint}
  status_code: {from: gone, map: {"0": open}}
  caller_pseudonym: name
"""
DAY = date(2026, 2, 10)


def test_every_column_of_the_lake_says_its_class_and_meaning(
    spark: Any, new_trial: Callable[..., Trial], nights: Nights
) -> None:
    trial = new_trial(FEED)
    denominators = ",".join(contract.CITY_TABLES["denominators"])
    (contract.city_folder(trial.city.city_code) / "denominators.csv").write_text(f"{denominators}\n", encoding="utf-8")
    trial.deliver("cases_20260210.csv", [row("a"), row("b", place="9999")])
    trial.land()
    trial.refine()
    reference_data.load_reference_data(spark, trial.city)
    delivery_calendar.define(spark)
    conform.conform(trial.city.city_code, trial.city.time_zone, DAY, trial.city.as_of(DAY))
    nights.prepare(FIRST)
    nights.run(FIRST)
    flags_job.run(spark, trial.city, DAY)  # it reads tables of the index

    kept = [table for table in spark.catalog.listTables("conformed") if not table.isTemporary]
    views = {delivery_calendar.VIEW} | {f"conformed.{view.name}" for view in kept}
    made = {table.replace("`", "") for table in tables.all_tables(spark)} | views
    dictionary = {table.name for table in dictionary_tables.tables()}
    assert {name for name in dictionary - made if not name.startswith("conformed.")} == set()
    assert f"bronze.{trial.city.city_code}_cases" in made
    assert lacking(spark, views) == []
