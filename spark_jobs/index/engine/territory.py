"""A city's past on the counties of one day: what ended areas counted goes to their successors, the rest to a remainder.

So a county that took in another one, or got another code, keeps one history. A city's total is always the sum of its
counties and the remainder, which is what lies in ended areas without a successor. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from expectations.dated import holds

REMAINDER = "remainder"
QUALITIES = ("exact", "rounded", "estimate")  # from the best to the worst: a sum is as good as its worst part
DENOMINATORS = ("area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code", "known_from")
Range = tuple[date | None, date | None]


@dataclass(frozen=True)
class Territory:
    """Counties of one day, in order; and for every county that ever was, the one to which it belongs on that day."""

    area_codes: tuple[str, ...]
    county_of: Mapping[str, str]  # county of any day -> county of this day, or REMAINDER
    ranges: Mapping[str, tuple[Range, ...]]  # county of any day -> when it was one

    def denominators(self, given: pd.DataFrame) -> pd.DataFrame:
        """Dated values of this day's counties (columns DENOMINATORS). On each day it is the sum over the areas of then.

        There is no value on a day on which one of these areas has none, and zero on a day without any of these areas.
        `known_from`: the first day of the oldest value in the sum. The remainder has rows only if it has areas.
        """
        rows = [
            row
            for county in [*self.area_codes, *([REMAINDER] if REMAINDER in self.county_of.values() else [])]
            for denominator_code, of_code in given.groupby("denominator_code")
            for row in self._dated(county, str(denominator_code), of_code)
        ]
        return pd.DataFrame(rows, columns=pd.Index(DENOMINATORS))

    def _dated(self, county: str, denominator_code: str, given: pd.DataFrame) -> list[tuple[object, ...]]:
        parts = [code for code, to in self.county_of.items() if to == county]
        own = _rows(given[given["area_code"].isin(parts)])
        dated = [*(each for code in parts for each in self.ranges[code]), *((row[1], row[2]) for row in own)]
        found: list[tuple[object, ...]] = []
        for first, end in _segments(dated):
            was = [code for code in parts if any(_within(first, each) for each in self.ranges[code])]
            known = [row for row in own if row[0] in was and _within(first, (row[1], row[2]))]
            if sorted(row[0] for row in known) != sorted(was):
                continue
            quality = max((row[4] for row in known), key=QUALITIES.index, default=QUALITIES[0])
            since = min((row[1] for row in known if row[1]), default=None)
            value = float(sum(row[3] for row in known))
            found.append((county, denominator_code, first, end, value, quality, since))
        return found


def placed(rows: pd.DataFrame, county_of: Mapping[str, str]) -> pd.DataFrame:
    """The same rows, each under the county to which its own county (`area_code`) belongs."""
    moved = {code: county for code, county in county_of.items() if code != county}
    return rows.assign(area_code=[moved.get(code, code) for code in rows["area_code"]]) if moved else rows


def territory(areas: pd.DataFrame, day: date) -> Territory:
    """areas: area_code, valid_from, valid_to, successor_code of the counties of all days, one row a range.

    A range that begins with the list itself has no first day.
    """
    columns = ("area_code", "valid_from", "valid_to", "successor_code")
    rows = [
        (code, _day(first), _day(end), to)
        for code, first, end, to in areas.reindex(columns=columns).itertuples(index=False, name=None)
    ]
    oldest = min((first for _, first, _, _ in rows if first), default=None)
    ranges: dict[str, tuple[Range, ...]] = {}
    for code, first, end, _ in sorted(rows, key=lambda row: (row[0], row[1] or date.min)):
        ranges[code] = (*ranges.get(code, ()), (None if first == oldest else first, end))
    successors = {code: to for code, _, _, to in rows if isinstance(to, str)}
    now = {code for code, own in ranges.items() if any(holds(day, *each) for each in own)}
    return Territory(tuple(sorted(now)), {code: _county(code, now, successors) for code in ranges}, ranges)


def _county(code: str, now: set[str], successors: Mapping[str, str]) -> str:
    passed: set[str] = set()
    while code not in now:
        passed.add(code)
        code = successors.get(code, REMAINDER)
        if code == REMAINDER or code in passed:
            return REMAINDER
    return code


def _rows(given: pd.DataFrame) -> list[tuple[str, date | None, date | None, float, str]]:
    columns = ("area_code", "valid_from", "valid_to", "value", "quality_code")
    return [
        (code, _day(first), _day(end), value, quality)
        for code, first, end, value, quality in given.reindex(columns=columns).itertuples(index=False, name=None)
    ]


def _day(value: object) -> date | None:
    return value if isinstance(value, date) and not pd.isna(value) else None


def _segments(ranges: Sequence[Range]) -> list[Range]:
    """The ranges between all days on which one of them begins or ends. The first and the last are open."""
    changes = {day for each in ranges for day in each if day is not None}
    return list(pairwise([None, *sorted(changes), None]))


def _within(first: date | None, range_: Range) -> bool:
    """Whether the range holds on the days of the segment that begins on `first`."""
    return holds(first or date.min, *range_)
