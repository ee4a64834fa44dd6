"""The same days under two versions of the method, and which of their differences moved the index. Pure.

Two versions differ in up to five groups of choices. These are changed one after the other, in the order of CHANGES.
Every step is computed from the same daily counts with the same random streams, so the steps telescope: the parts add up
exactly to the difference. The part of a group depends on the groups before it, so the order belongs to the definition.

    goalposts   scale and base period; frozen goalposts are replaced by those of the base as it is known now
    severity    harm-days of an event (in goalposts and scores, so the city in the base period keeps its level)
    windows     days of the rolling window
    weights     weights and choice of indicators and domains
    other       prior, draws, aggregation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray
from spark_jobs.index.engine.composite_index import base_goalposts, compute_index
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.inputs import IndexInput
from spark_jobs.index.engine.ranks import rank_sets
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.windows import DailyCounts, base_year_spans
from spark_jobs.index.methodology import Methodology

ChangeCode = Literal["goalposts", "severity", "windows", "weights", "other"]
CHANGES: tuple[ChangeCode, ...] = ("goalposts", "severity", "windows", "weights", "other")
CountsUnder = Callable[[Methodology], DailyCounts]


@dataclass(frozen=True)
class Series:
    """One version over the days: index and interval (n_days, n_units), the city last; rank sets (n_days, n_areas)."""

    index: FloatArray
    lower: FloatArray
    upper: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray


@dataclass(frozen=True)
class MethodChange:
    """points (n_changes, n_days, n_units): index points by group of choices, in the order of CHANGES; they add up to
    candidate - current. A group in which the versions agree has 0; units without an index in a version have NaN."""

    days: tuple[date, ...]
    current: Series
    candidate: Series
    points: FloatArray

    @property
    def difference(self) -> FloatArray:
        return self.candidate.index - self.current.index

    @property
    def overlap(self) -> FloatArray:
        """Overlap ratio of the two intervals: length shared over length covered together, (n_days, n_units).

        1 = the same interval, 0 = nothing in common (the Jaccard ratio of two intervals).
        """
        old, new = self.current, self.candidate
        shared = np.minimum(old.upper, new.upper) - np.maximum(old.lower, new.lower)
        together = np.maximum(old.upper, new.upper) - np.minimum(old.lower, new.lower)
        return np.asarray(np.maximum(shared, 0.0) / np.where(together > 0.0, together, np.nan))

    @property
    def link(self) -> FloatArray:
        """Factor that brings the old series to the level of the new: mean of the new over mean of the old, (n_units,).

        The overlap method of linking index series (Consumer Price Index Manual, IMF and others, 2020).
        """
        return np.asarray(self.candidate.index.mean(axis=0) / self.current.index.mean(axis=0))


def steps(current: Methodology, candidate: Methodology) -> list[Methodology]:
    """The version after each group of CHANGES is taken over; the last is the candidate itself."""
    severity = {**current.severity, **candidate.severity}  # strata that only the old version uses are still needed
    base_years = current.windows.model_copy(update={"base_years": candidate.windows.base_years})
    new_goalposts = current.model_copy(update={"scale": candidate.scale, "windows": base_years})
    new_severity = new_goalposts.model_copy(update={"severity": severity})
    new_windows = new_severity.model_copy(update={"windows": candidate.windows})
    new_weights = new_windows.model_copy(update={"domains": candidate.domains})
    return [new_goalposts, new_severity, new_windows, new_weights, candidate]


def compare(
    counts_under: CountsUnder,
    frozen: Mapping[str, tuple[float, float, float]],
    base_starts_on: date,
    current: Methodology,
    candidate: Methodology,
    days: Sequence[date],
) -> MethodChange:
    """Both versions on each of `days`.

    counts_under: gives the daily counts laid out for a version. frozen: indicator id -> (centre, low, high), the
    goalposts with which the current version publishes, where any are frozen.
    """
    if not days:
        raise EngineInputError("days must be one or more; found none")
    if candidate.version == current.version:
        raise EngineInputError(f"both methods are version {current.version}; give the candidate a version of its own")
    counts = counts_under(current)
    goalposts = _goalposts(counts, current, base_starts_on)
    old = _series(counts, _with_frozen(goalposts, frozen, current), current, days)
    counts = counts_under(candidate)
    new = _series(counts, _goalposts(counts, candidate, base_starts_on), candidate, days)
    path, before = [old.index], None if frozen else current
    for step in steps(current, candidate)[:-1]:
        if before is None or not _computes_like(step, before):
            counts = counts_under(step)
            path.append(_index(counts, _goalposts(counts, step, base_starts_on), step, days))
            before = step
        else:
            path.append(path[-1])
    return MethodChange(tuple(days), old, new, np.diff(np.stack([*path, new.index]), axis=0))


def _computes_like(one: Methodology, other: Methodology) -> bool:
    """Whether two versions agree in all that the index is computed from."""
    fields = ("windows", "posterior", "scale", "aggregation", "severity", "domains")
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def _goalposts(counts: DailyCounts, methodology: Methodology, base_starts_on: date) -> Goalposts:
    spans = base_year_spans(base_starts_on, methodology.windows.base_years)
    return base_goalposts([counts.windows(end, n_days) for end, n_days in spans], methodology)


def _with_frozen(
    computed: Goalposts, frozen: Mapping[str, tuple[float, float, float]], methodology: Methodology
) -> Goalposts:
    rows = zip(methodology.indicators, computed.centre, computed.low, computed.high, strict=True)
    goalposts = np.array([frozen.get(indicator.id, own) for indicator, *own in rows])
    return Goalposts(*goalposts.T)


def _series(counts: DailyCounts, goalposts: Goalposts, methodology: Methodology, days: Sequence[date]) -> Series:
    rows = [_with_rank_sets(_of_day(counts, goalposts, methodology, day), methodology) for day in days]
    return Series(*(np.stack(column) for column in zip(*rows, strict=True)))


def _index(counts: DailyCounts, goalposts: Goalposts, methodology: Methodology, days: Sequence[date]) -> FloatArray:
    return np.stack([_of_day(counts, goalposts, methodology, day).overall.index for day in days])


def _of_day(counts: DailyCounts, goalposts: Goalposts, methodology: Methodology, day: date) -> IndexResult:
    windows = counts.windows(day, methodology.windows.headline_days)
    return compute_index(IndexInput(counts.area_codes, windows), goalposts, methodology, methodology.posterior.seed)


def _with_rank_sets(result: IndexResult, methodology: Methodology) -> tuple[FloatArray, ...]:
    """index, lower, upper (n_units,) and the simultaneous rank sets (n_areas,) of one day."""
    o, of_areas, settings = result.overall, result.draws[:-1], methodology.posterior
    covariance = np.atleast_2d(np.cov(of_areas))
    sets = rank_sets(o.index[:-1], covariance, settings.interval, stream(settings.seed, "rank_sets"))
    return (o.index, o.lower, o.upper, *sets)
