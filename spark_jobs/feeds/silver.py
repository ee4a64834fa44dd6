"""Silver: one row a record and version, typed and mapped to areas; what does not fit is a reject with its reason.

Silver is a pure function of bronze: the same rows in any order, delivered once or ten times, give the same table.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.dated import holds_in_sql
from expectations.models import City, Feed, Kind
from expectations.places import places_of
from spark_jobs.feeds.bronze import BATCH, DELIVERED, LANDED
from spark_jobs.feeds.casting import (
    SPARK_TYPES,
    Cast,
    RejectRule,
    cast_column,
    cleaned,
    falls_into_otherwise,
    listed,
    raw_text,
    text_of,
)
from spark_jobs.feeds.corrections import CORRECTED, HEALED, with_corrections
from spark_jobs.feeds.decoding import FAULT, FILE, ROW, hashed_sources, pseudonym_columns
from spark_jobs.feeds.local_times import change_at, local_instant
from spark_jobs.feeds.row_faults import OUTSIDE, UNKNOWN, deleted, outside, row_faults
from spark_jobs.lake import tables
from spark_jobs.masking import masked

REJECTS, NOTES = "silver.rejects", "_notes"
LONGEST_FOUND = 200  # characters
SPELLING = "_spelling"  # of a key as the source writes it
CLOCKS = "_clocks"  # what the clocks of the city do at a time that the row says
REUSED = "id_reused"  # the rule that rows break whose key another row of the same time has, with other content
LEADING = "city_code string, feed_code string, record_id string, area_code string, township_code string"
TRAILING = (
    "known_at timestamp, known_from timestamp, known_to timestamp, is_current boolean, is_deleted boolean, "
    "delivered_on date, landed_at timestamp, batch_id string, row_hash string, corrected string"
)
REJECT_COLUMNS = (
    "city_code string, feed_code string, batch_id string, source_file string, row_number bigint, "
    "record_id string, rule string, column_name string, found string"
)


def silver_table(kind: str) -> str:
    return f"silver.`{kind}`"


def create_tables(spark: SparkSession) -> None:
    """One silver table a kind and the rejects.

    A table from before a kind got another column gets it here; its rows have no value there.
    """
    for kind in load_kinds().values():
        own = {name: SPARK_TYPES[column.type] for name, column in kind.columns.items()}
        columns = tables.declared(LEADING) | own | tables.declared(TRAILING)
        parts, said = ("city_code", "feed_code"), ("record_id", "known_at", "known_from", "known_to")
        tables.ensure(spark, silver_table(kind.kind), columns, parts, said)
    tables.ensure(spark, REJECTS, tables.declared(REJECT_COLUMNS), ("city_code", "feed_code"), ("batch_id",))


def area_lookup(spark: SparkSession, city: City, feed: Feed) -> DataFrame:
    """Every code and name of a place that a source may use, in lower case, with the days on which it means that.

    The city's own code is one where the feed's kind has records of the city as a whole. Each has county and township codes, or the rule by which it is no place: such a row needs a better column. In a city
    whose words never change their meaning the lookup has no days: comparing them would cost every row.
    """
    rows = [(word, *meaning) for word, meanings in sorted(places_of(city.city_code).items()) for meaning in meanings]
    flat = [(word, *place, first, end) for word, first, end, place in rows]
    if load_kinds()[feed.kind].may_be_of_city:
        flat.append((city.area_code.lower(), city.area_code, None, None, None, None))
    names = "word string, area_code string, township_code string, fault string"
    if any(first or end for *_, first, end in flat):
        return spark.createDataFrame(flat, f"{names}, valid_from date, valid_to date")
    return spark.createDataFrame([row[:4] for row in flat], names)


def _with_area(rows: DataFrame, feed: Feed, areas: DataFrame, happened_on: Column) -> DataFrame:
    """Area by the first of the feed's area columns that is known; columns are tried in the contract's order.

    A place is what its word means on the day of the event. `is_deleted`: the row takes its record away, since it is
    deleted or lies elsewhere.
    """
    is_dated = "valid_from" in areas.columns
    rows = rows.withColumn("_happened_on", happened_on) if is_dated else rows
    for number, source in enumerate(feed.area):
        lookup = areas.toDF(*(f"_{name}{number}" for name in areas.columns))
        is_it = f.lower(text_of(source)) == f.col(f"_word{number}")
        if is_dated:
            is_it &= f.expr(holds_in_sql("_happened_on", f"_valid_from{number}", f"_valid_to{number}"))
        rows = rows.join(f.broadcast(lookup), is_it, "left")
    codes, townships, faults = (
        [f.col(f"_{name}{number}") for number in range(len(feed.area))]
        for name in ("area_code", "township_code", "fault")
    )
    area_code = f.coalesce(*codes)
    own = [f.when(area_code == code, township) for code, township in zip(codes, townships, strict=True)]
    # at once: each further projection copies all columns of all rows
    return rows.withColumns({
        "_area_code": area_code,
        "_township_code": f.coalesce(*own),
        "_area_fault": f.when(area_code.isNull(), f.coalesce(*faults, f.lit(UNKNOWN))),
        "is_deleted": deleted(feed) | (area_code.isNull() & outside(feed)),
    })  # fmt: skip


def _happened_on(kind: Kind, casts: Mapping[str, Cast], time_zone: str) -> Column:
    """Local day of the event; of a row that says none, as a deletion may, the day of its delivery."""
    days = []
    for event in kind.events:
        value = casts[event].value
        is_instant = kind.columns[event].type == "instant"
        days.append(f.to_date(f.from_utc_timestamp(value, time_zone)) if is_instant else value)
    return f.coalesce(*days, f.col(DELIVERED))


def stage(rows: DataFrame, city: City, feed: Feed, areas: DataFrame) -> DataFrame:
    """Bronze rows -> canonical columns and `faults`, one row a bronze row, nothing dropped.

    Of a row that takes its record away only key, time and place are read: sources leave the rest of it empty.
    """
    kind = load_kinds()[feed.kind]
    casts = {name: cast_column(name, kind, feed, city.time_zone) for name in kind.columns}
    rows = with_corrections(_with_text(rows, feed), feed)
    rows = _with_area(rows, feed, areas, _happened_on(kind, casts, city.time_zone))
    record_id = f.concat_ws("|", *map(text_of, feed.record_id))
    known_text = text_of(feed.known_at.column) if feed.known_at.column else f.col(DELIVERED).cast("string")
    known_at = local_instant(known_text, feed.known_at.format, city.time_zone)
    changes = [cast.change for cast in casts.values() if cast.change is not None]
    rows = rows.withColumns(
        {"record_id": record_id, "known_at": known_at, **_values(feed, kind, casts, city.time_zone)}
    )
    faults = row_faults(feed, kind, casts, known_text, city.time_zone)
    staged = rows.select(
        f.lit(city.city_code).alias("city_code"),
        f.lit(feed.feed_code).alias("feed_code"),
        "record_id",
        f.col("_area_code").alias("area_code"),
        f.col("_township_code").alias("township_code"),
        *kind.columns,
        "known_at",
        "is_deleted",
        f.col(DELIVERED).alias("delivered_on"),
        f.col(LANDED).alias("landed_at"),
        f.col(BATCH).alias("batch_id"),
        CORRECTED,
        HEALED,
        _notes(feed, [change_at(f.col("known_at"), known_text, feed.known_at.format, city.time_zone), *changes]),
        f.col(FILE),
        f.col(ROW),
        f.when(f.col(FAULT).isNotNull(), f.array(FAULT)).otherwise(faults).alias("faults"),
    )
    return staged.withColumn("row_hash", content_hash(kind))


def _values(feed: Feed, kind: Kind, casts: Mapping[str, Cast], time_zone: str) -> dict[str, Column]:
    """The kind's columns: cast values, and the local days of instants."""
    values = {name: cast.value for name, cast in casts.items()}
    values |= {
        name: f.to_date(f.from_utc_timestamp(values[column.day_of], time_zone))
        for name, column in kind.columns.items()
        if column.day_of
    }
    return {name: f.when(~f.col("is_deleted"), value) for name, value in values.items()} if feed.takes_away else values


