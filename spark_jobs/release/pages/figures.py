"""What the leader's page and the counties' pages both say: how they open, a change, open flags. In one language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.release.model import Release
from spark_jobs.release.pages.sections import masthead
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import Wording, bounds, points
from spark_jobs.released.columns import rows

COLOURS = ("red", "amber", "grey")
CLOSED = ("cleared", "confirmed", "expired")


def opening(page: Page, row: Mapping[str, Any]) -> dict[str, Any]:
    """With what a page opens: its release, and the index of its area, which is a row of county_index."""
    release, words, base = page.release, page.words, page.release.city.base_period
    return {
        "release": release,
        "city_name": words.pick(release.city.name),
        "day": words.day(release.business_date),
        "as_of": masthead.as_of(page),
        "status": words.name("status", release.status_code),
        "note": masthead.note(page),
        "value": words.index(row["index"]),
        "interval": _interval(row, words) if row["index"] is not None else "",
        "base": words.say("leader_base", first=base.first_day.year, last=base.last_day.year),
    }


def _interval(row: Mapping[str, Any], words: Wording) -> str:
    """90 % interval 96 to 104."""
    lower, upper = bounds(row["lower"], row["upper"])
    return words.say("leader_interval", lower=lower, upper=upper)


def change_words(row: Mapping[str, Any], words: Wording) -> str:
    """The change on a year before as a clause; within the margin of error it says so."""
    if row["change_1y"] is None:
        return ""
    size = points(abs(row["change_1y"]))
    if size == "0":
        return words.say("leader_same")
    said = words.say("leader_higher" if row["change_1y"] > 0 else "leader_lower", points=size)
    return said if is_clear_change(row) else said + words.say("leader_unsure")


def is_clear_change(row: Mapping[str, Any]) -> bool:
    """Whether the change on a year before is more than chance: its interval leaves out 0."""
    return row["change_lower"] is not None and (row["change_lower"] > 0 or row["change_upper"] < 0)


def open_flags(release: Release, words: Wording, area_code: str | None = None) -> list[dict[str, str]]:
    """Open flags of an area, or of all areas: the gravest first, then the oldest."""
    found = sorted(
        rows(release.tables["flag"]), key=lambda r: (COLOURS.index(r["colour_code"]), r["since"], r["flag_id"])
    )
    return [
        {
            "colour": row["colour_code"],
            "colour_name": words.name("colour", row["colour_code"]),
            "detail": row[f"detail_{words.code}"],
            "since": words.say(
                "leader_flag",
                day=words.day(row["since"]),
                n=(release.business_date - row["since"]).days + 1,
                status=words.name("flag_status", row["status_code"]),
            ),
        }
        for row in found
        if row["status_code"] not in CLOSED and area_code in (None, row["area_code"])
    ]
