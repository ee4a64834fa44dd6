"""Which settlement figures a release shows. The counts are those of its table `input`."""

from __future__ import annotations

from spark_jobs.index.engine.settlement import Settlement, settlements
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.release.model import Area, Release


def all_settlements(release: Release, area: Area) -> list[Settlement]:
    """Both views of an area; the city is its counties and what is in none of them."""
    counties = [each.area_code for each in release.counties]
    whole = [*counties, REMAINDER] if area.level_code == "city" else [area.area_code]
    return settlements(release.tables["input"], whole)


def shown_settlements(release: Release, area: Area) -> list[Settlement]:
    """Both views of the city; of a county only the cumulative one: its months have too few cases to say anything."""
    return [s for s in all_settlements(release, area) if area.level_code == "city" or s.month is None]
