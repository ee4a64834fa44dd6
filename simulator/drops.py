"""File drops: whole months before go-live, single days after it. Each file is written once and never touched again.

A file holds each record that was created or changed in its period once, as it stood at the period's end. A few rows
come a second time: some twice in the same file, some again in the next one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulator import cases, grid_events, incidents, people, xlsx
from simulator.truth import Array, Truth
from simulator.world import DAY, Columns, Kind, World, month_days, take

WRITTEN_AFTER = 1_800  # seconds after the end of the period
Rows = dict[str, list[Any]]


def _csv(rows: Rows) -> bytes:
    """GB18030 with CRLF, like the exports of police systems."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(rows)
    writer.writerows(zip(*rows.values(), strict=True))
    return buffer.getvalue().encode("gb18030")


def _json_lines(rows: Rows) -> bytes:
    """One object a line, UTF-8."""
    names = list(rows)
    lines = (
        json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
        for values in zip(*rows.values(), strict=True)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _workbook(rows: Rows) -> bytes:
    return xlsx.workbook("网格事件", rows)


@dataclass(frozen=True)
class Drop:
    """One file feed: how its records come about, how a row looks, how a file is written."""

    kind: Kind
    render: Callable[[Columns, Array], dict[str, Array]]
    extension: str
    encode: Callable[[Rows], bytes]


DROPS = (
    Drop(cases.KIND, cases.render, "csv", _csv),
    Drop(incidents.KIND, incidents.render, "jsonl", _json_lines),
    Drop(grid_events.KIND, grid_events.render, "xlsx", _workbook),
)


@dataclass(frozen=True)
class Period:
    """The days [first, last] that one file covers."""

    label: str
    first: int
    last: int


def periods(truth: Truth, clock: int, silent_from: int) -> list[Period]:
    """All files that exist at `clock`, none that covers a day from `silent_from` on."""
    months = _months(truth.start, truth.go_live - 1)
    found = [Period(f"{month:%Y%m}", int(days[0]), int(days[-1])) for month, days in months]
    days = range(truth.go_live, clock // DAY)
    found.extend(Period(str(np.datetime64(day, "D")).replace("-", ""), day, day) for day in days)
    return [p for p in found if (p.last + 1) * DAY + WRITTEN_AFTER <= clock and p.last < silent_from]


def _months(first: int, last: int) -> Iterator[tuple[Any, Array]]:
    span = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]")
    for month in np.unique(span):
        start = month.astype("datetime64[D]").item()
        yield start, month_days(start)


def _repeats(columns: Columns, stream: int) -> Array:
    """A number in [0, 1) for each record, by which those delivered twice are chosen."""
    key = people.keys(stream + 70, columns["day"], columns["county"], columns["number"])
    return np.asarray((key >> np.uint64(11)).astype(float) / 2.0**53)


def content(world: World, drop: Drop, period: Period) -> bytes:
    """The bytes of one file, a pure function of the world and the period."""
    since, until = period.first * DAY, (period.last + 1) * DAY
    columns = world.changed(drop.kind, since - DAY, until)
    draw, share = _repeats(columns, drop.kind.stream), world.truth.duplicate_share
    is_new = columns["updated"] >= since
    again = np.flatnonzero(is_new & (draw < share / 2))
    redelivered = np.flatnonzero(~is_new & (draw >= share / 2) & (draw < share))
    chosen = take(columns, np.concatenate([np.flatnonzero(is_new), again, redelivered]))
    rows = drop.render(chosen, chosen["updated"])
    return drop.encode({name: column.tolist() for name, column in rows.items()})


def missing(root: Path, truth: Truth, drop: Drop, clock: int, silent_from: int) -> list[tuple[Period, Path]]:
    """Files that should exist at `clock` and do not yet, in order."""
    folder = root / drop.kind.name
    wanted = [
        (period, folder / f"{drop.kind.name}_{period.label}.{drop.extension}")
        for period in periods(truth, clock, silent_from)
    ]
    return [(period, path) for period, path in wanted if not path.exists()]


def write(world: World, drop: Drop, period: Period, path: Path) -> None:
    """Write one file so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content(world, drop, period))
    draft.replace(path)
