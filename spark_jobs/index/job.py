"""The index of a city on a business date: daily counts from the lake through the engine, tables back to the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_holidays
from expectations.dated import holds
from expectations.models import City
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.feed_status import feed_status
from spark_jobs.index import comparison, history, rows
from spark_jobs.index.coverage import coverage_of, days_behind, with_content, without_still
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.as_of import CityFrame, input_hash
from spark_jobs.index.engine.completeness import Completeness, SeriesCode, completeness
from spark_jobs.index.engine.composite_index import base_goalposts, compute_index
from spark_jobs.index.engine.holidays import MovingHoliday
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.movement import movement
from spark_jobs.index.engine.pulse import Pulse, indicator_pulse, while_incomplete
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.settlement import settlement_inputs
from spark_jobs.index.engine.territory import REMAINDER, Territory, placed, territory
from spark_jobs.index.engine.windows import DailyCounts, base_year_spans, month_ends
from spark_jobs.index.engine.year_change import year_change
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.lake import tables
from spark_jobs.released.schemas import ddl, lake_ddl, lake_rows

GOALPOSTS = "index.goalposts"
GOALPOST_COLUMNS = "indicator_id string, centre double, low double, high double"
DAILY_COLUMNS = ("city_code", "indicator_id", "area_code", "day", "stratum", "numerator", "denominator")
SeriesDiagonals = dict[tuple[str, str], dict[date, FloatArray]]  # indicator, series -> business date -> counts by delay


@dataclass(frozen=True, eq=False)
class DayInput:
    """All that one business date's index is computed from."""

    city: City
    day: date
    frame: CityFrame
    daily: pd.DataFrame  # rows of indicators.daily, those of what is shown and not scored too
    counts: DailyCounts
    status: pd.DataFrame
    base: list[tuple[IndicatorWindow, ...]]
    frozen: Mapping[str, tuple[float, float, float]]  # rows of index.goalposts: indicator -> centre, low, high
    learnt: Mapping[tuple[str, SeriesCode], Completeness]
    earlier: comparison.EarlierRelease | None
    past: pd.DataFrame  # rows of index.history


def run(
    spark: SparkSession, city: City, business_date: date, known_on: date | None = None, daily: DataFrame | None = None
) -> str:
    """Compute and write index.* for one city and day. Returns a line for the log.

    `known_on` and `daily` make it a revision: `daily` are the day's counts as known at the cut-off of that later
    business date, in the place of indicators.daily.
    """
    given = read(spark, city, business_date, known_on or known_by_default(city, business_date), daily)
    freeze(spark, given)
    content, fresh = computed_tables(given)
    if known_on:
        del content["completeness"]  # what the night knew of its last days stays as it was
    keys = {"city_code": city.city_code, "business_date": business_date.isoformat()}
    frames = {
        f"index.{name}": spark.createDataFrame(lake_rows(name, of_table), lake_ddl(name))
        for name, of_table in content.items()
    }
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(keep, spark, city, history.merged(given.past, fresh))
        tables.replace_slices(spark, frames, keys)
        kept.result()
    n_indexed = sum(row["index"] is not None for row in content["county_index"][:-1])
    return (
        f"{city.city_code} {business_date}: index of {n_indexed} of {len(given.frame.area_codes)} areas, "
        f"{fresh['day'].nunique()} as-of days computed"
    )


def known_by_default(city: City, business_date: date) -> date:
    """The business date itself; for an archive the day before its cut-off."""
    return city.archive.as_of.date() - timedelta(days=1) if city.archive else business_date


def keep(spark: SparkSession, city: City, past: pd.DataFrame) -> None:
    ordered = past[list(rows.HISTORY)].itertuples(index=False, name=None)
    content = spark.createDataFrame(list(ordered), ddl(rows.HISTORY))
    tables.replace_slice(spark, content, history.HISTORY, {"city_code": city.city_code})


