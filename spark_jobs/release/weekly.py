"""Events by week, for the picture on a flag's card. They are served beside the release: no part of it or its id. Pure.

Weeks begin on Mondays; the last one is over on the business date. Only rates have them: a share has no own count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from spark_jobs.flags.detectors.daily_counts import last_complete_sunday
from spark_jobs.index.coverage import covered_days
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.model import Release
from spark_jobs.released.columns import rows

N_WEEKS = 26
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def counted(methodology: Methodology) -> list[str]:
    """Indicators whose numerators are events of a day, and so add up over a week."""
    return [indicator.id for indicator in methodology.indicators if indicator.kind == "rate"]


def mondays(business_date: date) -> list[date]:
    """First days of the last complete weeks, oldest first."""
    last = last_complete_sunday(business_date) - timedelta(days=6)
    return [last - n * WEEK for n in reversed(range(N_WEEKS))]


def weekly_rows(release: Release) -> Iterator[dict[str, Any]]:
    """One row an area (the city has all records), indicator and week; no number where a feed did not cover the week."""
    counts = release.weekly.set_index(["area_code", "indicator_id", "week_on"])["n_events"].to_dict()
    of_city = release.weekly.groupby(["indicator_id", "week_on"])["n_events"].sum().to_dict()
    through = {row["feed_code"]: row["covered_through"] for row in rows(release.tables["feed_status"])}
    covered = covered_days(release.city.feeds, through)
    for indicator_id in counted(release.methodology):
        days = covered.get(indicator_id)
        for week_on in mondays(release.business_date):
            is_known = days is not None and days.covers(week_on, week_on + WEEK - DAY)
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
