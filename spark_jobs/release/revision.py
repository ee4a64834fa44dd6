"""What a revision would change, for the person who must approve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.release import files
from spark_jobs.release.job import computed_slice, published_areas
from spark_jobs.release.model import Area
from spark_jobs.release.record import journal
from spark_jobs.release.record.journal import Published
from spark_jobs.release.wording import LANGUAGES, Wording, number
from spark_jobs.released.columns import TABLES, canonical_frame, rows

Row = Mapping[str, Any]


def preview(spark: SparkSession, city: City, day: date, city_folder: Path) -> str:
    """The published figures of the day beside those that the lake has now, in one line. Nothing is written."""
    before = [e for e in journal.read(city_folder) if isinstance(e, Published) and e.period == day]
    if not before:
        raise UsageError(
            f"preview_revision: {city.city_code} has published nothing of {day}, so that nothing is revised"
        )
    folder = files.release_folder(city_folder, before[-1].release_id)
    said = files.parse_csv("county_index", (folder / TABLES["county_index"].file).read_bytes())
    now = canonical_frame("county_index", computed_slice(spark, "county_index", city, day))
    return said_changes(rows(said), rows(now), published_areas(city, day), load_methodology())


def said_changes(before: Iterable[Row], now: Iterable[Row], areas: Iterable[Area], methodology: Methodology) -> str:
    """Each area's index with its interval, before and after. Areas that move by less than a tenth are only counted."""
    was, comes = ({row["area_code"]: row for row in each} for each in (before, now))
    zh = Wording("zh", methodology)
    parts, n_same = [], 0
    for area in areas:
        shown = [_figure(each.get(area.area_code), zh) for each in (was, comes)]
        if shown[0] == shown[1]:
            n_same += 1
        else:
            parts.append(f"{area.name.zh} {area.name.en}: {shown[0]} → {shown[1]}")
    same = [Wording(code, methodology).say("revision_same", n=n_same) for code in LANGUAGES] if n_same else []
    return "; ".join([*parts, " ".join(same)] if same else parts)


def _figure(row: Row | None, words: Wording) -> str:
    if row is None or row["index"] is None:
        return words.say("no_index")
    return f"{number(row['index'])} ({words.interval(row['lower'], row['upper'])})"
