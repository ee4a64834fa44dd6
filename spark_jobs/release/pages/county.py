"""The page of one county. The leader's page gives a county one line; this page shows all that the line rests on.

It has the domains and their indicators on one scale, each with its interval, its peers and its own past; the
change on a year before in words; open flags; and what is missing. It is restricted, like the tables behind it. Static
HTML, one page a language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
from markupsafe import Markup

from spark_jobs.index.engine.composite_index import bands
from spark_jobs.index.engine.results import StateCode
from spark_jobs.index.methodology import Domain, Indicator
from spark_jobs.release.build import missing_domains, no_index_reason
from spark_jobs.release.model import Area, Release
from spark_jobs.release.pages.charts import Interval, Point, Scale, scale_over, strip, trend_chart
from spark_jobs.release.pages.figures import change_words, n_open, open_flags, opening
from spark_jobs.release.pages.sections.flags import rule_sentences
from spark_jobs.release.pages.sections.missing import feed_lines
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.pages.sections.rates import counted_words
from spark_jobs.release.pages.template import page_of_release
from spark_jobs.release.wording import LanguageCode, Wording, bounds, points
from spark_jobs.release.year_change import DOMAIN, INDEX, INDICATOR, YearChanges, is_clear
from spark_jobs.released.columns import rows

STRIP_WIDTH = 330  # px of the view box
Row = Mapping[str, Any]


def county_file(area_code: str, language: LanguageCode) -> str:
    """Name of a county's page in the folder of its release."""
    return f"county.{area_code}.html" if language == "zh" else f"county.{area_code}.{language}.html"


def county_pages(release: Release, language: LanguageCode) -> dict[str, str]:
    """The page of every county by name of its file."""
    counties = Counties(release, Wording(language, release.methodology))
    return {county_file(area.area_code, language): counties.page(area) for area in release.counties}


@dataclass(frozen=True)
class Line:
    """A domain or an indicator of a county. If there is no figure, there is no strip, and `state` says why."""

    name: str
    value: str
    interval: str
    band: str
    strip: Markup | None
    state: str
    counted: str
    change: str
    is_clear: bool
    harm: str


