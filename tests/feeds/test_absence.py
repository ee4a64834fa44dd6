"""What a snapshot lacks is closed, but not by a delivery that is itself in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pandas as pd
import pytest

from spark_jobs.feeds.absence import SEEN, STORED, Snapshot, in_doubt
from spark_jobs.feeds.feed_status import feed_status
from tests.feeds.conftest import FEED, Trial, row

NewTrial = Callable[..., Trial]
DAY = date(2026, 1, 31)
SNAPSHOT = FEED.replace("starts_on:", "mode: snapshot\nstarts_on:").replace("{column: updated}", "{}")


def snapshots(*n_unreadable: int) -> list[Snapshot]:
    return [Snapshot(n, f"b{n}", DAY + timedelta(days=n), count) for n, count in enumerate(n_unreadable)]


def seen(has: Sequence[set[int]], n_days: int = 1, stored: set[int] = frozenset()) -> pd.DataFrame:  # type: ignore[assignment]
    """Records 0, 1, … as the snapshots have them; their events lie on `n_days` days in order of their numbers, and
    two in a hundred of them in a small county.
    """
    turns = {STORED: set(stored), **dict(enumerate(has))}
    most = max(set().union(*turns.values())) + 1
    cells = []
    for turn, ids in turns.items():
        for id in ids:
            until = next((later for later in range(max(turn, STORED) + 1, len(has)) if id in turns[later]), len(has))
            day, number = DAY + timedelta(days=id * n_days // most), (1, f"{id:06}")
            cells.append((turn, until, day, 1, {"small" if id in SMALL_COUNTY else "large": 1}, number, number))
    return pd.DataFrame(cells, columns=SEEN)


ALL = set(range(1_400))
SMALL_COUNTY = {n for n in ALL if n % 50 == 7}
SCATTERED = {n for n in ALL if n * 7_919 % 100 < 3}  # 3 % of them, at no end
# what the second snapshot has of the records of the first -> days of their events, rows with unreadable keys, why not
CASES: dict[str, tuple[set[int], int, int, str | None]] = {
    "the same records": (ALL, 30, 0, None),
    "more records": (ALL | set(range(1_400, 3_000)), 30, 0, None),
    "twice as many": (ALL | set(range(1_400, 2_800)), 30, 0, None),
    "nearly half of the small county": (ALL - {n for n in SMALL_COUNTY if n % 100 == 7 and n > 200}, 30, 0, None),
    "all of the small county": (ALL - SMALL_COUNTY, 30, 0, "they are most of the area small"),
    "all of the small county, and a few elsewhere": (ALL - SMALL_COUNTY - {1, 400}, 30, 0, "they are most of the area"),
    "records that leave here and there": (ALL - SCATTERED, 30, 0, None),
    "one record less": (ALL - {1_399}, 30, 0, None),
    "four of the youngest less": (ALL - set(range(1_396, 1_400)), 1_400, 0, None),
    "the same records, and rows without a key": (ALL, 30, 5, None),
    "cut off at a portal's thousand": (set(range(1_000)), 1, 0, "expected at most"),
    "a sample of half of them": ({n for n in ALL if n % 2}, 30, 0, "expected at most"),
    "nothing of what was there": (set(range(2_000, 3_400)), 30, 0, "expected at most"),
    "the last 3 % of the numbers cut off": (set(range(1_358)), 1, 0, "they are the last numbers"),
    "the first 3 % of the numbers cut off": (set(range(42, 1_400)), 1, 0, "they are the first numbers"),
    "the newest days cut off": (set(range(1_358)) - SCATTERED, 30, 0, "they are the youngest"),
    "the oldest days cut off": (set(range(42, 1_400)) - SCATTERED, 30, 0, "they are the oldest"),
    "records that leave beside one row without a key": (ALL - SCATTERED, 30, 1, "a key that cannot be read"),
}


@pytest.mark.unit
@pytest.mark.bad_input
@pytest.mark.parametrize("is_stored", [False, True], ids=["all snapshots", "the newest beside what is stored"])
@pytest.mark.parametrize(("has", "n_days", "n_unreadable", "why"), CASES.values(), ids=CASES.keys())
def test_closings_are_withheld_where_the_delivery_is_in_doubt(
    has: set[int], n_days: int, n_unreadable: int, why: str | None, is_stored: bool
) -> None:
    if is_stored:
        found = in_doubt(snapshots(n_unreadable), seen([has], n_days, stored=ALL), 0.05)
    else:
        found = in_doubt(snapshots(0, n_unreadable), seen([ALL, has], n_days), 0.05)
    assert [why in each.why for each in found if why] == ([True] if why else []) and bool(found) == bool(why)
    for each in found:
        assert (each.n_before, each.n_absent) == (len(ALL), len(ALL - has))
        assert f"lacks {len(ALL - has):,} of the 1,400 records before it" in str(each)


@pytest.mark.unit
@pytest.mark.parametrize("n_records", [1, 3, 8, 20])
def test_a_small_snapshot_may_lose_a_record(n_records: int) -> None:
    records = set(range(n_records))
    for lost in range(n_records):
        assert not in_doubt(snapshots(0), seen([records - {lost} | {99}], stored=records), 0.05)


@pytest.mark.unit
def test_a_contract_that_lets_all_records_vanish_is_believed() -> None:
    assert not in_doubt(snapshots(0), seen([{1_399}], 30, stored=ALL), 1.0)


@pytest.mark.unit
def test_what_was_withheld_is_asked_of_the_next_delivery_again() -> None:
    """A second cut file is no proof either; a whole one ends the doubt, and what leaves afterwards is closed."""
    cut, whole = set(range(1_000)), ALL
    found = in_doubt(snapshots(0, 0, 0, 0, 0), seen([ALL, cut, cut, whole, whole - SCATTERED], 30), 0.05)
    assert [each.snapshot.batch_id for each in found] == ["b1", "b2"]
    assert {each.n_absent for each in found} == {400}


@pytest.mark.spark
@pytest.mark.bad_input
def test_a_cut_snapshot_closes_nothing_and_says_so(new_trial: NewTrial) -> None:
    """In whatever order the deliveries are taken; one that is whole again closes what has left since."""
    whole = [row(f"r{n:02}") for n in range(60)]
    snapshots = {
        "cases_20260201.csv": whole,
        "cases_20260202.csv": whole[:40],  # cut off
        "cases_20260203.csv": [*whole[:40], row("new")],  # cut off again
        "cases_20260204.csv": [row("")] + whole[1:],  # the first may be the one without a key
        "cases_20260205.csv": [*whole[2:], row("new")],  # two have left
        "cases_20260206.csv": [*whole[2:], row("new")],
        "cases_20260207.csv": [],  # a header alone
    }
    in_turn, otherwise = new_trial(SNAPSHOT), new_trial(SNAPSHOT)
    accounts = []
    for name, rows in snapshots.items():
        in_turn.deliver(name, rows)
        assert in_turn.land()
        accounts += in_turn.refine()
    said = [account.partition("; closings withheld: ")[2] for account in accounts]
    assert [words.partition(";")[0] for words in said] == [
        "",
        "the snapshot of 2026-02-02 lacks 20 of the 60 records before it",
        "the snapshot of 2026-02-03 lacks 20 of the 60 records before it",
        "the snapshot of 2026-02-04 lacks 2 of the 61 records before it",
        "",
        "",
        "no row, though there were records before (59): cases_20260207.csv",
    ]
    batches = in_turn.batches()
    assert list(batches["n_withheld"]) == [0, 20, 20, 2, 0, 0, 59]
    assert ["closings withheld" in reason for reason in batches["reason"]] == [n > 0 for n in batches["n_withheld"]]
    columns = ("record_id", "known_from", "known_to", "is_deleted", "batch_id")
    found = in_turn.silver(*columns)
    assert {id for id, _, _, is_deleted, _ in found if is_deleted} == {"r00", "r01"}
    assert {batch[:8] for *_, is_deleted, batch in found if is_deleted} == {"20260205"}
    in_turn.rebuild()
    assert in_turn.silver(*columns) == found
    assert in_turn.batches()["n_withheld"].equals(batches["n_withheld"])
    for name in sorted(snapshots, reverse=True):
        otherwise.deliver(name, snapshots[name])
        otherwise.land()
        if name == "cases_20260204.csv":
            otherwise.refine()  # the earlier ones come late
    otherwise.refine()
    assert otherwise.silver(*columns) == found


@pytest.mark.spark
@pytest.mark.bad_input
def test_a_snapshot_that_did_not_change_is_a_delivery(new_trial: NewTrial) -> None:
    trial = new_trial(SNAPSHOT)
    for day in (1, 2, 3):
        trial.deliver(f"cases_2026020{day}.csv", [row("a"), row("b")])
        assert trial.land()
        assert "2 accepted" in trial.refine()[0]
    assert trial.land() is None
    status = feed_status([trial.feed], trial.batches(), date(2026, 2, 3))
    assert list(status["state_code"]) == ["delivered"]
    assert len(trial.silver()) == 2


EDITIONS = {
    "an edition that adds, corrects and withdraws": (
        "cases_20260201-v2.csv", [row("a", deaths="1"), row("b"), row("d")], {"a": 1, "b": 0, "d": 0}
    ),
    "another part of the table": (
        "cases_20260201-part2.csv", [row("d", deaths="1"), row("e")], {"a": 0, "b": 0, "c": 0, "d": 1, "e": 0}
    ),
}  # fmt: skip


@pytest.mark.spark
@pytest.mark.bad_input
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
@pytest.mark.parametrize(("name", "rows", "expected"), EDITIONS.values(), ids=EDITIONS.keys())
def test_a_second_file_of_a_day_replaces_the_first_where_it_is_the_same_table(
    new_trial: NewTrial, name: str, rows: list[dict[str, str]], expected: dict[str, int], at_once: bool
) -> None:
    trial = new_trial(SNAPSHOT)
    trial.deliver("cases_20260201.csv", [row("a"), row("b"), row("c")])
    if not at_once:
        trial.land()
        trial.refine()
    trial.deliver(name, rows)
    trial.land()
    (account,) = trial.refine()
    assert account.endswith(f"several files of one day, the later counts: cases_20260201.csv, {name}")
    found = trial.silver("record_id", "n_deaths", "is_deleted")
    assert found == [(id, deaths, False) for id, deaths in sorted(expected.items())]
    trial.rebuild()
    assert trial.silver("record_id", "n_deaths", "is_deleted") == found
