"""Ranges of record ids: every id in one, few of them, cut where the ids leave room."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.feeds.versions import ranges

pytestmark = pytest.mark.unit


@given(st.lists(st.text(max_size=30), min_size=1, max_size=60, unique=True), st.integers(1, 12))
def test_every_word_lies_in_one_range(words: list[str], most: int) -> None:
    words = sorted(words)
    found = ranges(words, most)
    assert len(found) == min(most, len(words))
    assert [sum(first <= word <= last for first, last in found) for word in words] == [1] * len(words)
    assert all(last < first for (_, last), (first, _) in pairwise(found))


def test_ranges_are_cut_where_neighbours_lie_farthest_apart() -> None:
    days = [f"DQ2026{day}{number:04d}" for day in ("0103", "0104", "0711", "1124") for number in range(50)]
    assert ranges(days, 3) == [
        ("DQ202601030000", "DQ202601040049"), ("DQ202607110000", "DQ202607110049"), ("DQ202611240000", "DQ202611240049")
    ]  # fmt: skip
