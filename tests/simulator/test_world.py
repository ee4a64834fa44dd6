"""Records: determinism, independence of days, state at a clock, volumes, dirt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import ModuleType

import numpy as np
import pytest

from simulator import truth
from simulator.truth import day_number
from simulator.world import DAY, NEVER, World, block, take, updated_at

pytestmark = pytest.mark.unit

# Assumed for a city of this size: traffic 1,500, fires 900, work safety 120; grid events fill up 40,000.
YEARLY = {"hotline": 94_000, "disputes": 17_000, "cases": 20_000, "incidents": 2_520, "grid_events": 37_480}
OCTOBER = date(2026, 10, 1)
CLOCK = day_number(date(2026, 10, 20)) * DAY + 5_400


def test_same_seed_makes_the_same_records(source: ModuleType) -> None:
    one, two = (World(truth.load()).month(source.KIND, OCTOBER) for _ in range(2))
    assert all(np.array_equal(one[name], two[name], equal_nan=one[name].dtype.kind == "f") for name in one)


def test_another_seed_makes_other_records(source: ModuleType) -> None:
    one = World(truth.load()).month(source.KIND, OCTOBER)
    other = World(replace(truth.load(), seed=1)).month(source.KIND, OCTOBER)
    assert not np.array_equal(one["day"], other["day"])


def test_a_day_made_alone_is_the_day_made_among_others(source: ModuleType, city: World) -> None:
    day = day_number(date(2026, 10, 17))
    alone = source.live(block(source.KIND, city.truth, np.array([day])), city.truth)
    month = source.live(block(source.KIND, city.truth, np.arange(day - 16, day + 15)), city.truth)
    among = take(month, month["day"] == day)
    assert len(alone["day"]) > 0
    for name in alone:
        np.testing.assert_array_equal(alone[name], among[name], err_msg=name)


def test_days_beyond_today_can_be_made(source: ModuleType, city: World) -> None:
    assert len(city.month(source.KIND, date(2031, 5, 1))["day"]) > 0


def test_state_is_the_last_event_at_or_before_the_clock(source: ModuleType, city: World) -> None:
    lives = city.month(source.KIND, OCTOBER)
    found = updated_at(source.KIND, lives, CLOCK)
    birth = source.KIND.events[0]
    for row in range(0, len(found), 37):
        events = [int(lives[event][row]) for event in source.KIND.events]
        past = [at for at in events if at <= CLOCK]
        assert found[row] == (max(past) if lives[birth][row] <= CLOCK else -1)


def test_what_is_shown_does_not_change_between_events(source: ModuleType, city: World) -> None:
    lives = city.month(source.KIND, OCTOBER)
    born = updated_at(source.KIND, lives, CLOCK) >= 0
    lives, updated = take(lives, born), updated_at(source.KIND, lives, CLOCK)[born]
    at_update = source.render(lives, updated)
    at_clock = source.render(lives, np.full_like(updated, CLOCK))
    moved = {name for name in at_update if list(at_update[name]) != list(at_clock[name])}
    assert moved <= {"update_time", "updateTime", "数据更新时间", "更新时间"}


def test_birth_comes_first_and_nothing_follows_deletion(source: ModuleType, city: World) -> None:
    lives = city.month(source.KIND, OCTOBER)
    birth, deletion = lives[source.KIND.events[0]], lives[source.KIND.events[-1]]
    assert (lives["day"] * DAY <= birth).all()
    for event in source.KIND.events:
        happened = lives[event] < NEVER
        assert (lives[event] >= birth)[happened].all(), event
        assert (lives[event] <= deletion)[happened].all(), event


def test_keys_are_unique(source: ModuleType, city: World) -> None:
    lives = city.month(source.KIND, date(2026, 9, 1))
    rows = source.render(lives, np.full(len(lives["day"]), NEVER - 1))
    key = next(iter(rows))
    assert len(set(rows[key].tolist())) == len(lives["day"])


def test_yearly_volume_is_within_five_per_cent(source: ModuleType, city: World) -> None:
    lives = city.occurred(source.KIND, day_number(date(2022, 1, 1)), day_number(date(2025, 12, 31)))
    assert len(lives["day"]) / 4 == pytest.approx(YEARLY[source.KIND.name], rel=0.05)


def test_dirt_is_about_half_a_per_cent(source: ModuleType, city: World) -> None:
    lives = city.occurred(source.KIND, day_number(date(2025, 1, 1)), day_number(date(2025, 12, 31)))
    n_rows = len(lives["day"])
    assert (lives["dirt"] > 0).sum() == pytest.approx(0.005 * n_rows, abs=5 * np.sqrt(0.005 * n_rows))


def test_dirt_is_seen_in_the_rows_and_nowhere_else(source: ModuleType, city: World) -> None:
    lives = city.occurred(source.KIND, day_number(date(2026, 1, 1)), day_number(date(2026, 6, 30)))
    at = np.full(len(lives["day"]), CLOCK)
    dirty, clean = source.render(lives, at), source.render({**lives, "dirt": np.zeros_like(lives["dirt"])}, at)
    differs = np.zeros(len(lives["day"]), dtype=bool)
    for name in dirty:
        differs |= np.array([a != b for a, b in zip(dirty[name].tolist(), clean[name].tolist(), strict=True)])
    assert differs.any()
    np.testing.assert_array_equal(differs, lives["dirt"] > 0)
