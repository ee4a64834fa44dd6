"""How complete the last days are: a chain ladder over what each night knew of each day (methodology, section 7).

Every night keeps how many events of each of the last days it knew. These diagonals make a triangle of event day and
delay. It counts exactly what the indicator counts, late deaths and withdrawn cases included. Old records that were
loaded at the start cannot serve for it: they carry only the time of their last change. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    LARGEST_SIZE,
    EngineInputError,
    FloatArray,
    require_numbers,
)
from spark_jobs.index.engine.chain_ladder import mack, publishable_delay
from spark_jobs.index.methodology import Methodology

SeriesCode = Literal["events", "trials"]  # a proportion has late data in both
# business date -> (n_delays,): events of the day that many days before it, as known then; diagonals of the triangle
Diagonals = Mapping[date, FloatArray]


@dataclass(frozen=True)
class Completeness:
    """By delay, (n_delays,): share p_d known, expected final count n / p_d, its standard error; NaN while not learnt."""

    count: FloatArray
    share: FloatArray
    nowcast: FloatArray
    standard_error: FloatArray

    @property
    def is_learnt(self) -> bool:
        return not bool(np.isnan(self.share).any())

    def held_back(self, least: float) -> int:
        """Days to leave off at the end, so that at least `least` of every counted day is known; 0 while not learnt."""
        return publishable_delay(self.share, least) if self.is_learnt else 0


def completeness(nights: Diagonals, tonight: date, methodology: Methodology) -> Completeness:
    """How complete one series of counts is, learnt from the nights up to and including `tonight`.

    Nights without `tonight`, of different lengths or with impossible counts are an EngineInputError.
    """
    _require_nights(nights, tonight)
    count = nights[tonight]
    nothing = np.full(count.size, np.nan)
    unknown = Completeness(count, nothing, nothing, nothing)
    publication = methodology.publication
    first = tonight - timedelta(days=publication.delay_nights - 1)
    known = {night: counts for night, counts in nights.items() if first <= night <= tonight}
    if len(known) < publication.min_delay_nights:
        return unknown
    triangle = development(known, tonight)
    both = ~np.isnan(triangle[:, :-1]) & ~np.isnan(triangle[:, 1:])
    volumes = [np.where(both, part, 0.0).sum(axis=0) for part in (triangle[:, :-1], triangle[:, 1:])]
    if count.sum() < methodology.posterior.min_events or np.min(volumes) <= 0.0:
        return unknown
    ladder = mack(triangle)
    newest_first = slice(None, -count.size - 1, -1)
    return Completeness(count, ladder.completeness, ladder.ultimate[newest_first], ladder.standard_error[newest_first])


def development(nights: Diagonals, tonight: date) -> FloatArray:
    """Triangle (event days, delays), the day of `tonight` last. An absent night knew what the night before it knew."""
    _require_nights(nights, tonight)
    begin, n_delays = min(nights), nights[tonight].size
    n_nights = (tonight - begin).days + 1
    if n_nights < 1 or (n_nights + n_delays) * n_delays > LARGEST_SIZE:
        raise EngineInputError(f"nights must end with tonight ({tonight}) and be near; the first is {begin}")
    known = np.full((n_nights, n_delays), np.nan)
    for night in range(n_nights):
        counts = nights.get(begin + timedelta(days=night))
        if counts is not None:
            known[night] = counts
        else:
            known[night, 1:] = known[night - 1, :-1]
    triangle = np.full((n_nights + n_delays - 1, n_delays), np.nan)
    for delay in range(n_delays):
        start = n_delays - 1 - delay
        triangle[start : start + n_nights, delay] = known[:, delay]
    return triangle


def _require_nights(nights: Diagonals, tonight: date) -> None:
    """Counts of the same delays in every night, tonight among them."""
    if tonight not in nights:
        raise EngineInputError(f"tonight ({tonight}) must be one of the nights; found {len(nights)} others")
    n_delays = nights[tonight].size
    if n_delays < 2:
        raise EngineInputError(f"nights must know two delays or more; found {n_delays}")
    for night, counts in nights.items():
        require_numbers(f"counts of {night}", counts, (n_delays,), least=0.0, most=LARGEST_COUNT, has_gaps=False)
