"""What goes across releases in the serving database: table mart_<city>.vintage (what we said, when, about which day), and
how far that was revised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from expectations.models import City
from spark_jobs.index.methodology import load_methodology
from spark_jobs.release import serving
from spark_jobs.release.record import journal, revisions_said
from spark_jobs.release.serving_tables import JOURNAL_TABLES
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import ACROSS


def serve(mart_url: str, city: City, city_folder: Path) -> None:
    """Bring the tables up to date with the city's files. The work grows with the new events only. It may be repeated."""
    entries = journal.read(city_folder)
    before = serving.vintage_mark(mart_url, city.city_code)
    mark = f"{len(entries)} {journal.digest(entries)}"
    if before == mark:
        return
    n_done = int(before.split()[0]) if before else 0
    is_beginning = 0 < n_done <= len(entries) and before == f"{n_done} {journal.digest(entries[:n_done])}"
    since = entries[n_done - 1].at if is_beginning else None
    vintages = pq.read_table(city_folder / ACROSS["vintages"].file)
    serving.write_vintages(mart_url, city.city_code, vintages, journal_rows(city, city_folder), since, mark)


def journal_rows(city: City, city_folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of the serving tables that follow the journal, cells in the order of their columns."""
    words = Wording("zh", load_methodology())
    said = {name: revisions_said.read(city_folder, name) for name in ("revisions", "revision_triangle")}
    found: dict[str, list[dict[str, Any]]] = {
        "revision": [
            {
                "measure_zh": line.measure,
                "delay_days": float(line.delay_days),
                "n_figures": float(line.n_figures),
                "mean_absolute_text": line.mean_absolute,
                "mean_text": line.mean,
                "largest_text": line.largest,
            }
            for line in revisions_said.by_delay(said["revisions"], words)
        ],
        "revision_triangle": [
            {
                "day": line.day,
                "first_text": line.first,
                **{f"after_{delay}_text": text for delay, text in line.after.items()},
            }
            for line in revisions_said.triangle(said["revision_triangle"], city.area_code, words)
        ],
    }
    return {
        table: [tuple(row[column] for column in columns) for row in found[table]]
        for table, columns in JOURNAL_TABLES.items()
    }
