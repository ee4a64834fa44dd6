"""What `bench.lakehouse` measures, and the page about it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

import psutil

from bench.in_duckdb import MEMORY
from stack.spark_server import MEMORY as HEAP

NIGHT_RATIO, NIGHT_TO_DUCKDB, BACKFILL_TO_DUCKDB = 1.2, 0.5, 2.0  # aims


@dataclass(frozen=True)
class Refined:
    """One run of `refine` over one batch. Added and removed files and bytes are those of the silver table."""

    seconds: float
    stages: dict[str, float]  # seconds
    n_jvms: int  # started meanwhile
    read_mb: float  # by read calls of server and step: files (cached or not) and sockets
    n_added: int
    n_removed: int
    added_mb: float
    removed_mb: float


@dataclass(frozen=True)
class Backfill:
    """One first delivery of a feed. `spark_s` includes `start_s`, the start of the server, if there was one."""

    n_rows: int
    n_versions: int
    start_s: float
    spark_s: float
    duckdb_s: float
    run: Refined

    @property
    def ratio(self) -> float:
        return self.spark_s / self.duckdb_s


@dataclass(frozen=True)
class Increment:
    """Nights on one size of silver. `nights`: by the share of their rows that belong to orders of any age."""

    n_rows: int  # asked for
    n_versions: int  # stored before the first night
    n_days: int  # that they cover
    n_files: int
    stored_mb: float
    duckdb_s: float  # DuckDB's recompute of all stored versions from text in Parquet
    nights: dict[float, list[Refined]]

    def median(self, share: float, value: Callable[[Refined], float]) -> float:
        return median(map(value, self.nights[share]))

    def seconds(self, share: float) -> float:
        return self.median(share, lambda run: run.seconds)


def page(command: str, n_changed: int, backfills: Sequence[Backfill], increments: Sequence[Increment]) -> str:
    """The whole page as Markdown."""
    machine = f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}"
    return TEXT.format(
        command=command,
        machine=f"{machine}, {date.today()}",
        memory=MEMORY,
        heap=HEAP,
        n_changed=n_changed,
        n_new=n_changed // 2,
        aims="\n".join(_aims(backfills, increments)),
        backfills=_backfill_table(backfills),
        nights=_night_table(increments),
        stages=_stage_table(backfills, increments),
    )


def _verdict(what: str, found: float, aim: float) -> str:
    return f"- {what}: **{found:.2f}**; aim at most {aim:g}: {'met' if found <= aim else 'not met'}."


def _aged(share: float) -> str:
    return f"{100 * share:g} % of any age" if share else "none older than 60 days"


def _aims(backfills: Sequence[Backfill], increments: Sequence[Increment]) -> Iterable[str]:
    first, last = increments[0], increments[-1]
    for share in last.nights:
        if first is not last:
            names = f"{last.n_rows:,} stored rows / on {first.n_rows:,}"
            yield _verdict(
                f"A night on {names}, {_aged(share)}", last.seconds(share) / first.seconds(share), NIGHT_RATIO
            )
        what = f"A night on {last.n_rows:,} stored rows, {_aged(share)} / DuckDB's full recompute"
        yield _verdict(what, last.seconds(share) / last.duckdb_s, NIGHT_TO_DUCKDB)
    for name, each in zip(("cold", "warm"), backfills, strict=True):
        yield _verdict(f"Seconds of a {name} back-fill / DuckDB's", each.ratio, BACKFILL_TO_DUCKDB)


def _table(heads: Iterable[str], rows: dict[str, list[str]]) -> str:
    names = list(heads)
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())])


def _backfill_table(backfills: Sequence[Backfill]) -> str:
    rows: dict[str, Callable[[Backfill], str]] = {
        "raw rows": lambda each: f"{each.n_rows:,}",
        "versions, the same of both": lambda each: f"{each.n_versions:,}",
        "start of the server, s": lambda each: f"{each.start_s:.1f}" if each.start_s else "",
        "pipeline, s, the start included": lambda each: f"{each.spark_s:.1f}",
        "DuckDB, s": lambda each: f"{each.duckdb_s:.2f}",
        "pipeline, rows a second": lambda each: f"{each.n_rows / each.spark_s:,.0f}",
        "DuckDB, rows a second": lambda each: f"{each.n_rows / each.duckdb_s:,.0f}",
        "seconds of the pipeline / DuckDB's": lambda each: f"{each.ratio:.2f}",
        "read by server and step, MB": lambda each: f"{each.run.read_mb:,.0f}",
    }
    return _table(("cold", "warm"), {name: [show(each) for each in backfills] for name, show in rows.items()})


def _night_table(increments: Sequence[Increment]) -> str:
    found = [(each, share) for each in increments for share in each.nights]
    nights: dict[str, Callable[[Refined], float]] = {
        "read by server and step, MB": lambda run: run.read_mb,
        "files of silver removed": lambda run: run.n_removed,
        "files of silver added": lambda run: run.n_added,
        "bytes of silver removed, MB": lambda run: run.removed_mb,
        "bytes of silver added, MB": lambda run: run.added_mb,
    }
    rows = {
        "stored versions": [f"{each.n_versions:,}" for each, _ in found],
        "days that they cover": [f"{each.n_days:,}" for each, _ in found],
        "files of silver before the first night": [f"{each.n_files:,}" for each, _ in found],
        "bytes of silver before the first night, MB": [f"{each.stored_mb:,.0f}" for each, _ in found],
        "nights, s each": [" ".join(f"{run.seconds:.1f}" for run in each.nights[share]) for each, share in found],
        "night, s": [f"{each.seconds(share):.1f}" for each, share in found],
        **{name: [f"{each.median(share, value):,.0f}" for each, share in found] for name, value in nights.items()},
        "JVMs started in all nights": [f"{sum(run.n_jvms for run in each.nights[share])}" for each, share in found],
        "DuckDB's full recompute, s": [f"{each.duckdb_s:.1f}" for each, _ in found],
        "night / DuckDB's full recompute": [f"{each.seconds(share) / each.duckdb_s:.2f}" for each, share in found],
    }
    return _table((f"{each.n_rows:,}, {_aged(share)}" for each, share in found), rows)


def _stage_table(backfills: Sequence[Backfill], increments: Sequence[Increment]) -> str:
    nights = {
        f"night on {each.n_rows:,}, {_aged(share)}": runs for each in increments for share, runs in each.nights.items()
    }
    runs = {"cold back-fill": [backfills[0].run], "warm back-fill": [backfills[1].run], **nights}

    def cells(stage: str) -> list[str]:
        return [f"{median(run.stages[stage] for run in each):.1f}" for each in runs.values()]

    return _table(runs, {stage: cells(stage) for stage in backfills[0].run.stages})


TEXT = """# What is new, and what it costs

