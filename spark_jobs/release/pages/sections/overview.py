"""1 Overview: the city's index in a paragraph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.release.build import missing_domains, no_index_reason
from spark_jobs.release.model import Area
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import bounds, points


def overview(page: Page) -> list[str]:
    return [sentence for sentence in (_city_sentence(page), _base(page), _change(page), _bands(page)) if sentence]


def _city_sentence(page: Page) -> str:
    row, words = page.index[page.city.area_code], page.words
    day = words.day(page.release.business_date)
    if row["index"] is None:
        return words.say("city_no_index", day=day, why=_why(page, page.city))
    lower, upper = bounds(row["lower"], row["upper"])
    return words.say(
        "city_index",
        day=day,
        index=points(row["index"]),
        lower=lower,
        upper=upper,
        band=words.say_variant("city_band", row["band_code"]),
    )


def _why(page: Page, area: Area) -> str:
    domains = missing_domains(page.release.methodology, page.release.tables, area.area_code)
    return page.words.pick(no_index_reason(page.release.city, page.release.methodology, domains))


def _base(page: Page) -> str:
    base = page.release.city.base_period
    return page.words.say("base", first=base.first_day.year, last=base.last_day.year)


def _change(page: Page) -> str | None:
    row, words = page.index[page.city.area_code], page.words
    if row["change_1y"] is None:
        return None
    size = points(abs(row["change_1y"]))
    key = "change_flat" if size == "0" else "change_up" if row["change_1y"] > 0 else "change_down"
    return words.say(key, points=size, sure=_sure(page, row))


def _sure(page: Page, row: Mapping[str, Any]) -> str:
    worse = row["p_below_last_year"]
    if worse is not None and worse >= page.clear:
        return page.words.say("sure_worse", p=f"{100 * worse:.0f}")
    if worse is not None and worse <= 1 - page.clear:
        return page.words.say("sure_better", p=f"{100 * (1 - worse):.0f}")
    return page.words.say("unsure")


def _bands(page: Page) -> str:
    bands = [page.index[area.area_code]["band_code"] for area in page.counties]
    return page.words.bands_counted(bands, page.release.methodology.bands.names)
