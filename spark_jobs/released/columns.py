"""The released tables: one declaration of names, types, keys and lawful values.

Canonical text, hashes, CSV, Parquet, Delta, the publication suite and the disclosure gate all read it.
Grain of every table: its key. A release adds city_code and release_id where tables of many releases lie together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

ColumnType = Literal["text", "number", "flag", "day"]


@dataclass(frozen=True)
class Column:
    """`low` and `high` bound numbers (inclusive); `codes` lists every lawful value of a code column."""

    type: ColumnType
    low: float | None = None
    high: float | None = None
    codes: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False  # the step before may leave the column out; it is released as empty


@dataclass(frozen=True)
class Table:
    key: tuple[str, ...]
    columns: dict[str, Column]


def _text(required: bool = False, codes: tuple[str, ...] = ()) -> Column:
    return Column("text", required=required, codes=codes)


def _number(low: float | None = None, high: float | None = None, optional: bool = False) -> Column:
    return Column("number", low=low, high=high, optional=optional)


_KEY = _text(required=True)
_INDEX = _number(0, 200)  # points; 100 = the city in the base period, a county-year spans 60
_BOUND = _number(-100, 300)
_SHARE = _number(0, 1)
_COUNT = _number(0)
_POINTS = _number(-200, 200)
PULSE_STATES = ("above", "below", "not_complete", "expected", "too_few", "no_history", "missing_feed", "no_exposure")
MOVEMENT_CAUSES = ("real_change", "late_data", "method", "denominator")

TABLES: dict[str, Table] = {
    "county_index": Table(
        ("area_code",),
        {
            "area_code": _KEY,
            "index": _INDEX,
            "lower": _BOUND,
            "upper": _BOUND,
            "arithmetic": _number(optional=True),
            "geometric": _number(optional=True),
            "band_code": _text(True, ("better", "level", "worse", "none")),
            "change_1y": _number(-200, 200),
            "change_lower": _number(-400, 400, optional=True),
            "change_upper": _number(-400, 400, optional=True),
            "p_below_last_year": _SHARE,
            "rank_low": _number(1),
            "rank_high": _number(1),
            "status_code": _text(True, ("provisional", "revised", "final")),
            "confidence_code": _text(codes=("A", "B", "C")),
            "missing_domains": _text(),
        },
    ),
    "domain_index": Table(
        ("area_code", "domain_id"),
        {
            "area_code": _KEY,
            "domain_id": _KEY,
            "value": _number(-100, 300),
            "lower": _number(-200, 400),
            "upper": _number(-200, 400),
            "change_1y": _number(-400, 400, optional=True),
            "is_live": Column("flag", required=True),
            "live_weight_share": _SHARE,
        },
    ),
    "indicator_value": Table(
        ("area_code", "indicator_id"),
        {
            "area_code": _KEY,
            "indicator_id": _KEY,
            "n_events": _COUNT,
            "exposure": _COUNT,
            "rate": _COUNT,
            "rate_lower": _COUNT,
            "rate_upper": _COUNT,
            "score": _number(),
            "score_lower": _number(),
            "score_upper": _number(),
            "state_code": _text(True, ("live", "missing_feed", "too_few", "no_exposure", "no_base")),
            "missing_since": Column("day"),
            "feed_codes": _text(),
            "counted_through": Column("day", optional=True),
        },
    ),
    "trend": Table(
        ("area_code", "day"),
        {
            "area_code": _KEY,
            "day": Column("day", required=True),
            "index": _INDEX,
            "lower": _BOUND,
            "upper": _BOUND,
        },
    ),
    "flag": Table(
        ("flag_id",),
        {
            "flag_id": _KEY,
            "rule_code": _KEY,
            "area_code": _KEY,
            "indicator_id": _text(),
            "feed_code": _text(),
            "level_code": _text(True, ("red", "amber", "grey")),
            "status_code": _text(True, ("raised", "assigned", "verified", "cleared", "confirmed", "expired")),
            "observed": _number(),
            "expected": _number(),
            "threshold": _number(),
            "since": Column("day"),
            "detail_zh": _text(),
            "detail_en": _text(),
        },
    ),
    "feed_status": Table(
        ("feed_code",),
        {
            "feed_code": _KEY,
            "feed_name_zh": _KEY,
            "feed_name_en": _KEY,
            "kind_code": _KEY,
            "delivered_through": Column("day"),
            "missing_since": Column("day"),
            "state_code": _text(True, ("delivered", "missing", "breached")),
            "reason": _text(),
        },
    ),
    "coverage": Table(
        ("area_code", "measure_code"),
        {
            "area_code": _KEY,
            "measure_code": _text(
                True,
                (
                    "devices", "posts", "staff", "connected_units", "diary_share", "analysis_share", "feedback_share",
                ),
            ),
            "month_on": Column("day", required=True),
            "value": _COUNT,
            "value_1y": _COUNT,
            "is_comparable": Column("flag", required=True),
            "rolled_out_on": Column("day"),
        },
    ),
    "movement": Table(
        ("area_code", "indicator_id"),
        {
            "area_code": _KEY,
            "indicator_id": _KEY,
            **dict.fromkeys(MOVEMENT_CAUSES, _POINTS),
            "total": _POINTS,
            "previous_release_id": _KEY,
            "previous_business_date": Column("day", required=True),
            "previous_index": _INDEX,
            "reason_code": _text(codes=("no_index_now", "no_index_before", "new_area")),
        },
    ),
    "pulse": Table(
        ("area_code", "indicator_id"),
        {
            "area_code": _KEY,
            "indicator_id": _KEY,
            "first_day": Column("day", required=True),
            "last_day": Column("day", required=True),
            "observed": _COUNT,
            "expected": _COUNT,
            "expected_lower": _COUNT,
            "expected_upper": _COUNT,
            "last_year": _COUNT,
            "change": _number(-1),
            "change_lower": _number(-1),
            "change_upper": _number(-1),
            "state_code": _text(True, PULSE_STATES),
        },
    ),
    "completeness": Table(
        ("indicator_id", "series_code", "delay_days"),
        {
            "indicator_id": _KEY,
            "series_code": _text(True, ("events", "trials")),
            "delay_days": _COUNT,
            "day": Column("day", required=True),
            "count": _COUNT,
            "completeness": _COUNT,
            "nowcast": _COUNT,
            "nowcast_error": _COUNT,
            "is_counted": Column("flag", required=True),
        },
    ),
    "input": Table(
        ("indicator_id", "area_code", "window", "stratum"),
        {
            "indicator_id": _KEY,
            "area_code": _KEY,
            "window": _KEY,
            "stratum": _KEY,
            "count": _COUNT,
            "exposure": _COUNT,
        },
    ),
}


class TableFault(ValueError):
    """A table does not have the shape that columns.TABLES declares."""


def canonical_frame(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with exactly the declared columns, canonical types, rows sorted by key.

    Cells: str, float (never NaN), bool, date, or None. Raises TableFault on a missing column or an impossible value.
    """
    table = TABLES[name]
    lacking = [c for c, column in table.columns.items() if c not in frame.columns and not column.optional]
    if lacking:
        raise TableFault(f"table {name}: expected the columns {list(table.columns)}; not found: {lacking}")
    cells = {
        column: [_cell(name, column, declared.type, value) for value in frame[column]]
        if column in frame.columns
        else [None] * len(frame)
        for column, declared in table.columns.items()
    }
    rows = sorted(zip(*cells.values(), strict=True), key=lambda row: _sort_key(row, table))
    return pd.DataFrame(rows, columns=pd.Index(list(table.columns)), dtype=object)


def _sort_key(row: tuple[Any, ...], table: Table) -> tuple[str, ...]:
    """By key, then by the whole row: even rows that repeat a key (the suite refuses them) have one order."""
    positions = [list(table.columns).index(column) for column in table.key]
    return (*(str(row[position]) for position in positions), repr(row))


def _cell(table: str, column: str, kind: ColumnType, value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        value = ",".join(sorted(str(item) for item in value)) or None
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    try:
        return _CASTS[kind](value)
    except (TypeError, ValueError) as error:
        raise TableFault(f"table {table}, column {column}: expected a {kind}, found {value!r}") from error


def _as_number(value: Any) -> float:
    number = float(value) + 0.0  # -0.0 and 0.0 are one number and must be one text
    if not np.isfinite(number):
        raise ValueError("infinite")
    return number


def _as_day(value: Any) -> date:
    if isinstance(value, datetime):  # pandas timestamps too
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _as_flag(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ValueError("not a boolean")


_CASTS = {"text": lambda value: str(value) or None, "number": _as_number, "flag": _as_flag, "day": _as_day}


def rows(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Rows of a canonical frame as dictionaries (None stays None)."""
    names = list(frame.columns)
    return (dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None))
