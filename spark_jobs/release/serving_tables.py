"""Rows of the serving tables (database `mart`, schema mart_<city>; declared in mart.yml) from a release.

This is what Superset shows: the current release only, with every code in words, so that charts carry no SQL.
Grain: release_info one row. movement_summary one row an area. trend_line one row a day and line of the trend chart:
each county, the city, and the two ends of the city's interval. settlement one row an area for the cumulative view, and
for the city one a month of acceptance. coverage one row an area, with a column a measure. weekly one row an area,
indicator and week. All others have the grain of their namesakes in columns.TABLES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from spark_jobs.index.engine.composite_index import bands
from spark_jobs.release.build import grey_indicators, missing_domains, no_index_reason
from spark_jobs.release.coverage import CoverageFigure, coverage_lines
from spark_jobs.release.funnel import funnel_line
from spark_jobs.release.mart import MART
from spark_jobs.release.model import Release
from spark_jobs.release.movement import area_movements, movers_or_reason, row_name
from spark_jobs.release.pages.figures import is_clear_change
from spark_jobs.release.release_calendar import next_due
from spark_jobs.release.settlement import shown_settlements
from spark_jobs.release.weekly import weekly_rows
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import MOVEMENT_CAUSES, rows

# table -> column -> PostgreSQL type
SERVING_TABLES, JOURNAL_TABLES = (
    {
        name: {column: str(declared.type) for column, declared in table.columns.items()}
        for name, table in MART.items()
        if table.follows == followed
    }
    for followed in ("release", "journal")
)
Row = dict[str, Any]


def serving_rows(release: Release) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every serving table, cells in the order of its columns."""
    words = Wording("zh", release.methodology)
    return {
        table: [tuple(row[column] for column in columns) for row in _MAKERS[table](release, words)]
        for table, columns in SERVING_TABLES.items()
    }


def _release_info(release: Release, words: Wording) -> Iterator[Row]:
    local = words.instant(release.as_of.astimezone(ZoneInfo(release.city.time_zone)))
    status = words.name("status", release.status_code)
    missing = [
        words.say("since", name=feed["feed_name_zh"], day=words.day(feed["missing_since"]))
        for feed in rows(release.missing_feeds)
    ]
    yield {
        "city_code": release.city.city_code,
        "city_name_zh": release.city.name.zh,
        "city_name_en": release.city.name.en,
        "release_id": release.release_id,
        "business_date": release.business_date,
        "as_of": release.as_of,
        "as_of_text": local,
        "status_code": release.status_code,
        "status_name_zh": status,
        "data_version": release.document["data_version"],
        "method_version": release.methodology.version,
        "next_due_text": _next_due(release, words),
        "is_stale": False,
        "stale_since": None,
        "stale_reason_zh": None,
        "stale_reason_en": None,
        "note_zh": release.city.note.zh if release.city.note else None,
        "headline_zh": words.say("headline", release_id=release.release_id, as_of=local, status=status),
        "missing_zh": words.listed(missing) or words.say("none_missing"),
    }


def _next_due(release: Release, words: Wording) -> str | None:
    """When the next release is due, so that a reader's own clock tells whether this one is the latest; None: an archive."""
    if release.city.publication is None:
        return None
    return words.instant(next_due(release.methodology, release.business_date).by)


def _county_index(release: Release, words: Wording) -> Iterator[Row]:
    for row in _with_area(release, "county_index"):
        domains = missing_domains(release.methodology, release.tables, row["area_code"])
        grey = grey_indicators(release.tables, row["area_code"])
        reason = no_index_reason(release.city, release.methodology, domains) if row["index"] is None else None
        yield row | {
            "interval_text": words.interval(row["lower"], row["upper"]),
            "band_name_zh": words.band(row["band_code"]),
            "change_text": _change_text(row, words),
            "rank_text": words.ranks(row["rank_low"], row["rank_high"]),
            "status_name_zh": words.name("status", row["status_code"]),
            "missing_zh": words.missing(domains, grey),
            "reason_zh": reason.zh if reason else None,
        }


