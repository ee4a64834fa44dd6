"""What is right row by row and wrong in number stops the batch; what is only rare is told and taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from pyspark.sql import Row

from expectations.contract import load_city
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import silver
from spark_jobs.feeds.doubts import flood, ids_in_doubt, twice_as_many
from tests.bad_input import cases
from tests.feeds.conftest import FEED, Trial, row

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
FIRST, SECOND = "2026-03-02 08:00:00", "2026-03-12 08:00:00"
OLD, NEW = "2026-02-20", "2026-03-10"


def days(n: int, day: str, place: str = "9901", nature: str = "刑事", updated: str = SECOND) -> list[dict[str, str]]:
    return [row(f"{k:04d}", updated, day=day, place=place, nature=nature) for k in range(n)]


# second delivery after twenty records of OLD in 9901 -> the rule that stops it, or nothing
SECONDS: dict[str, tuple[list[dict[str, str]], str | None]] = {
    "numbers that begin anew in another county": (days(20, NEW, "9902"), "id_of_another_event: 20 of 20"),
    "numbers that begin anew for another sort": (days(20, NEW, nature="行政"), "id_of_another_event: 20 of 20"),
    "cases that move to another county keep their day": (days(20, OLD, "9902"), None),
    "cases that become another sort keep their day": (days(20, OLD, nature="行政"), None),
    "a day that is corrected in its county": (days(20, "2026-02-21"), None),
    "one number of another event": (days(19, OLD) + [row("0019", SECOND, day=NEW, place="9902")], None),
    "the same records again": (days(20, OLD, updated=FIRST)[::-1], None),
    "new numbers": ([row(f"N-{k}", SECOND, day=NEW, place="9902") for k in range(20)], None),
    "late records of one old day": ([row(f"N-{k}", SECOND, day="2026-02-14") for k in range(20)], None),
    "days and months changed about": (
        [row(f"N-{k}", SECOND, day="2026-02-03") for k in range(10)] + [row(f"N-{k}", SECOND, day=NEW) for k in range(10, 20)],
        "swapped_day: 10 of 20",
    ),
    "a month's records, delivered at its end": (
        [row(f"N-{k}", "2026-03-31 08:00:00", day=f"2026-03-{k % 31 + 1:02d}") for k in range(310)], None
    ),
}  # fmt: skip


def take_after(trial: Trial, first: list[dict[str, str]], rows: list[dict[str, str]], rule: str | None) -> None:
    """A first delivery, then `rows`: taken, or stopped by the rule with silver as it was."""
    trial.deliver("cases_20260302.csv", first)
    trial.land()
    trial.refine()
    before = trial.silver()
    trial.deliver("cases_20260331.csv", rows)
    trial.land()
    if rule is None:
        trial.refine()
        assert trial.batches().status.tolist() == ["checked", "checked"]
    else:
        with pytest.raises(ContractBreach, match=rule):
            trial.refine()
        assert trial.silver() == before


@pytest.mark.parametrize("case", SECONDS)
def test_known_ids_and_days_are_watched(new_trial: Callable[..., Trial], case: str) -> None:
    take_after(new_trial(), days(20, OLD, updated=FIRST), *SECONDS[case])


# days of an id's two rows -> whether it is about another event, though county and sort are the same
AGAIN = {
    ("2025-03-10", "2026-03-10"): True,
    ("2025-01-02", "2025-07-05"): True,  # 184 days
    ("2025-01-02", "2025-07-01"): False,  # 180 days
    ("2026-03-10", "2026-03-11"): False,
    ("2026-01-11", "2026-11-01"): False,  # day and month changed about
    ("2025-01-11", "2026-11-01"): True,
}


@pytest.mark.unit
def test_an_id_of_a_day_far_away_is_of_another_event(tmp_path: Path) -> None:
    """In a feed of one county and one sort only the day tells that numbers began anew."""
    rows = [{"record_id": f"{n}", "occurred_on": day} for n, days in enumerate(AGAIN) for day in days]
    told = pa.Table.from_pylist(rows)
    told = told.set_column(1, "occurred_on", told["occurred_on"].cast(pa.date32()))
    same = {
        "area_code": "9901",
        "nature_code": "criminal",
        "is_deleted": False,
        "faults": [],
        silver.NOTES: {silver.SPELLING: None},
    }
    types = {"faults": pa.list_(pa.string()), silver.NOTES: pa.struct([(silver.SPELLING, pa.string())])}
    for name, value in same.items():
        told = told.append_column(name, pa.array([value] * len(rows), types.get(name)))
    pa_parquet.write_table(told, tmp_path / "rows.parquet")
    found = ids_in_doubt(None, cases.feed(), tmp_path, is_all=True)  # type: ignore[arg-type]
    assert (found["again"], found["changed"]) == (len(AGAIN), sum(AGAIN.values()))


def test_numbers_that_begin_anew_within_one_back_fill_are_found(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    trial.deliver("cases_20260302.csv", days(20, OLD, updated=FIRST))
    trial.deliver("cases_20260312.csv", days(20, NEW, "9902"))
    trial.land()
    with pytest.raises(ContractBreach, match="id_of_another_event: 20 of 20"):
        trial.refine()


def test_a_contract_may_say_that_they_are_right(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 0.5, changed_share: 1"))
    trial.deliver("cases_20260302.csv", days(20, OLD, updated=FIRST))
    trial.land()
    trial.refine()
    trial.deliver("cases_20260312.csv", days(20, NEW, "9902"))
    trial.land()
    (account,) = trial.refine()
    assert "ids of another event than before (id_of_another_event): 20" in account


def test_odd_keys_and_times_are_told(new_trial: Callable[..., Trial]) -> None:
    """Spellings that become one key; local times of the days on which Shanghai changed its clocks."""
    trial = new_trial()
    spellings = ["DQ-1", "ＤＱ-1", "'DQ-2", "dq-1"]
    rows = [row(each, f"2026-03-02 08:0{n}:00") for n, each in enumerate(spellings)]
    old = {"skipped": "1991-04-14 02:30:00", "repeated": "1991-09-15 01:30:00", "of neither": "1991-09-15 02:30:00"}
    rows += [row(each, at, day=at[:10]) for each, at in old.items()]
    trial.deliver("cases_20260302.csv", rows)
    trial.land()
    (account,) = trial.refine()
    assert account.endswith(
        "rows with a local time that the clocks skip, read by the offset before the change: 1; "
        "rows with a local time that comes twice, read as the first: 1"
    )
    assert trial.batches().reason.iloc[0] in account
    assert (
        "keys in another spelling than their normal form: 2; keys that several spellings of the batch became: 1"
        in account
    )
    assert "ids that differ in capitals only: 1" in account
    known = {record: f"{at:%F %T}" for record, at in trial.silver("record_id", "known_at")}
    assert known.keys() == {"DQ-1", "DQ-2", "dq-1", *old}
    assert [known[each] for each in old] == ["1991-04-13 18:30:00", "1991-09-14 16:30:00", "1991-09-14 18:30:00"]


OPEN = FEED.replace("map: {刑事: criminal, 行政: public_order}}", "map: {刑事: criminal}, otherwise: public_order}")


def test_what_falls_into_otherwise_is_counted(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial(OPEN)
    trial.deliver(
        "cases_20260302.csv", [row("a", FIRST), row("b", FIRST, nature="其他"), row("c", FIRST, nature="刑 事")]
    )
    trial.land()
    (account,) = trial.refine()
    assert account.endswith("left to otherwise: nature_code 2")
    assert trial.batches().reason.tolist() == ["left to otherwise: nature_code 2"]


VALUES = 'deleted: {column: gone, values: ["1"]}'
# contract's condition -> values of `gone` that are taken, those that take the record away, those that are rejected
CONDITIONS = {
    VALUES: (["0", "", "FALSE", "否"], ["1", "１"], ["1.0", "0.0", "true", "x", "NULL"]),
    'deleted: {column: gone, values: ["D"]}': ([""], ["D", "d"], ["I", "U"]),
    'deleted: {column: gone, values: ["D"], others: [I, U]}': (["I", "u", ""], ["D"], ["X", "0"]),
    'deleted: {column: gone, values: ["D"], others: any}': (["I", "X", ""], ["D", "Ｄ"], []),
    'deleted: {column: gone, values: ["True"]}': (["False", "0"], ["true", "TRUE"], ["yes"]),
    'deleted: {column: gone, values: ["0"]}': (["1", "true"], ["0"], ["2"]),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_takes_what_the_contract_names(new_trial: Callable[..., Trial], condition: str) -> None:
    taken, gone, rejected = CONDITIONS[condition]
    trial = new_trial(FEED.replace(VALUES, condition).replace("rejected_share: 0.5", "rejected_share: 1"))
    said = [*taken, *gone, *rejected]
    trial.deliver("cases_20260302.csv", [row(f"r{n}", FIRST, gone=value) for n, value in enumerate(said)])
    trial.land()
    trial.refine()
    found = {record: is_deleted for record, is_deleted in trial.silver("record_id", "is_deleted")}
    assert found == {f"r{n}": value in gone for n, value in enumerate(said) if value not in rejected}
    assert {rule for rule, *_ in trial.rejects()} == ({"unknown_value"} if rejected else set())


# contract's word -> text: amount, None where it is rejected
DECIMALS = {
    '"."': {"1,000": "1000.00", "1.000": "1.00", "12,345.5": "12345.50", "1,00": None, "12.5": "12.50"},
    '","': {"1.000": "1000.00", "1,000": "1.00", "12.345,5": "12345.50", "1.00": None, "12,5": "12.50"},
}


@pytest.mark.parametrize("decimal", DECIMALS)
def test_a_contract_says_what_parts_thousands(new_trial: Callable[..., Trial], decimal: str) -> None:
    trial = new_trial(FEED.replace("amount_yuan: amount", f"amount_yuan: {{from: amount, decimal: {decimal}}}"))
    cases = DECIMALS[decimal]
    trial.deliver("cases_20260302.csv", [row(f"r{n}", FIRST, amount=f'"{text}"') for n, text in enumerate(cases)])
    trial.land()
    trial.refine()
    found = {record: str(amount) for record, amount in trial.silver("record_id", "amount_yuan")}
    assert found == {f"r{n}": amount for n, amount in enumerate(cases.values()) if amount}


HISTORY = days(2000, "2026-02-27", updated=FIRST)
# after 2,000 records that were known within three days -> what stops it, or nothing
AFTER = {
    "a few swapped days among many": (
        [row(f"S-{k}", SECOND, day="2026-02-03") for k in range(4)] + [row(f"N-{k}", SECOND, day=NEW) for k in range(96)],
        "swapped_day: 4 of 4 late records",
    ),
    "one record whose day would fit the other way round": (
        [row("S-1", SECOND, day="2026-02-03")] + [row(f"N-{k}", SECOND, day=NEW) for k in range(99)], None
    ),
    "late records of many days": (
        [row(f"L-{k}", SECOND, day=f"2026-01-{k + 1:02d}") for k in range(31)]
        + [row(f"N-{k}", SECOND, day=NEW) for k in range(69)],
        None,
    ),
    "all known records again, later": (days(2000, "2026-02-27", updated="2026-03-30 08:00:00"), None),
}  # fmt: skip


@pytest.mark.parametrize("case", AFTER)
def test_lateness_is_watched_against_the_feeds_own_history(new_trial: Callable[..., Trial], case: str) -> None:
    take_after(new_trial(), HISTORY, *AFTER[case])


def test_a_feed_that_is_late_by_nature_is_no_news(new_trial: Callable[..., Trial]) -> None:
    """What is usual is learnt from its last batches; a contract that allows for it goes on as before."""
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 0.5, swapped_share: 1.0"))
    for number, (name, known, day) in enumerate(
        [("20260302", FIRST, "2026-01-20"), ("20260331", SECOND, "2026-02-03")]
    ):
        trial.deliver(f"cases_{name}.csv", [row(f"{number}-{k}", known, day=day) for k in range(300)])
        trial.land()
        trial.refine()
    assert trial.batches()["n_late"].tolist() == [300, 300]
    assert trial.batches().status.tolist() == ["checked", "checked"]


def of_day(day: int, n_accepted: int) -> Row:
    return Row(delivered_days=[date(2026, 2, day)], n_accepted=n_accepted)


SIZES: dict[str, tuple[list[int], int, list[Row], str, bool]] = {
    # days of the batch, rows accepted, batches taken before, mode -> whether a person should know
    "each row twice": ([9], 400, [of_day(8, 200)], "snapshot", True),
    "ten times as many": ([9], 2_000, [of_day(8, 200)], "snapshot", True),
    "as many as the day before": ([9], 200, [of_day(8, 200)], "snapshot", False),
    "nearly twice as many": ([9], 399, [of_day(8, 200)], "snapshot", False),
    "half as many, which absence judges": ([9], 100, [of_day(8, 200)], "snapshot", False),
    "twice an older one, as many as the newest": ([9], 400, [of_day(7, 200), of_day(8, 400)], "snapshot", False),
    "twice the newest, after a gap": ([9], 400, [of_day(1, 400), of_day(5, 200)], "snapshot", True),
    "late, before one of half its size": ([7], 400, [of_day(8, 200)], "snapshot", False),
    "the first of all": ([9], 400, [], "snapshot", False),
    "a small table that grows": ([9], 30, [of_day(8, 15)], "snapshot", False),
    "several days at once": ([8, 9], 400, [of_day(7, 200)], "snapshot", False),
    "changes, of which a day may bring any number": ([9], 400, [of_day(8, 200)], "changes", False),
}


@pytest.mark.unit
@pytest.mark.parametrize(("days", "n", "taken", "mode", "is_told"), SIZES.values(), ids=SIZES.keys())
def test_a_whole_table_of_twice_the_rows_is_told(
    days: list[int], n: int, taken: list[Row], mode: str, is_told: bool
) -> None:
    feed = load_city("daqing").feed("cases").model_copy(update={"mode": mode})
    said = twice_as_many(feed, [date(2026, 2, day) for day in days], n, taken)
    assert bool(said) is is_told
    assert said is None or f"{n:,}; 200 on 2026-02-" in said


def night(day: int, n_accepted: int, days: int = 1) -> Row:
    last = date(2026, 2, day)
    first = last - timedelta(days=days - 1)
    return Row(
        batch_id=f"{last:%Y%m%d}", window_from=first, window_to=last, n_accepted=n_accepted, n_deleted=0, n_late=0
    )


FLOODS: dict[str, tuple[int, int, list[Row], str, bool]] = {
    # days of the batch, records, batches taken before, mode -> whether it stops
    "a hundred times a night and one more": (1, 20_001, [night(8, 200)], "changes", True),
    "a hundred times a night": (1, 20_000, [night(8, 200)], "changes", False),
    "the past once more after a first load": (1, 365_000, [night(7, 365_000, 3_650), night(8, 100)], "changes", True),
    "a hundred days that come at once": (100, 20_001, [night(8, 200)], "changes", False),
    "the first of all": (1, 365_000, [], "changes", False),
    "after a start of a few": (1, 20_001, [night(7, 0), night(8, 199)], "changes", False),
    "a large batch of a small feed": (1, 9_999, [night(7, 1), night(8, 200)], "changes", False),
    "nights that grow": (1, 20_001, [night(7, 100), night(8, 400)], "changes", False),
    "a whole table": (1, 20_001, [night(8, 200)], "snapshot", False),
}


@pytest.mark.unit
@pytest.mark.parametrize(("days", "n", "taken", "mode", "stops"), FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_stops_and_what_comes_late_does_not(
    days: int, n: int, taken: list[Row], mode: str, stops: bool
) -> None:
    feed = load_city("daqing").feed("cases").model_copy(update={"mode": mode})
    last = date(2026, 2, 9)
    said = flood(feed, last - timedelta(days=days - 1), last, n, taken)
    assert bool(said) is stops
    assert said is None or f"{n:,} records of {days} days" in said
    wider = feed.model_copy(update={"tolerance": feed.tolerance.model_copy(update={"times_usual": 1e6})})
    assert flood(wider, last - timedelta(days=days - 1), last, n, taken) is None
