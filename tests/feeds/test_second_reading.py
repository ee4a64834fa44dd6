"""The same 300 deliveries read twice: by the pipeline, and by a second reading on its own (second_reading.py).

Every count of every indicator, county and day must be the same, and what was not counted stands in the ledger with its
rule.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import functions as f

from expectations import contract
from expectations.contract import load_city
from spark_jobs.conform import conform
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.refine import refine
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.pull import Pull
from spark_jobs.lake.reference_data import load_reference_data
from tests.feeds import second_reading
from tests.feeds.conftest import Trial
from tests.feeds.deliveries import ALIASES, ALL_FEEDS, AREAS, CUT_ON, FEEDS, FIRST, N_DAYS, N_DELIVERIES, deliver

LANDED_ON = (date(2026, 1, 4), FIRST + timedelta(days=N_DAYS))  # what a feed has by then is one batch


def give(trial: Trial) -> None:
    """The five feeds and the counties of this test to the trial city."""
    trial.place(AREAS, ALIASES)
    folder = contract.city_folder(trial.city.city_code)
    (folder / "denominators.csv").write_text("area_code,measure,valid_from,valid_to,value,quality_code,source\n")
    for name, text in FEEDS.items():
        (folder / "feeds" / f"{name}.yml").write_text(text + ALL_FEEDS, encoding="utf-8")
    load_city.cache_clear()
    trial.city = load_city(trial.city.city_code)


def take_in(trial: Trial) -> list[str]:
    """All deliveries of all feeds, from landing to silver. Returns the lines of account."""
    account, connection = [], Connection(conn_type="fs", extra={"path": str(trial.drops)})
    for feed in trial.city.feeds:
        landing = Landing.of(trial.settings.landing, feed)
        for day in LANDED_ON:
            files.land(Pull(feed, connection, landing, day, trial.city.as_of(day), trial.city.time_zone))
        account += refine(trial.spark, trial.city, feed, trial.settings)
    load_reference_data(trial.spark, trial.city)
    return account


@pytest.mark.spark
def test_a_second_reading_of_the_same_files_counts_the_same(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    give(trial)
    deliver(trial.drops)
    assert len([*trial.drops.iterdir()]) == N_DELIVERIES
    account = take_in(trial)
    read_again = {feed: second_reading.read(feed, trial.drops) for feed in FEEDS}
    last = LANDED_ON[-1]
    conform(trial.city.city_code, trial.city.time_zone, last, trial.city.as_of(last))
    own = f"city_code = '{trial.city.city_code}'"
    found = trial.spark.read.table("indicators.daily").where(own).where("numerator > 0").collect()
    counted = {(row.indicator_id, row.stratum, row.area_code, row.day): int(row.numerator) for row in found}
    assert counted == second_reading.counts(read_again)
    n_rows = f.count_distinct("source_file", "row_number").alias("n_rows")
    rejects = trial.spark.read.table("silver.rejects").where(own).groupBy("feed_code", "rule").agg(n_rows).collect()
    expected = {(feed, rule): n for feed, reading in read_again.items() for rule, n in reading.rejected.items()}
    assert {(row.feed_code, row.rule): row.n_rows for row in rejects} == expected
    batches = trial.batches()
    assert (batches["n_received"] == batches["n_accepted"] + batches["n_rejected"]).all()
    received = {feed: reading.n_rows for feed, reading in read_again.items()}
    assert batches.groupby("feed_code")["n_received"].sum().to_dict() == received
    assert {event.n for event in read_again["tallies"].events} >= {0, 1, 12}
    assert [line for line in account if f"closings withheld: the snapshot of {CUT_ON}" in line]


@pytest.mark.unit
def test_the_second_reading_has_something_to_read(tmp_path: Path) -> None:
    """Every kind of place, every rule and both sides of the new year are among the deliveries."""
    deliver(tmp_path)
    read_again = [second_reading.read(feed, tmp_path) for feed in FEEDS]
    events = [event for reading in read_again for event in reading.events]
    assert {event.county for event in events} == {"9901", "9902", "9903", "9904", "9905", "9914"}
    assert {event.day < second_reading.NEW_YEAR for event in events} == {True, False}
    assert {rule for reading in read_again for rule in reading.rejected} == {
        "no_area_of_that_day", "unknown_area", "outside_area", "required", "null_word", "not_a_date", "not_an_instant",
        "unknown_code", "not_a_count", "negative", "too_large", "ambiguous_number", "wrong_number_of_values", "not_json",
    }  # fmt: skip
