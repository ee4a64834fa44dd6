"""`CITY=… python -m bench.lakehouse`: what a night and a back-fill of a feed cost, beside DuckDB doing the same in one run.

Writes bench/lakehouse.md. Seconds are wall seconds of one machine; compare ratios.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pyspark.sql import functions as f

from bench.hotline_rows import CITY, LAST_DAY, Stored
from bench.hotline_rows import backfill as backfill_rows
from bench.in_duckdb import DuckDB, quoted
from bench.lakehouse_page import Backfill, Increment, Refined, page
from bench.watched_refine import MB, Lakehouse, lakehouse, refined
from expectations.contract import load_kinds
from spark_jobs.feeds import batches, refine, silver, versions
from spark_jobs.feeds.casting import FAULTS
from spark_jobs.feeds.corrections import CORRECTED, HEALED

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
PAGE = Path(__file__).with_name("lakehouse.md")
N_NIGHTS = 3  # measured, after one that is not
DISK_BYTES_A_ROW = 1_500  # for raw text, DuckDB's versions, what Spark spills, silver and its nights


def say(text: str) -> None:
    sys.stderr.write(f"lakehouse · {text}\n")


def backfills(state: Path, n_rows: int) -> list[Backfill]:
    """Cold: from no server to silver. Warm: as many other rows on the same server, after silver was emptied."""
    found: list[Backfill] = []
    with ExitStack() as stack:
        began = time.perf_counter()
        lake = stack.enter_context(lakehouse(state))
        start_s = time.perf_counter() - began
        began = time.perf_counter()
        duck = DuckDB(lake.city, lake.feed, lake.settings.hash_keys, state / "duckdb")
        opened_s = time.perf_counter() - began
        for number in (0, 1):
            day = LAST_DAY + timedelta(days=number)
            manifest = lake.land(backfill_rows(number, n_rows), lake.feed.starts_on, day)
            if number:
                lake.spark.sql(f"delete from {lake.table}")  # noqa: S608 - a name of our own
                start_s = opened_s = 0.0
            run = refined(lake)
            began = time.perf_counter()
            duck.write_versions(duck.raw_files(lake.raw_files(manifest), day), state / "versions", manifest.batch_id)
            duckdb_s = time.perf_counter() - began + opened_s
            n_versions = compared(lake, duck, state / "versions")
            found.append(Backfill(manifest.n_rows or 0, n_versions, start_s, start_s + run.seconds, duckdb_s, run))
            say(f"back-fill {found[-1]}")
    return found


def compared(lake: Lakehouse, duck: DuckDB, theirs: Path) -> int:
    """Number of versions, if silver and DuckDB agree in every column but the hash. If not, ends the bench."""
    same = [name for name in silver.columns_of(load_kinds()[lake.feed.kind]) if name not in ("row_hash", CORRECTED)]
    names = ", ".join(name for name in same if name not in ("city_code", "feed_code"))
    ours, others = duck.parquet(lake.silver_files(), names), duck.parquet(theirs, names)
    n_common = len(ours.intersect(others))
    if not len(ours) == n_common == len(others):
        raise SystemExit(f"silver has {len(ours):,} versions, DuckDB {len(others):,}; {n_common:,} are the same")
    return n_common


def increment(state: Path, n_rows: int, n_changed: int, shares: Sequence[float]) -> Increment:
    """Store `n_rows` versions, then let nights come."""
    stored = Stored(n_rows, n_changed)
    with lakehouse(state) as lake:
        duckdb_s, n_versions = fill(lake, stored, state)
        detail = lake.spark.sql(f"describe detail {lake.table}").collect()[0]
        size = (n_versions, stored.n_days, detail.numFiles, detail.sizeInBytes / MB, duckdb_s)
        say(f"{n_rows:,} rows: stored {size}")
        nights: dict[float, list[Refined]] = {share: [] for share in shares}
        numbers = iter(range(1, 2 + N_NIGHTS * len(shares)))
        night(lake, stored, next(numbers), shares[0])
        for share in shares:
            nights[share] = [night(lake, stored, next(numbers), share) for _ in range(N_NIGHTS)]
    return Increment(n_rows, *size, nights)


def fill(lake: Lakehouse, stored: Stored, state: Path) -> tuple[float, int]:
    """Fill silver as one delivery of all these rows would. Returns DuckDB's seconds, and the number of versions.

    DuckDB types the rows, and only that is timed. The pipeline's own `replace` makes the table from them.
    """
    duck = DuckDB(lake.city, lake.feed, lake.settings.hash_keys, state / "duckdb")
    text, typed = state / "text", state / "typed"
    text.mkdir()
    for number, rows in enumerate(stored.chunks()):
        duck.write_bronze(rows, text / f"{number:05d}.parquet", LAST_DAY)
    began = time.perf_counter()
    duck.write_versions(f"read_parquet({quoted(f'{text}/*.parquet')})", typed, "stored")
    duckdb_s = time.perf_counter() - began
    shutil.rmtree(text)
    refine.create_tables(lake.spark, lake.feed)
    nothing = f.lit(None).cast("string")
    keys = {"city_code": f.lit(lake.city.city_code), "feed_code": f.lit(lake.feed.feed_code)}
    staged = lake.spark.read.parquet(str(typed)).drop("known_from", "known_to", "is_current")
    staged = staged.withColumns({**keys, CORRECTED: nothing, HEALED: nothing, "faults": f.array().cast(FAULTS)})
    versions.replace(lake.spark, lake.feed, staged)
    n_versions = len(duck.parquet(typed))
    if n_versions != lake.n_versions():
        raise SystemExit(f"expected {n_versions:,} versions in silver, found {lake.n_versions():,}")
    shutil.rmtree(typed)
    return duckdb_s, n_versions


def night(lake: Lakehouse, stored: Stored, number: int, share: float) -> Refined:
    """Land a night's rows and refine them. Ends the bench if silver does not grow by the accepted rows."""
    day, rows = stored.night(number, share)
    before = lake.n_versions()
    manifest = lake.land(rows, day, day)
    run = refined(lake)
    accepted = batches.ledger_of(lake.spark, lake.feed)[manifest.batch_id].n_accepted
    if lake.n_versions() != before + accepted:
        raise SystemExit(f"night {number}: expected {before + accepted:,} versions, found {lake.n_versions():,}")
    say(f"{stored.n_rows:,} rows, night {number} ({100 * share:g} % of any age): {run}")
    return run


