"""Results of the engine as rows of the lake tables index.*, which released/tables.yml declares. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from expectations.models import City
from spark_jobs.index.engine.completeness import Completeness, SeriesCode
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.pulse import Pulse
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.index.engine.year_change import Parts, YearChange
from spark_jobs.index.methodology import Methodology
from spark_jobs.released.columns import TABLES
from spark_jobs.released.schemas import spark_types

Row = dict[str, Any]
# columns of county_index that history has not: it says its own knowledge
_OF_A_NIGHT = ("status_code", "confidence_code", "reason", "known_on")
# index.history: the columns of county_index that hold for any as-of day and knowledge, and which these are
HISTORY: dict[str, str] = {
    "day": "date",
    "known_on": "date",
    **{
        name: type_
        for name, type_ in spark_types(TABLES["county_index"].lake_columns).items()
        if name not in _OF_A_NIGHT
    },
    "method_version": "string",
    "input_hash": "string",
}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def county_rows(
    result: IndexResult, units: list[str], doubtful: set[str], status_code: str, known_on: date
) -> Iterator[Row]:
    """`doubtful`: units whose data are less sure than they could be: grade B at best."""
    for u, code in enumerate(units):
        yield {
            **overall_row(result, u, code),
            "status_code": status_code,
            "confidence_code": _confidence(result, u, code in doubtful),
            "reason": result.overall.reason[u],
            "known_on": known_on,
        }


def overall_row(result: IndexResult, u: int, area_code: str) -> Row:
    """What the engine says of one unit: the columns that county_index and history share."""
    o = result.overall
    figures = {
        "index": o.index, "lower": o.lower, "upper": o.upper, "arithmetic": o.arithmetic, "geometric": o.geometric,
        "change_1y": o.change, "change_lower": o.change_lower, "change_upper": o.change_upper,
        "p_below_last_year": o.p_below_last_year, "rank_low": o.rank_low, "rank_high": o.rank_high,
    }  # fmt: skip
    return {
        "area_code": area_code,
        **{name: _number(values[u]) for name, values in figures.items()},
        "band_code": str(o.band[u]),
        "missing_domains": ",".join(o.missing_domains[u]) or None,
    }


def _confidence(result: IndexResult, unit: int, is_doubtful: bool) -> str:
    """Grade of the data, beside the score and never in it (methodology page, section 6)."""
    if (result.indicators.state[:, unit] != "live").any():
        return "C"
    return "B" if is_doubtful else "A"


def history_rows(
    result: IndexResult, units: list[str], day: date, known_on: date, method_version: str, identity: str
) -> Iterator[Row]:
    """Rows of index.history, one a unit."""
    of_day = {"day": day, "known_on": known_on, "method_version": method_version, "input_hash": identity}
    for u, code in enumerate(units):
        yield {**overall_row(result, u, code), **of_day}


def domain_rows(result: IndexResult, units: list[str]) -> Iterator[Row]:
    """One row a domain and unit."""
    d = result.domains
    for row, domain in enumerate(d.domain_ids):
        for u, code in enumerate(units):
            yield {
                "area_code": code,
                "domain_id": domain,
                "value": _number(d.value[row, u]),
                "lower": _number(d.lower[row, u]),
                "upper": _number(d.upper[row, u]),
                "change_1y": _number(d.change[row, u]),
                "is_live": bool(d.is_live[row, u]),
                "live_weight_share": float(d.live_weight_share[row, u]),
            }


def indicator_rows(
    result: IndexResult, units: list[str], city: City, status: pd.DataFrame, counted_through: Mapping[str, date]
) -> Iterator[Row]:
    """One row an indicator and unit."""
    since = dict(zip(status["feed_code"], status["missing_since"], strict=True))
    for row in indicator_figures(result, units):
        indicator = row["indicator_id"]
        feeds = [feed.feed_code for feed in city.feeds if indicator in feed.supports]
        gaps = [since[feed] for feed in feeds if since.get(feed) is not None]
        yield {
            **row,
            "missing_since": min(gaps, default=None),
            "feed_codes": ",".join(feeds) or None,
            "counted_through": counted_through[indicator],
        }


def indicator_figures(result: IndexResult, units: list[str]) -> Iterator[Row]:
    """What the engine says of every indicator and unit."""
    i = result.indicators
    figures = {
        "n_events": i.n_events, "denominator": i.denominator, "rate": i.rate, "rate_lower": i.rate_lower,
        "rate_upper": i.rate_upper, "score": i.score, "score_lower": i.score_lower, "score_upper": i.score_upper,
    }  # fmt: skip
    for row, indicator in enumerate(i.indicator_ids):
        for u, code in enumerate(units):
            yield {
                "area_code": code,
                "indicator_id": indicator,
                **{name: _number(values[row, u]) for name, values in figures.items()},
                "state_code": str(i.state[row, u]),
            }


def year_change_rows(change: YearChange, units: list[str], methodology: Methodology) -> Iterator[Row]:
    """One row a unit for the index, each domain and each indicator: points of the index, or why there are none."""
    of_level: tuple[tuple[str, list[str], Parts, str], ...] = (
        ("index", ["index"], change.whole, "no_index"),
        ("domain", [domain.id for domain in methodology.domains], change.domains, "no_index"),
        ("indicator", [indicator.id for indicator in methodology.indicators], change.indicators, "not_both_years"),
    )
    for level, ids, parts, without in of_level:
        for row, part in enumerate(ids):
            for u, code in enumerate(units):
                points = _number(parts.points[row, u])
                before = _number(parts.value_1y[row, u])
                yield {
                    "area_code": code,
                    "level_code": level,
                    "part_id": part,
                    "points": points,
                    "lower": _number(parts.lower[row, u]),
                    "upper": _number(parts.upper[row, u]),
                    "value_1y": before,
                    # an indicator with a score in both years lacks its points where the index itself is not to be had
                    "reason_code": None if points is not None else without if before is None else "no_index",
                }


def scale_rows(goalposts: Goalposts, methodology: Methodology) -> Iterator[Row]:
    """One row an indicator; empty where it has no goalposts."""
    columns = (goalposts.centre, goalposts.low, goalposts.high)
    for indicator, *ends in zip(methodology.indicators, *columns, strict=True):
        centre, low, high = (float(end) if np.isfinite(ends).all() else None for end in ends)
        yield {"indicator_id": indicator.id, "centre": centre, "low": low, "high": high}


def status_rows(status: pd.DataFrame) -> Iterator[Row]:
    """One row a feed, of what the night knew of it."""
    columns = list(TABLES["feed_status"].lake_columns)
    for row in status[columns].itertuples(index=False, name=None):
        yield dict(zip(columns, row, strict=True))


def trend_rows(history: pd.DataFrame, days: Sequence[date]) -> Iterator[Row]:
    """Rows of index.trend from those of index.history, one a day and unit."""
    columns = list(TABLES["trend"].lake_columns)
    of_days = history[history["day"].isin(set(days))]
    for row in of_days[columns].itertuples(index=False, name=None):
        yield dict(zip(columns, row, strict=True))


def input_rows(
    windows: Mapping[str, tuple[IndicatorWindow, ...]], areas: list[str], methodology: Methodology
) -> Iterator[Row]:
    """The aggregated inputs, so that a release can be rebuilt without the lake; the remainder where there is any."""
    strata = {indicator.id: indicator.strata for indicator in methodology.indicators}
    for name, content in windows.items():
        for window in content:
            if not window.is_live:
                continue
            for s, stratum in enumerate(strata[window.indicator_id]):
                for a, area in enumerate(areas):
                    yield _input(window, name, stratum, area, (window.counts[s, a], window.denominator[a]))
                if window.rest_counts is not None and window.has_rest:
                    yield _input(window, name, stratum, REMAINDER, (window.rest_counts[s], window.rest_denominator))


def _input(window: IndicatorWindow, name: str, stratum: str, area_code: str, figures: tuple[float, float]) -> Row:
    count, denominator = map(_number, figures)
    return {
        "indicator_id": window.indicator_id,
        "area_code": area_code,
        "window": name,
        "stratum": stratum,
        "count": count,
        "denominator": denominator,
    }


def pulse_rows(pulses: Mapping[str, Pulse], units: list[str]) -> Iterator[Row]:
    """One row an indicator and unit."""
    for indicator, pulse in pulses.items():
        figures = {
            "observed": pulse.observed, "expected": pulse.expected, "expected_lower": pulse.lower,
            "expected_upper": pulse.upper, "last_year": pulse.last_year, "change": pulse.change,
            "change_lower": pulse.change_lower, "change_upper": pulse.change_upper,
        }  # fmt: skip
        for u, code in enumerate(units):
            yield {
                "area_code": code,
                "indicator_id": indicator,
                "first_day": pulse.first,
                "last_day": pulse.last,
                **{name: _number(values[u]) for name, values in figures.items()},
                "state_code": str(pulse.state[u]),
            }


def completeness_rows(
    learnt: Mapping[tuple[str, SeriesCode], Completeness], held_back: Mapping[str, int], day: date
) -> Iterator[Row]:
    """One row an indicator, series and delay, of the days up to `day`."""
    for (indicator, series), found in learnt.items():
        for delay in range(found.count.size):
            yield {
                "indicator_id": indicator,
                "series_code": series,
                "delay_days": float(delay),
                "day": day - timedelta(days=delay),
                "count": _number(found.count[delay]),
                "completeness": _number(found.share[delay]),
                "nowcast": _number(found.nowcast[delay]),
                "nowcast_error": _number(found.standard_error[delay]),
                "is_counted": delay >= held_back[indicator],
            }
