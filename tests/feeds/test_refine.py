"""From dropped files to silver: every row once, every version in its place, every reject with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from pyspark.sql import functions as f

from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import batches, bronze, refine, silver, versions
from spark_jobs.lake import tables
from tests.feeds.conftest import FEED, Trial, row
from tests.spark_counts import Cost, counted

pytestmark = pytest.mark.spark
NewTrial = Callable[..., Trial]


def test_nothing_new_is_nothing_done_and_a_small_batch_costs_little(new_trial: NewTrial, free_ports: int) -> None:
    trial = new_trial()
    lake = tables.lake_folder(trial.spark)
    trial.deliver("cases_20260210.csv", [row("a"), row("b")])
    trial.land()
    assert len(trial.refine()) == 1
    before = trial.silver()
    trial.deliver("cases_20260211.csv", [row("a"), row("b")])  # another name, the same bytes
    assert trial.land() is None
    with counted(trial.spark, free_ports, lake) as nothing:
        assert trial.refine() == []
    assert trial.silver() == before
    assert nothing == Cost()
    trial.deliver("cases_20260212.csv", [row("a", "2026-02-02 08:00:00", deaths="1"), row("c")])
    trial.land()
    with counted(trial.spark, free_ports, lake) as little:
        trial.refine()
    assert {version[0] for version in trial.silver()} == {"a", "b", "c"}
    assert little.n_commits == 3  # bronze, silver, ledger: nothing was rejected
    assert little.n_jobs <= 38  # 30 to 34 were seen: how many a query takes depends on how its files lie
    assert little.n_executions <= 28  # 23


REJECTED = {
    "unknown area": (row("x", place="9999"), ("unknown_area", "area_code", "9999")),
    "unknown code": (row("x", nature="其它"), ("unknown_code", "nature_code", "其它")),
    "no such day": (row("x", day="2026-02-30"), ("not_a_date", "occurred_on", "2026-02-30")),
    "empty day": (row("x", day=""), ("required", "occurred_on", None)),
    "negative": (row("x", deaths="-1"), ("negative", "n_deaths", "-1")),
    "half a person": (row("x", deaths="1.5"), ("not_a_count", "n_deaths", "1.5")),
    "not a number": (row("x", amount="NaN"), ("not_an_amount", "amount_yuan", "NaN")),
    "infinite": (row("x", amount="Infinity"), ("not_an_amount", "amount_yuan", "Infinity")),
    "no key": (row(""), ("required", "record_id", None)),
    "no known time": (row("x", updated="soon"), ("not_an_instant", "known_at", "soon")),
    "before all records": (row("x", day="1900-01-01"), ("before_1990", "occurred_on", "1900-01-01")),
}


@pytest.mark.bad_input
def test_each_fault_is_rejected_with_its_reason_and_nothing_else_is_lost(new_trial: NewTrial) -> None:
    trial = new_trial()
    good = [row(f"good{number}") for number in range(len(REJECTED))]
    trial.deliver("cases_20260210.csv", [*(bad for bad, _ in REJECTED.values()), *good])
    trial.land()
    trial.refine()
    assert trial.rejects() == sorted((reason for _, reason in REJECTED.values()), key=repr)
    assert [v[0] for v in trial.silver()] == sorted(line["id"] for line in good)
    ledger = trial.batches().iloc[0]
    assert ledger.n_received == ledger.n_accepted + ledger.n_rejected == len(good) + len(REJECTED)


def test_what_sources_write_is_understood(new_trial: NewTrial) -> None:
    trial = new_trial()
    trial.deliver(
        "cases_20260210.csv",
        [
            row("a", code="20205", deaths="２", place=" 东县 ", amount="12.50"),  # a lost zero, full-width, blanks
            row("b", place="990101", day="2026-01-31 23:30:00"),
            row("c", place="西", deaths="3.0"),
        ],
    )
    trial.land()
    trial.refine()
    found = trial.silver("record_id", "area_code", "township_code", "case_code", "n_deaths")
    assert found == [
        ("a", "9901", None, "020205", 2), ("b", "9901", "990101", "050200", 0), ("c", "9902", None, "050200", 3)
    ]  # fmt: skip


def refined(new_trial: NewTrial, column: str, **codes: str) -> Trial:
    """A trial whose contract makes another `column` of the source's code, with a row for each id and code."""
    trial = new_trial(FEED.replace("  case_code: code", f"  {column}"))
    trial.deliver("cases_20260210.csv", [row(id, code=code) for id, code in codes.items()])
    trial.land()
    trial.refine()
    return trial


