"""Versions: what a feed's rows say of a record and known time, each valid until the next, merged into silver.

The same rows in any order, delivered once or ten times, in one batch or in many, give the same versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from itertools import pairwise, takewhile

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.models import Feed
from spark_jobs.feeds.absence import Withheld, withheld
from spark_jobs.feeds.corrections import CORRECTED, HEALED
from spark_jobs.feeds.decoding import FILE, ROW
from spark_jobs.feeds.silver import NOTES, accepted, columns_of, content_hash, elsewhere, silver_table
from spark_jobs.lake import tables

MOST_IDS = 100_000  # of the records of a batch; more are a back-fill, which touches everything
MOST_RANGES = 64
PLACE = 16  # bytes
DELIVERY = ("delivered_on", "landed_at")  # deliveries in order: by the day that they cover, then as they landed
LAST_WORD = (*DELIVERY, "is_deleted", "row_hash")  # rows of a record and known time in order; the last one counts


def versions(rows: DataFrame, feed: Feed) -> DataFrame:
    """Rows that count -> versions: each (record, known time) once, valid until the next.

    Of two rows of a record with the same known time, the one delivered later counts (DELIVERY). Within one delivery it
    is the later row in a docket, whose rows complete each other (`keep`); elsewhere a row that takes the record away,
    else the row with the greater hash. So the order in which batches are taken does not matter.
    """
    kind = load_kinds()[feed.kind]
    last_word = [*map(f.asc, LAST_WORD), f.desc("batch_id"), f.desc(CORRECTED)]
    if carries(feed):
        last_word = [*map(f.asc, DELIVERY), f.asc(FILE), f.asc(ROW), f.asc("batch_id")]
    rows = _carried_over(rows, feed) if carries(feed) else rows
    in_turn = Window.partitionBy("record_id").orderBy("known_at", *last_word)
    rows = rows.withColumn("known_to", f.lead("known_at").over(in_turn))
    rows = rows.where("known_to is distinct from known_at")  # the last of an instant is followed by the next or by none
    if feed.is_rebuilt:  # a row that says nothing new is no version
        by_time = Window.partitionBy("record_id").orderBy("known_at")
        rows = rows.withColumn("row_hash", content_hash(kind))
        rows = rows.withColumn("_before", f.lag("row_hash").over(by_time))
        rows = rows.where("_before is distinct from row_hash").drop("_before")
        rows = rows.withColumn("known_to", f.lead("known_at").over(by_time))
    rows = rows.withColumns({"known_from": f.col("known_at"), "is_current": f.col("known_to").isNull()})
    return rows.select(*columns_of(kind))


def carries(feed: Feed) -> bool:
    return any(column.keep for column in feed.columns.values())


def counting(staged: DataFrame, feed: Feed) -> DataFrame:
    """Staged rows that make versions: the accepted ones, and those that say that their record lies elsewhere by now.

    In a docket the latter make none: its entries complete each other, and some name no place.
    """
    count = accepted() if carries(feed) else accepted() | elsewhere()
    return staged.where(count).drop("faults", HEALED, NOTES)


def _carried_over(rows: DataFrame, feed: Feed) -> DataFrame:
    """`keep` columns over a record's rows in the order of the docket: the first or the last value so far."""
    so_far = (
        Window.partitionBy("record_id")
        .orderBy("known_at", *DELIVERY, FILE, ROW, "batch_id")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    for name, column in feed.columns.items():
        if column.keep:
            carry = f.first if column.keep == "first" else f.last
            rows = rows.withColumn(name, carry(name, ignorenulls=True).over(so_far))
    return rows


def with_vanished(rows: DataFrame, staged: DataFrame, doubtful: Sequence[Withheld]) -> DataFrame:
    """Close the records of a snapshot feed that a later delivery no longer has; they are not lost.

    A `doubtful` delivery closes nothing. `rows` are the delivered rows that count, and the versions that held before
    them. `staged` are all delivered rows, rejected ones too: a record whose row cannot be used has not vanished. Their
    known_at names the snapshot: it is the day of delivery, and a contract cannot say otherwise (`feed_faults`).
    """
    delivered = staged.where("record_id != '' and known_at is not null")
    last = f.max(f.struct(*DELIVERY, "batch_id")).alias("last")
    believed = delivered.where(~f.unix_micros("known_at").isin([each.snapshot.at for each in doubtful]))
    snapshots = believed.groupBy(f.col("known_at").alias("at")).agg(last)
    began = rows.groupBy("record_id").agg(f.min("known_at").alias("began"))
    expected = began.join(f.broadcast(snapshots), f.col("at") > f.col("began"))
    present = delivered.select("record_id", f.col("known_at").alias("at")).distinct()
    gone = expected.join(present, ["record_id", "at"], "left_anti").drop("began")
    before = Window.partitionBy("record_id", "at").orderBy(f.desc("known_at"), *map(f.desc, LAST_WORD))
    filled = (
        gone.join(rows, "record_id")
        .where("known_at < at")
        .withColumn("_rank", f.row_number().over(before))
        .where("_rank = 1")
        .withColumn("known_at", f.col("at"))
        .withColumn("is_deleted", f.lit(True))
        .withColumns({name: f.col("last")[name] for name in (*DELIVERY, "batch_id")})
        .drop("_rank", "at", "last")
    )
    return rows.unionByName(filled)


def keys(feed: Feed) -> dict[str, str]:
    """What a feed's slice of silver is known by."""
    return {"city_code": feed.city_code, "feed_code": feed.feed_code}


def merge(spark: SparkSession, feed: Feed, staged: DataFrame, is_first: bool) -> list[Withheld]:
    """Bring the feed's slice of silver up to date with the staged rows of a new batch. Returns the snapshots that
    closed nothing. `is_first`: no batch was taken before, so that these rows are all that there is.

    Not for a docket, whose entries complete each other, nor for a snapshot that does not come after all others. There
    stored versions do not tell enough, and `replace` is given all rows.
    """
    if is_first:
        return replace(spark, feed, staged)
    table = silver_table(feed.kind)
    own = tables.condition(keys(feed), of="old")
    stored = tables.read(spark, table).alias("old").where(own)
    fresh = counting(staged, feed)
    if feed.mode == "snapshot":
        within, known = own, stored.where("is_current")
    else:
        ids = fresh.select("record_id").distinct()
        within = f"{own} and {near(row.record_id for row in ids.limit(MOST_IDS + 1).collect())}"
        known = stored.where(within).join(ids, "record_id", "left_semi")
    both = fresh.drop(FILE, ROW).unionByName(known.drop("known_from", "known_to", "is_current"))
    doubtful = withheld(feed, staged, known) if feed.mode == "snapshot" else []
    both = with_vanished(both, staged, doubtful) if feed.mode == "snapshot" else both
    tables.upsert(spark, versions(both, feed), table, ("city_code", "feed_code", "record_id", "known_at"), within)
    return doubtful


def near(ids: Iterable[str]) -> str:
    """Where the versions `old` of these records lie, as ranges of record ids, so that only the files there are read.

    Sources number their records in order, most changes concern young ones, and `replace` writes them in order.
    """
    found = sorted(ids)
    if not found or len(found) > MOST_IDS:
        return "true"
    return "(" + " or ".join(
        f"old.record_id between {tables.literal(first)} and {tables.literal(last)}"
        for first, last in ranges(found, MOST_RANGES)
    ) + ")"  # fmt: skip


def ranges(words: Sequence[str], most: int) -> list[tuple[str, str]]:
    """Sorted words -> (first, last) of at most so many groups, cut where neighbours lie farthest apart.

    The distance is that of the first bytes after what all have in common, read as numbers.
    """
    texts = [word.encode() for word in words]
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(texts[0], texts[-1], strict=False)))
    places = [int.from_bytes(text[start : start + PLACE].ljust(PLACE, b"\0")) for text in texts]
    widest = nlargest(most - 1, range(1, len(words)), key=lambda n: places[n] - places[n - 1])
    cuts = [0, *sorted(widest), len(words)]
    return [(words[first], words[after - 1]) for first, after in pairwise(cuts)]


def replace(spark: SparkSession, feed: Feed, staged: DataFrame) -> list[Withheld]:
    """Make the feed's slice of silver be the versions of these staged rows, which are all that it has.

    Versions of a record lie side by side, and records in order of their ids. Returns the snapshots that closed nothing.
    """
    rows = counting(staged, feed)
    doubtful = withheld(feed, staged) if feed.mode == "snapshot" else []
    rows = with_vanished(rows, staged, doubtful) if feed.mode == "snapshot" else rows
    in_order = versions(rows.repartitionByRange("record_id"), feed)
    tables.replace_slice(spark, in_order, silver_table(feed.kind), keys(feed))
    return doubtful
