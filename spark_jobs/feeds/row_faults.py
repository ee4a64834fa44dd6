"""Why a row of a feed cannot be used: its key, its times, its place, and values that are none of their type.

Each rule is a condition on one row that has been cast; what breaks one is a reject with that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as f

from expectations.models import Feed, Kind
from expectations.places import AMBIGUOUS, OF_ANOTHER_DAY
from spark_jobs.feeds.bronze import DELIVERED
from spark_jobs.feeds.casting import (
    LATEST,
    Cast,
    RejectRule,
    is_null_word,
    is_number_like,
    listed,
    meets,
    not_a,
    text_of,
    unnamed,
)
from spark_jobs.feeds.clock_changes import later_reading

LONGEST_KEY = 200  # characters
UNKNOWN = "unknown_area"  # a word that is no place of the city on any day
OUTSIDE = "outside_area"  # the rule that rows of other places break
SLACK = 3  # days; more than wrong clocks, time zones and a cut-off after midnight ever add up to


def row_faults(feed: Feed, kind: Kind, casts: Mapping[str, Cast], known_text: Column, time_zone: str) -> Column:
    """The faults of a cast row. Of one that takes its record away only key, time and place are asked."""
    of_version = [
        *_key_faults(feed),
        *_deletion_faults(feed),
        *_known_faults(known_text, time_zone),
        *_outside_faults(feed),
    ]
    of_content = [
        *_event_faults(kind, time_zone),
        *_order_faults(kind, time_zone),
        *_area_faults(feed),
        *(fault for cast in casts.values() for fault in cast.faults),
    ]
    faults = listed([*of_version, *of_content])
    return f.when(f.col("is_deleted"), listed(of_version)).otherwise(faults) if feed.takes_away else faults


def _key_faults(feed: Feed) -> list[RejectRule]:
    """A key is refused if a part of it is empty, says that it is, or became a number: it could be another record's key.
    So is a key of absurd length.
    """
    record_id, parts = f.col("record_id"), [text_of(name) for name in feed.record_id]
    return [
        RejectRule("required", "record_id", f.lit(None).cast("string"), reduce(or_, (part.isNull() for part in parts))),
        RejectRule("null_word", "record_id", record_id, reduce(or_, map(is_null_word, parts))),
        RejectRule("number_like", "record_id", record_id, reduce(or_, map(is_number_like, parts))),
        RejectRule("too_long", "record_id", record_id, f.length(record_id) > LONGEST_KEY),
    ]


def _deletion_faults(feed: Feed) -> list[RejectRule]:
    """What the contract names neither as a deletion nor as none: it could be either."""
    if not feed.deleted:
        return []
    return [RejectRule("unknown_value", "is_deleted", text_of(feed.deleted.column), unnamed(feed, feed.deleted))]


def known_on(time_zone: str) -> Column:
    """The local day of `known_at`."""
    return f.to_date(f.from_utc_timestamp("known_at", time_zone))


def _known_faults(known_text: Column, time_zone: str) -> list[RejectRule]:
    """Nothing is delivered before it is known."""
    day = known_on(time_zone)
    return [
        RejectRule(not_a("instant"), "known_at", known_text, f.col("known_at").isNull()),
        RejectRule("in_future", "known_at", day.cast("string"), day >= f.date_add(DELIVERED, SLACK)),
    ]


def _event_faults(kind: Kind, time_zone: str) -> list[RejectRule]:
    """Nothing is known before it happens, and it happened some time."""
    faults, day = [], known_on(time_zone)
    for event in kind.events:
        happened = f.col(event)
        if kind.columns[event].type == "instant":
            happened = f.to_date(f.from_utc_timestamp(happened, time_zone))
        is_late = happened.between(f.date_add(day, SLACK), LATEST)
        faults.append(RejectRule("in_future", event, happened.cast("string"), is_late))
    if len(kind.events) > 1:  # a single one is a required column
        nowhen = f.coalesce(*(f.col(event).cast("string") for event in kind.events)).isNull()
        faults.append(RejectRule("required", kind.events[0], f.lit(None).cast("string"), nowhen))
    return faults


def _order_faults(kind: Kind, time_zone: str) -> list[RejectRule]:
    """A stage before one that it follows. Midnight is what a source without clock times gives: then the day counts.

    A time that comes twice is early only if its second reading is.
    """
    faults = []
    for n, stage in enumerate(kind.order[1:], 1):
        before = f.greatest(*kind.order[:n]) if n > 1 else f.col(kind.order[0])
        local, local_before = f.from_utc_timestamp(stage, time_zone), f.from_utc_timestamp(before, time_zone)
        is_day = local == f.date_trunc("day", local)
        is_early = later_reading(f.col(stage), time_zone) < before
        is_early = f.when(is_day, f.to_date(local) < f.to_date(local_before)).otherwise(is_early)
        faults.append(RejectRule("out_of_order", stage, local.cast("string"), is_early))
    return faults


def _outside_faults(feed: Feed) -> list[RejectRule]:
    """The source says that the place is not in this city. A row that is deleted besides is accepted as that."""
    is_elsewhere = f.col("is_deleted") & ~deleted(feed)
    return [RejectRule(OUTSIDE, "area_code", _place(feed), is_elsewhere)] if feed.outside_area else []


def _area_faults(feed: Feed) -> list[RejectRule]:
    """Why a row has no county: its place is not one county's, none on the day of the event, or not known at all."""
    rule = f.col("_area_fault")
    return [RejectRule(name, "area_code", _place(feed), rule == name) for name in (AMBIGUOUS, OF_ANOTHER_DAY, UNKNOWN)]


def _place(feed: Feed) -> Column:
    return f.concat_ws("/", *map(text_of, feed.area))


def deleted(feed: Feed) -> Column:
    """True where the source itself says that the record is deleted."""
    return meets(feed.deleted) if feed.deleted else f.lit(False)


def outside(feed: Feed) -> Column:
    """True where the source itself says that the place is not in this city."""
    said = f.lit(False)
    for source in feed.area:
        empty = f.lit("" in feed.outside_area) & text_of(source).isNull()
        said = said | f.coalesce(text_of(source).isin(*feed.outside_area), f.lit(False)) | empty
    return said