def test_a_time_of_day_is_read_as_the_source_writes_it(new_trial: NewTrial) -> None:
    clocked = "reported_at: {from: day, clock: {column: code, format: HHmm}}"
    trial = refined(new_trial, clocked, a="0705", b="", c="2460")
    local = f.date_format(f.from_utc_timestamp("reported_at", trial.city.time_zone), "yyyy-MM-dd HH:mm")
    assert trial.silver("record_id", local) == [("a", "2026-01-31 07:05"), ("b", "2026-01-31 00:00")]
    assert trial.rejects() == [("not_an_instant", "reported_at", "2026-01-31 2460")]


def test_a_constant_under_a_condition_is_given_to_the_rows_that_meet_it(new_trial: NewTrial) -> None:
    oil = "is_oil: {constant: true, when: {column: code, values: [oil], others: [other]}}"
    trial = refined(new_trial, oil, a="oil", b="other", c="", d="0il")
    assert trial.silver("record_id", "is_oil") == [("a", True), ("b", None), ("c", None)]
    assert trial.rejects() == [("unknown_value", "is_oil", "0il")]


@pytest.mark.bad_input
def test_a_breach_stops_the_feed_and_leaves_silver_as_it_was(new_trial: NewTrial) -> None:
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 0"))
    trial.deliver("cases_20260210.csv", [row("a"), row("b")])
    trial.land()
    trial.refine()
    before = trial.silver()
    trial.deliver("cases_20260211.csv", [row("c"), row("d", place="西1")])
    trial.land()
    report = r"(?s)1 times unknown_area in area_code, first in row 2 of cases_20260211\.csv: masked '文9'\n.*what to do"
    with pytest.raises(ContractBreach, match=report):
        trial.refine()
    assert trial.silver() == before
    assert sorted(trial.batches().status) == ["breached", "checked"]


@pytest.mark.bad_input
def test_a_breached_batch_is_taken_once_the_contract_allows_it(new_trial: NewTrial) -> None:
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 0"))
    trial.deliver("cases_20260211.csv", [row("c"), row("d", place="9999")])
    trial.land()
    with pytest.raises(ContractBreach):
        trial.refine()
    trial.feed = trial.feed.model_copy(
        update={"tolerance": trial.feed.tolerance.model_copy(update={"rejected_share": 0.5})}
    )
    trial.refine()
    assert [v[0] for v in trial.silver()] == ["c"]
    assert list(trial.batches().status) == ["checked"]
    assert trial.spark.read.table(bronze.bronze_table(trial.feed)).count() == 2  # appended once, tried twice


@pytest.mark.bad_input
def test_a_missing_column_is_named(new_trial: NewTrial) -> None:
    trial = new_trial()
    (trial.drops / "cases_20260210.csv").write_text("id,place,day\na,9901,2026-01-31\n")
    trial.land()
    with pytest.raises(ContractBreach, match=r"expected columns \['nature', 'code'.*found \['id', 'place', 'day'\]"):
        trial.refine()


def test_columns_in_another_order_and_new_ones_pass(new_trial: NewTrial) -> None:
    trial = new_trial()
    line = {**row("a"), "phone": "13800000000"}
    names = [*reversed(line)]
    (trial.drops / "cases_20260210.csv").write_text(f"{','.join(names)}\n{','.join(line[n] for n in names)}\n")
    trial.land()
    trial.refine()
    assert [v[0] for v in trial.silver()] == ["a"]
    columns = trial.spark.read.table(bronze.bronze_table(trial.feed)).columns
    assert not {"name", "phone"} & set(columns)  # a personal column and an unknown one stay outside the lake


@pytest.mark.kill
@pytest.mark.parametrize("step", ["append", "stage", "judge", "merge", "record"])
def test_killed_anywhere_and_run_again_gives_the_same(
    new_trial: NewTrial, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The process dies on the way into a step; the next run starts from what is on disk and in the lake."""
    rows = [row("a", "2026-02-01 08:00:00"), row("a", "2026-02-02 08:00:00", deaths="1"), row("b", place="9999")]
    whole, broken = new_trial(), new_trial()
    for trial in (whole, broken):
        trial.deliver("cases_20260210.csv", rows)
        trial.land()
    whole.refine()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    owner = {"append": bronze, "stage": silver, "merge": versions, "record": batches}.get(step, refine)
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, die)
        with pytest.raises(KeyboardInterrupt):
            broken.refine()
    broken.refine()
    assert broken.silver() == whole.silver()
    assert broken.rejects() == whole.rejects()
    assert broken.spark.read.table(bronze.bronze_table(broken.feed)).count() == len(rows)


def test_a_day_that_is_not_due_stays_in_the_folder(new_trial: NewTrial) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("a")])
    trial.deliver("cases_20260215.csv", [row("b")])
    manifest = trial.land(date(2026, 2, 12))
    assert manifest
    assert [file.name for file in manifest.files] == ["cases_20260210.csv"]
    assert manifest.window_to == date(2026, 2, 10)
