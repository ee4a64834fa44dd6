"""The theme of a public month, or all indicators of a year: in words, for the city, by county, and what stands beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, get_args

from spark_jobs.index.engine.settlement import CUMULATIVE, FOUND
from spark_jobs.release.model import Area
from spark_jobs.release.monthly_page import MonthPage, Row
from spark_jobs.release.themes import Series, Theme
from spark_jobs.release.wording import points


@dataclass(frozen=True, eq=False)
class ThemeSection:
    """`theme`: None for a year, which shows every indicator and series."""

    page: MonthPage
    theme: Theme | None

    @cached_property
    def indicators(self) -> tuple[str, ...]:
        """Those of the theme; in a year all."""
        return (
            self.theme.indicators if self.theme else tuple(each.id for each in self.page.month.methodology.indicators)
        )

    @cached_property
    def series(self) -> tuple[str, ...]:
        """What is shown beside the year of the indicators; in a year everything."""
        return self.theme.series if self.theme else get_args(Series)

    @property
    def sentences(self) -> list[str]:
        """The areas that differ clearly from the base period, by indicator. What is withheld is not spoken of."""
        level, said = self.page.month.methodology.bands.level, []
        for indicator in self.indicators:
            own = [(self.page.name(area), self.page.cells[area.area_code, indicator]) for area in self.page.month.areas]
            shown = [(name, row) for name, row in own if row["score"] is not None]
            worse = [name for name, row in shown if row["score_upper"] < level]
            better = [name for name, row in shown if row["score_lower"] > level]
            parts = [
                self.page.words.say(key, list=self.page.words.listed(names))
                for key, names in (("theme_worse", worse), ("theme_better", better))
                if names
            ] or [self.page.words.say("theme_level")]
            name = self.page.words.indicator(indicator)
            said.append(self.page.words.say("theme_said", name=name, list=self.page.words.say("clause").join(parts)))
        return said

    @property
    def figure_rows(self) -> list[dict[str, str]]:
        """Of the city, each indicator: events and rate of the year, score, the last 28 days."""
        city, pulses = self.page.month.city_area.area_code, self.page.month.tables["monthly_pulse"]
        pulse = {row["indicator_id"]: row for row in pulses if row["area_code"] == city}
        return [self._figure_row(self.page.cells[city, each], pulse.get(each)) for each in self.indicators]

    def _figure_row(self, row: Row, pulse: Row | None) -> dict[str, str]:
        words, missing = self.page.words, self.page.missing(row)
        rate = missing
        if row["rate"] is not None:
            ends = f"{row['rate_lower']:,.6g}–{row['rate_upper']:,.6g}"
            rate = words.say("scored", name=f"{row['rate']:,.6g}", score=ends)
        return {
            "name": words.indicator(row["indicator_id"]),
            "events": missing if row["n_events"] is None else f"{row['n_events']:,.0f}",
            "rate": rate, "unit": row[f"rate_unit_{words.code}"], "score": self.page.figure(row, "score"),
            **self._days(pulse),
        }  # fmt: skip

    def _days(self, pulse: Row | None) -> dict[str, str]:
        """The last 28 days beside their season; a dash for an indicator that has none of its own, as stocks."""
        words = self.page.words
        if pulse is None or pulse["observed"] is None:
            nothing = words.say("nothing") if pulse is None else self.page.missing(pulse)
            return {"days": nothing, "season": words.say("nothing")}
        shown = f"{pulse['observed']:,.0f}"
        if pulse["expected"] is not None:
            shown = words.say(
                "scored", name=shown, score=words.counts(pulse["expected_lower"], pulse["expected_upper"])
            )
        return {"days": shown, "season": words.name("pulse_state", pulse["state_code"])}

    @property
    def score_tables(self) -> list[tuple[list[str], list[dict[str, Any]]]]:
        """Names of indicators, and one row an area with a score for each; a year has a table a domain."""
        by_domain = [tuple(each.id for each in domain.indicators) for domain in self.page.month.methodology.domains]
        return [
            (
                [self.page.words.indicator(each) for each in shown],
                [
                    self.page.named(area)
                    | {"cells": [self.page.figure(self.page.cells[area.area_code, each], "score") for each in shown]}
                    for area in self.page.month.areas
                ],
            )
            for shown in ([self.indicators] if self.theme else by_domain)
        ]

    @property
    def settlement_rows(self) -> list[dict[str, Any]]:
        """The city and its counties in all, then the city by month of acceptance; none where the theme has no such series."""
        if "settlement" not in self.series:
            return []
        found = sorted(self.page.month.tables["monthly_settlement"], key=lambda row: row["view"] != CUMULATIVE)
        areas = {area.area_code: area for area in self.page.month.areas}
        return [self._settled(areas[row["area_code"]], row) for row in found]

    def _settled(self, area: Area, row: Row) -> dict[str, Any]:
        words, name = self.page.words, self.page.name(area)
        if row["view"] != CUMULATIVE:
            name += f" · {words.month(date.fromisoformat(row['view'].removeprefix(FOUND) + '-01'))}"
        is_shown = row["rate"] is not None
        return {
            "is_city": area.level_code == "city" and row["view"] == CUMULATIVE,
            "name": name,
            "n_accepted": f"{row['n_accepted']:,.0f}" if is_shown else self.page.missing(row),
            "rate": words.say("percent", value=points(row["rate"])) if is_shown else self.page.missing(row),
            "interval": words.interval(row["lower"], row["upper"]),
        }