def computed_tables(given: DayInput) -> tuple[dict[str, list[rows.Row]], pd.DataFrame]:
    """Rows of every released table that the index makes, and the rows of index.history that are new. No I/O."""
    frame, counts, day = given.frame, given.counts, given.day
    methodology, units = frame.methodology, frame.units
    inputs = frame.inputs(counts, day)
    result = compute_index(inputs, frame.goalposts, methodology, methodology.posterior.seed)
    today = rows.history_rows(result, units, day, frame.known_on, methodology.version, input_hash(inputs, frame))
    ends = month_ends(day, methodology.windows.trend_months)
    due = history.affected(counts, frame, ends[:-1], given.past)
    fresh = history.merged(history.history_frame(counts, frame, due), _frame(today))
    windows = {
        "headline": inputs.headline,
        "last_year": inputs.last_year,
        **{f"base_{number}": window for number, window in enumerate(given.base, 1)},
    }
    if given.earlier:  # its days as they are known now
        year = methodology.windows.headline_days
        windows["previous"] = counts.windows(given.earlier.business_date, year, given.earlier.held_back)
    through = {i.id: day - timedelta(days=frame.held_back_on(day)[i.id]) for i in methodology.indicators}
    content = {
        "county_index": rows.county_rows(
            result, units, _doubtful(given), methodology.status(day, frame.known_on), frame.known_on
        ),
        "domain_index": rows.domain_rows(result, units),
        "indicator_value": rows.indicator_rows(result, units, given.city, given.status, through),
        "trend": rows.trend_rows(history.latest(history.merged(given.past, fresh), frame.known_on), ends),
        "input": [
            *rows.input_rows(windows, list(frame.area_codes), methodology),
            *settlement_inputs(given.daily, [*frame.area_codes, REMAINDER], day),
        ],
        "movement": _movement_rows(given.earlier, windows, frame, methodology),
        "year_change": rows.year_change_rows(
            year_change(inputs, frame.goalposts, methodology, methodology.posterior.seed), units, methodology
        ),
        "pulse": rows.pulse_rows(_pulses(given), units),
        "completeness": rows.completeness_rows(given.learnt, frame.held_back, day),
        "scale": rows.scale_rows(frame.goalposts, methodology),
        "feed_status": rows.status_rows(given.status),
    }
    return {name: list(of_table) for name, of_table in content.items()}, fresh


def _frame(of_history: Iterable[rows.Row]) -> pd.DataFrame:
    return pd.DataFrame(list(of_history), columns=pd.Index(list(rows.HISTORY)))


def _doubtful(given: DayInput) -> set[str]:
    """Units of grade B at best: an estimated or outdated denominator, or last days that are or may be incomplete."""
    frame, methodology = given.frame, given.frame.methodology
    oldest = given.day - timedelta(days=365 * methodology.publication.max_denominator_years)
    dated = frame.denominators[frame.denominators["area_code"].isin(frame.area_codes)]
    ranges = zip(dated["valid_from"], dated["valid_to"], strict=True)
    now = dated[np.array([holds(given.day, *each) for each in ranges], dtype=np.bool_)]
    unsure = now[(now["quality_code"] == "estimate") | (now["known_from"] < oldest)]
    units = set(unsure["area_code"]) | ({frame.city_area} if len(unsure) else set())
    is_young = methodology.status(given.day, frame.known_on) == "provisional"
    is_incomplete = any(frame.held_back.values()) or not all(found.is_learnt for found in given.learnt.values())
    return set(frame.units) if is_young and is_incomplete else units


def _movement_rows(
    earlier: comparison.EarlierRelease | None,
    windows: Mapping[str, tuple[IndicatorWindow, ...]],
    frame: CityFrame,
    methodology: Methodology,
) -> Iterable[rows.Row]:
    """The movement since the earlier release; nothing for a city's first."""
    if earlier is None:
        return ()
    before = comparison.before_of(earlier, frame.units, methodology, frame.county_of)
    seed = methodology.posterior.seed
    moved = movement(
        before, windows["previous"], windows["headline"], frame.goalposts, methodology, seed, frame.area_codes
    )
    return comparison.movement_rows(moved, earlier, frame.units, methodology)


