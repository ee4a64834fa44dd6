"""The scorecard of handling (综治考核): timeliness, closure, satisfaction. It stands beside the index, never scored.

It says how well the matters that people bring forward are handled, not how safe a county is. It has three shares of
counted cases with Wilson's 95 % interval. Counties whose intervals overlap are tied, so a county's place is an interval
of ranks: only the clearly better ones lie above it, only the clearly worse ones below. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_jobs.index.engine.intervals import wilson
from spark_jobs.index.engine.settlement import CUMULATIVE
from spark_jobs.release.model import Area, Release
from spark_jobs.release.settlement import shown_settlements
from spark_jobs.released.columns import rows

# The scorecard shows the complement of these indicators' shares. Closure is that of disputes, which settlement counts.
COMPLEMENTS = {"timeliness": "d2_late", "satisfaction": "d3_dissatisfied"}
CLOSURE = "closure"
MEASURES = ("timeliness", CLOSURE, "satisfaction")
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
        lower, upper = wilson(np.array([self.n_met]), np.array([self.n_cases]))
        return float(lower[0]), float(upper[0])


def scorecard(release: Release) -> Iterator[Row]:
    """Rows of scorecard.csv, by measure, the city first."""
    for measure in MEASURES:
        shares = {area: _share(release, area, measure) for area in release.areas}
        limits = {area: share.limits for area, share in shares.items() if share.is_known}
        of_counties = {area: ends for area, ends in limits.items() if area.level_code == "county"}
        for area, share in shares.items():
            yield {
                "area_code": area.area_code,
                "measure_code": measure,
                "n_cases": share.n_cases,
                "n_met": share.n_met,
                **_figures(share, limits.get(area)),
                **_place(of_counties.get(area), of_counties),
                "state_code": share.state_code,
            }


def _share(release: Release, area: Area, measure: str) -> Share:
    if measure == CLOSURE:
        found = next((s for s in shown_settlements(release, area) if s.view == CUMULATIVE), None)
        return (
            Share(float(found.n_accepted), float(found.n_settled), "live") if found else Share(None, None, "no_cases")
        )
    row = next(
        row for row in rows(release.tables["indicator_value"])
        if (row["area_code"], row["indicator_id"]) == (area.area_code, COMPLEMENTS[measure])
    )  # fmt: skip
    if row["state_code"] != "live" or row["n_events"] is None or row["denominator"] is None:
        return Share(None, None, row["state_code"])
    return Share(row["denominator"], row["denominator"] - row["n_events"], row["state_code"])


def _figures(share: Share, limits: tuple[float, float] | None) -> Row:
    if limits is None or share.n_cases is None or share.n_met is None:
        return dict.fromkeys(("rate", "lower", "upper"))
    return {"rate": share.n_met / share.n_cases, "lower": limits[0], "upper": limits[1]}


def _place(own: tuple[float, float] | None, of_counties: Mapping[Area, tuple[float, float]]) -> Row:
    """Best and worst rank that the intervals allow (1 = highest share), and how many other counties it is tied with."""
    if own is None:
        return dict.fromkeys(("rank_low", "rank_high", "n_tied"))
    n_better = sum(lower > own[1] for lower, _ in of_counties.values())
    n_worse = sum(upper < own[0] for _, upper in of_counties.values())
    n_counties = len(of_counties)
    return {
        "rank_low": float(1 + n_better),
        "rank_high": float(n_counties - n_worse),
        "n_tied": float(n_counties - n_better - n_worse - 1),
    }
