"""Two versions of the method beside each other, for the people who decide on the new one: a page and a table.

The figures are those of index/method_change.py. Files: comparison.csv, report.zh.html, report.en.html.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from markupsafe import Markup

from expectations.models import City
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.method_change import CHANGES, MethodChange, Series
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.files import BYTE_ORDER_MARK, csv_cell
from spark_jobs.release.model import Area
from spark_jobs.release.pages.charts import Point, two_trends
from spark_jobs.release.pages.template import template
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording

SHOWN_DIFFERENCES = 40  # rows of the table of differences between the versions; the two files have all


@dataclass(frozen=True)
class MethodReport:
    """A comparison with the names that it needs. `areas`: in the order of the units of `change`, the city last."""

    city: City
    areas: Sequence[Area]
    current: Methodology
    candidate: Methodology
    change: MethodChange

    @property
    def folder_name(self) -> str:
        return f"{self.change.days[-1]:%Y%m%d}-{self.current.version}-{self.candidate.version}"

    @property
    def in_force_on(self) -> date:
        """The first 1 January after the days compared; weights and goalposts change on that day only."""
        return date(self.change.days[-1].year + 1, 1, 1)

    def files(self) -> dict[str, bytes]:
        pages = {f"report.{code}.html": _page(self, code).encode() for code in LANGUAGES}
        return {"comparison.csv": _csv(self).encode(), **pages}


def _csv(report: MethodReport) -> str:
    text = io.StringIO()
    rows = list(_csv_rows(report))
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return BYTE_ORDER_MARK + text.getvalue()


def _csv_rows(report: MethodReport) -> Iterator[dict[str, Any]]:
    """One row a day and area, the city after its counties. Empty: no index, or no rank (the city has none)."""
    change = report.change
    for n, day in enumerate(change.days):
        for u, area in enumerate(report.areas):
            yield {
                "day": day,
                "area_code": area.area_code,
                **_version_cells("current", report.current, change.current, n, u),
                **_version_cells("candidate", report.candidate, change.candidate, n, u),
                "difference": number_or_none(change.difference[n, u]),
                "overlap_ratio": number_or_none(change.overlap[n, u]),
                "link_ratio": number_or_none(change.link[u]),
                **{f"points_{code}": number_or_none(change.points[c, n, u]) for c, code in enumerate(CHANGES)},
                "area_name_zh": area.name.zh,
                "area_name_en": area.name.en,
            }


def _version_cells(which: str, methodology: Methodology, series: Series, day: int, unit: int) -> dict[str, Any]:
    numbers = {name: number_or_none(getattr(series, name)[day, unit]) for name in ("index", "lower", "upper")}
    ranks = {name: _rank(getattr(series, name)[day], unit) for name in ("rank_low", "rank_high")}
    cells = {"version": methodology.version, **numbers, **ranks}
    return {f"{which}_{name}": value for name, value in cells.items()}


def _rank(of_areas: FloatArray, unit: int) -> float | None:
    return number_or_none(of_areas[unit]) if unit < of_areas.size else None


def number_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _page(report: MethodReport, language: LanguageCode) -> str:
    page = _Page(report, Wording(language, report.candidate))
    return template("method_report.html.j2").render(page=page, say=page.words.say)


class _Page:
    """What the template places: sentences and rows ready to print."""

    def __init__(self, report: MethodReport, words: Wording) -> None:
        self.report, self.words, self.change = report, words, report.change
        self.versions = {"old": report.current.version, "new": report.candidate.version}

    @property
    def title(self) -> str:
        return self.words.say("method_title", city=self.words.pick(self.report.city.name))

    @property
    def subtitle(self) -> str:
        return self.words.say("method_subtitle", **self.versions)

    @property
    def note(self) -> str | None:
        return self.words.pick(self.report.city.note) if self.report.city.note else None

    @property
    def overview(self) -> list[str]:
        words, change = self.words, self.change
        first, last = words.day(change.days[0]), words.day(change.days[-1])
        spoken = [words.say("method_days", first=first, last=last, n=len(change.days), **self.versions)]
        difference = number_or_none(change.difference[:, -1].mean())
        if difference is None:
            spoken.append(words.say("method_no_city"))
        else:
            overlap = f"{100 * change.overlap[:, -1].mean():.0f}"
            link = f"{change.link[-1]:.4f}"
            spoken.append(words.say("method_city", points=words.change(difference), overlap=overlap, link=link))
        spoken.append(words.say("method_break", day=words.day(self.report.in_force_on), **self.versions))
        return spoken

    @property
    def columns(self) -> list[str]:
        return [self.words.name("method_group", code) for code in CHANGES]

    @property
    def areas(self) -> list[dict[str, Any]]:
        """The last day, one row an area, the city first."""
        order = [len(self.report.areas) - 1, *range(len(self.report.areas) - 1)]
        return [self._row(-1, u, self._name(u), u == len(self.report.areas) - 1) for u in order]

    @property
    def months(self) -> list[dict[str, Any]]:
        """The city on every day."""
        return [self._row(n, -1, self.words.day(day), False) for n, day in enumerate(self.change.days)]

    def _name(self, unit: int) -> str:
        area = self.report.areas[unit]
        return self.words.say("city_row") if area.level_code == "city" else self.words.pick(area.name)

    def _row(self, day: int, unit: int, name: str, is_city: bool) -> dict[str, Any]:
        change, words = self.change, self.words
        overlap = number_or_none(change.overlap[day, unit])
        return {
            "name": name,
            "is_city": is_city,
            "old": self._figure(change.current, day, unit),
            "new": self._figure(change.candidate, day, unit),
            "difference": words.change(number_or_none(change.difference[day, unit])),
            "overlap": words.say("nothing") if overlap is None else f"{100 * overlap:.0f} %",
            "ranks": self._ranks(day, unit),
            "points": [words.change(number_or_none(change.points[c, day, unit])) for c in range(len(CHANGES))],
            "link": _link(change.link[unit]) or words.say("nothing"),
        }

    def _figure(self, series: Series, day: int, unit: int) -> tuple[str, str]:
        index, lower, upper = (
            number_or_none(values[day, unit]) for values in (series.index, series.lower, series.upper)
        )
        return self.words.index(index), self.words.interval(lower, upper)

    def _ranks(self, day: int, unit: int) -> str:
        """2–8 → 2–7; the city has none."""
        found = []
        for series in (self.change.current, self.change.candidate):
            ends = [_rank(values[day], unit % len(self.report.areas)) for values in (series.rank_low, series.rank_high)]
            if None in ends:
                return self.words.say("nothing")
            found.append("–".join(dict.fromkeys(f"{end:.0f}" for end in ends)))
        return " → ".join(found)

    @property
    def differences(self) -> list[tuple[str, str, str]]:
        """Where the two files differ: place, old, new."""
        old, new = (_leaves(m.model_dump(mode="json")) for m in (self.report.current, self.report.candidate))
        nothing = self.words.say("nothing")
        places = [place for place in {**old, **new} if old.get(place) != new.get(place) and place != "version"]
        found = [(place, str(old.get(place, nothing)), str(new.get(place, nothing))) for place in places]
        return found[:SHOWN_DIFFERENCES]

    @property
    def chart(self) -> Markup | None:
        if not np.isfinite(self.change.difference[:, -1]).any():
            return None
        return two_trends(
            self._points(self.change.current),
            self._points(self.change.candidate),
            self.words.say("figure_method", **self.versions),
        )

    def _points(self, series: Series) -> list[Point]:
        columns = (series.index[:, -1], series.lower[:, -1], series.upper[:, -1])
        return [
            Point(day, *(number_or_none(v) for v in values))
            for day, *values in zip(self.change.days, *columns, strict=True)
        ]


def _link(value: float) -> str | None:
    return f"{value:.4f}" if np.isfinite(value) else None


def _leaves(value: Any, place: str = "") -> dict[str, Any]:
    """Every single value by its place, e.g. domains.incidents.weight; an entry with an id is named by it."""
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        inner = [(item["id"], item) for item in value]
    else:
        return {place: value}
    return {
        name: leaf for key, below in inner for name, leaf in _leaves(below, f"{place}.{key}".removeprefix(".")).items()
    }
