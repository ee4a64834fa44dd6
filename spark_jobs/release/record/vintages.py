"""Every value with the span during which it was what we said. Pure: statements in their order -> rows with their spans.

What we say at an instant is the published statement that rests on the newest knowledge; of two that rest on the same,
the one published last. From its withdrawal on, a release says nothing; its figures are empty until another release
gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.released.columns import ACROSS
from spark_jobs.released.schemas import arrow_types

SCHEMA = pa.schema(list(arrow_types(ACROSS["vintages"].columns).items()))
FIGURE = ("area_code", "measure_code", "part_id", "day")
SAID = ("value", "lower", "upper", "status_code", "obs_status_code")
Row = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """One event: what a release said when it was published. Statements of None mean that it was withdrawn."""

    at: datetime
    release_id: str
    statements: Sequence[Row] | None


def extended(stored: pa.Table, spoken: Sequence[Spoken]) -> pa.Table:
    """The stored rows and what was said after them. New rows come at the end; the spans of old ones are closed in place.

    `stored`: SCHEMA, the rows of the events before. One event at a time or all at once gives the same result.
    """
    if not spoken:
        return stored
    positions, rows = _touched(stored, spoken)
    open_rows = {tuple(row[name] for name in FIGURE): row for row in rows}
    new: list[Row] = []
    for event in spoken:
        said = _nothing_more(event, open_rows) if event.statements is None else event.statements
        new += [row for statement in said if (row := _hear(event.at, statement, open_rows))]
    return pa.concat_tables([_rewritten(stored, positions, rows), pa.Table.from_pylist(new, SCHEMA)]).combine_chunks()


def _touched(stored: pa.Table, spoken: Sequence[Spoken]) -> tuple[np.ndarray[Any, Any], list[Row]]:
    """The open rows that these events can close, and their positions. So the cost grows with the new events only."""
    days = {row["day"] for event in spoken for row in event.statements or ()}
    withdrawn = {event.release_id for event in spoken if event.statements is None}
    is_meant = pc.or_(
        pc.is_in(stored["day"], value_set=pa.array(sorted(days), pa.date32())),
        pc.is_in(stored["release_id"], value_set=pa.array(sorted(withdrawn), pa.string())),
    )
    positions = np.flatnonzero(pc.and_(pc.is_null(stored["realtime_end"]), is_meant).to_numpy())
    return positions, stored.take(pa.array(positions)).to_pylist()


def _hear(at: datetime, statement: Row, open_rows: dict[tuple[Any, ...], Row]) -> Row | None:
    """The row that the statement begins; None if it repeats what stands, or rests on older knowledge."""
    figure = tuple(statement[name] for name in FIGURE)
    before = open_rows.get(figure)
    if before:
        if statement["known_at"] < before["known_at"]:
            return None
        if all(statement[name] == before[name] for name in SAID):
            before["known_at"] = statement["known_at"]
            return None
        before["realtime_end"] = at
    open_rows[figure] = {**statement, "realtime_start": at, "realtime_end": None}
    return open_rows[figure]


def _nothing_more(event: Spoken, open_rows: dict[tuple[Any, ...], Row]) -> list[Row]:
    """The standing figures of the withdrawn release, each without a value."""
    nothing = {"value": None, "lower": None, "upper": None, "status_code": "withdrawn", "obs_status_code": "O"}
    names = [name for name in SCHEMA.names if not name.startswith("realtime")]
    standing = [row for row in open_rows.values() if row["release_id"] == event.release_id]
    return [{**{name: row[name] for name in names}, **nothing} for row in standing]


def _rewritten(stored: pa.Table, positions: np.ndarray[Any, Any], rows: list[Row]) -> pa.Table:
    mask = np.zeros(len(stored), dtype=bool)
    mask[positions] = True
    for name in ("known_at", "realtime_end"):
        values = pa.array([row[name] for row in rows], SCHEMA.field(name).type)
        column = stored[name].combine_chunks()
        stored = stored.set_column(
            SCHEMA.get_field_index(name), SCHEMA.field(name), pc.replace_with_mask(column, pa.array(mask), values)
        )
    return stored


def said_at(vintages: pa.Table, at: datetime, day: date | None = None) -> pa.Table:
    """What we said at an instant, about one day or all: the rows whose span holds the instant."""
    end = vintages["realtime_end"]
    moment = pa.scalar(at, SCHEMA.field("realtime_end").type)
    is_then = pc.and_(pc.less_equal(vintages["realtime_start"], moment), pc.fill_null(pc.greater(end, moment), True))
    if day is not None:
        is_then = pc.and_(is_then, pc.equal(vintages["day"], pa.scalar(day, pa.date32())))
    return vintages.filter(is_then)
