"""Records that a snapshot no longer has: closed by their absence, unless the delivery itself is in doubt.

A file that was cut off lacks records too. So a delivery closes nothing in two cases. Either it lacks more of the
records that were open before than the contract tolerates (`tolerance.closed_share`) and chance explains: of all of
them, or of the youngest, the oldest, the first or the last numbers, or of one area. Or it has rows whose key cannot be read: each of
them may be one of the absent. What was withheld is asked again of the next delivery. One without a row closes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as f
from scipy.stats import binom

from expectations.contract import load_kinds
from expectations.models import City, Feed
from spark_jobs.feeds.landing import Manifest
from spark_jobs.feeds.silver import accepted, elsewhere, silver_table
from spark_jobs.lake import tables

CHANCE = 0.001  # of withholding closings of which the contract tolerates just so many
LEAST_AT_AN_END = 5  # fewer absent records say nothing of where a file ends
SEEN = pd.Index(["turn", "until", "day", "n", "areas", "least", "most"])  # columns of what the snapshots have
STORED = -1  # in the place of a snapshot: what was open before the first of them


@dataclass(frozen=True)
class Snapshot:
    """One delivery of the whole table. `at`: known time of its rows, in microseconds since 1970."""

    at: int
    batch_id: str
    delivered_on: date
    n_unreadable: int


@dataclass(frozen=True)
class Withheld:
    """A snapshot that closes nothing, how many of the records open before it lacks, and why that is not believed."""

    snapshot: Snapshot
    n_before: int
    n_absent: int
    why: str

    def __str__(self) -> str:
        return (
            f"closings withheld: the snapshot of {self.snapshot.delivered_on} lacks {self.n_absent:,} of the "
            f"{self.n_before:,} records before it; {self.why}"
        )


def without_rows(feed: Feed, manifest: Manifest, empty_files: Sequence[str], taken: Iterable[Row]) -> dict[str, date]:
    """The whole tables of a batch without a row, by name, where a table of their day or before had some.

    `taken`: rows of the ledger. Before the first records a table may be empty, as any day of changes may.
    """
    if feed.mode != "snapshot":
        return {}
    full = [file.delivered_on for file in manifest.files if file.name not in empty_files]
    full += [min(row.delivered_days or [row.window_from]) for row in taken if row.n_accepted]
    first = min(full, default=date.max)
    empty = (file for file in manifest.files if file.name in empty_files)
    return {file.name: file.delivered_on for file in empty if file.delivered_on >= first}


def open_before(spark: SparkSession, city: City, feed: Feed, days: Iterable[date]) -> dict[date, int]:
    """How many of a snapshot's records silver has open before each of these days: a table without a row lacks them all."""
    if not (asked := sorted(set(days))):
        return {}
    known_on, until = (f.to_date(f.from_utc_timestamp(name, city.time_zone)) for name in ("known_from", "known_to"))
    of_feed = (f.col("city_code") == feed.city_code) & (f.col("feed_code") == feed.feed_code)
    stored = tables.read(spark, silver_table(feed.kind)).where(of_feed & ~f.col("is_deleted"))
    counts = [f.count_if((known_on < day) & (until.isNull() | (until >= day))).alias(day.isoformat()) for day in asked]
    return dict(zip(asked, stored.agg(*counts).collect()[0], strict=True))


def withheld(feed: Feed, staged: DataFrame, stored: DataFrame | None = None) -> list[Withheld]:
    """The snapshots among the staged rows, rejected ones too, that must close nothing; `stored`: versions before them."""
    snapshots = _snapshots(feed, staged)
    if not snapshots:
        return []
    return in_doubt(snapshots, _seen(feed, staged, stored, snapshots), feed.tolerance.closed_share)


def _snapshots(feed: Feed, staged: DataFrame) -> list[Snapshot]:
    of_delivery = f.max(f.struct("landed_at", "batch_id", "delivered_on")).alias("of")  # the last edition of the day
    n_unreadable = f.count_if(_has_unreadable_key(feed)).alias("n_unreadable")
    dated = staged.where("known_at is not null").groupBy(f.unix_micros("known_at").alias("at"))
    found = dated.agg(of_delivery, n_unreadable).orderBy("at").collect()
    return [Snapshot(row.at, row.of.batch_id, row.of.delivered_on, row.n_unreadable) for row in found]


def _has_unreadable_key(feed: Feed) -> Column:
    """True for a row whose record nobody can tell: its key is faulty, or the row as a whole."""
    names = ("record_id", *feed.record_id)

    def is_unreadable(fault: Column) -> Column:
        return (fault.column_name.isNull() | fault.column_name.isin(*names)) & (fault.rule != "id_reused")

    return f.exists("faults", is_unreadable)


