"""Disputes settled: context below the domains, not part of the index."""

from __future__ import annotations

from typing import Any

from spark_jobs.index.engine.settlement import Settlement
from spark_jobs.release.model import Area
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.settlement import shown_settlements
from spark_jobs.release.wording import number


def settlement_rows(page: Page) -> list[dict[str, Any]]:
    """Rows of the table of settled disputes: the city and its counties in all, then the city by month of acceptance."""
    views = [(area, s) for area in page.areas for s in shown_settlements(page.release, area)]
    ordered = sorted(views, key=lambda view: view[1].month is not None)  # stable: areas stay in order
    return [_settlement_row(page, area, settled) for area, settled in ordered]


def _settlement_row(page: Page, area: Area, settled: Settlement) -> dict[str, Any]:
    words = page.words
    name = page.name(area) if settled.month is None else f"{page.name(area)} · {words.month(settled.month)}"
    counts = (settled.n_accepted, settled.n_settled, settled.n_open)
    return {
        "name": name,
        "is_city": area.level_code == "city" and settled.month is None,
        "counts": [f"{count:,}" for count in counts],
        "rate": words.percent(settled.rate),
        "interval": words.percent_interval(*settled.interval),
    }


def settlement_sentence(page: Page) -> str | None:
    """The sentence on settlement; None for a city without disputes."""
    ever = next(iter(shown_settlements(page.release, page.city)), None)
    if ever is None or ever.rate is None:
        return None
    lower, upper = (number(100 * float(end)) for end in ever.interval if end is not None)
    return page.words.say(
        "settlement_city", accepted=f"{ever.n_accepted:,}", settled=f"{ever.n_settled:,}",
        rate=page.words.percent(ever.rate), lower=lower, upper=upper,
    )  # fmt: skip