def _pulses(given: DayInput) -> dict[str, Pulse]:
    """Indicator -> its pulse; a stock is the level of one day and has none."""
    methodology, held_back = given.frame.methodology, given.frame.held_back_on(given.day)
    holiday = moving_holiday(given.city, methodology)
    n_areas = len(given.frame.area_codes)
    found = {
        i.id: indicator_pulse(given.counts, i, given.day, held_back[i.id], holiday, methodology, n_areas)
        for i in methodology.indicators
        if i.flow_or_stock == "flow"
    }
    is_young = methodology.status(given.day, given.frame.known_on) == "provisional"
    unlearnt = {indicator for (indicator, _), each in given.learnt.items() if not each.is_learnt}
    return {i: while_incomplete(pulse) if is_young and i in unlearnt else pulse for i, pulse in found.items()}


def moving_holiday(city: City, methodology: Methodology) -> MovingHoliday | None:
    """The holiday that the days of a city are aligned by, with its season."""
    if city.moving_holiday is None:
        return None
    windows = methodology.windows
    first_days = load_holidays()[city.moving_holiday].first_days
    return MovingHoliday(first_days, windows.holiday_days_before, windows.holiday_days_after)


def read(spark: SparkSession, city: City, business_date: date, known_on: date, daily: DataFrame | None) -> DayInput:
    """All that the index is computed from; nothing is written. Small reads are mostly waiting, so they wait together."""
    methodology = load_methodology()
    with ThreadPoolExecutor(tables.WRITERS) as pool:
        earlier = pool.submit(comparison.earlier_release, spark, city.city_code, business_date)
        past = pool.submit(history.stored, spark, city.city_code)
        nights = pool.submit(_nights, spark, city, business_date, methodology)
        frozen = pool.submit(frozen_goalposts, spark, city, methodology)
        of_city = pool.submit((daily_of(spark, city, business_date) if daily is None else daily).toPandas)
        lands, denominators = reference(spark, city, business_date)
        counted = placed(of_city.result(), lands.county_of)
        status = feed_status(city.feeds, batches_of(spark, city), business_date)
        status = with_content(city, status, counted, business_date, methodology)
        behind = days_behind(city, status, business_date)
        coverage = without_still(coverage_of(city, status), behind, city, business_date, methodology)
        unscaled = CityFrame(
            city.area_code, lands.area_codes, lands.denominators(denominators), coverage,
            Goalposts(*(np.zeros(0),) * 3), {}, known_on, methodology, lands.county_of,
        )  # fmt: skip
        counts = unscaled.counts(counted)
        base = base_years(city, counts, methodology)
        goalposts = city_goalposts(base, frozen.result(), methodology)
        learnt = _learnt(counts, business_date, nights.result(), methodology) if known_on == business_date else {}
        held_back = _held_back(learnt, behind, known_on - business_date, methodology)
        frame = replace(unscaled, goalposts=goalposts, held_back=held_back)
        return DayInput(
            city, business_date, frame, counted, counts, status, base, frozen.result(), learnt, earlier.result(),
            past.result(),
        )  # fmt: skip


def _learnt(
    counts: DailyCounts, day: date, nights: SeriesDiagonals, methodology: Methodology
) -> dict[tuple[str, SeriesCode], Completeness]:
    """How complete the last days of every flow indicator are, by series; indicators without their feed are left out."""
    n_days = methodology.publication.revised_after_days + 1
    found: dict[tuple[str, SeriesCode], Completeness] = {}
    for indicator in methodology.indicators:
        if indicator.flow_or_stock == "stock" or not counts.is_covered(indicator, day - timedelta(days=n_days), day):
            continue
        recent = counts.recent(indicator, day, n_days)
        series: tuple[SeriesCode, ...] = ("events",) if indicator.kind == "rate" else ("events", "trials")
        for code, of_series in zip(series, recent, strict=False):
            known = {**nights.get((indicator.id, code), {}), day: of_series}
            found[indicator.id, code] = completeness(known, day, methodology)
    return found


def _held_back(
    learnt: Mapping[tuple[str, SeriesCode], Completeness],
    behind: Mapping[str, int],
    age: timedelta,
    methodology: Methodology,
) -> dict[str, int]:
    """Days that each indicator leaves off at its end: those that are not complete in one of its series, or that its
    feeds do not cover.

    `age`: how long after the business date the counts were known. It does not bring back what a feed did not cover
    then.
    """
    held_back = {i.id: behind[i.id] + age.days if i.id in behind else 0 for i in methodology.indicators}
    for (indicator, _), found in learnt.items():
        held_back[indicator] = max(held_back[indicator], found.held_back(methodology.publication.min_completeness))
    return held_back


