"""The business date: a local day of a city that is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from expectations.models import City
from spark_jobs.errors import UsageError


def latest_business_date(city: City, now: datetime) -> date:
    """The last day whose cut-off has passed at the instant `now`; the day of an archive is fixed."""
    if city.archive:
        return city.archive.business_date
    day = now.astimezone(ZoneInfo(city.time_zone)).date() - timedelta(days=1)
    return day if city.as_of(day) <= now else day - timedelta(days=1)


def business_date(text: str, city: City) -> date:
    """A day given by a person. Raises UsageError: not a date, not over yet, before any feed begins."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"date: expected YYYY-MM-DD, found {text!r}") from None
    latest = latest_business_date(city, datetime.now(UTC))
    if day > latest:
        raise UsageError(f"date: {day} is not over in {city.name.en}; the latest business date is {latest}")
    first = min((feed.starts_on for feed in city.feeds), default=day)
    if day < first:
        raise UsageError(f"date: {day} lies before {first}, the first day that any feed of {city.name.en} covers")
    return day


def business_month(text: str) -> date:
    """First day of a month given by a person. Raises UsageError for what is no month."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise UsageError(f"month: expected YYYY-MM, found {text!r}") from None
