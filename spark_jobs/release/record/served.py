"""The vintages in the serving database, table mart_<city>.vintage: one query says what we said, when, about which day."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from spark_jobs.release import serving
from spark_jobs.release.record import journal
from spark_jobs.released.columns import ACROSS


def serve(mart_url: str, city_code: str, city_folder: Path) -> None:
    """Bring the table up to date with the city's file. The work grows with the new events only. It may be repeated."""
    entries = journal.read(city_folder)
    before = serving.vintage_mark(mart_url, city_code)
    mark = f"{len(entries)} {journal.digest(entries)}"
    if before == mark:
        return
    n_done = int(before.split()[0]) if before else 0
    is_beginning = 0 < n_done <= len(entries) and before == f"{n_done} {journal.digest(entries[:n_done])}"
    since = entries[n_done - 1].at if is_beginning else None
    vintages = pq.read_table(city_folder / ACROSS["vintages"].file)
    serving.write_vintages(mart_url, city_code, vintages, since, mark)
