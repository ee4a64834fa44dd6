"""Events by week, for the picture on a flag's card. They are served beside the release: no part of it or its id. Pure.

Weeks begin on Mondays; the last one is over on the business date. Only rates have them: a share has no own count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from spark_jobs.index.methodology import Methodology
from spark_jobs.release.model import Release
from spark_jobs.released.columns import rows

N_WEEKS = 26
WEEK = timedelta(days=7)


def counted(methodology: Methodology) -> list[str]:
    """Indicators whose numerators are events of a day, and so add up over a week."""
    return [indicator.id for indicator in methodology.indicators if indicator.kind == "rate"]


def mondays(business_date: date) -> list[date]:
    """First days of the last complete weeks, oldest first."""
    last = business_date - timedelta(days=(business_date.weekday() + 1) % 7 + 6)
    return [last - n * WEEK for n in reversed(range(N_WEEKS))]


def weekly_rows(release: Release) -> Iterator[dict[str, Any]]:
    """One row an area (the city has all records), indicator and week; no number where a feed did not cover the week."""
    counts = release.weekly.set_index(["area_code", "indicator_id", "week_on"])["n_events"].to_dict()
    of_city = release.weekly.groupby(["indicator_id", "week_on"])["n_events"].sum().to_dict()
    for indicator_id in counted(release.methodology):
        first, last = _covered(release, indicator_id)
        for week_on in mondays(release.business_date):
            is_known = (
                first is not None and last is not None and first <= week_on and week_on + WEEK <= last + timedelta(1)
            )
            for area in release.areas:
                found = (
                    of_city.get((indicator_id, week_on), 0.0)
                    if area.level_code == "city"
                    else counts.get((area.area_code, indicator_id, week_on), 0.0)
                )
                yield {
                    "area_code": area.area_code,
                    "indicator_id": indicator_id,
                    "week_on": week_on,
                    "n_events": float(found) if is_known else None,
                }


def _covered(release: Release, indicator_id: str) -> tuple[date | None, date | None]:
    """First and last day that all feeds of the indicator cover; None where no feed says so."""
    through = {row["feed_code"]: row["covered_through"] for row in rows(release.tables["feed_status"])}
    feeds = [feed for feed in release.city.feeds if indicator_id in feed.supports]
    if not feeds or not all(through.get(feed.feed_code) for feed in feeds):
        return None, None
    return max(feed.starts_on for feed in feeds), min(through[feed.feed_code] for feed in feeds)
