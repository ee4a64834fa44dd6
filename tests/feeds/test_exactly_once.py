"""Silver is a function of bronze: whatever the order, the repetitions and the batches, the same rows and hashes.

Hypothesis makes the histories; each is a record of its own, so that one run of the pipeline judges them all.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import bronze
from tests.feeds.conftest import FEED, Trial, row

pytestmark = pytest.mark.spark
NewTrial = Callable[..., Trial]
Example = TypeVar("Example")
ALL = ("record_id", "known_at", "known_from", "known_to", "is_current", "is_deleted", "n_deaths", "row_hash")
WHATEVER_IS_REJECTED = FEED.replace("rejected_share: 0.5", "rejected_share: 1").replace(
    "area: [place]", "area: [place]\noutside_area: [外市]"
)
N_BATCHES = 3


def examples(strategy: st.SearchStrategy[Example], n: int, number: int | None = None) -> list[Example]:
    """What Hypothesis would try in `n` runs of a test; the same each time for a `number`."""
    found: list[Example] = []

    @settings(max_examples=n, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: Example) -> None:
        found.append(example)

    (collect if number is None else seed(number)(collect))()
    return found


class Said(NamedTuple):
    """A source's row of a record: there, deleted, or in another city; and the batches that bring it."""

    minute: int
    deaths: int
    gone: str
    batches: frozenset[int]

    def line(self, id: str) -> dict[str, str]:
        said = {"gone": "1" if self.gone == "deleted" else "0", "place": "外市" if self.gone == "elsewhere" else "9901"}
        return row(id, f"2026-02-01 08:0{self.minute}:00", deaths=str(self.deaths), **said)


SAID = st.builds(
    Said, st.integers(0, 9), st.integers(0, 2), st.sampled_from(["", "", "deleted", "elsewhere"]),
    st.frozensets(st.sampled_from(range(N_BATCHES)), min_size=1),
)  # fmt: skip


def held_at(versions: list[tuple[Any, ...]], minute: int) -> dict[str, tuple[int, bool]]:
    """Deaths and deletion of each record as known at 08:0<minute>, by known_from and known_to alone."""
    held = {}
    for id, _, known_from, known_to, _, is_deleted, deaths, _ in versions:
        if f"{known_from:%M}" <= f"{minute:02}" and (known_to is None or f"{minute:02}" < f"{known_to:%M}"):
            assert id not in held, f"{id} holds twice at minute {minute}"
            held[id] = (deaths, is_deleted)
    return held


def test_any_order_repetition_and_split_give_the_same_silver(new_trial: NewTrial) -> None:
    histories = {f"r{n}": said for n, said in enumerate(examples(st.lists(SAID, min_size=1, max_size=7), 60))}
    at_once, in_order, reversed_ = (new_trial(WHATEVER_IS_REJECTED) for _ in range(3))
    pieces = {
        f"cases_2026021{batch}.csv": [e.line(id) for id, said in histories.items() for e in said if batch in e.batches]
        for batch in range(N_BATCHES)
    }
    for name in pieces:
        at_once.deliver(name, pieces[name])
    at_once.land()
    at_once.refine()
    for trial, names in ((in_order, sorted(pieces)), (reversed_, sorted(pieces, reverse=True))):
        for name in names:
            trial.deliver(name, pieces[name])
            trial.land()
            if trial is reversed_:
                trial.refine()
        trial.refine()
    assert in_order.silver(*ALL) == at_once.silver(*ALL), histories
    assert reversed_.silver(*ALL, "batch_id") == in_order.silver(*ALL, "batch_id"), histories
    before = in_order.silver(*ALL, "batch_id"), in_order.rejects(), in_order.batches().astype(str).to_dict("records")
    assert "received = " in in_order.rebuild()
    after = in_order.silver(*ALL, "batch_id"), in_order.rejects(), in_order.batches().astype(str).to_dict("records")
    assert after == before
    versions = in_order.silver(*ALL)
    assert {v[0] for v in versions if v[4]} == set(histories)
    for minute in range(10):
        known = {id: [e for e in said if e.minute <= minute] for id, said in histories.items()}
        last = {id: max(e.minute for e in said) for id, said in known.items() if said}
        held = held_at(versions, minute)
        assert held.keys() == last.keys()
        for id, newest in last.items():
            of_minute = [e for e in known[id] if e.minute == newest]
            delivery = max(batch for e in of_minute for batch in e.batches)
            last_words = [e for e in of_minute if delivery in e.batches]
            is_gone = any(e.gone for e in last_words)
            possible = {(None, True)} if is_gone else {(e.deaths, False) for e in last_words}
            assert held[id] in possible, (id, minute, histories[id])


SNAPSHOT = WHATEVER_IS_REJECTED.replace("starts_on:", "mode: snapshot\nstarts_on:").replace(
    "known_at: {column: updated}", "known_at: {}"
)
BELIEVED = SNAPSHOT.replace("rejected_share: 1", "rejected_share: 1, closed_share: 1")  # whatever is absent
ABSENT, UNUSABLE = "absent", "unusable"
N_SNAPSHOTS = 4


def expected_versions(cells: tuple[int | str, ...]) -> list[tuple[str, int, bool]]:
    """(day, deaths, is_deleted) of a record that stood so in the snapshots: by the definition, one after the other."""
    versions: list[tuple[str, int, bool]] = []
    for day, cell in enumerate(cells, 1):
        if cell == ABSENT and versions and not versions[-1][2]:
            versions.append((f"{day:02}", versions[-1][1], True))
        elif isinstance(cell, int) and (not versions or versions[-1][1:] != (cell, False)):
            versions.append((f"{day:02}", cell, False))
    return versions


