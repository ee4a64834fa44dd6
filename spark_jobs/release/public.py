"""What everybody may see of a release each night (tier: public, nightly): the index in whole points, and no count.

Counts of counties are not public. A rolling window moves by one day, so two nights' files would subtract to single
events; and a rate with its interval can be turned back into its count. With whole points, and ends rounded outwards,
one thing still shows: a very heavy event may move a county's index by a whole point on its day (docs/publication.md).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import Any

from spark_jobs.release.model import Release
from spark_jobs.release.public_tables import Row, complete
from spark_jobs.release.wording import whole_bounds, whole_points
from spark_jobs.released.columns import rows
from spark_jobs.released.obs_status import FREE, obs_status

TIER = "public_nightly"


@dataclass(frozen=True)
class PublicFigure:
    """An area's index for everybody. Grain: area. Whole points; the interval's ends are rounded outwards."""

    area_code: str
    index: float | None
    lower: float | None
    upper: float | None
    band_code: str
    status_code: str

    @property
    def row(self) -> dict[str, Any]:
        return dict(vars(self))


def public_figures(release: Release) -> list[PublicFigure]:
    """The figures of the city and the counties. An area without an index keeps its row; its numbers are None."""
    return [
        PublicFigure(
            row["area_code"],
            None if row["index"] is None else float(whole_points(row["index"])),
            *_whole_bounds(row["lower"], row["upper"]),
            row["band_code"],
            row["status_code"],
        )
        for row in rows(release.tables["county_index"])
    ]


def _whole_bounds(lower: float | None, upper: float | None) -> tuple[float | None, float | None]:
    if lower is None or upper is None:
        return None, None
    low, high = whole_bounds(lower, upper)
    return float(low), float(high)


def public_trend(release: Release, area_code: str | None = None) -> list[dict[str, Any]]:
    """The index at the ends of past months, in whole points: area_code, day, index."""
    return [
        {
            "area_code": row["area_code"],
            "day": row["day"],
            "index": None if row["index"] is None else whole_points(row["index"]),
        }
        for row in rows(release.tables["trend"])
        if area_code in (None, row["area_code"])
        and row["day"].day == calendar.monthrange(row["day"].year, row["day"].month)[1]
    ]


def public_document(release: Release) -> dict[str, Any]:
    """Content of the public latest.json: the current release, its date, and what is missing. It is not stale yet."""
    document = release.document
    kept = ("schema_version", "release_id", "city", "city_name_zh", "city_name_en", "period", "as_of", "time_zone",
            "status", "method_version", "note_zh", "note_en", "missing_feeds")  # fmt: skip
    names = {area.area_code: area.name for area in release.areas}
    figures = [
        {
            "area_code": figure.area_code,
            "name_zh": names[figure.area_code].zh,
            "name_en": names[figure.area_code].en,
            **{end: None if (value := figure.row[end]) is None else int(value) for end in ("index", "lower", "upper")},
            "band": figure.band_code,
            "status": figure.status_code,
        }
        for figure in public_figures(release)
    ]
    return {"tier": TIER, **{name: document[name] for name in kept}, "areas": figures}


def nightly_tables(release: Release) -> dict[str, list[Row]]:
    """Rows of the public tables of a night, by their name in tables.yml."""
    of = {"release_id": release.release_id, "business_date": release.business_date}
    figures = [{**figure.row, **_status(figure.index, release.status_code)} for figure in public_figures(release)]
    trend = [{**row, **_status(row["index"], release.status_of(row["day"]))} for row in public_trend(release)]
    return {
        "nightly_index": complete("nightly_index", of, release.areas, figures),
        "nightly_trend": complete("nightly_trend", of, release.areas, trend),
    }


def _status(value: float | None, status_code: str) -> Row:
    return {"obs_status": obs_status(value, status_code), "conf_status": FREE}
