"""The index of a city on a business date: daily counts from the lake through the engine, tables back to the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from expectations.contract import City
from spark_jobs import tables
from spark_jobs.index import ledger
from spark_jobs.index.chain import compute_index, goalposts
from spark_jobs.index.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.index.movement import movement
from spark_jobs.index.results import IndexResult
from spark_jobs.index.scale import Goalposts
from spark_jobs.index.settlement import settlement_inputs
from spark_jobs.index.windows import Coverage, DailyCounts, base_year_ends, month_ends
from spark_jobs.refine import batches_of
from spark_jobs.release.feeds import feed_status

GOALPOSTS = "index.goalposts"
GOALPOST_COLUMNS = "indicator_id string, centre double, low double, high double"
SCHEMAS = {
    "county_index": "area_code string, index double, lower double, upper double, arithmetic double, geometric double, "
    "band_code string, change_1y double, change_lower double, change_upper double, p_below_last_year double, "
    "rank_low double, rank_high double, status_code string, confidence_code string, missing_domains string, reason string",
    "domain_index": "area_code string, domain_id string, value double, lower double, upper double, is_live boolean, "
    "live_weight_share double",
    "indicator_value": "area_code string, indicator_id string, n_events double, exposure double, rate double, "
    "rate_lower double, rate_upper double, score double, score_lower double, score_upper double, state_code string, "
    "missing_since date, feed_codes string",
    "trend": "area_code string, day date, index double, lower double, upper double",
    "input": "indicator_id string, area_code string, window string, stratum string, count double, exposure double",
    "movement": ledger.SCHEMA,
}


def run(spark: SparkSession, city: City, business_date: date) -> str:
    """Compute and write index.* for one city and day. Returns a line for the log."""
    methodology = load_methodology()
    with ThreadPoolExecutor(1) as pool:  # the earlier release is read while the counts are
        earlier_read = pool.submit(ledger.earlier_release, spark, city.city_code, business_date)
        areas, denominators = reference(spark, city, business_date)
        status = feed_status(city.feeds, batches_of(spark, city), business_date)
        coverage = coverage_of(city, status)
        counted = daily(spark, city, business_date)
        counts = DailyCounts(counted, denominators, coverage, areas, methodology)
        marks, base = _goalposts(spark, city, business_date, counts, methodology)
        earlier = earlier_read.result()
    year = methodology.windows.headline_days  # the two windows neither overlap nor leave a gap
    windows = {
        "headline": counts.windows(business_date, year),
        "last_year": counts.windows(business_date - timedelta(days=year), year),
        **{f"base_{number}": window for number, window in enumerate(base, 1)},
    }
    if earlier:  # its days as they are known now
        windows["previous"] = counts.windows(earlier.business_date, year)
    seed = methodology.posterior.seed
    inputs = IndexInput(tuple(areas), windows["headline"], windows["last_year"])
    result = compute_index(inputs, marks, methodology, seed)
    units = [*areas, city.area_code]
    estimated = set(denominators.loc[denominators["quality_code"] == "estimate", "area_code"])
    rows = {
        "county_index": list(_county_rows(result, units, estimated)),
        "domain_index": list(_domain_rows(result, units)),
        "indicator_value": list(_indicator_rows(result, units, city, status)),
        "trend": [
            row
            for day in month_ends(business_date, methodology.windows.trend_months)
            for row in _trend_rows(
                compute_index(IndexInput(tuple(areas), counts.windows(day, year)), marks, methodology, seed),
                units,
                day,
            )
        ],
        "input": [*_input_rows(windows, areas, methodology), *settlement_inputs(counted, areas, business_date)],
        "movement": list(_movement_rows(earlier, windows, marks, units, methodology)),
    }
    keys = {"city_code": city.city_code, "business_date": business_date.isoformat()}
    frames = {f"index.{name}": spark.createDataFrame(content, SCHEMAS[name]) for name, content in rows.items()}
    tables.replace_slices(spark, frames, keys)
    n_indexed = int(np.isfinite(result.overall.index[:-1]).sum())
    return f"{city.city_code} {business_date}: index of {n_indexed} of {len(areas)} areas, {len(rows['trend'])} trend points"


def _movement_rows(
    earlier: ledger.EarlierRelease | None,
    windows: Mapping[str, tuple[IndicatorWindow, ...]],
    marks: Goalposts,
    units: list[str],
    methodology: Methodology,
) -> Iterable[tuple[object, ...]]:
    """The ledger since the earlier release; nothing for a city's first."""
    if earlier is None:
        return ()
    before = ledger.before_of(earlier, units, methodology)
    seed = methodology.posterior.seed
    moved = movement(before, windows["previous"], windows["headline"], marks, methodology, seed)
    return ledger.movement_rows(moved, earlier, units, methodology)