def test_snapshots_in_any_order_give_the_same_silver(new_trial: NewTrial) -> None:
    cell = st.one_of(st.integers(0, 1), st.sampled_from([ABSENT, UNUSABLE]))
    drawn = examples(st.tuples(*[cell] * N_SNAPSHOTS), 60)
    histories = {f"r{n}": cells for n, cells in enumerate(drawn)} | {"always": (0,) * N_SNAPSHOTS}
    snapshots = [
        [
            row(id, place="9999") if cells[day] == UNUSABLE else row(id, deaths=str(cells[day]))
            for id, cells in histories.items()
            if cells[day] != ABSENT
        ]
        for day in range(N_SNAPSHOTS)
    ]
    in_order, otherwise = new_trial(BELIEVED), new_trial(BELIEVED)
    for trial, order in ((in_order, (0, 1, 2, 3)), (otherwise, (2, 0, 3, 1))):
        for day in order:
            trial.deliver(f"cases_2026020{day + 1}.csv", snapshots[day])
            trial.land()
            if trial is otherwise:
                trial.refine()
        trial.refine()
    assert otherwise.silver(*ALL, "batch_id") == in_order.silver(*ALL, "batch_id"), histories
    before = in_order.silver(*ALL, "batch_id")
    in_order.rebuild()
    assert in_order.silver(*ALL, "batch_id") == before
    # a snapshot is known from the local midnight of its day, which is 16:00 UTC of the day before
    found: dict[str, list[tuple[str, int, bool]]] = {}
    for id, known_at, *_, is_deleted, deaths, _, _ in sorted(before, key=lambda v: (v[0], v[1])):
        day = known_at.day + 1 if known_at.month == 2 else 1
        found.setdefault(id, []).append((f"{day:02}", deaths, is_deleted))
    assert found == {id: v for id, cells in histories.items() if (v := expected_versions(cells))}


@pytest.mark.parametrize("mode", ["snapshot", "changes"])
def test_a_good_file_that_is_delivered_again_is_replaced(new_trial: NewTrial, mode: str) -> None:
    """Rows that were withdrawn are gone, corrected ones count whatever their hash, and no other file is touched."""
    feed = SNAPSHOT if mode == "snapshot" else SNAPSHOT.replace("mode: snapshot", "mode: changes")
    other = [row("other", deaths="5"), *(row(f"r{n}", deaths="0") for n in range(8))]
    first = [*other, row("withdrawn"), row("spoilt", deaths="3")]
    second = [row("other", deaths="5"), *(row(f"r{n}", deaths=str(n)) for n in range(8)), row("spoilt", place="9999")]
    again, once = new_trial(feed), new_trial(feed)
    for trial, deliveries in ((again, (first, second)), (once, (second,))):
        trial.deliver("cases_20260130.csv", [row("earlier")] if mode == "changes" else other)
        trial.land()
        trial.refine()
        for rows in deliveries:
            trial.deliver("cases_20260201.csv", rows)
            trial.land()
            trial.refine()
    assert again.silver(*ALL) == once.silver(*ALL)
    assert {id for id, *_ in again.silver(*ALL)}.isdisjoint({"withdrawn", "spoilt"})
    before = again.silver(*ALL)
    again.rebuild()
    assert again.silver(*ALL) == before


def test_a_broken_delivery_replaces_nothing_and_the_original_heals_it(new_trial: NewTrial) -> None:
    trial = new_trial(SNAPSHOT.replace("rejected_share: 1", "rejected_share: 0.1"))
    good = [row(f"r{n}") for n in range(9)]
    for rows in (good, [row("broken", place="9999")] * 9):
        trial.deliver("cases_20260201.csv", rows)
        assert trial.land()
    trial.deliver("cases_20260131.csv", good[1:])  # of an earlier day: silver is made of all that was taken
    assert trial.land()
    with pytest.raises(ContractBreach):
        trial.refine()
    before = trial.silver(*ALL)
    assert {id for id, *_ in before} == {line["id"] for line in good}
    trial.deliver("cases_20260201.csv", good)
    assert trial.land()
    assert trial.land() is None
    assert any("set aside" in line for line in trial.refine())
    assert trial.silver(*ALL) == before
    assert sorted(trial.batches()["status"]) == ["checked", "checked", "checked", "replaced"]
    assert trial.refine() == []


def test_two_runs_at_once_take_each_batch_once(new_trial: NewTrial) -> None:
    trial = new_trial()
    rows = [[row(f"{batch}{n}") for n in range(3)] for batch in range(2)]
    for batch, lines in enumerate(rows):
        trial.deliver(f"cases_2026021{batch}.csv", lines)
        trial.land()
    with ThreadPoolExecutor(2) as pool:
        accounts = [run.result() for run in [pool.submit(trial.refine) for _ in range(2)]]
    assert sorted(map(len, accounts)) == [0, 2]
    assert [v[0] for v in trial.silver()] == sorted(line["id"] for lines in rows for line in lines)
    assert list(trial.batches().status) == ["checked", "checked"]
    assert trial.spark.read.table(bronze.bronze_table(trial.feed)).count() == 6
