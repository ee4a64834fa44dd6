"""Results of the engine as rows of the tables index.*: their columns, declared once, and who fills them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from expectations.models import City
from spark_jobs.index import ledger
from spark_jobs.index.engine.completeness import Completeness, SeriesCode
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.pulse import Pulse
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.methodology import Methodology

HISTORY = (
    "day date, known_on date, area_code string, index double, lower double, upper double, arithmetic double, "
    "geometric double, band_code string, change_1y double, change_lower double, change_upper double, "
    "p_below_last_year double, rank_low double, rank_high double, missing_domains string, method_version string, "
    "input_hash string"
)
SCHEMAS = {
    "county_index": "area_code string, index double, lower double, upper double, arithmetic double, geometric double, "
    "band_code string, change_1y double, change_lower double, change_upper double, p_below_last_year double, "
    "rank_low double, rank_high double, status_code string, confidence_code string, missing_domains string, reason string, "
    "known_on date",
    "domain_index": "area_code string, domain_id string, value double, lower double, upper double, is_live boolean, "
    "live_weight_share double",
    "indicator_value": "area_code string, indicator_id string, n_events double, exposure double, rate double, "
    "rate_lower double, rate_upper double, score double, score_lower double, score_upper double, state_code string, "
    "missing_since date, feed_codes string, counted_through date",
    "trend": "area_code string, day date, index double, lower double, upper double",
    "input": "indicator_id string, area_code string, window string, stratum string, count double, exposure double",
    "movement": ledger.SCHEMA,
    "pulse": "area_code string, indicator_id string, first_day date, last_day date, observed double, expected double, "
    "expected_lower double, expected_upper double, last_year double, change double, change_lower double, "
    "change_upper double, state_code string",
    "completeness": "indicator_id string, series_code string, delay_days double, day date, count double, "
    "completeness double, nowcast double, nowcast_error double, is_counted boolean",
}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def columns_of(schema: str) -> list[str]:
    """Names of the columns of a schema."""
    return [part.split(" ")[0] for part in schema.split(", ")]


def county_rows(
    result: IndexResult, units: list[str], doubtful: set[str], status_code: str, known_on: date
) -> Iterable[tuple[object, ...]]:
    """`doubtful`: units whose data are less sure than they could be: grade B at best."""
    for u, code in enumerate(units):
        numbers = _overall(result, u)
        yield (
            code,
            *numbers[:5],
            str(result.overall.band[u]),
            *numbers[5:],
            status_code,
            _confidence(result, u, code in doubtful),
            ",".join(result.overall.missing_domains[u]) or None,
            result.overall.reason[u],
            known_on,
        )


def _overall(result: IndexResult, u: int) -> list[float | None]:
    o = result.overall
    figures = (
        o.index, o.lower, o.upper, o.arithmetic, o.geometric, o.change, o.change_lower, o.change_upper,
        o.p_below_last_year, o.rank_low, o.rank_high,
    )  # fmt: skip
    return [_number(values[u]) for values in figures]


def _confidence(result: IndexResult, unit: int, is_doubtful: bool) -> str:
    """Grade of the data, beside the score and never in it (methodology page, section 6)."""
    if (result.indicators.state[:, unit] != "live").any():
        return "C"
    return "B" if is_doubtful else "A"


def history_rows(
    result: IndexResult, units: list[str], day: date, known_on: date, method_version: str, identity: str
) -> Iterable[tuple[object, ...]]:
    for u, code in enumerate(units):
        numbers = _overall(result, u)
        missing = ",".join(result.overall.missing_domains[u]) or None
        band = str(result.overall.band[u])
        yield (day, known_on, code, *numbers[:5], band, *numbers[5:], missing, method_version, identity)


def domain_rows(result: IndexResult, units: list[str]) -> Iterable[tuple[object, ...]]:
    d = result.domains
    for row, domain in enumerate(d.domain_ids):
        for u, code in enumerate(units):
            values = (_number(v[row, u]) for v in (d.value, d.lower, d.upper))
            yield (code, domain, *values, bool(d.is_live[row, u]), float(d.live_weight_share[row, u]))


def indicator_rows(
    result: IndexResult, units: list[str], city: City, status: pd.DataFrame, counted_through: Mapping[str, date]
) -> Iterable[tuple[object, ...]]:
    i = result.indicators
    since = dict(zip(status["feed_code"], status["missing_since"], strict=True))
    for row, indicator in enumerate(i.indicator_ids):
        feeds = [feed.feed_code for feed in city.feeds if indicator in feed.supports]
        gaps = [since[feed] for feed in feeds if since.get(feed) is not None]
        for u, code in enumerate(units):
            arrays = (
                i.n_events,
                i.exposure,
                i.rate,
                i.rate_lower,
                i.rate_upper,
                i.score,
                i.score_lower,
                i.score_upper,
            )
            numbers = (_number(values[row, u]) for values in arrays)
            yield (
                code,
                indicator,
                *numbers,
                str(i.state[row, u]),
                min(gaps, default=None),
                ",".join(feeds) or None,
                counted_through[indicator],
            )


def trend_rows(history: pd.DataFrame, days: Sequence[date]) -> Iterable[tuple[object, ...]]:
    """Rows of index.trend from those of index.history, one a day and unit."""
    of_days = history[history["day"].isin(set(days))]
    return of_days[["area_code", "day", "index", "lower", "upper"]].itertuples(index=False, name=None)


def input_rows(
    windows: Mapping[str, tuple[IndicatorWindow, ...]], areas: list[str], methodology: Methodology
) -> Iterable[tuple[object, ...]]:
    """The aggregated inputs, so that a release can be rebuilt without the lake."""
    strata = {indicator.id: indicator.strata for indicator in methodology.indicators}
    for name, content in windows.items():
        for window in content:
            if not window.is_live:
                continue
            for s, stratum in enumerate(strata[window.indicator_id]):
                for a, area in enumerate(areas):
                    values = (_number(window.counts[s, a]), _number(window.exposure[a]))
                    yield (window.indicator_id, area, name, stratum, *values)


def pulse_rows(pulses: Mapping[str, Pulse], units: list[str]) -> Iterable[tuple[object, ...]]:
    """One row an indicator and unit."""
    for indicator, pulse in pulses.items():
        figures = (
            pulse.observed, pulse.expected, pulse.lower, pulse.upper,
            pulse.last_year, pulse.change, pulse.change_lower, pulse.change_upper,
        )  # fmt: skip
        for u, code in enumerate(units):
            values = (_number(each[u]) for each in figures)
            yield (code, indicator, pulse.first, pulse.last, *values, str(pulse.state[u]))


def completeness_rows(
    learnt: Mapping[tuple[str, SeriesCode], Completeness], held_back: Mapping[str, int], day: date
) -> Iterable[tuple[object, ...]]:
    """One row an indicator, series and delay, of the days up to `day`."""
    for (indicator, series), found in learnt.items():
        figures = (found.count, found.share, found.nowcast, found.standard_error)
        for delay in range(found.count.size):
            values = (_number(each[delay]) for each in figures)
            is_counted = delay >= held_back[indicator]
            yield (indicator, series, float(delay), day - timedelta(days=delay), *values, is_counted)
