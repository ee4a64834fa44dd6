"""Rows of one record with the same known time: the later delivery counts, by its day and then as it landed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from hypothesis import strategies as st

from spark_jobs.feeds.landing import LandedFile, Manifest
from tests.bad_input.cases import feed
from tests.feeds.conftest import FEED, Trial, row
from tests.feeds.test_exactly_once import examples

NewTrial = Callable[..., Trial]
GONE = "gone"
LANDINGS = (  # in the order in which they land; those of one line land at once
    ("cases_20260210.csv",),
    ("cases_20260212.csv",),
    ("cases_20260211.csv",),
    ("cases_20260212-v2.csv",),
    ("cases_20260213-v10.csv", "cases_20260213-v2.csv", "cases_20260213.csv"),
)
IN_TURN = (  # by day of delivery, then as they landed, and what landed at once by name
    "cases_20260210.csv", "cases_20260211.csv", "cases_20260212.csv", "cases_20260212-v2.csv",
    "cases_20260213.csv", "cases_20260213-v2.csv", "cases_20260213-v10.csv",
)  # fmt: skip


def line(id: str, said: int | str) -> dict[str, str]:
    return row(id, gone="1") if said == GONE else row(id, deaths=str(said))


@pytest.mark.spark
@pytest.mark.bad_input
def test_the_later_delivery_counts_in_whatever_order_batches_are_taken(new_trial: NewTrial) -> None:
    """Also where it takes back a deletion, says 0 again, or repeats what was said before another word."""
    said = st.dictionaries(st.sampled_from(IN_TURN), st.one_of(st.integers(0, 3), st.just(GONE)), min_size=1)
    histories = {f"r{n}": words for n, words in enumerate(examples(said, 80))}
    each_at_once, at_the_end = new_trial(FEED), new_trial(FEED)
    for names in LANDINGS:
        for trial in (each_at_once, at_the_end):
            for name in names:
                trial.deliver(name, [line(id, words[name]) for id, words in histories.items() if name in words])
            trial.land()
        each_at_once.refine()
    at_the_end.refine()
    expected = {}
    for id, words in histories.items():
        last = next(words[name] for name in reversed(IN_TURN) if name in words)
        expected[id] = (None, True) if last == GONE else (last, False)
    columns = ("record_id", "n_deaths", "is_deleted", "known_to", "delivered_on", "batch_id", "row_hash")
    found = each_at_once.silver(*columns)
    assert {id: (deaths, is_deleted) for id, deaths, is_deleted, *_ in found} == expected
    assert at_the_end.silver(*columns) == found
    each_at_once.rebuild()
    assert each_at_once.silver(*columns) == found
    assert each_at_once.rejects() == []  # a correction is no reused number


@pytest.mark.unit
@pytest.mark.parametrize(
    "in_turn",
    [
        ["c_20260201.csv", "c_20260201 (1).csv", "c_20260201 (2).csv"],
        ["c_20260201.csv", "c_20260201-korr.csv"],
        ["c_20260201.csv.gz", "c_20260201_v2.csv", "c_20260201_v10.csv.gz"],
        ["c_2026-01-31_v2.csv", "c_2026-02-01.csv"],
    ],
)
def test_files_that_land_at_once_follow_each_other_as_a_person_reads_their_names(in_turn: list[str]) -> None:
    files = [LandedFile(name=n, sha256="", n_bytes=1, delivered_on=date(2026, 2, 1)) for n in reversed(in_turn)]
    days = {"window_from": date(2026, 2, 1), "window_to": date(2026, 2, 1), "n_rows": None}
    manifest = Manifest(
        city_code="c", feed_code="f", batch_id="b", fetched_at=datetime(2026, 2, 2, tzinfo=UTC), files=files, **days
    )
    landed_at = manifest.landed_at(feed())
    assert sorted(landed_at, key=landed_at.__getitem__) == in_turn
    assert len(set(landed_at.values())) == len(in_turn)
