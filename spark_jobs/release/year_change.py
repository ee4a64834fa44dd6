"""The change on a year before, for readers: a check that its parts add up, and sentences in words of harm.

Points are read from the released table `year_change`, events from `input`, so the words cannot differ from the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from spark_jobs.index.methodology import Indicator, Methodology
from spark_jobs.release.model import Release
from spark_jobs.release.wording import Wording, number
from spark_jobs.released.columns import rows

TOLERANCE = 1e-9  # index points: the parts must add up to the published change this exactly
LARGEST = 4  # parts that are put into words
HARMS = 3  # kinds of harm of one indicator that are put into words
INDEX, DOMAIN, INDICATOR = "index", "domain", "indicator"


def year_change_faults(methodology: Methodology, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Areas whose parts do not add up to the published change on a year before, one line each."""
    points = {(r["area_code"], r["level_code"], r["part_id"]): r["points"] for r in rows(tables["year_change"])}
    faults = []
    for row in rows(tables["county_index"]):
        area, change = row["area_code"], row["change_1y"]
        if points.get((area, INDEX, INDEX)) != change:
            faults.append(f"{area}: the change on a year before is explained as another than the published one")
        elif change is not None:
            faults += [f"{area}: {said}" for said in _residuals(area, change, points, methodology)]
    return faults


def _residuals(
    area: str, change: float, points: Mapping[tuple[str, str, str], float | None], methodology: Methodology
) -> Iterable[str]:
    of_domains = {d.id: points.get((area, DOMAIN, d.id)) or 0.0 for d in methodology.domains}
    sums = {"index": (change, sum(of_domains.values()))}
    for domain in methodology.domains:
        of_indicators = [points.get((area, INDICATOR, i.id)) or 0.0 for i in domain.indicators]
        sums[domain.id] = (of_domains[domain.id], sum(of_indicators))
    for name, (whole, parts) in sums.items():
        if abs(whole - parts) > TOLERANCE:
            yield f"the change on a year before leaves {whole - parts} points of {name} unexplained"


@dataclass(frozen=True, eq=False)
class YearChanges:
    """The change on a year before of every area of a release, in one language."""

    release: Release
    words: Wording

    @cached_property
    def parts(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Row of the released table by area, level and part."""
        found = rows(self.release.tables["year_change"])
        return {(row["area_code"], row["level_code"], row["part_id"]): row for row in found}

    def largest(self, area_code: str) -> list[str]:
        """The indicators that moved the area most, each with its harm and points; none where there is no comparison."""
        of_area = (self.parts.get((area_code, INDICATOR, i.id)) for i in self.words.methodology.indicators)
        moved = [row for row in of_area if row and row["points"] is not None and number(abs(row["points"])) != "0.0"]
        ordered = sorted(moved, key=lambda row: -abs(row["points"]))[:LARGEST]
        return [self._sentence(area_code, row) for row in ordered]

    def _sentence(self, area_code: str, row: Mapping[str, Any]) -> str:
        return self.words.say(
            "year_part",
            name=self.words.indicator(row["part_id"]),
            harm=self.harm(area_code, row["part_id"]),
            points=self.words.change(row["points"]),
            sure="" if is_clear(row) else self.words.say("year_unsure"),
        )

    def harm(self, area_code: str, indicator_id: str) -> str:
        """What there is more or less of than a year before: people hurt, events, or a share."""
        indicator = next(i for i in self.words.methodology.indicators if i.id == indicator_id)
        now, before = (self._counted[window].get((area_code, indicator_id), {}) for window in ("headline", "last_year"))
        if indicator.kind == "proportion":
            return self._share(*(_share_of(counted) for counted in (now, before)))
        return self._harms(
            indicator, {s: now.get(s, (0.0, 0.0))[0] - before.get(s, (0.0, 0.0))[0] for s in indicator.strata}
        )

    def _share(self, now: float | None, before: float | None) -> str:
        if now is None or before is None:
            return self.words.say("nothing")
        shown = [self.words.say("percent", value=number(100 * share)) for share in (before, now)]
        key = "year_share_same" if shown[0] == shown[1] else "year_share_up" if now > before else "year_share_down"
        return self.words.say(key, before=shown[0], now=shown[1])

    def _harms(self, indicator: Indicator, more: Mapping[str, float]) -> str:
        """Kinds of harm, those with the most harm-days first."""
        days = dict(zip(indicator.strata, self.words.methodology.harm_days(indicator), strict=True))
        changed = sorted((s for s in more if more[s]), key=lambda s: -abs(more[s]) * days[s])[:HARMS]
        if not changed:
            return self.words.say("year_harm_same")
        return self.words.say("year_and").join(self._more(stratum, more[stratum]) for stratum in changed)

    def _more(self, stratum: str, difference: float) -> str:
        more, moved = ("year_more", "year_up_by") if difference > 0 else ("year_fewer", "year_down_by")
        return self.words.name("harm", stratum).format(
            n=f"{abs(difference):,.0f}", more=self.words.say(more), moved=self.words.say(moved)
        )

    @cached_property
    def _counted(self) -> dict[str, dict[tuple[str, str], dict[str, tuple[float, float]]]]:
        """window -> (area, indicator) -> stratum -> events and denominator; the city is its areas and the remainder."""
        found: dict[str, dict[tuple[str, str], dict[str, tuple[float, float]]]] = {"headline": {}, "last_year": {}}
        for row in rows(self.release.tables["input"]):
            if row["window"] not in found or row["count"] is None:
                continue
            for area in {row["area_code"], self.release.city_area.area_code}:
                strata = found[row["window"]].setdefault((area, row["indicator_id"]), {})
                count, trials = strata.get(row["stratum"], (0.0, 0.0))
                strata[row["stratum"]] = count + row["count"], trials + (row["denominator"] or 0.0)
        return found


def is_clear(row: Mapping[str, Any]) -> bool:
    """Whether a part moved the index by more than chance: its interval leaves out 0."""
    return row["points"] is not None and (row["lower"] > 0 or row["upper"] < 0)


def _share_of(counted: Mapping[str, tuple[float, float]]) -> float | None:
    count, trials = counted.get("all", (0.0, 0.0))
    return count / trials if trials else None
