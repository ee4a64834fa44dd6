"""2 of a release in which no area has an index: counts and rates of each indicator, by area. Other pages say them too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.index.methodology import Indicator
from spark_jobs.release.model import Area, Release
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import Wording, number, points
from spark_jobs.released.columns import rows


def shows_index(page: Page) -> bool:
    return has_index(page.release)


def rates(page: Page) -> list[dict[str, Any]]:
    """A table for each indicator of which something was counted; none where there is an index."""
    if has_index(page.release):
        return []
    units = {indicator.id: page.words.pick(indicator.unit) for indicator in page.release.methodology.indicators}
    return [
        {
            "name": page.words.indicator(id),
            "unit": units[id],
            "rows": [_row(page, area, by_area[area.area_code]) for area in page.areas if area.area_code in by_area],
        }
        for id, by_area in counted_indicators(page.release).items()
    ]


def _row(page: Page, area: Area, row: Mapping[str, Any]) -> dict[str, Any]:
    words, nothing = page.words, page.words.say("nothing")
    rate = [rate_words(row[end]) for end in ("rate", "rate_lower", "rate_upper") if row[end] is not None]
    return {
        "name": page.name(area),
        "is_city": area is page.city,
        "events": f"{row['n_events']:,.0f}" if is_counted(row) else nothing,
        "rate": rate[0] if len(rate) == 3 else nothing,
        "interval": "–".join(rate[1:]) if len(rate) == 3 else nothing,
        "score": points(row["score"]) if row["score"] is not None else words.name("state", row["state_code"]),
    }


def has_index(release: Release) -> bool:
    """Whether the city or one of its counties has an index. Where none has, pages show what there is instead."""
    return any(row["index"] is not None for row in rows(release.tables["county_index"]))


def counted_words(indicator: Indicator, row: Mapping[str, Any], words: Wording) -> str:
    """Events and rate: what a score is made of."""
    if row["n_events"] is None:
        return ""
    events = f"{row['n_events']:,.0f}"
    if row["rate"] is None:
        return words.say("county_events", n=events)
    rate, lower, upper = (rate_words(row[name]) for name in ("rate", "rate_lower", "rate_upper"))
    return words.say("county_rate", n=events, rate=rate, lower=lower, upper=upper, unit=words.pick(indicator.unit))


def rate_words(value: float) -> str:
    """Three digits: more than a rate's interval allows, but fewer would make a small county's rate look like zero."""
    return f"{value:,.0f}" if value >= 100 else number(value) if value >= 10 else f"{value:.2f}"


def counted_indicators(release: Release) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Indicator of which something is counted anywhere in the city -> its row by area, in the order of the method."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {i.id: {} for i in release.methodology.indicators}
    for row in rows(release.tables["indicator_value"]):
        if row["indicator_id"] in found:
            found[row["indicator_id"]][row["area_code"]] = row
    return {id: by_area for id, by_area in found.items() if any(map(is_counted, by_area.values()))}


def is_counted(row: Mapping[str, Any]) -> bool:
    """Whether events of an indicator were counted: without its feed a number would be no more than a part."""
    return row["n_events"] is not None and row["state_code"] != "missing_feed"
