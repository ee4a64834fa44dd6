"""The printed page of a release (平安指数通报): one template, two languages, self-contained HTML.

Everything here is a sentence or a row ready to print; the template only places them. Jinja escapes all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spark_jobs.index.engine.settlement import Settlement
from spark_jobs.release.build import grey_indicators, missing_domains, no_index_reason
from spark_jobs.release.coverage import MEASURES, CoverageLine, coverage_lines
from spark_jobs.release.model import Area, Release
from spark_jobs.release.movement import Ledger, area_movements
from spark_jobs.release.pages.charts import Interval, Point, interval_plot, sparkline, trend_chart
from spark_jobs.release.pages.pulse import PulseSection
from spark_jobs.release.settlement import shown_settlements
from spark_jobs.release.wording import LanguageCode, Wording, number
from spark_jobs.released.columns import rows


def bulletin(release: Release, language: LanguageCode) -> str:
    """The bulletin as one HTML text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = Page(release, Wording(language, release.methodology))
    return environment.get_template("bulletin.html.j2").render(page=page, say=page.words.say)


class Page:
    """What the template asks for, in the order of the page."""

    def __init__(self, release: Release, words: Wording) -> None:
        self.release = release
        self.words = words
        self.clear = release.methodology.publication.clear_probability
        self.index = {row["area_code"]: row for row in rows(release.tables["county_index"])}
        self.city = next(area for area in release.areas if area.level_code == "city")
        self.counties = [area for area in release.areas if area.level_code == "county"]

    # -- masthead
    @property
    def title(self) -> str:
        return self.words.say("title", city=self.words.pick(self.release.city.name))

    @property
    def subtitle(self) -> str:
        return self.words.day(self.release.business_date)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Label and value of the line below the title."""
        words = self.words
        local = self.release.as_of.astimezone(ZoneInfo(self.release.city.time_zone))
        return [
            (words.say("label_release"), self.release.release_id),
            (words.say("label_status"), words.name("status", self.release.status_code)),
            (words.say("label_as_of"), words.instant(local)),
            (words.say("label_method"), self.release.methodology.version),
        ]

    @property
    def note(self) -> str | None:
        """What the city says about its data, e.g. that they are simulated."""
        return self.words.pick(self.release.city.note) if self.release.city.note else None

    # -- 1 overview
    @property
    def overview(self) -> list[str]:
        return [
            sentence for sentence in (self._city_sentence(), self._base(), self._change(), self._bands()) if sentence
        ]

    def _city_sentence(self) -> str:
        row, words = self.index[self.city.area_code], self.words
        day = words.day(self.release.business_date)
        if row["index"] is None:
            return words.say("city_no_index", day=day, why=self._why(self.city))
        return words.say(
            "city_index",
            day=day,
            index=number(row["index"]),
            lower=number(row["lower"]),
            upper=number(row["upper"]),
            band=words.say_variant("city_band", row["band_code"]),
        )

    def _why(self, area: Area) -> str:
        domains = missing_domains(self.release.methodology, self.release.tables, area.area_code)
        return self.words.pick(no_index_reason(self.release.city, self.release.methodology, domains))

    def _base(self) -> str:
        base = self.release.city.base_period
        return self.words.say("base", first=base.first_day.year, last=base.last_day.year)

    def _change(self) -> str | None:
        row, words = self.index[self.city.area_code], self.words
        if row["change_1y"] is None:
            return None
        points = number(abs(row["change_1y"]))
        if points == "0.0":
            return words.say("change_flat")
        return words.say("change_up" if row["change_1y"] > 0 else "change_down", points=points, sure=self._sure(row))

    def _sure(self, row: Mapping[str, Any]) -> str:
        worse = row["p_below_last_year"]
        if worse is not None and worse >= self.clear:
            return self.words.say("sure_worse", p=f"{100 * worse:.0f}")
        if worse is not None and worse <= 1 - self.clear:
            return self.words.say("sure_better", p=f"{100 * (1 - worse):.0f}")
        return self.words.say("unsure")

    def _bands(self) -> str:
        bands = [self.index[area.area_code]["band_code"] for area in self.counties]
        parts = [
            self.words.say("bands_part", n=bands.count(code), band=self.words.say_variant("area_band", code))
            for code in ("better", "level", "worse", "none")
            if code in bands
        ]
        return self.words.say("bands_counted", n=len(bands), list=self.words.listed(parts))

    # -- 2 areas
    @property
    def areas(self) -> list[dict[str, Any]]:
        """Rows of the county table: the city first, then the counties by code."""
        return [self._area_row(area) for area in (self.city, *self.counties)]

    def _area_row(self, area: Area) -> dict[str, Any]:
        row, words = self.index[area.area_code], self.words
        grey = grey_indicators(self.release.tables, area.area_code)
        domains = missing_domains(self.release.methodology, self.release.tables, area.area_code)
        return {
            "is_city": area.level_code == "city",
            "name": self._name(area),
            "has_index": row["index"] is not None,
            "index": words.index(row["index"]),
            "interval": words.interval(row["lower"], row["upper"]),
            "band": row["band_code"],
            "band_name": words.band(row["band_code"]),
            "change": words.change(row["change_1y"]),
            "trend": sparkline(self._trend(area)),
            "confidence": row["confidence_code"] or words.say("nothing"),
            "status": words.name("status", row["status_code"]),
            "missing": words.missing(domains, grey),
        }

    def _name(self, area: Area) -> str:
        return self.words.say("city_row") if area.level_code == "city" else self.words.pick(area.name)

    def _trend(self, area: Area) -> list[Point]:
        found = [row for row in rows(self.release.tables["trend"]) if row["area_code"] == area.area_code]
        return [Point(row["day"], row["index"], row["lower"], row["upper"]) for row in found]

    @property
    def interval_plot(self) -> str | None:
        """None if no area has an index: an empty plot says less than the table above it."""
        if all(row["index"] is None for row in self.index.values()):
            return None
        return interval_plot([self._interval(area) for area in (self.city, *self.counties)])

    def _interval(self, area: Area) -> Interval:
        row, none = self.index[area.area_code], self.words.index(None)
        figures = (row["index"], row["lower"], row["upper"], row["band_code"])
        return Interval(self._name(area), *figures, note=none, strong=area is self.city)

    @property
    def trend_chart(self) -> str | None:
        points = self._trend(self.city)
        return trend_chart(points) if any(p.index is not None for p in points) else None

    # -- 3 domains
    @property
    def domain_names(self) -> list[str]:
        return [self.words.pick(domain.name) for domain in self.release.methodology.domains]

    @property
    def domains(self) -> list[dict[str, Any]]:
        """One row an area, one cell a domain: value and interval, or None where the domain is not live."""
        found = {(r["area_code"], r["domain_id"]): r for r in rows(self.release.tables["domain_index"])}
        ids = [domain.id for domain in self.release.methodology.domains]
        return [
            {
                "name": self._name(area),
                "is_city": area is self.city,
                "cells": [self._domain_cell(found.get((area.area_code, domain))) for domain in ids],
            }
            for area in (self.city, *self.counties)
        ]

    def _domain_cell(self, row: Mapping[str, Any] | None) -> dict[str, str] | None:
        if row is None or not row["is_live"] or row["value"] is None:
            return None
        return {"value": number(row["value"]), "interval": self.words.interval(row["lower"], row["upper"])}

    @property
    def settlement(self) -> list[dict[str, Any]]:
        """Rows of the table of settled disputes: the city and its counties ever, then the city by month found."""
        views = [(area, s) for area in (self.city, *self.counties) for s in shown_settlements(self.release, area)]
        ordered = sorted(views, key=lambda view: view[1].month is not None)  # stable: areas stay in order
        return [self._settlement_row(area, settled) for area, settled in ordered]

    def _settlement_row(self, area: Area, settled: Settlement) -> dict[str, Any]:
        words = self.words
        name = self._name(area) if settled.month is None else f"{self._name(area)} · {words.month(settled.month)}"
        counts = (settled.n_accepted, settled.n_settled, settled.n_open)
        return {
            "name": name,
            "is_city": area.level_code == "city" and settled.month is None,
            "counts": [f"{count:,}" for count in counts],
            "rate": words.percent(settled.rate),
            "interval": words.percent_interval(*settled.interval),
        }

    @property
    def settlement_sentence(self) -> str | None:
        """None for a city without disputes."""
        ever = next(iter(shown_settlements(self.release, self.city)), None)
        if ever is None or ever.rate is None:
            return None
        lower, upper = (number(100 * float(end)) for end in ever.interval if end is not None)
        return self.words.say(
            "settlement_city", accepted=f"{ever.n_accepted:,}", settled=f"{ever.n_settled:,}",
            rate=self.words.percent(ever.rate), lower=lower, upper=upper,
        )  # fmt: skip

    @property
    def coverage_columns(self) -> list[str]:
        return [self.words.name("coverage_measure", measure) for measure in MEASURES]

    @property
    def coverage(self) -> list[dict[str, Any]]:
        """Rows of the table of coverage; none for a city or a release without it."""
        return [self._coverage_row(line) for line in coverage_lines(self.release, self.words)]

    def _coverage_row(self, line: CoverageLine) -> dict[str, Any]:
        return {
            "name": self._name(line.area),
            "is_city": line.area is self.city,
            "month": line.month,
            "figures": list(line.figures.values()),
            "rolled_out": self.words.day(line.rolled_out_on),
        }

    # -- 4 what moved
    @property
    def moved(self) -> list[str]:
        return [*self._moved_domains(), *self._moved_areas(), *self._against_base()]

    def _moved_domains(self) -> Iterable[str]:
        changes = {r["domain_id"]: r["change_1y"] for r in rows(self.release.tables["domain_index"])
                   if r["area_code"] == self.city.area_code and r["change_1y"] is not None}  # fmt: skip
        said = [self._moved_domain(d.id, changes[d.id]) for d in self.release.methodology.domains if d.id in changes]
        if said:
            yield self.words.say("moved_domains", list=self.words.say("clause").join(said))

    def _moved_domain(self, domain_id: str, change: float) -> str:
        points = number(abs(change))
        key = "flat" if points == "0.0" else "up" if change > 0 else "down"
        return self.words.say(f"moved_domain_{key}", name=self.words.domain(domain_id), points=points)

    def _moved_areas(self) -> Iterable[str]:
        known = [a for a in self.counties if self.index[a.area_code]["p_below_last_year"] is not None]
        better = [a for a in known if self.index[a.area_code]["p_below_last_year"] <= 1 - self.clear]
        worse = [a for a in known if self.index[a.area_code]["p_below_last_year"] >= self.clear]
        for key, areas in (("moved_better", better), ("moved_worse", worse)):
            if areas:
                yield self.words.say(key, list=self.words.listed(map(self._moved_area, areas)))
        if known and len(known) > len(better) + len(worse):
            yield self.words.say("moved_rest" if better or worse else "moved_none")

    def _moved_area(self, area: Area) -> str:
        change = self.words.change(self.index[area.area_code]["change_1y"])
        return self.words.say("scored", name=self._name(area), score=change)

    def _against_base(self) -> Iterable[str]:
        """Indicators of the city whose whole interval lies on one side of the base: what holds the index up or down."""
        scored = [r for r in rows(self.release.tables["indicator_value"])
                  if r["area_code"] == self.city.area_code and r["score"] is not None]  # fmt: skip
        level = self.release.methodology.bands.level
        below = sorted((r for r in scored if r["score_upper"] < level), key=lambda r: float(r["score"]))
        above = sorted((r for r in scored if r["score_lower"] > level), key=lambda r: -float(r["score"]))
        for key, found in (("below_base", below), ("above_base", above)):
            if found:
                yield self.words.say(key, list=self.words.listed(map(self._scored, found)))
        if scored and not below and not above:
            yield self.words.say("at_base")

    def _scored(self, row: Mapping[str, Any]) -> str:
        return self.words.say("scored", name=self.words.indicator(row["indicator_id"]), score=number(row["score"]))

    @property
    def ledger(self) -> Ledger:
        index = {area: row["index"] for area, row in self.index.items()}
        names = {area.area_code: self._name(area) for area in (self.city, *self.counties)}
        return Ledger(area_movements(self.release.tables["movement"]), index, names, self.city.area_code, self.words)

    @property
    def pulse(self) -> PulseSection:
        names = {area.area_code: self._name(area) for area in (self.city, *self.counties)}
        return PulseSection(list(rows(self.release.tables["pulse"])), names, self.city.area_code, self.words)

    # -- 5 flags
    @property
    def flags(self) -> list[dict[str, str]]:
        names = {area.area_code: self._name(area) for area in self.release.areas}
        order = {"red": 0, "amber": 1, "grey": 2}
        found = sorted(
            rows(self.release.tables["flag"]), key=lambda r: (order[r["level_code"]], r["area_code"], r["flag_id"])
        )
        return [
            {
                "level": flag["level_code"],
                "level_name": self.words.name("level", flag["level_code"]),
                "rule": self.words.rule(flag["rule_code"]),
                "area": names.get(flag["area_code"], flag["area_code"]),
                "since": self.words.day(flag["since"]),
                "detail": flag[f"detail_{self.words.code}"] or self.words.say("nothing"),
                "status": self.words.name("flag_status", flag["status_code"]),
            }
            for flag in found
        ]

    # -- 6 missing
    @property
    def missing(self) -> list[str]:
        feeds = [
            self.words.say(
                "feed_missing", name=feed[f"feed_name_{self.words.code}"], since=self.words.day(feed["missing_since"])
            )
            for feed in rows(self.release.missing_feeds)
        ]
        return [*(feeds or [self.words.say("all_delivered")]), *self._states(), *self._held_back()]

    def _held_back(self) -> Iterable[str]:
        """Live indicators of the city whose window ends before the day of the release."""
        early = [r for r in rows(self.release.tables["indicator_value"])
                 if r["area_code"] == self.city.area_code and r["state_code"] == "live"
                 and (r["counted_through"] or self.release.business_date) < self.release.business_date]  # fmt: skip
        if early:
            said = (
                self.words.say(
                    "scored",
                    name=self.words.indicator(r["indicator_id"]),
                    score=self.words.day(r["counted_through"]),
                )
                for r in early
            )
            yield self.words.say("held_back", list=self.words.listed(said))

    def _states(self) -> Iterable[str]:
        """City indicators without a score, by cause; those without any source in this city on their own."""
        grey = [r for r in rows(self.release.tables["indicator_value"])
                if r["area_code"] == self.city.area_code and r["state_code"] != "live"]  # fmt: skip
        without = [r for r in grey if r["state_code"] == "missing_feed" and not r["feed_codes"]]
        for state in ("missing_feed", "too_few", "no_exposure", "no_base"):
            found = [r for r in grey if r["state_code"] == state and r not in without]
            if found:
                yield self.words.say(
                    "states_listed", state=self.words.name("state", state), list=self._indicators(found)
                )
        if without:
            yield self.words.say("no_source", list=self._indicators(without))

    def _indicators(self, found: Iterable[Mapping[str, Any]]) -> str:
        return self.words.listed(self.words.indicator(r["indicator_id"]) for r in found)

    # -- 7 notes
    @property
    def notes(self) -> list[str]:
        words, method = self.words, self.release.methodology
        bands = {code: words.band(code) for code in ("better", "level", "worse")}
        return [
            words.say(f"note_{self.release.status_code}", days=method.publication.revised_after_days),
            words.say("note_interval", **bands),
            words.say("note_confidence"),
            words.say("note_method", method=words.pick(method.name), version=method.version),
            words.say("note_volume"),
        ]

    @property
    def footer(self) -> str:
        return self.words.say("footer", title=self.title, release_id=self.release.release_id,
                              data_version=self.release.document["data_version"])  # fmt: skip
