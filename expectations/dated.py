"""Dated rows: each holds on the days of one half-open range, from `valid_from` until the day before `valid_to`.

`valid_to` is the first day on which a row no longer holds, in every table that has one: areas, their aliases,
denominators, counts, catalogues, limits of quantities. Python asks by `holds`, SQL by `holds_in_sql`; nothing else
compares these days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# What makes a row of a dated table the successor of another one, and not another thing.
KEYS = {
    "areas": ("area_code",),
    "area_aliases": ("alias", "area_code"),
    "denominators": ("area_code", "denominator_code"),
    "area_counts": ("area_code", "unit_code", "part_code", "basis_code"),
    "grid_items": ("item_code",),
    "quantity_limits": ("product_code", "container_code", "unit_code"),
}
FIGURES = ("denominators", "area_counts")  # an area has one on every day; a name or an item may come back after years
ALWAYS = ("area_aliases",)  # rows may be without days: they hold always
Row = Mapping[str, str]


def holds(day: date, valid_from: date | None, valid_to: date | None) -> bool:
    """Whether a row holds on that day. None: without a first day, or without an end."""
    return (valid_from is None or valid_from <= day) and (valid_to is None or day < valid_to)


def holds_in_sql(day: str, valid_from: str = "valid_from", valid_to: str = "valid_to") -> str:
    """The same as a condition of SQL; arguments: expressions of SQL."""
    return f"({valid_from} is null or {valid_from} <= {day}) and ({valid_to} is null or {day} < {valid_to})"


def day_of(row: Row, column: str) -> date | None:
    """`valid_from` or `valid_to` of a row that a table was read with; None where it says none."""
    text = row.get(column)
    return date.fromisoformat(text) if text else None


def row_holds(day: date, row: Row) -> bool:
    return holds(day, day_of(row, "valid_from"), day_of(row, "valid_to"))


def range_faults(table: str, rows: Sequence[tuple[int, Row]]) -> Iterator[tuple[int, str]]:
    """(line, fault) for ranges that are none, that overlap, or that leave days out. `rows`: with their lines."""
    sound: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for line, row in rows:
        faults = list(_own_faults(table, row))
        yield from ((line, fault) for fault in faults)
        if not faults:
            sound.setdefault(tuple(row[column] for column in KEYS[table]), []).append((line, row))
    for of_one in sound.values():
        of_one.sort(key=lambda numbered: numbered[1].get("valid_from", ""))
        for (_, before), (line, row) in pairwise(of_one):
            fault = _fault_between(table, before, row)
            if fault:
                yield line, fault


def _own_faults(table: str, row: Row) -> Iterator[str]:
    for column in ("valid_from", "valid_to"):
        text = row.get(column, "")
        if not text and (column == "valid_to" or table in ALWAYS):
            continue
        if not DAY.fullmatch(text) or not _is_day(text):
            yield f"{column}: expected a day such as 2026-01-01, found {text!r}"
            return
    first, end = row.get("valid_from"), row.get("valid_to")
    if first and end and end <= first:
        yield f"valid_to: expected a day after {first}, the first on which the row no longer holds, found {end}"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fault_between(table: str, before: Row, row: Row) -> str | None:
    """What is wrong between a row and the next one of the same thing."""
    first, end = day_of(row, "valid_from"), day_of(before, "valid_to")
    if end is None or first is None or first < end:
        return f"valid_from: expected a day from {end or 'the end of the row before it'} on, found {first}: two rows hold at once"
    gap = first - end
    if gap and (table in FIGURES or gap == timedelta(days=1)):
        return (
            f"valid_from: expected {end}, on which the row before it no longer holds, found {first}: none holds between. "
            "valid_to is the first day on which a row no longer holds, not the last on which it does"
        )
    return None
