"""The engine through Spark: the map of the index job over cities and as-of days, on the bench's own server."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from pyspark.sql import SparkSession

from bench.made_up_years import METHODOLOGY, SEED, year
from bench.own_server import descendants, layout_in, looking, own_server
from spark_jobs.index.engine.as_of import CityFrame
from spark_jobs.index.engine.composite_index import base_goalposts
from spark_jobs.index.engine.windows import Coverage
from spark_jobs.index.history import mapped

TONIGHT = date(2026, 11, 22)
FIRST = TONIGHT - timedelta(days=3 * 365)  # a year of as-of days, each with its year and the year before
EVERY = 3  # a stratum and county has events every so many days


@dataclass(frozen=True)
class Run:
    """Wall seconds of one run, what it computed, and the most memory that a Python worker of Spark held."""

    seconds: float
    n_days: int
    n_areas: int
    worker_mb: float


def city_frame(code: str, n_areas: int) -> CityFrame:
    areas = tuple(f"{code}{number:02d}" for number in range(n_areas))
    codes = {indicator.denominator for indicator in METHODOLOGY.indicators if indicator.denominator}
    rows = [(area, denominator_code, FIRST, None, 2e5, "exact") for area in areas for denominator_code in sorted(codes)]
    columns = ["area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code"]
    rng = np.random.default_rng(SEED)
    goalposts = base_goalposts([year(rng) for _ in range(METHODOLOGY.windows.base_years)], METHODOLOGY)
    coverage = {indicator.id: Coverage(FIRST, TONIGHT) for indicator in METHODOLOGY.indicators}
    return CityFrame(code, areas, pd.DataFrame(rows, columns=columns), coverage, goalposts, {}, TONIGHT, METHODOLOGY)


def daily_rows(code: str, areas: Sequence[str]) -> pd.DataFrame:
    """indicators.daily of one made-up city; a stock has a row every day."""
    rng = np.random.default_rng(SEED)
    days = pd.date_range(FIRST, TONIGHT).date
    frames = []
    for indicator in METHODOLOGY.indicators:
        for stratum in indicator.strata:
            for area in areas:
                kept = days if indicator.denominator_code == "stock" else days[int(rng.integers(EVERY)) :: EVERY]
                events = rng.poisson(rng.uniform(0.5, 3.0), len(kept)).astype(float)
                frames.append(pd.DataFrame({
                    "city_code": code, "indicator_id": indicator.id, "area_code": area, "day": kept, "stratum": stratum,
                    "numerator": events, "denominator": np.nan if indicator.kind == "rate" else events + 27.0,
                }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def timed(spark: SparkSession, folder: Path, n_cities: int, n_areas: int, n_days: int) -> Run:
    """Map the engine over the last `n_days` as-of days of `n_cities` cities. The rows are in Parquet, as in a lake."""
    cities = {code: city_frame(code, n_areas) for code in (f"city{number:02d}" for number in range(n_cities))}
    for code, frame in cities.items():
        daily_rows(code, frame.area_codes).to_parquet(folder / f"{n_days}-{code}.parquet")
    daily = spark.read.parquet(*(str(folder / f"{n_days}-{code}.parquet") for code in cities))
    days = {code: [TONIGHT - timedelta(days=n) for n in range(n_days)] for code in cities}
    began = time.perf_counter()
    peak = [0.0]
    with looking(lambda: peak.append(largest_worker())):
        found = mapped(spark, daily, cities, days, 2 * (os.cpu_count() or 1)).toPandas()
    seconds = time.perf_counter() - began
    assert len(found) == n_cities * n_days * (n_areas + 1) and found["index"].notna().all()
    return Run(seconds, n_days, n_cities * n_areas, max(peak))


def largest_worker() -> float:
    """Megabytes of the largest Python worker of Spark at this moment."""
    sizes = [0.0]
    for process in descendants(lambda process: "pyspark.daemon" in process.cmdline()):
        with suppress(psutil.Error):  # one that has just ended
            sizes.append(process.memory_info().rss / 1e6)
    return max(sizes)


def measured() -> dict[str, Run]:
    """A month and a year of one city, and one night of thirty. Python workers are started before, as on a server."""
    with tempfile.TemporaryDirectory() as folder, own_server(layout_in(Path(folder, "state"))) as spark:
        timed(spark, Path(folder), 1, 9, 4)
        return {
            "month": timed(spark, Path(folder), 1, 9, 30),
            "year": timed(spark, Path(folder), 1, 9, 365),
            "cities": timed(spark, Path(folder), 30, 10, 1),
        }