The step `refine` of one feed (12345 hotline, 28 source columns) from landed files to silver, beside DuckDB doing the
same typing, look-up of counties, de-duplication and versioning in SQL made from the same contract. Both ran in this one
run; compare the ratios. {machine}.

    {command}

{aims}

What is compared:

- The pipeline does all that it does in a night: bronze, staged rows, judgement, silver, rejects, ledger. DuckDB reads,
  types, drops what is to be rejected, finds the versions and their hashes, and writes them as Parquet; it keeps no
  bronze and no rejects and judges nothing. It has all cores and {memory} of memory; the server has a heap of {heap}.
- The rows are made up, as text, like those of the source. The bench ends in failure if the versions of a back-fill are
  not the same in both, in every column but the hash, or if silver does not grow by what a night brought.
- Nothing is flushed: files that have just been written may be read from the machine's memory, by both.

## Back-fill

Gzipped CSV as a pull of the database lands it, two versions an order, one row in a hundred delivered twice, one in two
hundred to be rejected. Cold: from no server to silver, in a lake without tables; DuckDB's first query. Warm: as many
rows of other orders, on the same server, after silver was emptied; DuckDB's second.

{backfills}

## Nights

Silver holds the versions of one hotline with {n_new:,} new orders a day and two versions an order, as one delivery of
all of them leaves it: more rows are more days. Then come nights of {n_changed:,} changed rows: half are new orders, a fifth
orders of the last seven days, the others orders of eight to sixty days. In the nights of a share "of any age" that share
of all rows, at the cost of the last, is spread evenly over all days that are stored. These shares are assumptions. The
rows of the day before, which a pull brings once more, are left out. One night comes before, unmeasured; those that are
measured follow each other, each with other rows, and each finds silver as the night before left it. The table has their
medians. The server runs already; start and imports of a step's own process are left out.

Bytes read are all bytes that server and step got from read calls: files, whether cached or not, programs, and what they
said to each other. Files and bytes removed and added are from silver's log: a file that a night touches is removed, and
written anew. DuckDB's full recompute reads all stored rows as text from Parquet and writes all versions, once.

{nights}

## Where the time goes

Wall seconds by stage; medians of the nights. Tables: looking whether they are there, creating them. Decode: reading the
landed files, hashing personal values. Bronze: appending. Stage: casting, finding counties and faults. Judge: Great
Expectations. Merge: versions into silver. Ledger: the batch's row. The rest: counts and rejects.

{stages}
"""