def _change_text(row: Row, words: Wording) -> str:
    """−4, or +2 with the words that it is within the margin of error."""
    said = words.change_1y(row["change_1y"])
    return said if row["change_1y"] is None or is_clear_change(row) else said + words.say("leader_unsure")


def _county_map(release: Release, words: Wording) -> Iterator[Row]:
    """What the map draws. It colours from the least value to the greatest, and so turns where the middle of both lies."""
    level = release.methodology.bands.level
    known = [
        row for row in _with_area(release, "county_index") if row["level_code"] == "county" and row["index"] is not None
    ]
    yield from known
    reach = max((abs(row["index"] - level) for row in known), default=0.0)
    for end, value in (("scale_low", level - reach), ("scale_high", level + reach)):
        yield {"area_code": end, "index": value}


def _domain_index(release: Release, words: Wording) -> Iterator[Row]:
    found = list(_with_area(release, "domain_index"))
    lower, upper = (np.array([row[end] for row in found], dtype=float) for end in ("lower", "upper"))
    for row, band in zip(found, bands(lower, upper, release.methodology.bands.level), strict=True):
        interval = words.interval(row["lower"], row["upper"])
        yield row | {
            "domain_name_zh": words.domain(row["domain_id"]),
            "interval_text": interval,
            "value_text": _marked(row["value"], interval, str(band), words),
            "band_code": str(band),
            "band_name_zh": words.band(str(band)),
        }


def _marked(value: float | None, interval: str, band: str, words: Wording) -> str:
    """▲ 108（100–114）: has a mark where the whole interval lies on one side of the base period's level."""
    if value is None:
        return words.index(None)
    return words.say("scored", name=words.say_variant("band_mark", band) + words.index(value), score=interval)


def _indicator_value(release: Release, words: Wording) -> Iterator[Row]:
    places = {i.id: (d.id, i) for d in release.methodology.domains for i in d.indicators}
    for row in _with_area(release, "indicator_value"):
        domain, indicator = places[row["indicator_id"]]
        yield row | {
            "domain_id": domain,
            "domain_name_zh": words.domain(domain),
            "indicator_name_zh": indicator.name.zh,
            "unit_zh": indicator.unit.zh,
            "state_name_zh": words.name("state", row["state_code"]),
        }


def _movement(release: Release, words: Wording) -> Iterator[Row]:
    """Only areas that can be compared; movement_summary has the reason of the others."""
    for row in _with_area(release, "movement"):
        if row["total"] is not None:
            yield row | {"indicator_name_zh": row_name(row["indicator_id"], words)}


def _movement_summary(release: Release, words: Wording) -> Iterator[Row]:
    movements = area_movements(release.tables["movement"])
    for row in _with_area(release, "county_index"):
        moved = movements.get(row["area_code"])
        yield row | {
            "previous_release_id": moved and moved.previous_release_id,
            "previous_business_date": moved and moved.previous_business_date,
            "previous_index": moved and moved.previous_index,
            "change_text": words.change(moved.change if moved else None),
            **{cause: moved.by_cause.get(cause) if moved else None for cause in MOVEMENT_CAUSES},
            # a first release has nothing to compare, and the city's row says so for all
            "words_zh": movers_or_reason(moved, words)
            if moved or row["level_code"] == "city"
            else words.say("nothing"),
        }


def _pulse(release: Release, words: Wording) -> Iterator[Row]:
    for row in _with_area(release, "pulse"):
        yield row | {
            "indicator_name_zh": words.indicator(row["indicator_id"]),
            "expected_text": words.counts(row["expected_lower"], row["expected_upper"]),
            "change_text": words.relative_change(row["change"]),
            "state_name_zh": words.name("pulse_state", row["state_code"]),
        }


def _trend(release: Release, _words: Wording) -> Iterator[Row]:
    return _with_area(release, "trend")


def _trend_line(release: Release, words: Wording) -> Iterator[Row]:
    ends = {"lower": words.say("lower_end"), "upper": words.say("upper_end")}
    for row in _trend(release, words):
        for figure, ending in {"index": "", **(ends if row["level_code"] == "city" else {})}.items():
            yield row | {"series_zh": row["area_name_zh"] + ending, "value": row[figure]}


