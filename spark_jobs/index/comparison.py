"""The edge of the movement: which earlier release to compare with, what it said, and rows of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from spark_jobs.index.engine.movement import CAUSES, NO_INDICATOR, Before, Movement
from spark_jobs.index.engine.released_inputs import on_units, window_of
from spark_jobs.index.engine.territory import placed
from spark_jobs.index.methodology import Methodology
from spark_jobs.lake import tables
from spark_jobs.released.columns import MOVEMENT_CAUSES
from spark_jobs.released.pointer import MANIFEST, POINTER


@dataclass(frozen=True)
class EarlierRelease:
    """One released city and day as the lake keeps it; frames of release.<name> without release_id and city_code."""

    release_id: str
    business_date: date
    county_index: pd.DataFrame
    indicator_value: pd.DataFrame
    headline: pd.DataFrame  # rows of `input` whose window is the headline's

    @property
    def held_back(self) -> dict[str, int]:
        """Days that each indicator's window left off at its end."""
        if "counted_through" not in self.indicator_value:  # released before windows could end early
            return {}
        said = self.indicator_value.drop_duplicates("indicator_id").dropna(subset="counted_through")
        pairs = zip(said["indicator_id"], said["counted_through"], strict=True)
        return {indicator: (self.business_date - through).days for indicator, through in pairs}


@dataclass(frozen=True)
class Link:
    """One release in the chain of releases, each of which names the one it was compared with."""

    business_date: date
    previous_release_id: str | None
    has_index: bool


def earlier_release(spark: SparkSession, city_code: str, business_date: date) -> EarlierRelease | None:
    """The release that `business_date` is compared with, or None for a city's first."""
    if not tables.exists(spark, POINTER):
        return None
    of_city, document = f.col("city_code") == city_code, f.col("document")
    manifest = tables.read(spark, MANIFEST).where(of_city).select(
        "release_id", "business_date",
        f.get_json_object(document, "$.previous_release_id").alias("previous"),
        f.get_json_object(document, "$.city_index.index").alias("index"),
    )  # fmt: skip
    pointer = tables.read(spark, POINTER).where(of_city).select("release_id")
    with ThreadPoolExecutor(tables.WRITERS) as pool:  # small reads are mostly waiting, so they wait together
        pointed, released = pool.map(lambda frame: frame.collect(), (pointer, manifest))
    links = {row.release_id: Link(row.business_date, row.previous, row["index"] is not None) for row in released}
    chosen = compared_with(links, pointed[0].release_id, business_date) if pointed else None
    return _read(spark, city_code, chosen, links[chosen].business_date) if chosen else None


def compared_with(links: Mapping[str, Link], current: str, business_date: date) -> str | None:
    """The newest release before `business_date` that has a city index, looked for back along the chain from what
    readers see.

    If none has an index, the newest; None if nothing earlier was released. Nights without an index are passed over, so
    that the movement bridges them. The chain decides, and not the clock: the same night again, or a repair of an older
    one, is compared with the same release as before.
    """
    newest: str | None = None
    release_id: str | None = current
    while release_id and (link := links.get(release_id)):
        if link.business_date < business_date:
            if link.has_index:
                return release_id
            newest = newest or release_id
        release_id = link.previous_release_id
    return newest


def _read(spark: SparkSession, city_code: str, release_id: str, business_date: date) -> EarlierRelease:
    def released(name: str) -> pd.DataFrame:
        of_release = (f.col("city_code") == city_code) & (f.col("release_id") == release_id)
        rows = tables.read(spark, f"release.{name}").where(of_release)
        return rows.where(f.col("window") == "headline").toPandas() if name == "input" else rows.toPandas()

    with ThreadPoolExecutor(tables.WRITERS) as pool:
        frames = pool.map(released, ("county_index", "indicator_value", "input"))
        return EarlierRelease(release_id, business_date, *frames)


def before_of(
    earlier: EarlierRelease, units: Sequence[str], methodology: Methodology, county_of: Mapping[str, str]
) -> Before:
    """What the release said, on `units`: today's areas in order, then the city. `county_of`: of former areas, today's."""
    areas, indicators = list(units[:-1]), methodology.indicators
    windows, described = [], []
    keys = ["indicator_id", "area_code", "stratum"]
    headline = (
        placed(earlier.headline, county_of).groupby(keys, as_index=False)[["count", "denominator"]].sum(min_count=1)
    )
    for indicator in indicators:
        rows = headline[headline["indicator_id"] == indicator.id]
        said = earlier.indicator_value[earlier.indicator_value["indicator_id"] == indicator.id]
        is_known = np.isin(areas, said["area_code"]) & (rows.empty or set(rows["stratum"]) == set(indicator.strata))
        described.append(is_known)
        if not rows.empty and is_known.any():
            windows.append(window_of(rows, areas, indicator, methodology))
    scores = earlier.indicator_value.pivot(index="indicator_id", columns="area_code", values="score")
    return Before(
        index=on_units(earlier.county_index.set_index("area_code")["index"], units),
        score=np.array([on_units(scores.T.get(i.id, pd.Series(dtype=float)), units) for i in indicators]),
        headline=tuple(windows),
        is_described=np.array(described),
    )


def movement_rows(
    moved: Movement, earlier: EarlierRelease, units: Sequence[str], methodology: Methodology
) -> Iterator[dict[str, Any]]:
    """Rows of index.movement. An area that cannot be compared has one row, with the reason."""
    names = [*(indicator.id for indicator in methodology.indicators), NO_INDICATOR]
    known = set(earlier.county_index["area_code"])
    order = [CAUSES.index(cause) for cause in MOVEMENT_CAUSES]
    for u, unit in enumerate(units):
        before = None if np.isnan(moved.before[u]) else float(moved.before[u])
        compared = {
            "area_code": unit,
            "previous_release_id": earlier.release_id,
            "previous_business_date": earlier.business_date,
            "previous_index": before,
            "reason_code": _reason(unit in known, before is None, bool(np.isnan(moved.after[u]))),
        }
        if compared["reason_code"]:
            yield {**compared, "indicator_id": NO_INDICATOR, **dict.fromkeys((*MOVEMENT_CAUSES, "total"))}
            continue
        for row, name in enumerate(names):
            points = moved.points[order, row, u].tolist()
            by_cause = dict(zip(MOVEMENT_CAUSES, points, strict=True))
            yield {**compared, "indicator_id": name, **by_cause, "total": sum(points)}


def _reason(is_known: bool, none_before: bool, none_now: bool) -> str | None:
    """Why an area cannot be compared; None if it can."""
    if not is_known:
        return "new_area"
    return "no_index_now" if none_now else "no_index_before" if none_before else None
