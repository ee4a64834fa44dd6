"""The bulletin of a public month with its theme, and that of a year: one template, two languages, self-contained HTML.

All that they print stands in the public files of the month, after disclosure control: they are made from those rows and
from nothing else. Pure. A year's bulletin is that of its December, whose indicators run over the calendar year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from spark_jobs.release.model import Area
from spark_jobs.release.monthly_page import MonthPage, PublicMonth, Row
from spark_jobs.release.monthly_theme import ThemeSection
from spark_jobs.release.pages.sections.notes import how_to_read
from spark_jobs.release.pages.template import script_source, template
from spark_jobs.release.record import revisions_said
from spark_jobs.release.record.revisions import DELAYS
from spark_jobs.release.themes import Theme, load_themes
from spark_jobs.release.wording import LANGUAGES, Wording, bounds, points
from spark_jobs.released.obs_status import CONFIDENTIAL

BULLETINS = {"month": "bulletin", "year": "year"}  # kind -> name of the file, without language and ending


def bulletin_files(month: PublicMonth) -> dict[str, bytes]:
    """The bulletin of the month, and in December that of the year, by file name."""
    kinds = ["month", *(["year"] if month.business_date.month == 12 else [])]
    return {
        f"{BULLETINS[kind]}.{code}.html": MonthlyBulletin(
            month, Wording(code, month.methodology), kind == "year"
        ).html.encode()
        for kind in kinds
        for code in LANGUAGES
    }


@dataclass(frozen=True, eq=False)
class MonthlyBulletin(MonthPage):
    """One month, or the year that ends with it, in one language: sentences and rows that are ready to print."""

    is_year: bool = False

    @property
    def html(self) -> str:
        said = self.words.say
        return template("monthly.html.j2").render(page=self, say=said, script_source=script_source(), overdue=None)

    @cached_property
    def theme(self) -> Theme | None:
        """The month's theme; a year has them all."""
        return None if self.is_year else load_themes(self.month.methodology).of(self.month.business_date)

    @cached_property
    def section(self) -> ThemeSection:
        return ThemeSection(self, self.theme)

    @property
    def title(self) -> str:
        return self.words.say("year_title" if self.is_year else "month_title", city=self.pick(self.month.city.name))

    @property
    def subtitle(self) -> str:
        day = self.month.business_date
        if self.theme is None:
            return self.words.say("year_of", d=day)
        return self.words.say("month_theme", month=self.words.month(day), theme=self.pick(self.theme.name))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Label and value of the line below the title."""
        words = self.words
        return [
            (words.say("label_release"), self.month.release_id),
            (words.say("label_status"), words.name("status", self.month.status_code)),
            (words.say("label_method"), self.month.methodology.version),
        ]

    @property
    def note(self) -> str | None:
        return self.pick(self.month.city.note) if self.month.city.note else None

    @property
    def correction(self) -> str | None:
        """What this version corrects, and why."""
        was = self.month.corrects
        if was is None:
            return None
        return self.words.say(
            "month_corrects", month=was.version.month, number=was.version.next.number, before=was.version.number,
            release_id=was.release_id, why=was.why,
        )  # fmt: skip

    @property
    def overview(self) -> list[str]:
        row, base = self.index[self.month.city_area.area_code], self.month.city.base_period
        return [
            self._city_sentence(row),
            self.words.say("base", first=base.first_day.year, last=base.last_day.year),
            *self._change(row),
            self._bands(),
        ]

    def _city_sentence(self, row: Row) -> str:
        day = self.words.day(self.month.business_date)
        if row["index"] is None:
            return self.words.say("month_no_index", day=day)
        lower, upper = bounds(row["lower"], row["upper"])
        band = self.words.say_variant("city_band", row["band_code"])
        return self.words.say("city_index", day=day, index=points(row["index"]), lower=lower, upper=upper, band=band)

    def _change(self, row: Row) -> Iterator[str]:
        """The change on a year before; whether it is more than chance is not public, so it is not said."""
        if row["change_1y"] is not None:
            key = "month_flat" if not row["change_1y"] else "month_up" if row["change_1y"] > 0 else "month_down"
            yield self.words.say(key, points=points(abs(row["change_1y"])))

    def _bands(self) -> str:
        found = [self.index[area.area_code]["band_code"] for area in self.month.counties]
        return self.words.bands_counted(found, self.month.methodology.bands.names)

    @property
    def area_rows(self) -> list[dict[str, Any]]:
        """The city first, then the counties by code."""
        return [self._area_row(area, self.index[area.area_code]) for area in self.month.areas]

    def _area_row(self, area: Area, row: Row) -> dict[str, Any]:
        words = self.words
        return self.named(area) | {
            "index": words.index(row["index"]), "interval": words.interval(row["lower"], row["upper"]),
            "band": row["band_code"], "band_name": words.band(row["band_code"]),
            "change": words.change_1y(row["change_1y"]), "ranks": words.ranks(row["rank_low"], row["rank_high"]),
            "confidence": row["confidence_code"] or words.say("nothing"),
        }  # fmt: skip

    @property
    def month_names(self) -> list[str]:
        return [self.words.say("month_short", d=month) for month in self._months]

    @property
    def month_rows(self) -> list[dict[str, Any]]:
        """Of a year: the index of each area at the ends of its months. A month that was not published is a dash."""
        nothing = self.words.say("nothing")
        return [
            self.named(area) | {"cells": [
                self.words.index(self.month.months[month].get(area.area_code)) if month in self.month.months else nothing
                for month in self._months
            ]}
            for area in self.month.areas
        ]  # fmt: skip

    @property
    def _months(self) -> list[date]:
        return [date(self.month.business_date.year, n, 1) for n in range(1, 13)]

    @property
    def domain_names(self) -> list[str]:
        return [self.pick(domain.name) for domain in self.month.methodology.domains]

    @property
    def domain_rows(self) -> list[dict[str, Any]]:
        found = {(row["area_code"], row["domain_id"]): row for row in self.month.tables["monthly_domains"]}
        ids = [domain.id for domain in self.month.methodology.domains]
        return [
            self.named(area) | {"cells": [self.figure(found[area.area_code, each], "value") for each in ids]}
            for area in self.month.areas
        ]

    @property
    def delay_lines(self) -> list[revisions_said.DelayLine]:
        return list(revisions_said.by_delay(self.month.revisions, self.words))

    @property
    def triangle_lines(self) -> list[revisions_said.TriangleLine]:
        return list(revisions_said.triangle(self.month.triangle, self.month.city_area.area_code, self.words))

    @property
    def delays(self) -> tuple[int, ...]:
        return DELAYS

    @property
    def hidden_sentence(self) -> str:
        rows = [row for table in self.month.tables.values() for row in table]
        n_hidden = sum(row["conf_status"] == CONFIDENTIAL for row in rows)
        return self.words.say("month_hidden", n=n_hidden, all=len(rows), withheld=self.words.say("withheld"))

    @property
    def notes(self) -> list[str]:
        notes = how_to_read(self.words, self.month.methodology, self.month.status_code)
        return [*notes, self.words.say("month_registers")]
