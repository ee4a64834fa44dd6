"""What one release says, read from its folder: a figure of an area about a day, with its interval and status. Files only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from spark_jobs.errors import EnvironmentFault
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.files import release_folder
from spark_jobs.release.record.journal import Published
from spark_jobs.released.columns import TABLES
from spark_jobs.released.obs_status import obs_status

Row = dict[str, Any]


@dataclass(frozen=True)
class Measure:
    """Where a figure stands: table, column of the part (domain, indicator), value and the ends of its interval."""

    code: str
    table: str
    part: str | None
    value: str
    lower: str | None = None
    upper: str | None = None


MEASURES = (
    Measure("index", "county_index", None, "index", "lower", "upper"),
    Measure("domain", "domain_index", "domain_id", "value", "lower", "upper"),
    Measure("score", "indicator_value", "indicator_id", "score", "score_lower", "score_upper"),
    Measure("rate", "indicator_value", "indicator_id", "rate", "rate_lower", "rate_upper"),
    Measure("n_events", "indicator_value", "indicator_id", "n_events"),
)


def statements(city_folder: Path, of: Published, known_on: date, methodology: Methodology) -> list[Row]:
    """What the release says: every figure about its business date, and the index about each day of its trend.

    `known_on`: business date at whose cut-off the release knew its data.
    Rows: area_code, measure_code, part_id, day, value, lower, upper, status_code, obs_status_code, release_id, known_at.
    """
    folder = release_folder(city_folder, of.release_id)
    try:
        found = [row for measure in MEASURES for row in _of_day(folder, of, measure)]
        found += _of_trend(folder, of, known_on, methodology)
    except FileNotFoundError as error:
        raise EnvironmentFault(
            f"release: the journal names {of.release_id}, and {error.filename} is not there; "
            "bring its folder back from a copy"
        ) from error
    return [{**row, "release_id": of.release_id, "known_at": of.as_of} for row in found]


def public_statements(public_folder: Path, of: Published, known_on: date, methodology: Methodology) -> list[Row]:
    """What the public tier of the release says: the index in whole points, without its interval."""
    folder = release_folder(public_folder, of.release_id)
    if not folder.is_dir():
        return []  # archived, or from before there was a public tier
    found = [_row(row, "index", "", of.period, of.status, (row["index"],)) for row in _read(folder / "index.csv")]
    found += [
        _row(row, "index", "", day, methodology.status(day, known_on), (row["index"],))
        for row in _read(folder / "trend.csv")
        if (day := date.fromisoformat(row["day"])) != of.period
    ]
    return [{**row, "release_id": of.release_id, "known_at": of.as_of} for row in found]


def _of_day(folder: Path, of: Published, measure: Measure) -> Iterator[Row]:
    for row in _read(folder / TABLES[measure.table].file):
        figures = tuple(row[name] for name in (measure.value, measure.lower, measure.upper) if name)
        part = row[measure.part] if measure.part else ""
        yield _row(row, measure.code, part, of.period, of.status, figures, row.get("state_code"))


def _of_trend(folder: Path, of: Published, known_on: date, methodology: Methodology) -> Iterator[Row]:
    for row in _read(folder / TABLES["trend"].file):
        if (day := date.fromisoformat(row["day"])) != of.period:
            figures = (row["index"], row["lower"], row["upper"])
            yield _row(row, "index", "", day, methodology.status(day, known_on), figures)


def _row(
    of: Row,
    measure_code: str,
    part_id: str,
    day: date,
    status: str,
    figures: tuple[str, ...],
    state: str | None = None,
) -> Row:
    """One statement. `figures`: the value and the ends of its interval as in the file, or the value alone."""
    value, lower, upper = (float(text) if text else None for text in (*figures, "", "")[:3])
    return {
        "area_code": of["area_code"],
        "measure_code": measure_code,
        "part_id": part_id,
        "day": day,
        "value": value,
        "lower": lower,
        "upper": upper,
        "status_code": status,
        "obs_status_code": obs_status(value, status, state),
    }


def _read(path: Path) -> Iterator[Row]:
    return csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
