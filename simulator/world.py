"""Records of one kind, made day by day, and what a source shows of them at a clock.

A day is a pure function of (seed, kind, day). Its counts by county and series are Poisson, and each record gets one row
of uniform numbers, from which everything about it follows. So any day can be made without the others.

A record is a row of values and a row of event instants (created, closed, …; NEVER if it does not happen).
A version is the record as it is at one of its events: `updated_at` says which event is the last one at a clock.
Instants are local seconds since 1970-01-01T00:00:00, days are integers since 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from simulator.city import LUNAR_NEW_YEARS, ZONE_COUNTY, ZONE_SHARE, resident_share, townships
from simulator.truth import YEAR, Array, Truth, day_number

Columns = dict[str, Array]

NEVER = np.iinfo(np.int64).max
HOUR = 3_600
DAY = 86_400
N_COUNTIES = 9


class Draws:
    """Uniform numbers of many records, shape (records, width). Each call below uses up one column."""

    def __init__(self, matrix: Array) -> None:
        self._matrix = matrix
        self._next = 0

    def uniform(self) -> Array:
        """Next column, in [0, 1)."""
        self._next += 1
        return np.asarray(self._matrix[:, self._next - 1])

    def chance(self, probability: float | Array) -> Array:
        """True with the given probability."""
        return np.asarray(self.uniform() < probability)

    def between(self, low: float, high: float | Array) -> Array:
        """Whole numbers, low inclusive, high exclusive."""
        return np.asarray(np.floor(low + self.uniform() * (high - low)), dtype=np.int64)

    def exponential(self, mean: float | Array, cap: float) -> Array:
        """Whole seconds (when mean and cap are seconds), exponentially distributed, at most `cap`."""
        return np.asarray(np.minimum(-np.log1p(-self.uniform()) * mean, cap), dtype=np.int64)

    def choice(self, weights: Iterable[float]) -> Array:
        """Positions in `weights`, drawn in proportion to them."""
        cumulative = np.cumsum(np.fromiter(weights, dtype=float))
        return np.asarray(np.searchsorted(cumulative / cumulative[-1], self.uniform(), side="right"))


@dataclass(frozen=True)
class Series:
    """A stream of records of one sort.

    `share`: its part of the kind's yearly volume. `risk`: the row of truth.yml that spreads it over counties (None: by
    residents alone). `amplitude` and `peak` (day of the year) shape its season; `winter_only` cuts the lower half of
    the wave.
    """

    code: str
    name: str
    share: float
    risk: str | None = None
    amplitude: float = 0.0
    peak: int = 1
    winter_only: bool = False


@dataclass(frozen=True)
class Block:
    """The records that occurred in one month: day, county (0..8), series, number within day and county, draws."""

    day: Array
    county: Array
    series: Array
    number: Array
    draws: Draws


@dataclass(frozen=True)
class Kind:
    """How one feed's records come about.

    `stream`: the kind's own number in the seed. `width`: how many uniforms a record uses. `weekday`: factors, Monday
    first, mean 1. `holiday`: the factor around lunar new year. `horizon`: the most days from occurrence to last event.
    `live`: turns a block into columns; `events` names the event columns, birth first and deletion last.
    `planted`: extra counts (county, series) on a day.
    """

    name: str
    stream: int
    width: int
    series: tuple[Series, ...]
    weekday: tuple[float, ...]
    holiday: float
    horizon: int
    events: tuple[str, ...]
    live: Callable[[Block, Truth], Columns]
    planted: Callable[[Truth, int], Array | None] = lambda truth, day: None


def month_days(month: date) -> Array:
    """All days of the month that begins on `month`."""
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return np.arange(day_number(month), day_number(following))


def _season(series: Series, days: Array) -> Array:
    """Seasonal factor with mean 1 over a year."""
    wave = np.cos(2 * np.pi * (days % YEAR - series.peak) / YEAR)
    return np.maximum(wave, 0.0) * np.pi if series.winter_only else 1.0 + series.amplitude * wave


def _calendar(kind: Kind, days: Array) -> Array:
    """Weekday and lunar-new-year factor, mean 1 over a year. The holiday lasts from 3 days before to 10 after."""
    weekday = np.array(kind.weekday)[(days + 3) % 7]
    near = np.any([(days >= first - 3) & (days <= first + 10) for first in LUNAR_NEW_YEARS], axis=0)
    return np.asarray(weekday * np.where(near, kind.holiday, 1.0) / (1.0 + 14 / YEAR * (kind.holiday - 1.0)))


def _spread(truth: Truth, risk: str | None) -> Array:
    """Share of each county in a series, sums to 1."""
    if risk == "oil_theft":
        return truth.oil_theft_share
    weights = resident_share() * (truth.relative_risk[risk] if risk else 1.0)
    return np.asarray(weights / weights.sum())


def rates(kind: Kind, truth: Truth, days: Array) -> Array:
    """Expected records, shape (days, counties, series)."""
    elapsed = (days - truth.trend_reference) / YEAR
    trend = np.exp(elapsed[:, None] * truth.yearly_trend[None, :])
    calendar = _calendar(kind, days)[:, None]
    layers = []
    for series in kind.series:
        city = truth.volumes[kind.name] * series.share / YEAR * _season(series, days)
        layer = city[:, None] * _spread(truth, series.risk)[None, :] * trend * calendar
        if series.risk:
            layer = layer * truth.change(series.risk, days[:, None], np.arange(N_COUNTIES)[None, :])
        layers.append(layer)
    return np.stack(layers, axis=2)


def _one_day(kind: Kind, truth: Truth, day: int, rate: Array) -> tuple[Array, Array]:
    """Counts (county × series) and uniforms (record × width) of one day."""
    generator = np.random.default_rng([truth.seed, kind.stream, day])
    counts = generator.poisson(rate)
    extra = kind.planted(truth, day)
    if extra is not None:
        counts = counts + extra
    return counts, generator.random((int(counts.sum()), kind.width))


def _number(day: Array, county: Array) -> Array:
    """1, 2, 3 … within each run of the same day and county."""
    position = np.arange(len(day))
    starts = np.ones(len(day), dtype=bool)
    starts[1:] = (day[1:] != day[:-1]) | (county[1:] != county[:-1])
    return np.asarray(position - np.maximum.accumulate(np.where(starts, position, 0)) + 1)


def block(kind: Kind, truth: Truth, days: Array) -> Block:
    """All records that occurred on `days`, in order of day, county and series."""
    days = days[days >= truth.start]
    made = [_one_day(kind, truth, int(day), rate) for day, rate in zip(days, rates(kind, truth, days), strict=True)]
    if not made:
        empty = np.zeros(0, dtype=np.int64)
        return Block(empty, empty, empty, empty, Draws(np.zeros((0, kind.width))))
    counts = np.stack([day_counts for day_counts, _ in made])
    day, county, series = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    day = days[day]
    return Block(day, county, series, _number(day, county), Draws(np.concatenate([draws for _, draws in made])))


def place(block: Block) -> Columns:
    """Township of each record, and whether it lies in the high-tech zone (which has its own county code)."""
    is_zone = block.draws.chance(ZONE_SHARE) & (block.county == ZONE_COUNTY)
    towns = townships()
    parent = np.where(is_zone, N_COUNTIES, block.county)
    town = towns.first[parent] + np.floor(block.draws.uniform() * towns.n[parent]).astype(np.int64)
    return {"day": block.day, "county": block.county, "is_zone": is_zone, "town": town, "number": block.number}


def dirt(block: Block, truth: Truth, n_sorts: int) -> Array:
    """0 for clean records, else 1..n_sorts; a record stays dirty through all its versions."""
    draw = block.draws.uniform()
    return np.where(draw < truth.dirt_share, np.floor(draw / truth.dirt_share * n_sorts).astype(np.int64) + 1, 0)


def seal(kind: Kind, columns: Columns) -> Columns:
    """Close each life: nothing happens after the deletion, and nothing beyond the horizon."""
    end = np.minimum(columns[kind.events[-1]], (columns["day"] + kind.horizon) * DAY)
    for event in kind.events:
        columns[event] = np.where(columns[event] <= end, columns[event], NEVER)
    return columns


def take(columns: Columns, rows: Array) -> Columns:
    """The given rows (positions or mask) of every column."""
    return {name: column[rows] for name, column in columns.items()}


def updated_at(kind: Kind, columns: Columns, clock: int) -> Array:
    """Instant of the last event at or before `clock`, -1 for records not yet born."""
    events = np.stack([columns[event] for event in kind.events])
    last = np.where(events <= clock, events, -1).max(axis=0)
    return np.asarray(np.where(columns[kind.events[0]] <= clock, last, -1))


class World:
    """Months of records, made on demand and kept while this process lives."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.month = lru_cache(maxsize=None)(self._month)

    def _month(self, kind: Kind, month: date) -> Columns:
        return seal(kind, kind.live(block(kind, self.truth, month_days(month)), self.truth))

    def months(self, first: int, last: int) -> list[date]:
        """First days of the months that hold the days `first`..`last`, none before the start of history."""
        span = np.arange(max(first, self.truth.start), last + 1).astype("datetime64[D]").astype("datetime64[M]")
        return [month.item() for month in np.unique(span)]

    def occurred(self, kind: Kind, first: int, last: int) -> Columns:
        """Records of all months that hold the days `first`..`last`."""
        parts = [self.month(kind, month) for month in self.months(first, last)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def changed(self, kind: Kind, since: int, until: int) -> Columns:
        """Records created or changed in [since, until), with `updated` = their last event before `until`."""
        columns = self.occurred(kind, since // DAY - kind.horizon - 1, (until - 1) // DAY)
        updated = updated_at(kind, columns, until - 1)
        return take({**columns, "updated": updated}, updated >= since)