def _seen(feed: Feed, staged: DataFrame, stored: DataFrame | None, snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    """Open records, counted by the snapshot that has them, the next one that has them again, and the day of the event.

    turn and until are numbers of snapshots (`len(snapshots)` for none); n is the number of records, areas that by area.
    least and most are the first and the last of their ids; a shorter id comes first. A rejected row shows its record as
    it stood before.
    """
    event_on = f.coalesce(*load_kinds()[feed.kind].event_on)
    turns = staged.sparkSession.createDataFrame([(s.at, n) for n, s in enumerate(snapshots)], "at bigint, turn int")
    said = staged.where("record_id != ''").join(f.broadcast(turns), f.unix_micros("known_at") == f.col("at"))
    is_open = f.when(accepted() | elsewhere(), ~f.col("is_deleted")).alias("is_open")
    day, area = f.when(accepted(), event_on).alias("day"), f.when(accepted(), f.col("area_code")).alias("area")
    rows = said.select("record_id", "turn", is_open, day, area)
    if stored is not None:
        before = stored.where("is_current and not is_deleted")
        of_before = (f.lit(STORED).alias("turn"), f.lit(True).alias("is_open"), event_on.alias("day"))
        rows = rows.unionByName(before.select("record_id", *of_before, f.col("area_code").alias("area")))
    rows = rows.groupBy("record_id", "turn").agg(*(f.max(name).alias(name) for name in ("is_open", "day", "area")))
    in_turn = Window.partitionBy("record_id").orderBy("turn")
    rows = rows.withColumns({
        "until": f.coalesce(f.lead("turn").over(in_turn), f.lit(len(snapshots))),
        "is_open": f.last("is_open", ignorenulls=True).over(in_turn),
        "day": f.last("day", ignorenulls=True).over(in_turn),
        "area": f.coalesce(f.last("area", ignorenulls=True).over(in_turn), f.lit("")),
    })  # fmt: skip
    number = f.struct(f.length("record_id").alias("length"), "record_id")
    ends = (f.min(number).alias("least"), f.max(number).alias("most"))
    of_area = rows.where("is_open").groupBy("turn", "until", "day", "area").agg(f.count("*").alias("n"), *ends)
    areas = f.map_from_entries(f.collect_list(f.struct("area", "n"))).alias("areas")
    in_all = (f.sum("n").alias("n"), areas, f.min("least").alias("least"), f.max("most").alias("most"))
    found = of_area.groupBy("turn", "until", "day").agg(*in_all).collect()
    cells = [(row.turn, row.until, row.day, row.n, row.areas, tuple(row.least), tuple(row.most)) for row in found]
    return pd.DataFrame(cells, columns=SEEN)


def in_doubt(snapshots: Sequence[Snapshot], seen: pd.DataFrame, closed_share: float) -> list[Withheld]:
    """Those of the snapshots, in order, whose closings are not believed; each is measured against the last believed."""
    found, believed = [], STORED
    for turn, snapshot in enumerate(snapshots):
        before = seen[(seen["turn"] >= believed) & (seen["turn"] < turn) & (seen["until"] >= turn)]
        is_absent = before["until"] > turn
        why = _doubt(before, is_absent, snapshot.n_unreadable, closed_share) if is_absent.any() else None
        if why:
            n_before, n_absent = int(before["n"].sum()), int(before["n"][is_absent].sum())
            found.append(Withheld(snapshot, n_before, n_absent, why))
        else:
            believed = turn
    return found


def _doubt(before: pd.DataFrame, is_absent: pd.Series, n_unreadable: int, closed_share: float) -> str | None:
    """Why the absence of these records is no proof; None if it is one."""
    if n_unreadable:
        return f"{n_unreadable:,} of its rows have a key that cannot be read"
    absent, stayed = before[is_absent], before[~is_absent]
    n_absent, most = int(absent["n"].sum()), _tolerated(int(before["n"].sum()), closed_share)
    if n_absent > most:
        return f"expected at most {most:,} (closed_share {closed_share:g} and chance)"
    days = pd.DataFrame({"all": before.groupby("day")["n"].sum(), "absent": absent.groupby("day")["n"].sum()}).fillna(0)
    for end, of_end in (("youngest", days.sort_index(ascending=False)), ("oldest", days.sort_index())):
        if is_cut_off(of_end["absent"].to_numpy(), of_end["all"].to_numpy(), closed_share):
            return f"they are the {end}"
    if area := _lacking_area(before, absent, closed_share):
        return f"they are most of the area {area}"
    if n_absent >= LEAST_AT_AN_END and n_absent > _tolerated(n_absent, closed_share) and len(stayed):
        if absent["least"].min() > stayed["most"].max():
            return "they are the last numbers"
        if absent["most"].max() < stayed["least"].min():
            return "they are the first numbers"
    return None


def _lacking_area(before: pd.DataFrame, absent: pd.DataFrame, closed_share: float) -> str | None:
    """The area of which most records are absent, and more than tolerance and chance explain; None if there is none."""
    of, gone = (sum(map(Counter, cells["areas"]), Counter[str]()) for cells in (before, absent))
    for area, n in gone.most_common():
        most = binom.isf(CHANCE / len(of), of[area], closed_share)
        if area and n >= LEAST_AT_AN_END and 2 * n >= of[area] and n > most:
            return area
    return None


def is_cut_off(absent: np.ndarray, of: np.ndarray, closed_share: float) -> bool:
    """Whether most records of the first so many days are absent, and more than tolerance and chance explain."""
    absent, of = absent.cumsum(), of.cumsum()
    most = binom.isf(CHANCE / max(1, of.size), of, closed_share)
    return bool(((absent >= LEAST_AT_AN_END) & (2 * absent >= of) & (absent > most)).any())


def _tolerated(n_records: int, closed_share: float) -> int:
    return int(binom.isf(CHANCE, n_records, closed_share))
