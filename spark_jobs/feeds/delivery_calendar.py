"""The delivery calendar: what each feed has brought of each county and day, and whether a zero is a real zero.

It is a view over the ledger of batches and silver, so that it costs the night nothing and is never out of date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as f
from rich.table import Table

from expectations.contract import load_cities, load_kinds, read_table
from expectations.dated import holds_in_sql
from expectations.models import EVENTS, City, FilesSource
from spark_jobs.feeds import batches, silver
from spark_jobs.lake import tables
from spark_jobs.lake.meanings import comment
from spark_jobs.lake.tables import literal

VIEW = "ops.delivery_calendar"
COLUMNS = (
    "city_code string, feed_code string, area_code string, day date, state_code string, n_records bigint, "
    "n_left_out bigint, delivered_at timestamp"
)
STATES = ("delivered", "zero", "late", "partial", "missing")
MARKS = {"late": " late", "partial": " part"}
DEFINITION = """
create or replace view {view} ({columns}) as
with feed as (
    select * from values {feeds}
    as listed (city_code, feed_code, time_zone, starts_on, ends_on, tolerated_share, is_pulled)
),
county as (
    select * from values {counties} as listed (city_code, area_code, valid_from, valid_to)
),
batch as (
    select
        b.*,
        f.is_pulled,
        to_date(from_utc_timestamp(b.fetched_at, f.time_zone)) as fetched_on,
        b.fetched_at = min(b.fetched_at) over (partition by b.city_code, b.feed_code) as is_history,
        b.n_rejected - b.n_outside
        > f.tolerated_share * (
            b.n_received - coalesce(b.n_left_out, 0) - b.n_outside - coalesce(b.n_deleted, 0)
        ) as is_beyond
    from {batches} as b
    inner join feed as f on f.city_code = b.city_code and f.feed_code = b.feed_code
),
covered as (
    -- the window of files begins with the last day that was there before
    select *, explode(sequence(
        if(is_pulled or is_history or window_from >= window_to, window_from, date_add(window_from, 1)),
        greatest(window_from, window_to)
    )) as day
    from batch
),
due as (
    -- a pull is due each night; a file covers the days since the one before it and is due on its own
    select *, if(is_pulled, day, coalesce(array_min(filter(delivered_days, d -> d >= day)), window_to)) as due_on
    from covered
),
delivery as (
    select
        city_code, feed_code, day,
        min(fetched_at) filter (where status = 'checked') as delivered_at,
        coalesce(sum(n_left_out) filter (where status = 'checked'), 0L) as n_left_out,
        min(not is_history and fetched_on > date_add(due_on, 1)) filter (where status = 'checked') as is_late,
        max(status = 'breached' or coalesce(is_beyond, false) or coalesce(n_withheld, 0) > 0) filter (where status != 'replaced') as is_partial
    from due
    group by city_code, feed_code, day
),
horizon as (
    select city_code, max(window_to) as last_day from batch group by city_code
),
expected as (
    select
        f.city_code, f.feed_code,
        explode(sequence(
            f.starts_on, greatest(f.starts_on, least(coalesce(f.ends_on, h.last_day), h.last_day))
        )) as day
    from feed as f
    inner join horizon as h on h.city_code = f.city_code
),
record as (
    {records}
)
select
    e.city_code, e.feed_code, c.area_code, e.day,
    case
        when d.delivered_at is null then 'missing'
        when d.is_partial then 'partial'
        when d.is_late then 'late'
        when coalesce(r.n_records, 0L) = 0L then 'zero'
        else 'delivered'
    end as state_code,
    if(d.delivered_at is not null, coalesce(r.n_records, 0L), null) as n_records,
    if(d.delivered_at is not null, d.n_left_out, null) as n_left_out,
    d.delivered_at
from expected as e
inner join county as c
    on c.city_code = e.city_code and {is_county}
left join delivery as d on d.city_code = e.city_code and d.feed_code = e.feed_code and d.day = e.day
left join record as r
    on r.city_code = e.city_code and r.feed_code = e.feed_code and r.area_code = c.area_code and r.day = e.day
