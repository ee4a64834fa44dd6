"""The attacker finds what can be worked out from printed counts, and nothing that cannot: two programs must agree."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from spark_jobs.release.disclosure.attacker import system
from spark_jobs.release.disclosure.published import Count, standing, unknown
from spark_jobs.release.disclosure.rules import ClassRule

pytestmark = pytest.mark.unit
FIRST = date(2026, 1, 1)
WIDE = {"x": ClassRule(threshold=1, protection=10**6)}  # so unsure that no target is let pass without its programs
Interval = tuple[float, float]


def count(area: str, first: int, last: int, value: float | None) -> Count:
    """Events of an area over days of January, 0 the first."""
    return Count("indicators", "x", area, FIRST + timedelta(days=first), FIRST + timedelta(days=last), value)


def placed(readings: Sequence[Count]) -> dict[tuple[str, int, int], Interval]:
    """(area, first, last) -> bounds of all targets."""
    whole = system(readings, "city")
    found = whole.placed(WIDE)
    assert len(found) == len(whole.targets)
    return {
        (target.area_code, (target.first - FIRST).days, (target.last - FIRST).days): found[n]
        for n, target in enumerate(whole.targets)
    }


def test_a_total_less_its_parts_is_the_hidden_part() -> None:
    found = placed([count("city", 0, 9, 60), count("a", 0, 9, 40), count("b", 0, 9, 13), count("c", 0, 9, None)])
    assert found["c", 0, 9] == pytest.approx((7, 7))


def test_two_hidden_parts_share_what_is_left() -> None:
    found = placed([count("city", 0, 9, 60), count("a", 0, 9, 40), count("b", 0, 9, None), count("c", 0, 9, None)])
    assert found["b", 0, 9] == pytest.approx((0, 20))


def test_a_longer_window_less_a_shorter_one_is_the_days_between() -> None:
    found = placed([count("a", 0, 9, 30), count("a", 0, 7, 28), count("b", 0, 9, 30)])
    assert found["a", 8, 9] == pytest.approx((2, 2))


def test_windows_that_move_by_a_day_bound_the_days_at_their_ends() -> None:
    found = placed([count("a", 0, 9, 30), count("a", 1, 10, 33)])
    assert found["a", 10, 10] == pytest.approx((3, 33))
    assert found["a", 0, 0] == pytest.approx((0, 30))


def test_a_hidden_window_is_bounded_by_the_printed_ones_about_it() -> None:
    found = placed([count("a", 0, 9, 30), count("a", 2, 5, 21), count("a", 1, 6, None)])
    assert found["a", 1, 6] == pytest.approx((21, 30))


@pytest.mark.parametrize("seed", range(12))
def test_every_interval_is_that_of_all_tables_of_whole_numbers(seed: int) -> None:
    """A second opinion that shares nothing with the programs: all tables that the printed counts allow, one by one."""
    random = np.random.default_rng(seed)
    table = random.poisson(1.2, (2, 3))  # counties a, b; segments of days 0-1, 2-3, 4-5
    windows = [(0, 3), (2, 5), (0, 5)]
    readings = []
    for area, own in {"city": table.sum(axis=0), "a": table[0], "b": table[1]}.items():
        for first, last in windows:
            value = own[first // 2 : last // 2 + 1].sum()
            is_hidden = area != "city" and random.random() < 0.6
            readings.append(count(area, first, last, None if is_hidden else float(value)))
    most = int(table.sum())
    tables = [
        np.array(each).reshape(2, 3)
        for each in itertools.product(range(most + 1), repeat=6)
        if sum(each) <= most and _agrees(np.array(each).reshape(2, 3), readings)
    ]
    assert tables
    for key, (lower, upper) in placed(readings).items():
        values = [_sum(each, *key) for each in tables]
        assert (lower, upper) == pytest.approx((min(values), max(values)), abs=1e-6), key


def _agrees(table: np.ndarray, readings: Sequence[Count]) -> bool:
    return all(
        _sum(table, r.area_code, (r.first - FIRST).days, (r.last - FIRST).days) == r.value
        for r in readings
        if r.value is not None
    )


def _sum(table: np.ndarray, area: str, first: int, last: int) -> float:
    own = {"city": table.sum(axis=0), "a": table[0], "b": table[1]}[area]
    return float(own[first // 2 : last // 2 + 1].sum())


def test_a_correction_is_known_beside_what_it_corrects() -> None:
    """Printed once and hidden after its correction: the old count stays known, and the new total moves it."""
    once = [count("city", 0, 9, 60), count("a", 0, 9, 11), count("b", 0, 9, 29), count("c", 0, 9, 20)]
    corrected = [count("city", 0, 9, 58), count("a", 0, 9, None), count("b", 0, 9, None), count("c", 0, 9, 20)]
    assert placed(corrected)["a", 0, 9] == pytest.approx((0, 38))
    for readings in (once + corrected, corrected + once):
        lower, upper = placed(readings)["a", 0, 9]
        assert 0 < lower <= 9 < 11 <= upper <= 13


def test_files_that_a_correction_replaces_do_not_stand() -> None:
    names = ["latest.json", "releases/20261101-0123456789/index.csv", "monthly/2026-09/index.csv"]
    replaced = ["monthly/2026-10/index.csv", "monthly/2026-10-v2/pulse.csv"]
    newest = ["monthly/2026-10-v10/index.csv", "monthly/2026-11/index.csv"]
    assert list(standing(dict.fromkeys([*names, *replaced, *newest], b""))) == [*names, *newest]


def test_counties_that_are_hidden_together_are_placed_alike() -> None:
    """They can be exchanged, which spares most programs; what is said of them must be what the programs say."""
    readings = [count("city", 0, 9, 50), count("city", 5, 9, 30)]
    readings += [count(area, *window, None) for area in "abcd" for window in ((0, 9), (5, 9))]
    found = placed(readings)
    for area in "abcd":
        assert found[area, 0, 9] == pytest.approx((0, 50))
        assert found[area, 5, 9] == pytest.approx((0, 30))
    narrow = system(readings, "city").placed({"x": ClassRule(threshold=10, protection=20)})
    assert narrow.keys() <= {n for n, t in enumerate(system(readings, "city").targets) if t.area_code == "city"}


def test_of_a_window_that_is_printed_again_the_last_figure_counts() -> None:
    found = placed([count("a", 0, 9, 30), count("a", 5, 9, 28), count("a", 0, 9, 33)])
    assert found["a", 0, 4] == pytest.approx((5, 5))


def test_revised_figures_that_contradict_each_other_are_widened_by_what_is_needed() -> None:
    """28 and 3 are not 30: something was revised by one event, so everything may be off by one."""
    found = placed([count("a", 0, 9, 30), count("a", 0, 4, 3), count("a", 5, 9, 28), count("a", 0, 6, 17)])
    assert found["a", 5, 6] == pytest.approx((12, 16))


@pytest.mark.parametrize("name", ["counts.xlsx", "inputs.parquet", "releases/x/flags.csv", "chart.json"])
def test_a_file_that_it_cannot_read_is_named(name: str) -> None:
    known = (
        "latest.json",
        "vintages.parquet",
        "indicators.parquet",
        "releases/x/index.csv",
        "releases/x.withdrawn.json",
    )
    assert unknown(dict.fromkeys((*known, name), b"")) == [name]
