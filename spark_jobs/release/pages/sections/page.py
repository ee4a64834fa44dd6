"""What every section of the bulletin reads: a release in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spark_jobs.release.model import Area, Release
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import rows


@dataclass(frozen=True, eq=False)
class Page:
    """One release and the words of one language."""

    release: Release
    words: Wording

    @property
    def clear(self) -> float:
        """Probability from which on a change is called clear."""
        return self.release.methodology.publication.clear_probability

    @cached_property
    def index(self) -> dict[str, Mapping[str, Any]]:
        """Row of county_index by area."""
        return {row["area_code"]: row for row in rows(self.release.tables["county_index"])}

    @cached_property
    def city(self) -> Area:
        return self.release.city_area

    @cached_property
    def counties(self) -> list[Area]:
        return list(self.release.counties)

    @property
    def areas(self) -> list[Area]:
        """The city first, then the counties by code."""
        return [self.city, *self.counties]

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of every area by its code."""
        return {area.area_code: self.name(area) for area in self.areas}

    def name(self, area: Area) -> str:
        return self.words.say("city_row") if area.level_code == "city" else self.words.pick(area.name)
