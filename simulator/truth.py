"""The planted truth (truth.yml) as frozen values, and the multipliers that follow from it.

Days are integers since 1970-01-01, counties are positions 0..8 in the order of truth.yml.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

Array = NDArray[Any]
EPOCH = date(1970, 1, 1)
YEAR = 365.25


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Change:
    """A planted change of risk in one county. If `indicators` is None, it applies to every indicator."""

    county: int
    indicators: frozenset[str] | None
    since: int
    until: int
    factor: float
    is_ramp: bool

    def multiplier(self, indicator: str, days: Array) -> Array:
        """Factor on each of `days`, 1 where the change does not apply."""
        if self.indicators is not None and indicator not in self.indicators:
            return np.ones(days.shape)
        if self.is_ramp:
            part = np.clip((days - self.since) / (self.until - self.since), 0.0, 1.0)
            return np.asarray(1.0 + (self.factor - 1.0) * part)
        return np.where((days >= self.since) & (days <= self.until), self.factor, 1.0)


@dataclass(frozen=True)
class MallDispute:
    """One parent dispute on the first day, `children_per_day` children on each of `n_days` days."""

    county: int
    since: int
    n_days: int
    children_per_day: int


@dataclass(frozen=True)
class SevereIncident:
    """One traffic incident with a known place, time and toll; `at` in local seconds."""

    county: int
    at: int
    n_deaths: int
    n_serious_injuries: int
    n_minor_injuries: int


@dataclass(frozen=True)
class Truth:
    """Everything planted."""

    seed: int
    start: int
    go_live: int
    volumes: dict[str, float]
    relative_risk: dict[str, Array]
    oil_theft_share: Array
    yearly_trend: Array
    trend_reference: int
    proportions: dict[str, float]
    changes: tuple[Change, ...]
    mall: MallDispute
    severe: SevereIncident
    dirt_share: float
    duplicate_share: float

    def change(self, indicator: str, days: Array, counties: Array) -> Array:
        """Product of the planted changes; `days` and `counties` broadcast against each other."""
        days, counties = np.broadcast_arrays(days, counties)
        product = np.ones(days.shape)
        for change in self.changes:
            here = counties == change.county
            if here.any():
                product = np.where(here, product * change.multiplier(indicator, days), product)
        return product

    def probability(self, indicator: str, days: Array, counties: Array) -> Array:
        """Planted probability, from odds: the city's odds × the county's relative risk × planted changes."""
        base = self.proportions[indicator]
        risk = self.relative_risk[indicator][counties] * self.change(indicator, days, counties)
        odds = base / (1.0 - base) * risk
        return np.asarray(odds / (1.0 + odds))


def _change(row: dict[str, Any], counties: list[str]) -> Change:
    names = row["indicators"]
    return Change(
        county=counties.index(row["area"]),
        indicators=None if names == "all" else frozenset(names),
        since=day_number(row["from"]),
        until=day_number(row["to"]),
        factor=float(row["factor"]),
        is_ramp=row["shape"] == "ramp",
    )


def _severe(row: dict[str, Any], counties: list[str]) -> SevereIncident:
    at: datetime = row["at"]
    return SevereIncident(
        county=counties.index(row["area"]),
        at=int((at - datetime(1970, 1, 1)).total_seconds()),
        n_deaths=row["n_deaths"],
        n_serious_injuries=row["n_serious_injuries"],
        n_minor_injuries=row["n_minor_injuries"],
    )


@cache
def load() -> Truth:
    """Read truth.yml beside this module."""
    raw = yaml.safe_load(Path(__file__).with_name("truth.yml").read_text("utf-8"))
    counties = raw["counties"]
    mall = raw["mall_dispute"]
    return Truth(
        seed=raw["seed"],
        start=day_number(raw["start"]),
        go_live=day_number(raw["go_live"]),
        volumes={name: float(volume) for name, volume in raw["volumes"].items()},
        relative_risk={name: np.array(row) for name, row in raw["relative_risk"].items()},
        oil_theft_share=np.array(raw["oil_theft_share"]),
        yearly_trend=np.array(raw["yearly_trend"]),
        trend_reference=day_number(raw["trend_reference"]),
        proportions=raw["proportions"],
        changes=tuple(_change(row, counties) for row in raw["changes"]),
        mall=MallDispute(
            counties.index(mall["area"]), day_number(mall["from"]), mall["n_days"], mall["children_per_day"]
        ),
        severe=_severe(raw["severe_incident"], counties),
        dirt_share=raw["dirt_share"],
        duplicate_share=raw["duplicate_share"],
    )