def _with_text(rows: DataFrame, feed: Feed) -> DataFrame:
    """Each source column cleaned once, under a name of its own: what follows reads it many times."""
    personal = hashed_sources(feed)
    texts = [cleaned(feed, name) for name in feed.mapped_columns if name not in personal]
    spelling = f.concat_ws("|", *map(raw_text, feed.record_id)).alias(SPELLING)
    return rows.select(*texts, *pseudonym_columns(feed), FILE, ROW, FAULT, DELIVERED, LANDED, BATCH, spelling)


def _notes(feed: Feed, changes: list[Column]) -> Column:
    """What is worth a word about how a row was read: its key as written, columns left to `otherwise`, and what the
    clocks do at the first of its times that falls on a change.
    """
    is_respelt = f.col(SPELLING) != f.col("record_id")
    left = [f.when(falls_into_otherwise(feed.columns[name]), True).alias(name) for name in feed.open_columns]
    spelling, clocks = f.when(is_respelt, f.col(SPELLING)).alias(SPELLING), f.coalesce(*changes).alias(CLOCKS)
    return f.struct(spelling, clocks, *left).alias(NOTES)


def mark_reused(staged: DataFrame) -> DataFrame:
    """Keep one of a delivery's accepted rows with the same key and time but other content, whatever their order.

    A row that takes the record away wins; the others are marked as faults. Between deliveries `versions` decides: a
    later file corrects an earlier one.
    """
    alike = Window.partitionBy("batch_id", "landed_at", "record_id", "known_at", accepted())
    weight = f.struct("is_deleted", "row_hash")
    loses = accepted() & (weight < f.max(weight).over(alike))
    reused = listed([RejectRule(REUSED, "record_id", f.col("record_id"), loses)])
    return staged.withColumn("faults", f.concat("faults", reused))