def _settlement(release: Release, words: Wording) -> Iterator[Row]:
    """Counties are in the order of their codes, because the rates do not rank them."""
    for area in release.areas:
        for settled in shown_settlements(release, area):
            yield {
                "area_code": area.area_code,
                "area_name_zh": area.name.zh,
                "level_code": area.level_code,
                "view_code": "cumulative" if settled.month is None else "cohort",
                "found_on": settled.month,
                "found_zh": words.month(settled.month) if settled.month else words.say("ever_accepted"),
                "n_accepted": settled.n_accepted,
                "n_settled": settled.n_settled,
                "n_open": settled.n_open,
                "rate": settled.rate,
                **dict(zip(("lower", "upper"), settled.interval, strict=True)),
                "rate_text": words.percent(settled.rate),
                "interval_text": words.percent_interval(*settled.interval),
            }


def _coverage(release: Release, words: Wording) -> Iterator[Row]:
    for line in coverage_lines(release, words):
        yield {
            "area_code": line.area.area_code,
            "area_name_zh": line.area.name.zh,
            "level_code": line.area.level_code,
            "month_zh": line.month,
            **{f"{measure}_text": _beside(figure, words) for measure, figure in line.figures.items()},
            "rolled_out_on": line.rolled_out_on,
        }


def _beside(figure: CoverageFigure, words: Wording) -> str:
    """13,200（12,480）: now, and a year before where the two can be compared."""
    return words.say("scored", name=figure.now, score=figure.before) if figure.before else figure.now


def _flag(release: Release, words: Wording) -> Iterator[Row]:
    """Of a flag that is about a feed and no indicator, the feed's name stands in the indicator's place."""
    english = Wording("en", release.methodology)
    feeds = {feed["feed_code"]: feed for feed in rows(release.tables["feed_status"])}
    for row in _with_area(release, "flag"):
        indicator_id, feed = row["indicator_id"], feeds.get(row["feed_code"], {})
        yield row | {
            "rule_name_zh": words.rule(row["rule_code"]),
            "rule_name_en": english.rule(row["rule_code"]),
            "indicator_name_zh": words.indicator(indicator_id) if indicator_id else feed.get("feed_name_zh"),
            "indicator_name_en": english.indicator(indicator_id) if indicator_id else feed.get("feed_name_en"),
            "colour_name_zh": words.name("colour", row["colour_code"]),
            "status_name_zh": words.name("flag_status", row["status_code"]),
        }


def _flag_funnel(release: Release, words: Wording) -> Iterator[Row]:
    for row in rows(release.tables["flag_funnel"]):
        line = funnel_line(row, words)
        said = {f"{step}_days_text": days for step, days in line.days.items()}
        yield {**row, "rule_text": line.rule, "confirmed_text": line.confirmed, **said}


def _feed_status(release: Release, words: Wording) -> Iterator[Row]:
    for row in rows(release.tables["feed_status"]):
        state = words.name("feed_state", row["state_code"])
        yield row | {"state_name_zh": state, "reason_zh": row["reason"]}


def _with_area(release: Release, table: str) -> Iterator[Row]:
    """Rows of a table, each with the names and the level of its area."""
    areas = {area.area_code: area for area in release.areas}
    for row in rows(release.tables[table]):
        area = areas[row["area_code"]]
        named = {"area_name_zh": area.name.zh, "area_name_en": area.name.en, "level_code": area.level_code}
        yield named | row


_MAKERS: dict[str, Callable[[Release, Wording], Iterator[Row]]] = {
    "release_info": _release_info,
    "county_index": _county_index,
    "county_map": _county_map,
    "domain_index": _domain_index,
    "indicator_value": _indicator_value,
    "movement": _movement,
    "movement_summary": _movement_summary,
    "pulse": _pulse,
    "trend": _trend,
    "trend_line": _trend_line,
    "settlement": _settlement,
    "coverage": _coverage,
    "flag": _flag,
    "flag_funnel": _flag_funnel,
    "feed_status": _feed_status,
    "weekly": lambda release, _: weekly_rows(release),
}
