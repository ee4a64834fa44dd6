"""What everybody may see of a month (tier: public, monthly): index, domains, indicators, pulse and settlement.

All pass disclosure control. A hidden cell keeps its row, without a number, under the status code that says so: it is
neither zero nor absent. Pure: a revised release of the month's last day and a pattern of hidden cells -> the tables.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from spark_jobs.index.engine.settlement import settlements
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.canonical import json_text
from spark_jobs.release.disclosure.rules import DisclosureRules
from spark_jobs.release.disclosure.suppression import COUNTIES, DOMAINS, YEAR, Cell, Control, Pattern
from spark_jobs.release.files import BYTE_ORDER_MARK, csv_cell
from spark_jobs.release.model import Area, WithAreas
from spark_jobs.release.month_versions import MonthVersion
from spark_jobs.release.public_tables import Row, complete, csv_files
from spark_jobs.released.columns import rows
from spark_jobs.released.obs_status import CONFIDENTIAL, FREE, SUPPRESSED, obs_status

TIER = "public_monthly"
SCHEMA_VERSION = 1
PULSE = "pulse"
TABLES_READ = ("county_index", "domain_index", "indicator_value", "pulse", "input")
NOT_COLLECTED = "L"  # SDMX CL_OBS_STATUS
ACCEPTED_TO = 100  # the number of disputes beside a settlement rate is rounded to hundreds


@dataclass(frozen=True)
class Corrected:
    """A version of a month that is public and was withdrawn: the release behind it, when (UTC, ISO 8601) and why."""

    version: MonthVersion
    release_id: str
    withdrawn_at: str
    why: str


@dataclass(frozen=True, eq=False)
class MonthInput(WithAreas):
    """A release of a month's last day, as it lies in its folder. `tables`: canonical frames of TABLES_READ by name.

    `corrects`: the version that this one takes the place of. `year_from`: folders of the months whose index the bulletin
    of the year shows beside this one.
    """

    city: str
    release_id: str
    business_date: date
    method_version: str
    areas: tuple[Area, ...]
    tables: Mapping[str, pd.DataFrame]
    corrects: Corrected | None = None
    year_from: tuple[str, ...] = ()

    @property
    def version(self) -> MonthVersion:
        return self.corrects.version.next if self.corrects else MonthVersion(f"{self.month:%Y-%m}")

    @property
    def month(self) -> date:
        """First day of the month."""
        return self.business_date.replace(day=1)


@dataclass(frozen=True)
class Month:
    """The public content of a month: the release behind it, the rules, and what they hide."""

    given: MonthInput
    methodology: Methodology
    rules: DisclosureRules
    pattern: Pattern

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """Rows by file name, in the order of area and part."""
        return {
            "index.csv": list(self._index()),
            "domains.csv": list(self._domains()),
            "indicators.csv": list(self._indicators()),
            "pulse.csv": list(self._pulse()),
            "settlement.csv": list(self._settlement()),
        }

    def files(self) -> dict[str, bytes]:
        """The public files by name, without the copies in other formats. The same month gives the same bytes."""
        return {**csv_files(self.rows), "disclosure.json": json_text(self.account()).encode()}

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """Complete rows by the name of the table in tables.yml."""
        of = {"release_id": self.given.release_id, "month": f"{self.given.month:%Y-%m}"}
        found = {f"monthly_{file.removesuffix('.csv')}": table for file, table in self.tables.items()}
        return {name: complete(name, of, self.given.areas, table) for name, table in found.items()}

    def restricted_files(self) -> dict[str, bytes]:
        """For the restricted tier: why each cell is hidden. In public it would tell small cells from their cover."""
        reasons = Counter(hidden.reason for hidden in self.pattern.hidden.values())
        account = {**self.account(), "hidden_by_reason": dict(sorted(reasons.items()))}
        return {"disclosure.json": json_text(account).encode(), "pattern.csv": pattern_csv(self.pattern).encode()}

    def account(self) -> dict[str, Any]:
        """disclosure.json: rules, thresholds, versions, and how much is hidden."""
        corrects = self.given.corrects
        return {
            "schema_version": SCHEMA_VERSION,
            "tier": TIER,
            "city": self.given.city,
            "month": self.given.version.month,
            "version": self.given.version.number,
            "corrects": None if corrects is None else {**vars(corrects), "version": corrects.version.number},
            "year_from": list(self.given.year_from),
            "release_id": self.given.release_id,
            "method_version": self.given.method_version,
            "rules": self.rules.model_dump(mode="json"),
            "city_only": {PULSE: sorted(part for table, part, area in self.pattern.hidden if area == COUNTIES)},
            "cells": {
                name.removesuffix(".csv"): {
                    "shown": sum(row["conf_status"] == FREE for row in table),
                    "hidden": sum(row["conf_status"] == CONFIDENTIAL for row in table),
                }
                for name, table in self.tables.items()
            },
            "hidden_share_of_counties": self.hidden_share,
        }

    @cached_property
    def hidden_share(self) -> float:
        """Of the county cells of indicators and pulse, how many are hidden."""
        city = self.given.city_area.area_code
        cells = [r for name in ("indicators.csv", "pulse.csv") for r in self.tables[name] if r["area_code"] != city]
        return sum(row["conf_status"] == CONFIDENTIAL for row in cells) / len(cells) if cells else 0.0

    def _index(self) -> Iterator[Row]:
        for row in rows(self.given.tables["county_index"]):
            figures = {**_points(row, "index", "lower", "upper"), "change_1y": _rounded(row["change_1y"])}
            codes = {
                name: row[name] for name in ("band_code", "rank_low", "rank_high", "status_code", "confidence_code")
            }
            yield {"area_code": row["area_code"], **figures, **codes, **_status(row["index"], False)}

    def _domains(self) -> Iterator[Row]:
        for row in rows(self.given.tables["domain_index"]):
            is_hidden = self.pattern.hides(DOMAINS, row["domain_id"], row["area_code"])
            figures = _unless(is_hidden, _points(row, "value", "lower", "upper"))
            part = {"area_code": row["area_code"], "domain_id": row["domain_id"]}
            yield {**part, **figures, "is_live": row["is_live"], **_status(row["value"], is_hidden)}

    def _indicators(self) -> Iterator[Row]:
        indicators = {indicator.id: indicator for indicator in self.methodology.indicators}
        for row in rows(self.given.tables["indicator_value"]):
            is_hidden = self.pattern.hides(YEAR, row["indicator_id"], row["area_code"])
            last = row["counted_through"] or self.given.business_date
            indicator = indicators[row["indicator_id"]]
            days = 1 if indicator.flow_or_stock == "stock" else self.methodology.windows.headline_days
            yield {
                "area_code": row["area_code"],
                "indicator_id": row["indicator_id"],
                "first_day": last - timedelta(days=days - 1),
                "last_day": last,
                **_unless(is_hidden, _indicator_figures(row)),
                "state_code": row["state_code"],
                **_status(row["n_events"], is_hidden, row["state_code"]),
                "rate_unit_zh": indicator.unit.zh,
                "rate_unit_en": indicator.unit.en,
            }

    def _pulse(self) -> Iterator[Row]:
        city = self.given.city_area.area_code
        for row in rows(self.given.tables["pulse"]):
            if row["area_code"] != city and self.pattern.is_city_only(PULSE, row["indicator_id"]):
                continue
            is_hidden = self.pattern.hides(PULSE, row["indicator_id"], row["area_code"])
            figures = {"observed": row["observed"], **_points(row, "expected", "expected_lower", "expected_upper")}
            yield {
                **{name: row[name] for name in ("area_code", "indicator_id", "first_day", "last_day")},
                **_unless(is_hidden, figures),
                "state_code": None if is_hidden else row["state_code"],
                **_status(row["observed"], is_hidden, row["state_code"]),
            }

    def _settlement(self) -> Iterator[Row]:
        """Rates in whole percents, disputes in hundreds. Hidden where one percent would be too few disputes."""
        inputs, city = self.given.tables["input"], self.given.city_area.area_code
        counties = [area.area_code for area in self.given.counties]
        for area in (city, *counties):
            for found in settlements(inputs, [*counties, REMAINDER] if area == city else [area]):
                if area != city and found.month is not None:
                    continue
                is_hidden = found.n_accepted < 100 * self.rules.counts.protection
                lower, upper = found.interval
                percent = {"rate": _times(found.rate), "lower": _times(lower), "upper": _times(upper)}
                figures = {
                    "n_accepted": float(round(found.n_accepted, -2)),
                    **_points(percent, "rate", "lower", "upper"),
                }
                yield {
                    "area_code": area,
                    "view": found.view,
                    **_unless(is_hidden, figures),
                    **_status(found.rate, is_hidden),
                }


def control(given: MonthInput, rules: DisclosureRules, methodology: Methodology) -> Control:
    """What chooses the city's patterns. The pulse is the finer table; the coarser one is the year of the indicators."""
    return Control(rules, methodology, given.city_area.area_code, (PULSE,))


