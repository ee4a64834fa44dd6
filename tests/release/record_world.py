"""A city's folder with releases of made-up nights, for the tests of what was said when."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from spark_jobs.release import files, public_files
from spark_jobs.release.canonical import json_text
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.public import nightly_tables, public_document
from spark_jobs.release.public_tables import csv_files
from spark_jobs.release.record import keeping
from spark_jobs.release.render import table_csv
from spark_jobs.released.columns import TABLES
from tests.release import made_up

Make = Callable[[ReleaseInput], Release]
FIRST = date(2026, 11, 29)


@dataclass
class Record:
    """Publishes as the job does, at instants that the test says."""

    make: Make
    folder: Path

    def publish(self, day: date, at: datetime, seed: int = 7, status: str = "provisional", known_on: date | None = None,
                is_newest: bool = True) -> Release:  # fmt: skip
        release = self.up(day, seed, status, known_on, is_newest)
        os.utime(files.release_folder(self.folder, release.release_id) / files.RELEASE_FILE, (at.timestamp(),) * 2)
        keeping.record(made_up.city(), made_up.METHODOLOGY, self.folder, release.document, at)
        return release

    def up(self, day: date, seed: int = 7, status: str = "provisional", known_on: date | None = None,
           is_newest: bool = True) -> Release:  # fmt: skip
        """The release's tables and what readers follow, without the pages; not yet in the journal."""
        release = self.make(release_input(day, seed, status, known_on))
        content = {TABLES[name].file: table_csv(release, name).encode() for name in release.tables}
        content[files.RELEASE_FILE] = json_text(release.document).encode()
        files.write_release(self.folder, release.release_id, content)
        if is_newest:
            public = public_files.public_folder(self.folder)
            files.write_release(public, release.release_id, csv_files(nightly_tables(release)))
            for folder, latest in (
                (public, public_document(release)),
                (self.folder, files.latest(release, (), release.document)),
            ):
                files.write_latest(folder, {**latest, "folder": f"releases/{release.release_id}", "stale": None})
        return release

    @property
    def bytes(self) -> dict[str, bytes]:
        """Everything of the city that is not in a release's folder."""
        folders = {"published": self.folder, "public": public_files.public_folder(self.folder)}
        return {
            f"{name}/{path.name}": path.read_bytes()
            for name, folder in folders.items()
            for path in folder.iterdir()
            if path.is_file()
        }


def release_input(day: date, seed: int, status: str, known_on: date | None) -> ReleaseInput:
    """The made-up input about `day`, as known at the cut-off of `known_on`: its trend ends on that day."""
    given = made_up.release_input(seed=seed)
    trend = given.frames["trend"]
    trend = trend.assign(day=trend["day"].where(trend["day"] != made_up.DAY, day)).drop_duplicates(["area_code", "day"])
    index = given.frames["county_index"].assign(status_code=status)
    as_of = made_up.city().as_of(known_on or day)
    return replace(
        given, business_date=day, as_of=as_of, frames={**given.frames, "trend": trend, "county_index": index}
    )


def night(day: date, hour: int = 18) -> datetime:
    """When the night of a business date is put up: early on the next local day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def nights(record: Record, n: int) -> list[Release]:
    """n nights, then the first again as revised, then the last but one again with late data."""
    days = [FIRST + timedelta(days=k) for k in range(n)]
    found = [record.publish(day, night(day), seed=k // 2) for k, day in enumerate(days)]
    last = night(days[-1])
    revised = record.publish(days[0], last + timedelta(days=1), 50, "revised", days[-1] + timedelta(days=1), False)
    again = record.publish(days[-2], last + timedelta(days=2), 51, is_newest=False)
    return [*found, revised, again]


def document(record: Record, release_id: str) -> dict[str, object]:
    text = (files.release_folder(record.folder, release_id) / files.RELEASE_FILE).read_text(encoding="utf-8")
    return dict(json.loads(text))
