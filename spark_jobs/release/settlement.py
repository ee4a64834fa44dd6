"""Which settlement figures a release shows. The counts are those of its table `input`."""

from __future__ import annotations

from spark_jobs.index.engine.settlement import Settlement, settlements
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.release.model import Area, Release


def shown_settlements(release: Release, area: Area) -> list[Settlement]:
    """Both views of the city; of a county only the cumulative one: its months have too few cases to say anything."""
    counties = [each.area_code for each in release.counties]
    if area.level_code == "city":
        return settlements(release.tables["input"], [*counties, REMAINDER])
    return [s for s in settlements(release.tables["input"], [area.area_code]) if s.month is None]
