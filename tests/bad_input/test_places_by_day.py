"""A record belongs to the county that its place was in on the day of the event; with no such county it is rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from expectations.places import OF_ANOTHER_DAY
from tests.feeds.conftest import FEED, Trial, row
from tests.feeds.conftest import new_trial as new_trial

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
NewTrial = Callable[..., Trial]
AREAS = """area_code,level,name_zh,name_en,parent_code,valid_from,valid_to
99,city,试城,Trial,,2000-01-01,
9901,county,东县,East,99,2000-01-01,
9902,county,西县,West,99,2000-01-01,
9903,county,南县,South,99,2000-01-01,2026-01-01
9904,county,北县,North,99,2000-01-01,2026-01-01
9914,county,北县,North,99,2026-01-01,
9905,county,旧县,Former,99,2000-01-01,2026-01-01
990301,township,南镇,,9903,2000-01-01,
990201,township,新镇,,9901,2000-01-01,2026-01-01
990201,township,新镇,,9902,2026-01-01,
"""
ALIASES = "alias,area_code,note\n9903,9901,merged on 2026-01-01\n"
BEFORE, AFTER = "2025-12-31", "2026-01-01"


class Expected(NamedTuple):
    """A place and a day as delivered, and where the record belongs; no county: it is rejected by the rule."""

    place: str
    day: str
    county: str | None
    township: str | None = None


BY_DAY = {
    "a merged county, the day before": Expected("9903", BEFORE, "9903"),
    "a merged county, the day after": Expected("9903", AFTER, "9901"),
    "its name": Expected("南县", AFTER, "9901"),
    "its name in English, in capitals": Expected("SOUTH", AFTER, "9901"),
    "its township": Expected("南镇", AFTER, "9901", "990301"),
    "its township, the day before": Expected("990301", BEFORE, "9903", "990301"),
    "another code, the same name": Expected("北县", BEFORE, "9904"),
    "another code, the same name, the day after": Expected("北县", AFTER, "9914"),
    "the old code, still written": Expected("9904", AFTER, "9914"),
    "the new code, written into the past": Expected("9914", BEFORE, "9904"),
    "a township that moved": Expected("新镇", BEFORE, "9901", "990201"),
    "a township that moved, the day after": Expected("新镇", AFTER, "9902", "990201"),
    "the day before by its own clock, the day after here": Expected("北县", "2025-12-31T17:00:00Z", "9914"),
    "a county that is no more": Expected("9905", AFTER, None),
    "a county that is no more, the day before": Expected("旧县", BEFORE, "9905"),
}


def test_each_record_is_where_its_place_was_that_day(new_trial: NewTrial) -> None:
    trial = new_trial(FEED.replace("starts_on: 2026-01-01", "starts_on: 2025-01-01"))
    trial.place(AREAS, ALIASES)
    expected = {f"r{n}": each for n, each in enumerate(BY_DAY.values())}
    trial.deliver("cases_20260210.csv", [row(id, place=each.place, day=each.day) for id, each in expected.items()])
    trial.land()
    (account,) = trial.refine()
    assert f"{len(BY_DAY)} received = {len(BY_DAY) - 1} accepted + 1 rejected" in account
    found = {id: tuple(area) for id, *area in trial.silver("record_id", "area_code", "township_code")}
    assert found == {id: (each.county, each.township) for id, each in expected.items() if each.county}
    assert trial.rejects() == [(OF_ANOTHER_DAY, "area_code", "9905")]


def test_a_deletion_without_a_day_is_of_the_day_it_came(new_trial: NewTrial) -> None:
    """Sources leave a deleted row empty; its place may be an ended county's all the same."""
    trial = new_trial(FEED.replace("starts_on: 2026-01-01", "starts_on: 2025-01-01"))
    trial.place(AREAS, ALIASES)
    trial.deliver("cases_20260210.csv", [row("a", place="9905", day=BEFORE), row("b", place="9903", day=BEFORE)])
    trial.land()
    trial.refine()
    gone = {"updated": "2026-02-10 09:00:00", "gone": "1", "day": ""}
    trial.deliver("cases_20260211.csv", [row("a", place="9905", **gone), row("b", place="9903", **gone)])
    trial.land()
    assert "2 received = 2 accepted + 0 rejected; 2 deleted" in trial.refine()[0]
    assert all(
        is_deleted for _, is_deleted, is_current in trial.silver("record_id", "is_deleted", "is_current") if is_current
    )


@pytest.mark.parametrize(
    ("case", "expected", "rejected"),
    [
        ("18a_merged_county", {"9901": 10}, {OF_ANOTHER_DAY: 20}),
        ("18b_new_code_same_name", {"9913": 20, "9901": 10}, {}),
    ],
)
def test_the_cases_from_real_life(
    new_trial: NewTrial, shared: Path, case: str, expected: dict[str, int], rejected: dict[str, int]
) -> None:

    given = shared / "cases" / case
    trial = new_trial()
    trial.agree(
        (given / "contract.yml")
        .read_text(encoding="utf-8")
        .replace("starts_on", "tolerance: {rejected_share: 1}\nstarts_on")
    )
    trial.place((given / "areas.csv").read_text(encoding="utf-8"))
    (drop,) = given.glob("1_*/*")
    (trial.drops / drop.name).write_bytes(drop.read_bytes())
    trial.land()
    trial.refine()
    areas = [area for area, is_current in trial.silver("area_code", "is_current") if is_current]
    assert {area: areas.count(area) for area in areas} == expected
    rules = [rule for rule, *_ in trial.rejects()]
    assert {rule: rules.count(rule) for rule in rules} == rejected