def coverage_of(city: City, status: pd.DataFrame) -> dict[str, Coverage]:
    """Indicator -> days that all of its feeds have delivered; indicators without a feed have no entry."""
    through = dict(zip(status["feed_code"], status["delivered_through"], strict=True))
    found: dict[str, Coverage] = {}
    for feed in city.feeds:
        last = through.get(feed.feed_code)
        for indicator in feed.supports:
            before = found.get(indicator, Coverage(feed.starts_on, last))
            lasts = [before.last, last]
            end = None if None in lasts else min(day for day in lasts if day is not None)
            found[indicator] = Coverage(max(before.first, feed.starts_on), end)
    return found


def reference(spark: SparkSession, city: City, business_date: date) -> tuple[list[str], pd.DataFrame]:
    """County codes in order, and the dated denominators."""
    in_city = f.col("city_code") == city.city_code
    areas = (
        tables.read(spark, "raw.area")
        .where(in_city & (f.col("level") == "county") & (f.col("valid_from") <= f.lit(business_date)))
        .where(f.col("valid_to").isNull() | (f.col("valid_to") >= f.lit(business_date)))
        .select("area_code")
        .toPandas()
    )
    denominators = tables.read(spark, "raw.denominator").where(in_city).toPandas()
    return sorted(areas["area_code"]), denominators


def daily(spark: SparkSession, city: City, business_date: date) -> pd.DataFrame:
    columns = ("indicator_id", "area_code", "day", "stratum", "numerator", "denominator")
    rows = tables.read(spark, "indicators.daily").where(f.col("city_code") == city.city_code)
    return rows.where(f.col("day") <= f.lit(business_date)).select(*columns).toPandas()


def _goalposts(
    spark: SparkSession, city: City, business_date: date, counts: DailyCounts, methodology: Methodology
) -> tuple[Goalposts, list[tuple[IndicatorWindow, ...]]]:
    """The city's marks: frozen ones where there are any, else computed, and frozen once the base is known for good."""
    period = city.base_period
    ends = base_year_ends(period.first_day, methodology.windows.base_years)
    base = [counts.windows(end, methodology.windows.headline_days) for end in ends]
    computed = goalposts(base, methodology)
    names = [indicator.id for indicator in methodology.indicators]
    frozen = frozen_marks(spark, city, methodology)
    values = np.column_stack([computed.centre, computed.low, computed.high])
    for row, name in enumerate(names):
        values[row] = frozen.get(name, tuple(values[row]))
    available = np.asarray(np.isfinite(values).all(axis=1))
    fresh = [name for name, is_there in zip(names, available, strict=True) if is_there and name not in frozen]
    if fresh and business_date >= period.known_by:
        rows = [(name, *map(float, values[row])) for row, name in enumerate(names) if available[row]]
        keys = {"city_code": city.city_code, "method_version": methodology.version}
        tables.replace_slice(spark, spark.createDataFrame(rows, GOALPOST_COLUMNS), GOALPOSTS, keys)
    return Goalposts(values[:, 0], values[:, 1], values[:, 2], available), base


def frozen_marks(spark: SparkSession, city: City, methodology: Methodology) -> dict[str, tuple[float, float, float]]:
    if not tables.exists(spark, GOALPOSTS):
        return {}
    rows = (
        tables.read(spark, GOALPOSTS)
        .where((f.col("city_code") == city.city_code) & (f.col("method_version") == methodology.version))
        .collect()
    )
    return {row.indicator_id: (row.centre, row.low, row.high) for row in rows}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _county_rows(result: IndexResult, units: list[str], estimated: set[str]) -> Iterable[tuple[object, ...]]:
    o = result.overall
    for u, code in enumerate(units):
        numbers = (o.index, o.lower, o.upper, o.arithmetic, o.geometric)
        changes = (o.change, o.change_lower, o.change_upper, o.p_below_last_year, o.rank_low, o.rank_high)
        yield (
            code,
            *(_number(values[u]) for values in numbers),
            str(o.band[u]),
            *(_number(values[u]) for values in changes),
            "provisional",
            _confidence(result, u, code, estimated),
            ",".join(o.missing_domains[u]) or None,
            o.reason[u],
        )


def _confidence(result: IndexResult, unit: int, code: str, estimated: set[str]) -> str:
    """Grade of the data, beside the score and never in it: C something is missing, B an estimated denominator, A neither."""
    if (result.indicators.state[:, unit] != "live").any():
        return "C"
    is_city = unit == len(result.area_codes)
    return "B" if code in estimated or (is_city and estimated) else "A"


def _domain_rows(result: IndexResult, units: list[str]) -> Iterable[tuple[object, ...]]:
    d = result.domains
    for row, domain in enumerate(d.domain_ids):
        for u, code in enumerate(units):
            values = (_number(v[row, u]) for v in (d.value, d.lower, d.upper))
            yield (code, domain, *values, bool(d.is_live[row, u]), float(d.live_weight_share[row, u]))


def _indicator_rows(
    result: IndexResult, units: list[str], city: City, status: pd.DataFrame
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
            )


def _trend_rows(result: IndexResult, units: list[str], day: date) -> Iterable[tuple[object, ...]]:
    o = result.overall
    for u, code in enumerate(units):
        yield (code, day, *(_number(values[u]) for values in (o.index, o.lower, o.upper)))


def _input_rows(
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
