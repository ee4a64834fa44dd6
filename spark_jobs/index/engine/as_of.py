"""One city on any of its as-of days: the same function for one day here and for a year of days on a cluster. Pure.

    for day, identity, result in computed(counts, city, days): ...

A day's result follows from its inputs alone, so `input_hash` tells whether it has to be computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from spark_jobs.index.engine.composite_index import compute_index
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.territory import placed
from spark_jobs.index.engine.windows import Coverage, DailyCounts
from spark_jobs.index.methodology import Methodology


@dataclass(frozen=True, eq=False)
class CityFrame:
    """What the index of a city needs besides its daily counts. It is small, so that it can be sent with the function.

    known_on: business date at whose cut-off the counts were known.
    held_back: how many days each indicator leaves off at the end of a window of `known_on`, because they are
    incomplete. county_of: county of any day -> the one of `area_codes` to which it belongs, or the remainder
    (engine/territory.py). A county without an entry stays itself.
    """

    city_area: str
    area_codes: tuple[str, ...]
    denominators: pd.DataFrame
    coverage: Mapping[str, Coverage]
    goalposts: Goalposts
    held_back: Mapping[str, int]
    known_on: date
    methodology: Methodology
    county_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def units(self) -> list[str]:
        return [*self.area_codes, self.city_area]

    def counts(self, daily: pd.DataFrame) -> DailyCounts:
        of_today = placed(daily, self.county_of)
        return DailyCounts(of_today, self.denominators, self.coverage, self.area_codes, self.methodology)

    def held_back_on(self, day: date) -> dict[str, int]:
        """Days that a window ending on `day` leaves off; fewer for older days, which had longer to become complete."""
        age = (self.known_on - day).days
        return {indicator: max(n_days - age, 0) for indicator, n_days in self.held_back.items()}

    def windows(self, counts: DailyCounts, day: date) -> tuple[IndicatorWindow, ...]:
        """The year to `day`."""
        return counts.windows(day, self.methodology.windows.headline_days, self.held_back_on(day))

    def inputs(self, counts: DailyCounts, day: date) -> IndexInput:
        """The year to `day` and the year before it, without overlap or gap."""
        year, held_back = self.methodology.windows.headline_days, self.held_back_on(day)
        before = counts.windows(day - timedelta(days=year), year, held_back)
        return IndexInput(self.area_codes, counts.windows(day, year, held_back), before)


def input_hash(inputs: IndexInput, city: CityFrame) -> str:
    """SHA-256 of all that determines the result: counts, denominators, live feeds, goalposts, version of the method."""
    content = hashlib.sha256(f"{city.methodology.version} {' '.join(city.units)}".encode())
    for ends in (city.goalposts.centre, city.goalposts.low, city.goalposts.high):
        content.update(np.ascontiguousarray(ends).tobytes())
    for windows in (inputs.headline, inputs.last_year):
        for window in windows:
            content.update(f"{window.indicator_id} {window.is_live}".encode())
            for values in (window.counts, window.denominator, window.weights) if window.is_live else ():
                content.update(np.ascontiguousarray(values).tobytes())
            if window.is_live and window.rest_counts is not None and window.has_rest:
                content.update(np.append(window.rest_counts, window.rest_denominator).tobytes())
    return content.hexdigest()


def computed(counts: DailyCounts, city: CityFrame, days: Sequence[date]) -> Iterator[tuple[date, str, IndexResult]]:
    """Each day with the hash of its inputs and its index. One day at a time, so memory does not grow with the days."""
    for day in days:
        inputs = city.inputs(counts, day)
        yield (
            day,
            input_hash(inputs, city),
            compute_index(inputs, city.goalposts, city.methodology, city.methodology.posterior.seed),
        )
