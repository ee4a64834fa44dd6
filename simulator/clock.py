"""How far the city has lived, kept in one small file so that it never goes back.

A silenced feed stops at midnight of its date while the others go on. Without the option it catches up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from simulator.world import DAY

FEEDS = ("hotline", "disputes", "cases", "incidents", "grid_events", "coverage")
NO_SILENCE = 10**6  # a day far beyond any clock


def seconds(at: datetime | str) -> int:
    """Local instant as seconds since 1970-01-01T00:00:00 local."""
    return int(np.datetime64(at, "s").astype(np.int64))


def text(clock: int) -> str:
    """The instant in ISO form."""
    return str(np.datetime64(clock, "s"))


@dataclass(frozen=True)
class Clock:
    """Local seconds: how far the city has lived, and how far the dispute API shows it.

    Database and files show by themselves how far they are; for the API only this says so.
    """

    city: int = 0
    disputes: int = 0

    @classmethod
    def read(cls, state: Path) -> Clock:
        """What the last run left; zero at first."""
        path = state / "clock.json"
        if not path.exists():
            return cls()
        saved = json.loads(path.read_text("utf-8"))
        return cls(seconds(saved["city"]), seconds(saved["disputes"]))

    def write(self, state: Path) -> None:
        """Keep the clock. A reader sees the old file or the new one; an unchanged file is left alone."""
        if Clock.read(state) == self:
            return
        state.mkdir(parents=True, exist_ok=True)
        draft = state / "clock.json.part"
        draft.write_text(json.dumps({"city": text(self.city), "disputes": text(self.disputes)}) + "\n", "utf-8")
        draft.replace(state / "clock.json")

    def advance(self, clock: int, silences: dict[str, int]) -> Clock:
        """Move on to `clock`, never backwards; silenced disputes no further than their date."""
        city = max(self.city, clock)
        return Clock(city, max(self.disputes, stop(city, "disputes", silences)))


def stop(clock: int, feed: str, silences: dict[str, int]) -> int:
    """Where a feed stops: at `clock`, or at the day since which it is silenced.

    `silences`: feed -> days since 1970-01-01.
    """
    return min(clock, silences.get(feed, NO_SILENCE) * DAY - 1)
