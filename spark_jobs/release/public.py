"""What everybody may see of a release each night (tier: public, nightly): the index in whole points, and no count.

County counts are not public: a rolling window moves by one day, so that two nights' files would subtract to single
events, and a rate with its interval can be turned back into its count. Whole points and ends rounded outwards leave
of that: a single very heavy event moves a county's index by whole points on its day (docs/methodology.md).
"""

from __future__ import annotations

import calendar
import csv
import io
from dataclasses import dataclass
from typing import Any

from spark_jobs.release.files import BYTE_ORDER_MARK
from spark_jobs.release.model import Release
from spark_jobs.release.wording import whole_bounds, whole_points
from spark_jobs.released.columns import rows

TIER = "public_nightly"
INDEX_COLUMNS = (
    "release_id", "business_date", "area_code", "index", "lower", "upper", "band_code", "status_code",
    "area_name_zh", "area_name_en",
)  # fmt: skip
TREND_COLUMNS = ("release_id", "area_code", "day", "index")


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
    """The city's and the counties' figures; an area without an index keeps its row, with nothing in place of numbers."""
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
    """The index at ends of months that are over, in whole points: area_code, day, index."""
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
    """Content of the public latest.json without its staleness: what is current, of when, and what is missing."""
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


def index_csv(release: Release) -> str:
    names = {area.area_code: area.name for area in release.areas}
    return _csv(
        INDEX_COLUMNS,
        [
            {
                **figure.row, "release_id": release.release_id, "business_date": release.business_date,
                "area_name_zh": names[figure.area_code].zh, "area_name_en": names[figure.area_code].en,
            }
            for figure in public_figures(release)
        ],
    )  # fmt: skip


def trend_csv(release: Release) -> str:
    return _csv(TREND_COLUMNS, [{"release_id": release.release_id, **row} for row in public_trend(release)])


def _csv(columns: tuple[str, ...], found: list[dict[str, Any]]) -> str:
    """As the restricted files: UTF-8 with byte order mark, RFC 4180, empty = no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in found)
    return BYTE_ORDER_MARK + text.getvalue()


def _cell(value: Any) -> Any:
    return "" if value is None else int(value) if isinstance(value, float) else value