@app.command()
def main(
    rows: Annotated[str, typer.Option(help="stored versions, one or more sizes")] = "2000000,20000000",
    changed: Annotated[int, typer.Option(help="rows that a night changes")] = 10_000,
    backfill: Annotated[int, typer.Option(help="raw rows of the back-fill")] = 2_000_000,
    any_age: Annotated[str, typer.Option(help="shares of a night's rows that are of orders of any age")] = "0,0.05",
) -> None:
    """Measure, and write bench/lakehouse.md."""
    sizes, shares = sorted(map(int, rows.split(","))), [*map(float, any_age.split(","))]
    with tempfile.TemporaryDirectory(prefix="lakehouse-") as folder:
        needed = DISK_BYTES_A_ROW * sizes[-1]
        if shutil.disk_usage(folder).free < needed:
            raise SystemExit(f"expected {needed / 1e9:.0f} GB free in {folder}; choose another folder by TMPDIR")
        filled = backfills(Path(folder, "backfill"), backfill)
        increments = []
        for size in sizes:
            increments.append(increment(Path(folder, str(size)), size, changed, shares))
            shutil.rmtree(Path(folder, str(size)))
    options = f"--rows {rows} --changed {changed} --backfill {backfill} --any-age {any_age}"
    command = f"CITY={CITY} python -m bench.lakehouse {options}"
    text = page(command, changed, filled, increments)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    app()
