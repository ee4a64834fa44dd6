"""Weeks on a flag's card: whole ones only, a quiet one is zero, one that no feed covers is empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from expectations.models import City
from spark_jobs.release.model import Release
from spark_jobs.release.weekly import counted, mondays, weekly_rows
from tests.release import made_up

pytestmark = pytest.mark.unit
CRASHES, (COUNTY, OTHER) = "b2_injury_crashes", (code for code, *_ in made_up.COUNTIES[:2])
MONDAY = date(2026, 11, 16)


def supporting(city: City, starts_on: date) -> City:
    feeds = tuple(replace_feed(feed, starts_on) if feed.feed_code == "incidents" else feed for feed in city.feeds)
    return city.model_copy(update={"feeds": feeds})


def replace_feed(feed: Any, starts_on: date) -> Any:
    return feed.model_copy(update={"supports": (CRASHES,), "starts_on": starts_on})


def shown(
    release: Release, through: date | None, starts_on: date = date(2021, 1, 1)
) -> dict[tuple[str, date], float | None]:
    """n_events of the crashes by area and week, with three in one county and four in another."""
    status = release.tables["feed_status"].copy()
    status["covered_through"] = [
        through if code == "incidents" else old
        for code, old in zip(status["feed_code"], status["covered_through"], strict=True)
    ]
    weeks = [(COUNTY, CRASHES, MONDAY, 3.0), (OTHER, CRASHES, MONDAY, 4.0), ("999999", CRASHES, MONDAY, 5.0)]
    weekly = pd.DataFrame(weeks, columns=["area_code", "indicator_id", "week_on", "n_events"])
    given = replace(
        release,
        tables={**release.tables, "feed_status": status},
        weekly=weekly,
        city=supporting(release.city, starts_on),
    )
    return {(r["area_code"], r["week_on"]): r["n_events"] for r in weekly_rows(given) if r["indicator_id"] == CRASHES}


@pytest.mark.parametrize("days", range(8))
def test_the_last_week_is_over(days: int) -> None:
    on = made_up.DAY + timedelta(days=days)
    found = mondays(on)
    assert len(found) == 26 and {day.weekday() for day in found} == {0}
    assert on - timedelta(days=7) < found[-1] + timedelta(days=6) <= on
    assert found[-1] - found[0] == timedelta(weeks=25)


def test_the_city_has_all_its_records_and_a_quiet_county_zero(release: Release) -> None:
    found = shown(release, made_up.DAY)
    quiet = made_up.COUNTIES[2][0]
    assert [found[area, MONDAY] for area in (made_up.CITY_AREA, COUNTY, OTHER, quiet)] == [12.0, 3.0, 4.0, 0.0]
    assert len(found) == 26 * len(release.areas) and None not in found.values()


def test_a_week_that_is_not_covered_is_empty(release: Release) -> None:
    found = shown(release, MONDAY + timedelta(days=5), starts_on=mondays(made_up.DAY)[3] + timedelta(days=1))
    known = [week for (area, week), n in found.items() if area == COUNTY and n is not None]
    assert known == mondays(made_up.DAY)[4:-1]
    assert set(shown(release, None).values()) == {None}


def test_shares_have_no_weekly_count(release: Release, make_release: Callable[..., Release]) -> None:
    kinds = {indicator.id: indicator.kind for indicator in release.methodology.indicators}
    assert {kinds[indicator] for indicator in counted(release.methodology)} == {"rate"}
    with_weeks = make_release(replace(made_up.release_input(), weekly=pd.DataFrame(
        [(COUNTY, CRASHES, MONDAY, 3.0)], columns=["area_code", "indicator_id", "week_on", "n_events"]
    )))  # fmt: skip
    assert with_weeks.release_id == release.release_id  # served beside the release, no part of it
