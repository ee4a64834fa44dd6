"""A public month in one language: what both sections of its bulletin read, and how they print a figure or its absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from expectations.models import City
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.model import Area, WithAreas
from spark_jobs.release.monthly import Corrected
from spark_jobs.release.wording import Wording, points
from spark_jobs.released.obs_status import CONFIDENTIAL

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PublicMonth(WithAreas):
    """What everybody may read of a month. `tables`: rows of the files by name in tables.yml.

    `months`: index by area at the ends of the year's months that are public, by first day of the month.
    `corrects`: the version of the month that was withdrawn and that this one takes the place of.
    `revisions`, `triangle`: rows of the two files beside latest.json, as texts.
    """

    city: City
    methodology: Methodology
    business_date: date
    status_code: str
    release_id: str
    areas: tuple[Area, ...]
    tables: Mapping[str, Sequence[Row]]
    months: Mapping[date, Mapping[str, float | None]]
    revisions: Sequence[Mapping[str, str]]
    triangle: Sequence[Mapping[str, str]]
    corrects: Corrected | None = None


@dataclass(frozen=True, eq=False)
class MonthPage:
    """One public month and the words of one language."""

    month: PublicMonth
    words: Wording

    def figure(self, row: Row, figure: str) -> str:
        """98（90–105）, or why there is no figure."""
        if row[figure] is None:
            return self.missing(row)
        ends = ("lower", "upper") if figure == "value" else (f"{figure}_lower", f"{figure}_upper")
        return self.words.say(
            "scored", name=points(row[figure]), score=self.words.interval(*(row[end] for end in ends))
        )

    def missing(self, row: Row) -> str:
        """Withheld, or the reason for which there is nothing: neither looks like a number."""
        if row["conf_status"] == CONFIDENTIAL:
            return self.words.say("withheld")
        state = row.get("state_code")
        return self.words.name("state", state) if state and state != "live" else self.words.say("domain_none")

    @cached_property
    def index(self) -> dict[str, Row]:
        return {row["area_code"]: row for row in self.month.tables["monthly_index"]}

    @cached_property
    def cells(self) -> dict[tuple[str, str], Row]:
        return {(row["area_code"], row["indicator_id"]): row for row in self.month.tables["monthly_indicators"]}

    def named(self, area: Area) -> dict[str, Any]:
        return {"name": self.name(area), "is_city": area.level_code == "city"}

    def name(self, area: Area) -> str:
        return self.words.say("city_row") if area.level_code == "city" else self.pick(area.name)

    def pick(self, text: Any) -> str:
        return self.words.pick(text)
