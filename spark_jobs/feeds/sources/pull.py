"""What a source is asked for: the same for each kind of source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from expectations.models import Feed
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import Landing


@dataclass(frozen=True)
class Pull:
    """What one feed has to bring up to the end of a business date, from where, and where to.

    `cutoff` is the instant (UTC) up to which records count, `time_zone` that of a source that keeps local times.
    `since` asks once more for the days from it on, though they have landed. `neutral` makes the name under which a dropped
    file lands.
    """

    feed: Feed
    connection: Connection
    landing: Landing
    business_date: date
    cutoff: datetime
    time_zone: str
    since: date | None = None
    neutral: Callable[[str], str] = str

    def window_from(self) -> date | None:
        """First day to bring; None if the window has landed."""
        return self.landing.next_window(self.feed, self.business_date, self.since)
