"""What the leader's page and the counties' pages both say: how they open, a change, open flags. In one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.release.model import Release
from spark_jobs.release.pages.sections import masthead
from spark_jobs.release.pages.sections.flags import by_cause
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import Wording, bounds, points
from spark_jobs.released.columns import rows

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


@dataclass(frozen=True)
class FlagCard:
    """Flags of one cause in words; the first is the gravest and gives the card its colour."""

    first: Mapping[str, str]
    others: Sequence[Mapping[str, str]]


def open_flags(release: Release, words: Wording, area_code: str | None = None) -> list[FlagCard]:
    """Open flags of an area, or of all areas, a card a cause: the gravest first, then the oldest."""
    found = [
        flag
        for flag in rows(release.tables["flag"])
        if flag["status_code"] not in CLOSED and area_code in (None, flag["area_code"])
    ]
    lines = ([_flag_line(release, words, flag) for flag in cause] for cause in by_cause(found))
    return [FlagCard(first, others) for first, *others in lines]


def n_open(cards: Sequence[FlagCard], words: Wording) -> str:
    """How many flags are open, and of how many causes where these are fewer."""
    n = sum(1 + len(card.others) for card in cards)
    return words.say("leader_n_flags" if n == len(cards) else "leader_n_causes", n=n, causes=len(cards))


def _flag_line(release: Release, words: Wording, flag: Mapping[str, Any]) -> dict[str, str]:
    return {
        "colour": flag["colour_code"],
        "colour_name": words.name("colour", flag["colour_code"]),
        "detail": flag[f"detail_{words.code}"],
        "since": words.say(
            "leader_flag",
            day=words.day(flag["since"]),
            n=(release.business_date - flag["since"]).days + 1,
            status=words.name("flag_status", flag["status_code"]),
        ),
    }