"""
RECORDS = (
    "select city_code, feed_code, area_code, {event_on} as day, {n_records} as n_records "
    "from {table} where is_current and not is_deleted group by all"
)


def define(spark: SparkSession) -> None:
    """Make the view from the contracts as they are; the silver tables must exist."""
    batches.create_table(spark)
    spark.sql(
        DEFINITION.format(
            view=VIEW,
            columns=", ".join(f"{name} comment {literal(comment(VIEW, name))}" for name in tables.declared(COLUMNS)),
            feeds=", ".join(_feeds()),
            counties=", ".join(_counties()),
            batches=batches.BATCHES,
            is_county=holds_in_sql("e.day", "c.valid_from", "c.valid_to"),
            records="\n    union all\n    ".join(_records()),
        )
    )


def _feeds() -> Iterable[str]:
    for city in load_cities():
        for feed in city.feeds:
            is_pulled = not isinstance(feed.source, FilesSource)
            names = ", ".join(map(literal, (city.city_code, feed.feed_code, city.time_zone)))
            days = f"{_day(feed.starts_on)}, {_day(feed.ends_on)}"
            yield f"({names}, {days}, {feed.tolerance.rejected_share}D, {str(is_pulled).lower()})"


def _counties() -> Iterable[str]:
    for city in load_cities():
        for area in read_table(city.city_code, "areas"):
            if area["level"] == "county":
                days = (date.fromisoformat(area[name]) if area[name] else None for name in ("valid_from", "valid_to"))
                names = f"{literal(city.city_code)}, {literal(area['area_code'])}"
                yield f"({names}, {', '.join(map(_day, days))})"


def _records() -> Iterable[str]:
    """Records of each kind by the local day on which they happened, as known now. A row of a source of counts is as many."""
    for kind in load_kinds().values():
        n_records = f"sum(coalesce({EVENTS}, 1))" if EVENTS in kind.columns else "count(*)"
        event_on = f"coalesce({', '.join(kind.event_on)})"
        yield RECORDS.format(event_on=event_on, n_records=n_records, table=silver.silver_table(kind.kind))


def _day(day: date | None) -> str:
    return f"cast({literal(day.isoformat()) if day else 'null'} as date)"


def calendar(spark: SparkSession, city: City, feed_code: str | None, first: date, last: date) -> list[Row]:
    """Rows of the calendar from the first to the last day, in order of feed, county and day."""
    silver.create_tables(spark)
    define(spark)
    rows = tables.read(spark, VIEW).where(f.col("city_code") == city.city_code)
    rows = rows.where(f.col("day").between(f.lit(first), f.lit(last)))
    rows = rows.where(f.col("feed_code") == feed_code) if feed_code else rows
    return list(rows.orderBy("feed_code", "area_code", "day").collect())


def as_tables(city: City, rows: list[Row]) -> list[Table]:
    """One table a feed: a line a county, a column a day; a dot is missing, a number is what was delivered.

    Behind a minus: rows of the feed's batches of that day, of all counties, that were not read.
    """
    names = {area["area_code"]: area["name_zh"] or area["name_en"] for area in read_table(city.city_code, "areas")}
    found = []
    for feed_code in dict.fromkeys(row.feed_code for row in rows):
        own = [row for row in rows if row.feed_code == feed_code]
        days = sorted({row.day for row in own})
        table = Table(title=f"{city.feed(feed_code).name.zh} {city.city_code}.{feed_code}", title_justify="left")
        table.add_column("")
        for day in days:
            table.add_column(f"{day:%Y-%m-%d}", justify="right")
        for area_code in dict.fromkeys(row.area_code for row in own):
            cells: dict[Any, str] = {row.day: _cell(row) for row in own if row.area_code == area_code}
            table.add_row(f"{area_code} {names[area_code]}", *(cells.get(day, "") for day in days))
        found.append(table)
    return found


def _cell(row: Row) -> str:
    if row.state_code == "missing":
        return "·"
    return f"{row.n_records:,}{MARKS.get(row.state_code, '')}" + (f" -{row.n_left_out:,}" if row.n_left_out else "")
