"""A city's counts by day from a seeded generator, and its nights and months as the product publishes them. No Spark.

Levels by county and kind of harm are those of a middling Chinese city of 2.8 million; nothing real.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from expectations.models import Text
from spark_jobs.index.engine.aggregate import ampi
from spark_jobs.index.methodology import Indicator, load_methodology
from spark_jobs.release.disclosure.rules import load_rules
from spark_jobs.release.model import Area, Release
from spark_jobs.release.monthly import MonthInput
from spark_jobs.release.public import nightly_tables
from spark_jobs.release.public_tables import csv_files
from spark_jobs.released.columns import canonical_frame
from tests.release import made_up

METHODOLOGY = load_methodology()
RULES = load_rules(METHODOLOGY)
CITY = "990100"
RESIDENTS = np.array([327.0, 442, 593, 213, 180, 306, 330, 200, 191]) * 1000.0
COUNTIES = tuple(f"9901{n:02d}" for n in range(1, 10))
AREAS = (
    Area(CITY, "city", Text("示范市", "Demo City")),
    *(Area(code, "county", Text(f"{code}县", f"County {code}")) for code in COUNTIES),
)
# Events a year in the whole city; of a proportion (events, trials).
LEVELS: dict[str, dict[str, float]] = {
    "a1_violent_crime": {"death": 23, "robbery_rape": 89, "wounding_serious": 50, "wounding_minor": 365},
    "a2_property_crime": {"theft_fraud": 4414, "theft_fraud_huge": 11},
    "b1_road_casualties": {"death": 179, "serious_injury": 379, "minor_injury": 1771},
    "b3_fires": {"death": 4, "serious_injury": 3, "minor_injury": 28, "fire": 875},
    "b4_work_safety": {"death": 27, "serious_injury": 52, "minor_injury": 92},
}
PLAIN = {"a3_telecom_fraud": 2486, "a4_public_order": 11520, "b2_injury_crashes": 1459, "d5_grid_overdue": 2753}
TRIALS = {
    "c1_escalated": (740, 16666), "c2_failed": (605, 16666), "c3_open_over_30_days": (156, 623),
    "c4_repeated_parties": (716, 16666), "d1_unresolved": (4792, 69851), "d2_late": (8599, 88923),
    "d3_dissatisfied": (4018, 59474), "d4_returned_or_repeated": (3918, 88040),
}  # fmt: skip
YEAR, PULSE_DAYS = 365, 28
FIRST_DAY = date(2023, 9, 1)
LAST_MONTHS = [date(2025, 10, 31) + pd.offsets.MonthEnd(n) for n in range(13)]
MONTH_ENDS = [each.date() for each in LAST_MONTHS]
NIGHTS = [MONTH_ENDS[0] - timedelta(days=3) + timedelta(days=n) for n in range(400)]


@dataclass(frozen=True)
class World:
    """Counts up to the end of each day. events[indicator]: (strata, counties, days); trials[indicator]: (counties, days)."""

    events: dict[str, np.ndarray]
    trials: dict[str, np.ndarray]

    def over(self, indicator: Indicator, last: date, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Events (strata, counties) and exposure (counties) of a window; of a stock, those of its last day."""
        end = (last - FIRST_DAY).days
        before = end - (1 if indicator.flow_or_stock == "stock" else days)
        counted = self.events[indicator.id]
        events = (counted[:, :, end] - counted[:, :, before]).astype(float)
        if indicator.id not in self.trials:
            return events, RESIDENTS * days / YEAR
        trials = self.trials[indicator.id]
        return events, (trials[:, end] - trials[:, before]).astype(float)


def world(seed: int) -> World:
    random = np.random.default_rng(seed)
    n_days = (NIGHTS[-1] - FIRST_DAY).days + 1
    season = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(n_days) / YEAR)
    share = RESIDENTS / RESIDENTS.sum() * np.exp(random.normal(0.0, 0.25, RESIDENTS.size))
    found: dict[str, np.ndarray] = {}
    trials: dict[str, np.ndarray] = {}
    for indicator in METHODOLOGY.indicators:
        if indicator.id in TRIALS:
            n, of = TRIALS[indicator.id]
            a_day = of if indicator.flow_or_stock == "stock" else of / YEAR
            trials[indicator.id] = random.poisson(a_day * share[:, None] * season)
            found[indicator.id] = random.binomial(trials[indicator.id], n / of)[None]
        else:
            levels = LEVELS.get(indicator.id) or {"all": PLAIN[indicator.id]}
            mean = [levels[stratum] / YEAR * share[:, None] * season for stratum in indicator.strata]
            found[indicator.id] = random.poisson(np.stack(mean))
    return World(
        {name: np.cumsum(counts, axis=2) for name, counts in found.items()},
        {name: np.cumsum(counts, axis=1) for name, counts in trials.items()},
    )


@dataclass(frozen=True)
class Figures:
    """Everything that is computed of one day. Rates (indicators, units), the city first; scores and values in points."""

    events: list[np.ndarray]
    exposure: np.ndarray
    rate: np.ndarray
    score: np.ndarray
    domain: np.ndarray
    index: np.ndarray