def counted_cells(given: MonthInput, methodology: Methodology) -> list[Cell]:
    """The cells of the month that have a count: each indicator's year, with its kinds of harm, and the pulse."""
    strata: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows(given.tables["input"]):
        if row["window"] == "headline" and row["count"] is not None:
            for area in {row["area_code"], given.city_area.area_code}:
                strata[row["indicator_id"], area][row["stratum"]] += row["count"]
    indicators = {indicator.id: indicator for indicator in methodology.indicators}
    found = []
    for row in rows(given.tables["indicator_value"]):
        indicator, area, count = row["indicator_id"], row["area_code"], row["n_events"]
        if count is None:
            continue
        rest = row["denominator"] - count if indicators[indicator].kind == "proportion" else None
        rate = _digits(row["rate"], round)
        amount = None if rate is None else rate * row["denominator"] / indicators[indicator].rate_per
        found.append(Cell(YEAR, indicator, area, count, rest, dict(strata[indicator, area]), amount))
    return found + [
        Cell(PULSE, row["indicator_id"], row["area_code"], row["observed"])
        for row in rows(given.tables["pulse"])
        if row["observed"] is not None
    ]


def pattern_csv(pattern: Pattern) -> str:
    """The pattern as a table, by key; the next month reads it back."""
    return csv_text(
        {"table": table, "part": part, "area_code": area, **vars(hidden)}
        for (table, part, area), hidden in sorted(pattern.hidden.items())
    )