@dataclass(frozen=True, eq=False)
class Counties:
    """Every county of a release in one language."""

    release: Release
    words: Wording

    @cached_property
    def changes(self) -> YearChanges:
        return YearChanges(self.release, self.words)

    @cached_property
    def figures(self) -> dict[tuple[str, str, str], Row]:
        """(level, part, area) -> its row with value, lower and upper: of the index, of domains and of indicators."""
        tables = self.release.tables
        found: dict[tuple[str, str, str], Row] = {}
        for row in rows(tables["county_index"]):
            found[INDEX, INDEX, row["area_code"]] = {**row, "value": row["index"]}
        for row in rows(tables["domain_index"]):
            found[DOMAIN, row["domain_id"], row["area_code"]] = row
        for row in rows(tables["indicator_value"]):
            ends = {"value": row["score"], "lower": row["score_lower"], "upper": row["score_upper"]}
            found[INDICATOR, row["indicator_id"], row["area_code"]] = {**row, **ends}
        return found

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """One scale a level for all counties, so that lengths can be compared, also between pages."""
        codes = {area.area_code for area in self.release.counties}
        seen: dict[str, list[float | None]] = {INDEX: [], INDICATOR: []}
        for (level, part, area), row in self.figures.items():
            if area in codes:
                past = self.changes.parts.get((area, level, part), {}).get("value_1y")
                seen[INDICATOR if level == INDICATOR else INDEX] += [row["value"], row["lower"], row["upper"], past]
        scales = {level: scale_over(values, 6, STRIP_WIDTH - 6) for level, values in seen.items()}
        return {**scales, DOMAIN: scales[INDEX]}

    def page(self, area: Area) -> str:
        """The page of one county."""
        release, words, row = self.release, self.words, self.figures[INDEX, INDEX, area.area_code]
        page, other = Page(release, words), "en" if words.code == "zh" else "zh"
        flags = open_flags(release, words, area.area_code)
        content = {
            **opening(page, row),
            "name": words.pick(area.name),
            "city_page": words.say("leader_page"),
            "answer": self._answer(area, row),
            "band": row["band_code"],
            "strip": self._strip(INDEX, INDEX, area),
            "scales": self.scales,
            "trend": self._trend(area),
            "why": self.changes.largest(area.area_code),
            "domains": [(self._domain(d, area), [self._indicator(i, area) for i in d.indicators])
                        for d in release.methodology.domains],
            "flags": flags,
            "n_flags": n_open(flags, words),
            "rules": rule_sentences(page),
            "missing": [*feed_lines(release, words), *self._without_score(area)],
            "other_page": county_file(area.area_code, other),  # type: ignore[arg-type]
        }  # fmt: skip
        return page_of_release("county.html.j2", release, words, content)

    def _answer(self, area: Area, row: Row) -> str:
        name = self.words.pick(area.name)
        if row["index"] is None:
            domains = missing_domains(self.release.methodology, self.release.tables, area.area_code)
            why = self.words.pick(no_index_reason(self.release.city, self.release.methodology, domains))
            return self.words.say("county_no_index", name=name, why=why)
        band, change = self.words.say_variant("city_band", row["band_code"]), change_words(row, self.words)
        return self.words.say("county_answer", name=name, index=points(row["index"]), band=band, change=change)

    def _trend(self, area: Area) -> Markup | None:
        own = [row for row in rows(self.release.tables["trend"]) if row["area_code"] == area.area_code]
        if all(row["index"] is None for row in own):
            return None
        points_of = [Point(row["day"], row["index"], row["lower"], row["upper"]) for row in own]
        return trend_chart(points_of, self.words.say("county_h_trend"), width=360)

    def _domain(self, domain: Domain, area: Area) -> Line:
        return self._line(DOMAIN, domain.id, area, self.words.pick(domain.name), "", "")

    def _indicator(self, indicator: Indicator, area: Area) -> Line:
        row = self.figures[INDICATOR, indicator.id, area.area_code]
        change = self.changes.parts.get((area.area_code, INDICATOR, indicator.id), {})
        harm = self.changes.harm(area.area_code, indicator.id) if change.get("points") is not None else ""
        name = self.words.pick(indicator.name)
        return self._line(INDICATOR, indicator.id, area, name, counted_words(indicator, row, self.words), harm)

    def _line(self, level: str, part: str, area: Area, name: str, counted: str, harm: str) -> Line:
        row, words = self.figures[level, part, area.area_code], self.words
        change = self.changes.parts.get((area.area_code, level, part), {})
        moved = change.get("points")
        has_value = row["value"] is not None
        return Line(
            name=name,
            value=points(row["value"]) if has_value else words.say("nothing"),
            interval=words.interval(row["lower"], row["upper"]) if has_value else "",
            band=self._band(row),
            strip=self._strip(level, part, area),
            state="" if has_value else self._state(row),
            counted=counted,
            change="" if moved is None else words.say("county_change", points=words.change(moved)),
            is_clear=bool(change) and is_clear(change),
            harm=harm,
        )

    def _state(self, row: Row) -> str:
        """Why there is no figure, and since when."""
        said = self.words.name("state", row["state_code"]) if "state_code" in row else self.words.say("domain_none")
        since = row.get("missing_since")
        return self.words.say("since", name=said, day=self.words.day(since)) if since else said

    def _strip(self, level: str, part: str, area: Area) -> Markup | None:
        row = self.figures[level, part, area.area_code]
        if row["value"] is None:
            return None
        others = [a.area_code for a in self.release.counties if a is not area]
        peers = [p for code in others if (p := self.figures[level, part, code]["value"]) is not None]
        past = self.changes.parts.get((area.area_code, level, part), {}).get("value_1y")
        lower, upper = bounds(row["lower"], row["upper"])
        label = self.words.say("leader_strip", index=points(row["value"]), lower=lower, upper=upper)
        if past is not None:
            label += self.words.say("county_past", past=points(past))
        interval = Interval(label, row["value"], row["lower"], row["upper"], self._band(row), note="")
        return strip(interval, self.scales[level], height=30, peers=peers, past=past)

    def _band(self, row: Row) -> str:
        """The band of an interval, by the rule of the index."""
        lower, upper = (np.array([row[end]], dtype=float) for end in ("lower", "upper"))
        return str(bands(lower, upper, self.words.methodology.bands.level)[0])

    def _without_score(self, area: Area) -> Iterator[str]:
        """Indicators of the county without a score, by cause."""
        ids = [indicator.id for indicator in self.release.methodology.indicators]
        for state in get_args(StateCode):
            found = [i for i in ids if self.figures[INDICATOR, i, area.area_code]["state_code"] == state != "live"]
            if found:
                names = self.words.listed(map(self.words.indicator, found))
                yield self.words.say("county_states", state=self.words.name("state", state), list=names)
