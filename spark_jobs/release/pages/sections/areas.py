"""2 Index by district and county: the table. Its two figures open the details."""

from __future__ import annotations

from typing import Any

from spark_jobs.release.build import grey_indicators, missing_domains
from spark_jobs.release.model import Area
from spark_jobs.release.pages.charts import Interval, Point, interval_plot, sparkline, trend_chart
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.released.columns import rows


def area_rows(page: Page) -> list[dict[str, Any]]:
    """Rows of the county table: the city first, then the counties by code."""
    return [_area_row(page, area) for area in page.areas]


def _area_row(page: Page, area: Area) -> dict[str, Any]:
    row, words = page.index[area.area_code], page.words
    grey = grey_indicators(page.release.tables, area.area_code)
    domains = missing_domains(page.release.methodology, page.release.tables, area.area_code)
    return {
        "is_city": area.level_code == "city",
        "name": page.name(area),
        "has_index": row["index"] is not None,
        "index": words.index(row["index"]),
        "interval": words.interval(row["lower"], row["upper"]),
        "band": row["band_code"],
        "band_name": words.band(row["band_code"]),
        "change": words.change_1y(row["change_1y"]),
        "trend": sparkline(_trend(page, area)),
        "confidence": row["confidence_code"] or words.say("nothing"),
        "status": words.name("status", row["status_code"]),
        "missing": words.missing(domains, grey),
    }


def _trend(page: Page, area: Area) -> list[Point]:
    found = [row for row in rows(page.release.tables["trend"]) if row["area_code"] == area.area_code]
    return [Point(row["day"], row["index"], row["lower"], row["upper"]) for row in found]


def interval_figure(page: Page) -> str | None:
    """The plot of intervals; None if no area has an index, because an empty plot says less than the table above it."""
    if all(row["index"] is None for row in page.index.values()):
        return None
    return interval_plot([_interval(page, area) for area in page.areas], page.words.say("figure_areas"))


def _interval(page: Page, area: Area) -> Interval:
    row, none = page.index[area.area_code], page.words.index(None)
    figures = (row["index"], row["lower"], row["upper"], row["band_code"])
    return Interval(page.name(area), *figures, note=none, strong=area is page.city)


def trend_figure(page: Page) -> str | None:
    points = _trend(page, page.city)
    said = page.words.say("figure_trend")
    return trend_chart(points, said) if any(p.index is not None for p in points) else None
