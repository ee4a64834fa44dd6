"""The flags of a city on a business date: F4 severe event, F9 data quality, F1b exceedance on short history.

Pure: small frames in, one frame out. Flags never feed the index and never name a person: they are about
counties, queues and feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from expectations.models import Feed
from spark_jobs.flags import IN_FORCE, words
from spark_jobs.flags.detectors.lifecycle import flag_id
from spark_jobs.flags.exceedance import Exceedance, standing_exceedances
from spark_jobs.flags.quality import Fault, feed_faults
from spark_jobs.flags.severe import (
    HOMICIDE_INDICATOR,
    Homicides,
    SevereEvents,
    exceptional_homicides,
    severe_events,
)
from spark_jobs.flags.words import Text
from spark_jobs.index.methodology import Flags, Methodology

COLUMNS = {
    "city_code": "string",
    "business_date": "date",
    "flag_id": "string",
    "rule_code": "string",
    "area_code": "string",
    "indicator_id": "string",
    "feed_code": "string",
    "level_code": "string",
    "status_code": "string",
    "observed": "double",
    "expected": "double",
    "threshold": "double",
    "since": "date",
    "detail_zh": "string",
    "detail_en": "string",
}


@dataclass(frozen=True)
class Place:
    """The areas of a city as flags need them: its own code, and its counties with their names."""

    city_code: str
    city_area: str
    counties: Mapping[str, Text]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the rules look at, as known at the release's cut-off.

    daily: indicators.daily of the city (indicator_id, area_code, day, stratum, numerator).
    tolls, status, batches, volumes: see severe.severe_events and quality.feed_faults.
    """

    daily: pd.DataFrame
    tolls: pd.DataFrame
    status: pd.DataFrame
    batches: pd.DataFrame
    volumes: pd.DataFrame


def flags_for(
    evidence: Evidence,
    feeds: Sequence[Feed],
    place: Place,
    methodology: Methodology,
    business_date: date,
) -> pd.DataFrame:
    """All flags of the night, columns and order of COLUMNS, sorted by rule, area, indicator, feed, since."""
    rules = methodology.flags
    indicators = {i.id: Text(i.name.zh, i.name.en) for i in methodology.indicators}
    faults = feed_faults(evidence.status, evidence.batches, evidence.volumes, rules.f9_data_quality, business_date)
    by_code = {feed.feed_code: feed for feed in feeds}
    suppressed = {indicator for fault in faults for indicator in by_code[fault.feed_code].supports}
    starts_on = _covered_since(feeds)
    judged = starts_on.keys() - suppressed
    rates = [i.id for i in methodology.indicators if i.kind == "rate" and i.id in judged]
    series = [(area, indicator) for area in sorted(place.counties) for indicator in rates]
    found = [_fault_flag(fault, by_code[fault.feed_code], place, indicators) for fault in faults]
    found += _severe_flags(evidence, starts_on, place, rules, business_date)
    found += [
        _exceedance_flag(e, place, indicators)
        for e in standing_exceedances(evidence.daily, series, starts_on, rules, business_date)
    ]
    return _frame(found, place.city_code, business_date)


def _covered_since(feeds: Iterable[Feed]) -> dict[str, date]:
    """Indicator -> first day on which all feeds that support it are expected."""
    since: dict[str, date] = {}
    for feed in feeds:
        for indicator in feed.supports:
            since[indicator] = max(since.get(indicator, feed.starts_on), feed.starts_on)
    return since


def _severe_flags(
    evidence: Evidence, starts_on: Mapping[str, date], place: Place, rules: Flags, business_date: date
) -> list[dict[str, Any]]:
    rule, counties = rules.f4_severe_event, place.counties
    events = severe_events(evidence.tolls, rule, business_date)
    found = [_severe_event_flag(e, words.severe_event_text(e, counties[e.area_code], rule)) for e in events]
    if HOMICIDE_INDICATOR in starts_on:
        first = starts_on[HOMICIDE_INDICATOR]
        homicides = exceptional_homicides(evidence.daily, sorted(counties), first, rule, business_date)
        found += [_homicide_flag(h, words.homicide_text(h, counties[h.area_code], rule)) for h in homicides]
    return found


def _severe_event_flag(found: SevereEvents, text: Text) -> dict[str, Any]:
    return {
        **_subject("F4", "red", found.area_code, feed_code=found.feed_code),
        "subject": f"{found.feed_code}/{found.family_code}",
        **_numbers(found.worst, np.nan, found.limit),
        "since": found.occurred_on,
        "text": text,
    }


def _homicide_flag(found: Homicides, text: Text) -> dict[str, Any]:
    return {
        **_subject("F4", "red", found.area_code, indicator_id=HOMICIDE_INDICATOR),
        **_numbers(found.count, found.expected, found.threshold),
        "since": found.since,
        "text": text,
    }


def _exceedance_flag(found: Exceedance, place: Place, indicators: Mapping[str, Text]) -> dict[str, Any]:
    """Amber, never red: seven weeks know no season, and a season is no danger."""
    return {
        **_subject("F1b", "amber", found.area_code, indicator_id=found.indicator_id),
        **_numbers(found.observed, found.expected, found.upper),
        "since": found.since,
        "text": words.exceedance_text(found, place.counties[found.area_code], indicators[found.indicator_id]),
    }


def _fault_flag(fault: Fault, feed: Feed, place: Place, indicators: Mapping[str, Text]) -> dict[str, Any]:
    affected = [indicators[i] for i in feed.supports if i in indicators]
    return {
        **_subject("F9", "grey", place.city_area, feed_code=fault.feed_code),
        **_numbers(fault.observed, fault.expected, fault.threshold),
        "since": fault.since,
        "text": words.fault_text(fault, Text(feed.name.zh, feed.name.en), affected),
    }


def _subject(
    rule_code: str,
    level_code: str,
    area_code: str,
    *,
    indicator_id: str | None = None,
    feed_code: str | None = None,
) -> dict[str, Any]:
    """What the flag is about; `subject` tells flags of one rule, area and day apart in their identity."""
    assert rule_code in IN_FORCE, f"{rule_code} is raised and not listed in spark_jobs.flags.IN_FORCE"
    return {
        "rule_code": rule_code,
        "level_code": level_code,
        "area_code": area_code,
        "indicator_id": indicator_id,
        "feed_code": feed_code,
        "subject": indicator_id or feed_code,
    }


def _numbers(observed: float, expected: float, threshold: float) -> dict[str, float]:
    return {"observed": float(observed), "expected": float(expected), "threshold": float(threshold)}


def _frame(found: Iterable[Mapping[str, Any]], city_code: str, business_date: date) -> pd.DataFrame:
    rows = [
        {
            **flag,
            "city_code": city_code,
            "business_date": business_date,
            "flag_id": flag_id(city_code, flag["rule_code"], flag["area_code"], flag["subject"], flag["since"]),
            "status_code": "raised",
            "detail_zh": flag["text"].zh,
            "detail_en": flag["text"].en,
        }
        for flag in found
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    order = ["rule_code", "area_code", "indicator_id", "feed_code", "since"]
    return frame.sort_values(order, na_position="first", ignore_index=True, kind="stable")
