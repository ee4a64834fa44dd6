"""Months of coverage -> what a release shows of them, as a table and in words.

Coverage stands beside the index as context and is never scored. Pure: no Spark, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from spark_jobs.release.model import Area, Release
from spark_jobs.release.wording import Wording, number
from spark_jobs.released.columns import TABLES, rows

# measure -> the count that it is, or the two counts whose share it is
MEASURES: dict[str, tuple[str, ...]] = {
    "devices": ("n_devices",),
    "posts": ("n_posts",),
    "staff": ("n_staff",),
    "connected_units": ("n_connected_units",),
    "diary_share": ("n_diaries_done", "n_diaries_due"),
    "analysis_share": ("n_analyses_done", "n_analyses_due"),
    "feedback_share": ("n_feedbacks_done", "n_feedbacks_due"),
}
COUNTS = list(dict.fromkeys(count for counts in MEASURES.values() for count in counts))


def coverage_table(months: pd.DataFrame, city_area: str) -> pd.DataFrame:
    """The newest month of each county and of the city, and the same month a year before.

    Args:
        months: area_code (a county), month_on, rolled_out_on (dates) and COUNTS; rows of several feeds add up.
        city_area: code of the city itself. The city has the months and the measures that every county has.

    Returns:
        Columns of TABLES["coverage"]. Two months compare unless the platform was rolled out after the earlier one.
    """
    columns = pd.Index(list(TABLES["coverage"].columns))
    if months.empty:
        return pd.DataFrame(columns=columns)
    days = {day: pd.to_datetime(months[day]) for day in ("month_on", "rolled_out_on")}
    typed = months.assign(**days, **months[COUNTS].astype(float))
    counties = _summed(typed, ["area_code", "month_on"], least=1)
    n_counties = counties["area_code"].nunique()
    whole = counties[counties.groupby("month_on")["area_code"].transform("size") == n_counties]
    city = _summed(whole, ["month_on"], least=n_counties).assign(area_code=city_area)
    return pd.DataFrame(list(_newest(pd.concat([counties, city]))), columns=columns)


def _summed(months: pd.DataFrame, keys: list[str], least: int) -> pd.DataFrame:
    """Counts added up where at least `least` rows have one; the roll-out is the last one's."""
    groups = months.groupby(keys)
    return groups[COUNTS].sum(min_count=least).join(groups["rolled_out_on"].max()).reset_index()


def _newest(months: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for area_code, of_area in months.groupby("area_code"):
        by_month = of_area.set_index("month_on").sort_index()
        month = by_month.index[-1]
        newest = by_month.loc[month]
        earlier = month - pd.DateOffset(years=1)
        before = by_month.loc[earlier] if earlier in by_month.index else None
        rolled_out = newest["rolled_out_on"]
        for measure, counts in MEASURES.items():
            then = None if before is None else _value(before, counts)
            yield {
                "area_code": area_code,
                "measure_code": measure,
                "month_on": month.date(),
                "value": _value(newest, counts),
                "value_1y": then,
                "is_comparable": then is not None and not rolled_out > earlier,  # never true of an unknown day
                "rolled_out_on": _day(rolled_out),
            }


def _value(row: pd.Series, counts: tuple[str, ...]) -> float | None:
    numbers = [float(row[count]) for count in counts]
    if any(pd.isna(number) for number in numbers) or (len(numbers) == 2 and numbers[1] == 0):
        return None
    return numbers[0] / numbers[1] if len(numbers) == 2 else numbers[0]


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else value.date()


@dataclass(frozen=True)
class CoverageFigure:
    """A count or a share in words. `before`: the same a year earlier; None where the two cannot be compared."""

    now: str
    before: str | None = None


@dataclass(frozen=True)
class CoverageLine:
    """What an area has in its newest month, ready to print. `figures`: by measure, in the order of MEASURES."""

    area: Area
    month: str
    rolled_out_on: date | None
    figures: Mapping[str, CoverageFigure]


def coverage_lines(release: Release, words: Wording) -> list[CoverageLine]:
    """One line an area that has any coverage, in the order of the release. A missing figure is a dash."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows(release.tables["coverage"]):
        found.setdefault(row["area_code"], {})[row["measure_code"]] = row
    return [_line(area, found.get(area.area_code, {}), words) for area in release.areas] if found else []


def _line(area: Area, measures: Mapping[str, Mapping[str, Any]], words: Wording) -> CoverageLine:
    nothing = words.say("nothing")
    newest = next(iter(measures.values()), None)
    return CoverageLine(
        area,
        month=words.month(newest["month_on"]) if newest else nothing,
        rolled_out_on=newest["rolled_out_on"] if newest else None,
        figures={
            code: _figure(measures[code], words) if code in measures else CoverageFigure(nothing) for code in MEASURES
        },
    )


def _figure(row: Mapping[str, Any], words: Wording) -> CoverageFigure:
    now, before = (_said(row["measure_code"], row[column], words) for column in ("value", "value_1y"))
    return CoverageFigure(now, before if row["is_comparable"] else None)


def _said(measure: str, value: float | None, words: Wording) -> str:
    if value is None:
        return words.say("nothing")
    return words.say("percent", value=number(100 * value)) if len(MEASURES[measure]) == 2 else f"{value:,.0f}"