def figures(of: World, day: date) -> Figures:
    windows = [of.over(indicator, day, YEAR) for indicator in METHODOLOGY.indicators]
    events = [np.concatenate([own.sum(axis=1, keepdims=True), own], axis=1) for own, _ in windows]
    exposure = np.stack([np.concatenate([[own.sum()], own]) for _, own in windows])
    harm = np.stack([
        np.array(METHODOLOGY.harm_days(indicator)) @ own
        for indicator, own in zip(METHODOLOGY.indicators, events, strict=True)
    ])  # fmt: skip
    rate = harm / exposure
    score = 100.0 - 60.0 * np.log(np.maximum(rate, 1e-9) / rate[:, :1]) / 1.6 + 3.0
    score = np.clip(score, 1.0, 199.0)
    start, domains = 0, []
    for domain in METHODOLOGY.domains:
        own = score[start : start + len(domain.indicators)]
        domains.append(ampi(own, np.array([indicator.weight for indicator in domain.indicators])))
        start += len(domain.indicators)
    index = ampi(np.stack(domains), np.array([domain.weight for domain in METHODOLOGY.domains]))
    return Figures(events, exposure, rate, score, np.stack(domains), index)


def month_input(of: World, day: date) -> MonthInput:
    """The revised release of a month's last day."""
    found = figures(of, day)
    tables = {
        "county_index": county_index(found, "revised"),
        "domain_index": _domain_index(found),
        "indicator_value": _indicator_value(found, day),
        "pulse": _pulse(of, day),
        "input": _inputs(found),
    }
    canonical = {name: canonical_frame(name, frame) for name, frame in tables.items()}
    return MonthInput("demo", f"{day:%Y%m%d}-0123456789", day, METHODOLOGY.version, AREAS, canonical)


def nightly_files(of: World) -> dict[str, bytes]:
    """The public files of 400 nights, by path."""
    values = {night: figures(of, night) for night in NIGHTS}
    ends = {day: found for day, found in values.items() if (day + timedelta(days=1)).day == 1}
    return dict(file for night in NIGHTS for file in _night(night, values[night], ends))


def _night(night: date, found: Figures, ends: dict[date, Figures]) -> Iterator[tuple[str, bytes]]:
    trend = [
        {"area_code": area.area_code, "day": day, "index": float(each.index[n]), "lower": None, "upper": None}
        for day, each in ends.items() if day <= night for n, area in enumerate(AREAS)
    ]  # fmt: skip
    tables = {
        "county_index": canonical_frame("county_index", county_index(found, "provisional")),
        "trend": canonical_frame("trend", pd.DataFrame(trend, columns=["area_code", "day", "index", "lower", "upper"])),
    }
    identifier = f"{night:%Y%m%d}-abcdef0123"
    as_of = datetime(night.year, night.month, night.day, 17, 30, tzinfo=UTC)
    release = Release(identifier, made_up.city(), AREAS, METHODOLOGY, night, as_of, "provisional", tables, {})
    for name, content in csv_files(nightly_tables(release)).items():
        yield f"releases/{identifier}/{name}", content


def county_index(found: Figures, status: str) -> pd.DataFrame:
    rows = [
        {
            "area_code": area.area_code, "index": float(found.index[n]), "lower": float(found.index[n] - 6),
            "upper": float(found.index[n] + 6), "band_code": "level", "change_1y": 1.0, "p_below_last_year": 0.5,
            "rank_low": None, "rank_high": None, "status_code": status, "confidence_code": "A", "missing_domains": None,
        }
        for n, area in enumerate(AREAS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _domain_index(found: Figures) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "area_code": area.area_code, "domain_id": domain.id, "value": float(found.domain[d, n]),
            "lower": float(found.domain[d, n] - 6), "upper": float(found.domain[d, n] + 6), "change_1y": None,
            "is_live": True, "live_weight_share": 1.0,
        }
        for n, area in enumerate(AREAS) for d, domain in enumerate(METHODOLOGY.domains)
    ])  # fmt: skip


def _indicator_value(found: Figures, day: date) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "area_code": area.area_code, "indicator_id": indicator.id, "n_events": float(found.events[i][:, n].sum()),
            "denominator": float(found.exposure[i, n]), **_around("rate", indicator.rate_per * float(found.rate[i, n]), 0.8),
            **_around("score", float(found.score[i, n]), 0.9), "state_code": "live", "missing_since": None,
            "feed_codes": None, "counted_through": day,
        }
        for n, area in enumerate(AREAS) for i, indicator in enumerate(METHODOLOGY.indicators)
    ])  # fmt: skip


def _around(name: str, value: float, share: float) -> dict[str, float]:
    return {name: value, f"{name}_lower": value * share, f"{name}_upper": value / share}


def _pulse(of: World, day: date) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for indicator in METHODOLOGY.indicators:
        if indicator.flow_or_stock == "stock":
            continue
        own = of.over(indicator, day, PULSE_DAYS)[0].sum(axis=0)
        for area, observed in zip(AREAS, [own.sum(), *own], strict=True):
            rows.append({
                "area_code": area.area_code, "indicator_id": indicator.id, "observed": float(observed),
                "first_day": day - timedelta(days=PULSE_DAYS - 1), "last_day": day, "expected": float(observed) + 3.3,
                "expected_lower": float(observed) - 1.2, "expected_upper": float(observed) + 9.1, "last_year": None,
                "change": None, "change_lower": None, "change_upper": None, "state_code": "expected",
            })  # fmt: skip
    return pd.DataFrame(rows)


def _inputs(found: Figures) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "indicator_id": indicator.id, "area_code": code, "window": "headline", "stratum": stratum,
            "count": float(found.events[i][s, n + 1]), "denominator": float(found.exposure[i, n + 1]),
        }
        for i, indicator in enumerate(METHODOLOGY.indicators)
        for s, stratum in enumerate(indicator.strata) for n, code in enumerate(COUNTIES)
    ])  # fmt: skip
