"""What the feeds of a city cover: through which day they have delivered, and through which day their content reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from expectations.models import City, Feed
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.coverage import covered_through
from spark_jobs.index.engine.windows import Coverage
from spark_jobs.index.methodology import Methodology

DAY = timedelta(days=1)
DAYS_LOOKED_AT = 400  # before the last that a feed has delivered


def coverage_of(city: City, status: pd.DataFrame) -> dict[str, Coverage]:
    """Indicator -> days that all of its feeds have delivered; indicators without a feed have no entry."""
    return covered_days(city.feeds, dict(zip(status["feed_code"], status["delivered_through"], strict=True)))


def covered_days(feeds: Iterable[Feed], through: Mapping[str, date | None]) -> dict[str, Coverage]:
    """Indicator -> days that all of its feeds have, from the first day that each brings through the last that `through`
    says of it; no last day where it says none of one of them.
    """
    found: dict[str, Coverage] = {}
    for feed in feeds:
        last = through.get(feed.feed_code)
        for indicator in feed.supports:
            before = found.get(indicator, Coverage(feed.starts_on, last))
            lasts = [before.last, last]
            end = None if None in lasts else min(day for day in lasts if day is not None)
            found[indicator] = Coverage(max(before.first, feed.starts_on), end)
    return found


def days_behind(city: City, status: pd.DataFrame, business_date: date) -> dict[str, int]:
    """Indicator -> days by which the content of its feeds ends before the business date. Indicators that reach it are
    left out.

    `status` is that of `with_content`. Feeds that have not delivered the day are missing anyway.
    """
    columns = zip(status["feed_code"], status["delivered_through"], status["covered_through"], strict=True)
    through = {code: said for code, delivered, said in columns if _reaches(delivered, business_date)}
    found: dict[str, int] = {}
    for feed in city.feeds:
        if feed.feed_code not in through:
            continue
        behind = (business_date - (through[feed.feed_code] or feed.starts_on - DAY)).days
        if behind > 0:
            found |= {indicator: max(behind, found.get(indicator, 0)) for indicator in feed.supports}
    return found


def with_content(
    city: City, status: pd.DataFrame, daily: pd.DataFrame, business_date: date, methodology: Methodology
) -> pd.DataFrame:
    """`status`, with `covered_through` moved to an earlier day where a feed's usual counts show that its content ends
    there.

    `daily`: rows of indicators.daily. A feed that has not delivered the day is missing, and left as it is.
    """
    feeds = {feed.feed_code: feed for feed in city.feeds}
    found = [
        covered_through(_events(feeds[code], daily, min(said, business_date), methodology), min(said, business_date))
        if said and _reaches(delivered, business_date) and feeds[code].supports
        else said
        for code, said, delivered in zip(
            status["feed_code"], status["covered_through"], status["delivered_through"], strict=True
        )
    ]
    return status.assign(covered_through=pd.Series(found, index=status.index, dtype=object))


def _reaches(delivered: date | None, business_date: date) -> bool:
    return delivered is not None and delivered >= business_date


def _events(feed: Feed, daily: pd.DataFrame, last: date, methodology: Methodology) -> FloatArray:
    """(n_days,) events that the feed's indicators count, of the days up to `last`: cases of a rate, trials of a proportion."""
    first = max(feed.starts_on, last - timedelta(days=DAYS_LOOKED_AT - 1))
    counted = {i.id: i.kind for i in methodology.indicators if i.id in feed.supports and i.flow_or_stock == "flow"}
    rows = daily[daily["indicator_id"].isin(counted)]
    offsets = (rows["day"].to_numpy().astype("datetime64[D]") - np.datetime64(first)).astype(int)
    n_days = max((last - first).days + 1, 0)
    inside = (offsets >= 0) & (offsets < n_days)
    is_rate = rows["indicator_id"].map(counted).eq("rate")
    values = rows["numerator"].where(is_rate, rows["denominator"]).to_numpy(dtype=float)
    return np.bincount(offsets[inside], values[inside], minlength=n_days).astype(np.float64)


def without_still(
    coverage: Mapping[str, Coverage],
    behind: Mapping[str, int],
    city: City,
    business_date: date,
    methodology: Methodology,
) -> dict[str, Coverage]:
    """The coverage, in which indicators whose feeds have stood still for longer than a pulse end where their content
    does.

    Their windows are not live: a year that ended long ago says nothing of tonight.
    """
    lags = {indicator: feed.lag_days for feed in city.feeds for indicator in feed.supports}
    return {
        indicator: Coverage(days.first, business_date - timedelta(days=behind[indicator]))
        if behind.get(indicator, 0) > lags[indicator] + methodology.windows.pulse_days and days.last
        else days
        for indicator, days in coverage.items()
    }
