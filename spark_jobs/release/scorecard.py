"""The scorecard of handling (综治考核): timeliness, closure, satisfaction. It stands beside the index, never scored.

It says how well the matters that people bring forward are handled, not how safe a county is. It has three shares of
counted cases with Wilson's 95 % interval. Closure is also there by cohort: the disputes accepted in one month, followed
until now. A county's place is a set of ranks that holds for all counties at once (95 %); counties that share ranks cannot
be told apart. A young cohort is not yet complete, and a few cases say nothing: both have figures and no place. Pure.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy.stats import norm

from spark_jobs.index.engine.intervals import wilson
from spark_jobs.index.engine.ranks import rank_sets
from spark_jobs.index.engine.settlement import Settlement
from spark_jobs.release.model import Area, Release
from spark_jobs.release.settlement import all_settlements
from spark_jobs.released.columns import rows

# The scorecard shows the complement of these indicators' shares. Closure is that of disputes, which settlement counts.
COMPLEMENTS = {"timeliness": "d2_late", "satisfaction": "d3_dissatisfied"}
CLOSURE = "closure"
MEASURES = ("timeliness", CLOSURE, "satisfaction")
COVERAGE = 0.95
Row = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """How many cases of an area there are, and how many were met; None where unknown, and `state_code` says why."""

    n_cases: float | None
    n_met: float | None
    state_code: str

    @property
    def is_known(self) -> bool:
        return bool(self.n_cases) and self.n_met is not None

    @property
    def limits(self) -> tuple[float, float]:
        assert self.n_cases and self.n_met is not None
        lower, upper = wilson(np.array([self.n_met]), np.array([self.n_cases]), COVERAGE)
        return float(lower[0]), float(upper[0])


def scorecard(release: Release) -> Iterator[Row]:
    """Rows of scorecard.csv: each measure as a whole, closure then by cohort, the oldest first; in each the city first."""
    for measure, cohort, shares in _cards(release):
        limits = {area: share.limits for area, share in shares.items() if share.is_known}
        judged = {area: limits[area] for area, share in shares.items() if share.state_code == "live" and area in limits}
        places = _places({area: ends for area, ends in judged.items() if area.level_code == "county"}, release)
        for area, share in shares.items():
            yield {
                "area_code": area.area_code,
                "measure_code": measure,
                "cohort": None if cohort is None else f"{cohort:%Y-%m}",
                "n_cases": share.n_cases,
                "n_met": share.n_met,
                **_figures(share, limits.get(area)),
                **places.get(area, dict.fromkeys(("rank_low", "rank_high", "n_tied"))),
                "state_code": share.state_code,
            }


def _cards(release: Release) -> Iterator[tuple[str, date | None, dict[Area, Share]]]:
    """Measure, first day of the cohort (None for the whole), and the share of each area."""
    closed = {area: {s.month: s for s in all_settlements(release, area)} for area in release.areas}
    months = sorted({month for of_area in closed.values() for month in of_area if month is not None})
    for measure in MEASURES:
        if measure == CLOSURE:
            for cohort in (None, *months):
                yield (
                    measure,
                    cohort,
                    {area: _closed(release, found.get(cohort), cohort) for area, found in closed.items()},
                )
        else:
            yield measure, None, {area: _complement(release, area, measure) for area in release.areas}


def _closed(release: Release, found: Settlement | None, cohort: date | None) -> Share:
    if found is None or not found.n_accepted:
        return Share(None, None, "no_cases")
    state = "not_complete" if cohort and not _is_complete(release, cohort) else _enough(release, found.n_accepted)
    return Share(float(found.n_accepted), float(found.n_settled), state)


def _is_complete(release: Release, cohort: date) -> bool:
    """Whether the last of the cohort have had as long as it takes until a figure is revised: late records are in, and
    the thirty days that mediation has are over.
    """
    last = cohort.replace(day=calendar.monthrange(cohort.year, cohort.month)[1])
    return release.methodology.revised_on(last) <= release.business_date


def _complement(release: Release, area: Area, measure: str) -> Share:
    row = next(
        row for row in rows(release.tables["indicator_value"])
        if (row["area_code"], row["indicator_id"]) == (area.area_code, COMPLEMENTS[measure])
    )  # fmt: skip
    if row["state_code"] != "live" or row["n_events"] is None or row["denominator"] is None:
        return Share(None, None, row["state_code"])
    state = _enough(release, row["denominator"])
    return Share(row["denominator"], row["denominator"] - row["n_events"], state)


def _enough(release: Release, n_cases: float) -> str:
    return "live" if n_cases >= release.methodology.posterior.min_events else "too_few"


def _figures(share: Share, limits: tuple[float, float] | None) -> Row:
    if limits is None or share.n_cases is None or share.n_met is None:
        return dict.fromkeys(("rate", "lower", "upper"))
    return {"rate": share.n_met / share.n_cases, "lower": limits[0], "upper": limits[1]}


def _places(of_counties: Mapping[Area, tuple[float, float]], release: Release) -> dict[Area, Row]:
    """Best and worst rank of each county (1 = highest share), and how many others it cannot be told from by them.

    A share of none or all has no spread of its own, so centre and error are those of Wilson's interval.
    """
    if not of_counties:
        return {}
    lower, upper = np.array(list(of_counties.values())).T
    errors = (upper - lower) / (2.0 * norm.isf((1.0 - COVERAGE) / 2.0))
    rng = np.random.default_rng(release.methodology.posterior.seed)
    low, high = rank_sets((lower + upper) / 2.0, np.diag(errors**2), COVERAGE, rng)
    n_tied = ((low[:, None] <= high) & (low <= high[:, None])).sum(axis=1) - 1
    return {
        area: {"rank_low": float(best), "rank_high": float(worst), "n_tied": float(n)}
        for area, best, worst, n in zip(of_counties, low, high, n_tied, strict=True)
    }