def content_hash(kind: Kind) -> Column:
    """Hash of what a version says, its time aside. An instant counts by its microseconds, sooner written than a date."""
    said = [
        f.unix_micros(name).alias(name) if column.type == "instant" else f.col(name)
        for name, column in kind.columns.items()
    ]
    return f.sha2(f.to_json(f.struct("area_code", "township_code", "is_deleted", *said)), 256)


def accepted() -> Column:
    """True for the staged rows that fit."""
    return f.size("faults") == 0


def elsewhere() -> Column:
    """True for the staged rows whose only fault is that they tell of another place."""
    return (f.size("faults") == 1) & (f.col("faults")[0].rule == OUTSIDE)


def rejects(staged: DataFrame) -> DataFrame:
    """One row a fault; a row with two faults gives two."""
    return (
        staged.where(f.size("faults") > 0)
        .select(
            "city_code",
            "feed_code",
            "batch_id",
            f.col(FILE).alias("source_file"),
            f.col(ROW).alias("row_number"),
            "record_id",
            f.explode("faults").alias("fault"),
        )
        .select("*", "fault.rule", "fault.column_name", f.left("fault.found", f.lit(LONGEST_FOUND)).alias("found"))
        .drop("fault")
    )


def reasons(staged: DataFrame) -> list[str]:
    """The five most frequent reasons for rejection, in words: how often, where first, and what is there, masked."""
    first = f.min(f.struct("source_file", "row_number", "found")).alias("first")
    counted = rejects(staged).groupBy("rule", "column_name").agg(f.count("*").alias("n"), first)
    return [_in_words(row) for row in counted.orderBy(f.desc("n"), "rule", "column_name").limit(5).collect()]


def _in_words(reason: Row) -> str:
    first = reason.first
    place = f"first in row {first.row_number} of {first.source_file}"
    if reason.column_name is None:  # a fault of the whole row, told in words of ours
        return f"{reason.n} times {reason.rule}, {place}: {first.found}"
    found = "empty" if first.found is None else f"masked {masked(first.found)!r}"
    return f"{reason.n} times {reason.rule} in {reason.column_name}, {place}: {found}"


def columns_of(kind: Kind) -> list[str]:
    return [*tables.declared(LEADING), *kind.columns, *tables.declared(TRAILING)]
