"""What goes into a release and what comes out of it. Pure data: no Spark, no file, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from expectations.models import City, Text
from spark_jobs.index.methodology import Methodology

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Area:
    """An area that may be published: the city itself or one of its counties, never anything smaller."""

    area_code: str
    level_code: Literal["city", "county"]
    name: Text


@dataclass(frozen=True)
class Previous:
    """What readers see now, read back from latest.json and its release. The check on jumps needs it."""

    release_id: str
    business_date: date
    method_version: str
    index: Mapping[str, float]  # area_code -> index, areas without an index left out
    missing_feeds: frozenset[str]
    parts: Mapping[tuple[str, str], float] = field(default_factory=dict)  # (area_code, domain or indicator), live ones

    def figure(self, area_code: str, part: str | None) -> float | None:
        """The index of an area, or the value of a part of it; None where there was none."""
        return self.index.get(area_code) if part is None else self.parts.get((area_code, part))


@dataclass(frozen=True)
class Gate:
    """One check before publication. A failed critical gate stops the switch; a warning is published too."""

    name: str
    passed: bool
    detail: Text
    severity: Severity = "critical"


def no_weeks() -> pd.DataFrame:
    """The empty table of counts by week: area_code, indicator_id, week_on (a Monday), n_events.

    A filled one has rows only where there were events.
    """
    return pd.DataFrame(columns=["area_code", "indicator_id", "week_on", "n_events"])


class WithAreas:
    """What is published of a city and its counties."""

    areas: tuple[Area, ...]

    @property
    def counties(self) -> tuple[Area, ...]:
        return tuple(area for area in self.areas if area.level_code == "county")

    @property
    def city_area(self) -> Area:
        return next(area for area in self.areas if area.level_code == "city")


@dataclass(frozen=True, eq=False)
class ReleaseInput(WithAreas):
    """All that a release is made of.

    `frames`: the tables of columns.TABLES by name, as the steps before left them; they may have further columns, and
    their order does not matter. `batches`: one row a checked batch that was read (ops.batches).
    `delta_versions` and `code_commit` are evidence and never part of the release id. The versions stay in the lake: a
    run that was killed and repeated has other ones, and must leave the same bytes.
    """

    city: City
    areas: tuple[Area, ...]
    methodology: Methodology
    business_date: date
    as_of: datetime
    frames: Mapping[str, pd.DataFrame]
    batches: pd.DataFrame
    personal_columns: frozenset[str]
    code_commit: str
    delta_versions: Mapping[str, int]
    previous: Previous | None = None
    weekly: pd.DataFrame = field(default_factory=no_weeks)  # served beside the release, no part of it


@dataclass(frozen=True, eq=False)
class Release(WithAreas):
    """A release, complete in memory. Same ReleaseInput data -> same `release_id`, tables and document.

    `tables`: canonical frames by name (columns, types and order of columns.TABLES).
    `document`: release.json without the hashes of the files beside it.
    """

    release_id: str
    city: City
    areas: tuple[Area, ...]
    methodology: Methodology
    business_date: date
    as_of: datetime
    status_code: str
    tables: Mapping[str, pd.DataFrame]
    document: Mapping[str, Any]
    weekly: pd.DataFrame = field(default_factory=no_weeks)

    @property
    def known_on(self) -> date:
        """Business date at whose cut-off the data were known."""
        return self.as_of.astimezone(ZoneInfo(self.city.time_zone)).date() - timedelta(days=1)

    def status_of(self, day: date) -> str:
        """What this release's figures about a day are: provisional, revised or final."""
        return self.status_code if day == self.business_date else self.methodology.status(day, self.known_on)

    @property
    def missing_feeds(self) -> pd.DataFrame:
        """Rows of feed_status that were not delivered."""
        feeds = self.tables["feed_status"]
        return feeds[feeds["state_code"] != "delivered"]