def csv_text(table: Iterable[Row]) -> str:
    """As the other files: UTF-8 with byte order mark, RFC 4180, empty = no value; whole numbers without a point."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for n, row in enumerate(table):
        if n == 0:
            writer.writerow(row)
        writer.writerow([csv_cell(value).removesuffix(".0") for value in row.values()])
    return BYTE_ORDER_MARK + text.getvalue()


def _indicator_figures(row: Mapping[str, Any]) -> Row:
    """Counts as they are, rates in three digits and scores in whole points; intervals are rounded outwards."""
    return {
        "n_events": row["n_events"],
        "denominator": None if row["denominator"] is None else float(f"{row['denominator']:.9g}"),
        "rate": _digits(row["rate"], round),
        "rate_lower": _digits(row["rate_lower"], math.floor),
        "rate_upper": _digits(row["rate_upper"], math.ceil),
        **_points(row, "score", "score_lower", "score_upper"),
    }


def _points(row: Mapping[str, Any], middle: str, lower: str, upper: str) -> Row:
    """A figure and its interval in whole numbers, the ends outwards."""
    down, up = row[lower], row[upper]
    return {
        middle: _rounded(row[middle]),
        lower: None if down is None else float(math.floor(down)),
        upper: None if up is None else float(math.ceil(up)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(round(value))


def _times(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _digits(value: float | None, rounding: Callable[[float], int]) -> float | None:
    if not value:
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{rounding(value / step) * step:.3g}")


def _unless(is_hidden: bool, figures: Row) -> Row:
    return dict.fromkeys(figures) if is_hidden else figures


def _status(value: float | None, is_hidden: bool, state_code: str | None = None) -> Row:
    """Status codes of a row whose first figure is hidden, has no value, or is as it should be."""
    if is_hidden:
        return {"obs_status": SUPPRESSED, "conf_status": CONFIDENTIAL}
    return {"obs_status": obs_status(value, "revised", state_code, NOT_COLLECTED), "conf_status": FREE}
