"""What fits row by row and looks wrong in number: ids that changed what they are about, days with day and month
swapped, far more records than ever.

The account of the batch tells of a few. More than the tolerance and chance explain stop the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pa_dataset
from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as f
from scipy.stats import beta

from expectations.contract import load_kinds
from expectations.models import City, Feed, Kind
from expectations.suite import tolerated_rejects
from spark_jobs.feeds import silver, versions
from spark_jobs.feeds.clock_changes import REPEATED, SKIPPED
from spark_jobs.feeds.row_faults import SLACK, known_on
from spark_jobs.lake import tables

LATE = 20  # days; a day and month changed about are 27 or more away
RECENT = 28  # batches that tell what share of a feed's records is usually known so late ...
FEWEST = 200  # ... and the fewest records in them
FLOOD = 10_000  # records; fewer may come at once from any feed
FEWEST_IN_TABLE = 20  # records of a whole table; a smaller one may double any day
UNSURE = 0.01  # that the usual share lies above what is taken for it
FAR = 180  # days between two events of one id: no correction moves a day so far, but one of day and month swapped
ABOUT = ("day", "place", "family")  # what an id is about


def _day(kind: Kind) -> Column:
    """The day on which a record happened."""
    return f.coalesce(*(f.col(name).cast("date") for name in kind.event_on))


def doubt_columns(city: City, feed: Feed) -> list[Column]:
    """Counts of staged rows that ride along where its rows are counted: keys respelt, times at which clocks are changed,
    values left to `otherwise`, days.

    A day is swapped if it is long before the record was known, and would not be with day and month changed about.
    """
    is_told = silver.accepted() & ~f.col("is_deleted")
    day, known = _day(load_kinds()[feed.kind]), known_on(city.time_zone)
    swapped = f.when(f.day(day) <= 12, f.make_date(f.year(day), f.day(day), f.month(day)))
    is_late = f.date_diff(known, day) > LATE
    is_swapped = is_late & f.date_diff(known, swapped).between(-SLACK, LATE)
    left = [
        f.count_if(is_told & f.col(f"{silver.NOTES}.{name}")).alias(f"otherwise_{name}") for name in feed.open_columns
    ]
    return [
        f.count_if(is_told).alias("n_told"),
        f.count_if(is_told & is_late).alias("n_late"),
        f.count_if(is_told & is_swapped).alias("n_swapped"),
        f.count_if(silver.accepted() & f.col(f"{silver.NOTES}.{silver.SPELLING}").isNotNull()).alias("n_respelt"),
        *(
            f.count_if(silver.accepted() & (f.col(f"{silver.NOTES}.{silver.CLOCKS}") == change)).alias(f"n_{change}")
            for change in (SKIPPED, REPEATED)
        ),
        *left,
    ]


def usual_late(taken: Iterable[Row]) -> float | None:
    """The largest share of a feed's records that is usually known late, by its newest batches in the ledger. None
    before it is learnt.
    """
    recent = _recent(taken)
    n_told, n_late = _n_told(recent), sum(row.n_late for row in recent)
    if n_told < FEWEST:
        return None
    return 1.0 if n_late >= n_told else float(beta.isf(UNSURE, n_late + 1, n_told - n_late))


def _recent(taken: Iterable[Row]) -> list[Row]:
    """The newest of a feed's batches that were counted in full."""
    counted = (row for row in taken if row.n_late is not None)
    return sorted(counted, key=lambda row: (row.window_to, row.batch_id))[-RECENT:]


def _n_told(counted: list[Row]) -> int:
    return sum(row.n_accepted - row.n_deleted for row in counted)


def _n_days(first: date, last: date) -> int:
    return (last - first).days + 1


def swapped_days(feed: Feed, doubts: dict[str, int], usual: float | None) -> str | None:
    """What to say of a batch with more swapped days than chance explains.

    `usual` is that of `usual_late`. Where more records are late than ever before, only the late ones are asked, so that
    a few among many stand out.
    """
    is_unusual = usual is not None and doubts["n_late"] > tolerated_rejects(doubts["n_told"], usual)
    asked = doubts["n_late" if is_unusual else "n_told"]
    most = tolerated_rejects(asked, feed.tolerance.swapped_share)
    if doubts["n_swapped"] <= most:
        return None
    late = "late " if is_unusual else ""
    return (
        f"swapped_day: {doubts['n_swapped']} of {asked} {late}records happened more than {LATE} days before they "
        f"were known, and would not have with day and month changed about; expected at most {most}: does the source "
        "write the day first, or the month? If they are right: `tolerance.swapped_share`"
    )


