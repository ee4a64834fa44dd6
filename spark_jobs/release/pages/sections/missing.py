"""6 What is missing: feeds, indicators without a score, days held back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, get_args

from spark_jobs.index.engine.results import StateCode
from spark_jobs.release.model import Release
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.whole import remainder_events
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import rows


def missing(page: Page) -> list[str]:
    return [
        *feed_lines(page.release, page.words),
        *_states(page),
        *_held_back(page),
        *_remainder(page),
        *warned(page.release, page.words),
    ]


def feed_lines(release: Release, words: Wording) -> list[str]:
    """A line for each feed that did not deliver or whose content ends before the day; else one that none is missing."""
    missing = [
        words.say("feed_missing", name=feed[f"feed_name_{words.code}"], since=words.day(feed["missing_since"]))
        for feed in rows(release.missing_feeds)
    ]
    behind = [
        words.say("feed_behind", name=feed[f"feed_name_{words.code}"], day=words.day(feed["covered_through"]))
        for feed in rows(release.tables["feed_status"])
        if feed["state_code"] == "delivered"
        and (feed["covered_through"] or date.min) < min(release.business_date, feed["delivered_through"])
    ]
    return [*missing, *behind] or [words.say("all_delivered")]


def warned(release: Release, words: Wording) -> list[str]:
    """What the gate on holidays warns of; that of other gates is said where the figures are."""
    gates = (gate for gate in release.document["gates"] if gate["name"] == "calendar" and not gate["passed"])
    return [words.say("gate_warned", detail=gate[f"detail_{words.code}"]) for gate in gates]


def _remainder(page: Page) -> Iterable[str]:
    """Events in areas that have ended: they are in the city's figures and in no county's."""
    events = {name: n for name, n in remainder_events(page.release.tables).items() if n}
    if events:
        said = (
            page.words.say("scored", name=page.words.indicator(name), score=f"{n:,.0f}") for name, n in events.items()
        )
        yield page.words.say("remainder", list=page.words.listed(said))


def _held_back(page: Page) -> Iterable[str]:
    """Live indicators of the city whose window ends before the day of the release."""
    early = [r for r in rows(page.release.tables["indicator_value"])
             if r["area_code"] == page.city.area_code and r["state_code"] == "live"
             and (r["counted_through"] or page.release.business_date) < page.release.business_date]  # fmt: skip
    if early:
        said = (
            page.words.say(
                "scored",
                name=page.words.indicator(r["indicator_id"]),
                score=page.words.day(r["counted_through"]),
            )
            for r in early
        )
        yield page.words.say("held_back", list=page.words.listed(said))


def _states(page: Page) -> Iterable[str]:
    """The city's indicators without a score, by cause. Those without any source in this city are listed apart."""
    grey = [r for r in rows(page.release.tables["indicator_value"])
            if r["area_code"] == page.city.area_code and r["state_code"] != "live"]  # fmt: skip
    without = [r for r in grey if r["indicator_id"] in without_source(page.release)]
    for state in get_args(StateCode):
        found = [r for r in grey if r["state_code"] == state and r not in without]
        if found:
            yield page.words.say("states_listed", state=page.words.name("state", state), list=_indicators(page, found))
    if without:
        yield page.words.say("no_source", list=_indicators(page, without))


def without_source(release: Release) -> set[str]:
    """Indicators that no feed of the city supports: they can never come."""
    return {
        row["indicator_id"]
        for row in rows(release.tables["indicator_value"])
        if row["area_code"] == release.city_area.area_code
        and row["state_code"] == "missing_feed"
        and not row["feed_codes"]
    }


def _indicators(page: Page, found: Iterable[Mapping[str, Any]]) -> str:
    return page.words.listed(page.words.indicator(r["indicator_id"]) for r in found)
