"""What vintages.parquet costs over 400 made-up nights: `CITY=… python -m bench.vintages [NIGHTS]`.

It prints one line a measure.
There are ten areas, the domains and indicators of the methodology, and a trend of 24 month ends, of which each night
revises a twentieth. Only the tables that are read are written; none of this is a release.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from bench.asked_city import asked_city
from expectations.contract import load_city
from spark_jobs.index.engine.windows import month_ends
from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.files import release_folder
from spark_jobs.release.record import journal, keeping
from spark_jobs.release.record.journal import Published
from spark_jobs.release.record.statements import MEASURES
from spark_jobs.released.columns import TABLES

FIRST = date(2026, 1, 1)
AREAS = [f"2306{n:02d}" for n in range(10)]
METHODOLOGY = load_methodology()
PARTS = {
    None: [""],
    "domain_id": [domain.id for domain in METHODOLOGY.domains],
    "indicator_id": [i.id for i in METHODOLOGY.indicators],
}


def main() -> None:
    n_nights = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    city, generator = load_city(asked_city()), np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        city_folder = Path(folder, "published", city.city_code)
        events = [_night(city_folder, FIRST + timedelta(days=n), generator) for n in range(n_nights + 1)]
        lines = "".join(f"{event.model_dump_json()}\n" for event in events[:-1])
        (city_folder / journal.JOURNAL_FILE).write_text(lines)
        path = city_folder / keeping.VINTAGES_FILE
        _measure(f"all {n_nights} nights at once", lambda: keeping.keep(city, METHODOLOGY, city_folder))
        journal.append(city_folder, events[-1])
        _measure("one night more", lambda: keeping.keep(city, METHODOLOGY, city_folder))
        _say(f"size: {path.stat().st_size / 1e6:.1f} MB, {len(pd.read_parquet(path)):,} rows")
        day, at = FIRST + timedelta(days=59), pd.Timestamp(FIRST + timedelta(days=61), tz="UTC")
        line = "day == @day and realtime_start <= @at and not realtime_end <= @at"
        names = {"day": day, "at": at}
        _measure("one line of pandas", lambda: pd.read_parquet(path).query(line, local_dict=names))
        query = (
            "select * from read_parquet($path) where day = $day and realtime_start <= $at "
            "and (realtime_end is null or realtime_end > $at)"
        )
        given = {"path": str(path), **names}
        _measure("one query of DuckDB", lambda: duckdb.execute(query, given).fetchall())


def _measure(what: str, run: Callable[[], object]) -> None:
    started = time.perf_counter()
    run()
    _say(f"{what}: {time.perf_counter() - started:.2f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _night(city_folder: Path, day: date, generator: np.random.Generator) -> Published:
    release_id = f"{day:%Y%m%d}-0123456789"
    folder = release_folder(city_folder, release_id)
    folder.mkdir(parents=True)
    for table, measures in _tables().items():
        with (folder / TABLES[table].file).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["area_code", *measures])
            writer.writerows(_rows(measures, generator))
    days = [*month_ends(day, METHODOLOGY.windows.trend_months)[:-1], day]
    trend = ((area, each, *_figures(each, day, generator)) for area in AREAS for each in days)
    with (folder / TABLES["trend"].file).open("w", newline="") as file:
        csv.writer(file).writerows([("area_code", "day", "index", "lower", "upper"), *trend])
    as_of = datetime(day.year, day.month, day.day, 17, 30, tzinfo=UTC)
    return Published(
        at=as_of + timedelta(minutes=20), release_id=release_id, period=day, as_of=as_of, status="provisional",
        method_version=METHODOLOGY.version,
    )  # fmt: skip


def _tables() -> dict[str, list[str]]:
    """Table -> the columns that are read from it: the part first, where it has one."""
    found: dict[str, list[str]] = {}
    for measure in MEASURES:
        columns = found.setdefault(measure.table, [measure.part] if measure.part else [])
        columns += [name for name in (measure.value, measure.lower, measure.upper) if name]
    return found


def _rows(columns: list[str], generator: np.random.Generator) -> list[list[object]]:
    part = next((name for name in PARTS if name in columns), None)
    n_values = len(columns) - bool(part)
    return [
        [area, *([each] if part else []), *np.round(generator.normal(100, 5, n_values), 9).tolist()]
        for area in AREAS
        for each in PARTS[part]
    ]


def _figures(each: date, day: date, generator: np.random.Generator) -> tuple[float, float, float]:
    """The index of a month end as first said, or as revised tonight."""
    value = 100 + each.toordinal() % 7 + (generator.normal() if generator.random() < 0.05 or each == day else 0.0)
    return value, value - 2, value + 2


if __name__ == "__main__":
    main()