def flood(feed: Feed, first: date, last: date, n_told: int, taken: Iterable[Row]) -> str | None:
    """What to say of changes with many times the records a day that the feed's newest batches in the ledger have.

    `first`, `last`: the days that the batch covers, so that what was not fetched for weeks may come at once. Whole tables
    are compared with each other by `twice_as_many`, and have any size.
    """
    recent = _recent(taken)
    if feed.mode == "snapshot" or n_told < FLOOD or _n_told(recent) < FEWEST:
        return None
    usual = _n_told(recent) / sum(_n_days(row.window_from, row.window_to) for row in recent) * _n_days(first, last)
    if n_told <= feed.tolerance.times_usual * usual:
        return None
    return (
        f"flood: {n_told:,} records of {_n_days(first, last)} days, {usual:,.0f} are usual; expected at most "
        f"{feed.tolerance.times_usual:g} times as many: did the source send its past again, or each row many times? If they "
        "are right: `tolerance.times_usual`"
    )


def twice_as_many(feed: Feed, days: Iterable[date], n_accepted: int, taken: Iterable[Row]) -> str | None:
    """What to say of a whole table with twice the rows of the one before it: an export may have written them twice.

    `days`: those of the batch's files; `taken`: rows of the ledger. Batches of several days are not compared.
    """
    own = set(days)
    if feed.mode != "snapshot" or len(own) != 1:
        return None
    of_day = ((row.delivered_days[0], row.n_accepted) for row in taken if len(row.delivered_days or ()) == 1)
    day, n_before = max((each for each in of_day if each[0] < min(own)), default=(None, 0))
    if n_before < FEWEST_IN_TABLE or n_accepted < 2 * n_before:
        return None
    return f"twice as many rows as the whole table before, or more: {n_accepted:,}; {n_before:,} on {day}"


def ids_in_doubt(spark: SparkSession, feed: Feed, folder: Path, is_all: bool) -> dict[str, int]:
    """Counts of ids of a staged batch: those that come `again`, those that `changed` what they are about, those that
    differ from another in `capitals` only, and those that several `spellings` of the batch became.

    They are compared with what is stored too, unless the batch is all there is (`is_all`).
    """
    rows = _own(folder, load_kinds()[feed.kind])
    if rows.num_rows and not is_all:  # a batch may hold deletions alone
        stored = _stored(spark, feed, rows["record_id"].unique())
        rows = pa.concat_tables([rows, stored.cast(rows.schema)])
    key = pc.utf8_lower(rows["record_id"])
    plain = {
        name: pc.dictionary_encode(rows[name].combine_chunks()).indices for name in ("record_id", "place", "family")
    }
    coded = pa.table({"key": key, "day": rows["day"].cast(pa.int32()), **plain})
    columns = ("record_id", *ABOUT)
    grouped = coded.group_by("key").aggregate(
        [("key", "count"), *((name, how) for name in columns for how in ("min", "max"))]
    )
    differs = {
        name: pc.fill_null(pc.not_equal(grouped[f"{name}_min"], grouped[f"{name}_max"]), False) for name in columns
    }
    is_one = pc.invert(differs["record_id"])
    elsewhere = pc.or_(_is_far(grouped["day_min"], grouped["day_max"]), pc.or_(differs["place"], differs["family"]))
    changed = pc.and_(is_one, pc.and_(differs["day"], elsewhere))
    again = pc.and_(is_one, pc.greater(grouped["key_count"], 1))
    counts = {"again": again, "changed": changed, "capitals": differs["record_id"]}
    return {name: pc.sum(is_so).as_py() or 0 for name, is_so in counts.items()} | {"spellings": _respelt(folder)}


def _is_far(first: pa.ChunkedArray, last: pa.ChunkedArray) -> pa.ChunkedArray:
    """True where two days lie further apart than one is corrected, unless it was only day and month changed about."""
    is_far = pc.greater(pc.subtract(last, first), FAR)
    first, last = first.cast(pa.date32()), last.cast(pa.date32())
    parts = ((pc.year, pc.year), (pc.month, pc.day), (pc.day, pc.month))
    is_swapped = reduce(pc.and_, (pc.equal(of_first(first), of_last(last)) for of_first, of_last in parts))
    return pc.fill_null(pc.and_not(is_far, is_swapped), False)


