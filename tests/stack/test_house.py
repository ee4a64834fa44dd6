"""The checks before a commit are those of `make check`, and the picture of the house stands on its own floors."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stack import house
from stack.__main__ import checks
from stack.layout import Layout

pytestmark = pytest.mark.unit
REPOSITORY = Path(__file__).parents[2]


def test_every_check_is_a_hook() -> None:
    (local,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    called = [hook["entry"].split(" -m stack check ")[1] for hook in local["hooks"]]
    assert called == list(checks(Layout.from_environment()))


def test_every_import_leads_to_a_floor_below() -> None:
    rooms = house.imports()
    floor = {room: n for n, on_floor in house.floors(rooms).items() for room in on_floor}
    assert {"expectations", "spark_jobs/feeds", "spark_jobs/index", "spark_jobs/release"} <= set(floor)
    assert all(floor[used] < floor[room] for room, each in rooms.items() for used in each)


def test_an_import_that_follows_from_others_is_not_drawn() -> None:
    rooms = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert house.direct(rooms) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert house.floors(rooms) == {2: ["a"], 1: ["b"], 0: ["c"]}