def _nights(spark: SparkSession, city: City, day: date, methodology: Methodology) -> SeriesDiagonals:
    """What the nights before `day` knew of their last days."""
    table = "index.completeness"
    if not tables.exists(spark, table):
        return {}
    first = day - timedelta(days=methodology.publication.delay_nights - 1)
    is_recent = f.col("business_date").between(f.lit(first.isoformat()), f.lit(day.isoformat()))
    columns = ("business_date", "indicator_id", "series_code", "delay_days", "count")
    known = tables.read(spark, table).where((f.col("city_code") == city.city_code) & is_recent).select(*columns)
    found: SeriesDiagonals = {}
    keys = ["indicator_id", "series_code", "business_date"]
    for key, of_night in known.toPandas().sort_values("delay_days").groupby(keys):
        indicator, series, night = map(str, key)
        found.setdefault((indicator, series), {})[date.fromisoformat(night)] = of_night["count"].to_numpy()
    return found


def reference(spark: SparkSession, city: City, business_date: date) -> tuple[Territory, pd.DataFrame]:
    """The city's counties of the day with what they were before, and the dated denominators."""
    in_city = f.col("city_code") == city.city_code
    counties = tables.read(spark, "raw.area").where(in_city & (f.col("level") == "county")).toPandas()
    denominators = tables.read(spark, "raw.denominator").where(in_city).toPandas()
    return territory(counties, business_date), denominators


def daily_of(spark: SparkSession, city: City, business_date: date) -> DataFrame:
    rows_of_city = tables.read(spark, "indicators.daily").where(f.col("city_code") == city.city_code)
    return rows_of_city.where(f.col("day") <= f.lit(business_date)).select(*DAILY_COLUMNS)


def base_years(city: City, counts: DailyCounts, methodology: Methodology) -> list[tuple[IndicatorWindow, ...]]:
    """Counts of each year of the city's base period, by indicator."""
    spans = base_year_spans(city.base_period.first_day, methodology.windows.base_years)
    return [counts.windows(end, n_days) for end, n_days in spans]


def city_goalposts(
    base: list[tuple[IndicatorWindow, ...]],
    frozen: Mapping[str, tuple[float, float, float]],
    methodology: Methodology,
) -> Goalposts:
    """Goalposts in the order of the indicators: frozen ones where there are any, else those of the base years."""
    computed = base_goalposts(base, methodology)
    values = np.column_stack([computed.centre, computed.low, computed.high])
    for row, indicator in enumerate(methodology.indicators):
        values[row] = frozen.get(indicator.id, tuple(values[row]))
    return Goalposts(*values.T)


def freeze(spark: SparkSession, given: DayInput) -> None:
    """Keep the goalposts that are not frozen yet, once the base period is known for good."""
    methodology, found = given.frame.methodology, given.frame.goalposts
    scales = np.column_stack([found.centre, found.low, found.high]).tolist()
    goalposts = [
        (i.id, *ends) for i, ends in zip(methodology.indicators, scales, strict=True) if np.isfinite(ends).all()
    ]
    if given.day < given.city.base_period.known_by or all(name in given.frozen for name, *_ in goalposts):
        return
    keys = {"city_code": given.city.city_code, "method_version": methodology.version}
    tables.replace_slice(spark, spark.createDataFrame(goalposts, GOALPOST_COLUMNS), GOALPOSTS, keys)


def frozen_goalposts(
    spark: SparkSession, city: City, methodology: Methodology
) -> dict[str, tuple[float, float, float]]:
    """Indicator -> centre, low, high, as they were frozen for the city under this version of the method."""
    if not tables.exists(spark, GOALPOSTS):
        return {}
    rows_of_city = (
        tables.read(spark, GOALPOSTS)
        .where((f.col("city_code") == city.city_code) & (f.col("method_version") == methodology.version))
        .collect()
    )
    return {row.indicator_id: (row.centre, row.low, row.high) for row in rows_of_city}