def _respelt(folder: Path) -> int:
    """Ids of a staged batch that more than one spelling became."""
    spelling = pc.field(silver.NOTES, silver.SPELLING)
    columns = {"record_id": pc.field("record_id"), "spelling": spelling}
    dataset = pa_dataset.dataset(folder, format="parquet")
    respelt = dataset.to_table(columns=columns, filter=spelling.is_valid())
    if not respelt.num_rows:
        return 0
    plain = dataset.to_table(columns=columns, filter=pc.field("record_id").isin(respelt["record_id"].unique()))
    spellings = plain.group_by(["record_id", "spelling"]).aggregate([]).group_by("record_id")
    return int(pc.sum(pc.greater(spellings.aggregate([([], "count_all")])["count_all"], 1)).as_py() or 0)


def changed_ids(feed: Feed, doubts: dict[str, int]) -> str | None:
    """What to say of a batch in which more known ids are about something else than chance explains."""
    most = tolerated_rejects(doubts["again"], feed.tolerance.changed_share)
    if doubts["changed"] <= most:
        return None
    return (
        f"id_of_another_event: {doubts['changed']} of {doubts['again']} ids that come again tell of another day, and of "
        f"another county or family or more than {FAR} days away; expected at most {most}: do the source's numbers begin anew? Then `record_id` needs "
        "the column with the year; if they are right: `tolerance.changed_share`"
    )


def in_words(feed: Feed, doubts: dict[str, int]) -> list[str]:
    """What a person should know of a batch that is taken."""
    left = [f"{name} {n:,}" for name in feed.open_columns if (n := doubts[f"otherwise_{name}"])]
    told = {
        "keys in another spelling than their normal form": doubts["n_respelt"],
        "keys that several spellings of the batch became": doubts["spellings"],
        "ids that differ in capitals only": doubts["capitals"],
        "ids of another event than before (id_of_another_event)": doubts["changed"],
        "rows with a local time that the clocks skip, read by the offset before the change": doubts[f"n_{SKIPPED}"],
        "rows with a local time that comes twice, read as the first": doubts[f"n_{REPEATED}"],
    }
    said = [f"{what}: {n:,}" for what, n in told.items() if n]
    return [*said, f"left to otherwise: {', '.join(left)}"] if left else said


def _own(folder: Path, kind: Kind) -> pa.Table:
    """What the accepted rows of a staged batch are about."""
    days = {name: pc.field(name).cast(pa.date32()) for name in kind.event_on}
    columns = {"record_id": pc.field("record_id"), "place": pc.field("area_code")}
    columns["family"] = pc.field(kind.family) if kind.family else pc.scalar("")
    told = pa_dataset.dataset(folder, format="parquet").to_table(
        columns={**columns, **days, "is_deleted": pc.field("is_deleted"), "faults": pc.field("faults")}
    )
    told = told.filter(pc.and_(pc.equal(pc.list_value_length(told["faults"]), 0), pc.invert(told["is_deleted"])))
    day = pc.coalesce(*(told[name] for name in kind.event_on))
    return pa.table({"record_id": told["record_id"], "day": day, "place": told["place"], "family": told["family"]})


def _stored(spark: SparkSession, feed: Feed, ids: pa.Array) -> pa.Table:
    """What those records are about that silver has under these ids, in whatever capitals."""
    kind = load_kinds()[feed.kind]
    few = ids.to_pylist() if len(ids) <= versions.MOST_IDS else []
    near = versions.near({*few, *map(str.lower, few), *map(str.upper, few)})
    own = tables.condition(versions.keys(feed), of="old")
    stored = tables.read(spark, silver.silver_table(feed.kind)).alias("old").where(f"{own} and {near}")
    batch = spark.createDataFrame(pa.table({"id": ids})).select(f.lower("id").alias("key"))
    found = stored.where("is_current and not is_deleted").join(batch, f.lower("record_id") == f.col("key"), "left_semi")
    family = f.col(kind.family) if kind.family else f.lit("")
    return found.select(
        "record_id", _day(kind).alias("day"), f.col("area_code").alias("place"), family.alias("family")
    ).toArrow()
