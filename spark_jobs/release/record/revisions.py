"""How far figures were revised, by how long after they were first said: the revision triangle and its means. Pure.

Only figures that were provisional when first said are counted: what a first release says of the years before it was
never a first estimate. A figure is not counted at a delay that it has not reached yet, nor after its withdrawal. Mean
revision and mean absolute revision are those of OECD/Eurostat, Guidelines on Revisions Analysis (first against later
release).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DELAYS = (1, 7, 35, 92, 365)  # days after it was first said; revised at 35, final in the year after
FIGURE = ("area_code", "measure_code", "part_id", "day")
_DAY_US = 86_400_000_000
Row = dict[str, Any]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Revisions:
    """vintages: rows of vintages.parquet, in the order in which the releases said them."""

    vintages: pa.Table

    def by_measure(self) -> Iterator[Row]:
        """One row a measure and delay: how many figures, and how far they moved, in the measure's own unit."""
        for measure in sorted(pc.unique(self.vintages["measure_code"]).to_pylist()):
            is_meant = pc.equal(self.vintages["measure_code"], measure).to_numpy()
            for delay in DELAYS:
                said = self._said[delay]
                moved = self._revision(said[is_meant[said]])
                if len(moved):
                    yield {
                        "measure_code": measure,
                        "delay_days": float(delay),
                        "n_figures": float(len(moved)),
                        "mean_absolute_revision": _digits(np.abs(moved).mean()),
                        "mean_revision": _digits(moved.mean()),
                        "largest_revision": _digits(np.abs(moved).max()),
                    }

    def triangle(self) -> Iterator[Row]:
        """One row an area, month end and delay: the index as first said, and as said after the delay."""
        days = self.vintages["day"]
        is_month_end = pc.equal(pc.day(pc.add(days.cast(pa.timestamp("s")), pa.scalar(timedelta(days=1)))), 1)
        is_meant = pc.and_(pc.equal(self.vintages["measure_code"], "index"), is_month_end).to_numpy()
        found = [(delay, int(row)) for delay in DELAYS for row in self._said[delay][is_meant[self._said[delay]]]]
        named = (
            self.vintages.select(["area_code", "day"]).take(pa.array([row for _, row in found], pa.int64())).to_pylist()
        )
        listed = [(each["area_code"], each["day"], *place) for each, place in zip(named, found, strict=True)]
        for area, day, delay, row in sorted(listed):
            yield {
                "area_code": area,
                "day": day,
                "delay_days": float(delay),
                "first": float(self._value[self._first[row]]),
                "value": float(self._value[row]),
                "revision": _digits(self._value[row] - self._value[self._first[row]]),
            }

    @cached_property
    def _said(self) -> dict[int, Positions]:
        return {delay: self._said_after(delay) for delay in DELAYS}

    def _said_after(self, delay: int) -> Positions:
        """Rows that held `delay` days after their figure was first said."""
        at = self._start[self._first] + delay * _DAY_US
        is_old_enough = at <= max(self._start.max(), self._closed.max()) if len(at) else at < 0
        held = (self._start <= at) & (at < self._end) & is_old_enough & self._counts & ~np.isnan(self._value)
        return np.flatnonzero(held)

    def _revision(self, rows: Positions) -> npt.NDArray[np.float64]:
        return self._value[rows] - self._value[self._first[rows]]

    @cached_property
    def _first(self) -> Positions:
        """For each row, the row in which its figure was first said."""
        number = np.zeros(len(self.vintages), dtype=np.int64)
        for name in FIGURE:
            column = self.vintages[name].combine_chunks().dictionary_encode()
            number = number * (len(column.dictionary) + 1) + column.indices.to_numpy()
        _, first, figure = np.unique(number, return_index=True, return_inverse=True)
        return first[figure].astype(np.int64)

    @cached_property
    def _counts(self) -> npt.NDArray[np.bool_]:
        """Whether the figure of a row had a value when it was first said, and was provisional then."""
        is_estimate = pc.equal(self.vintages["status_code"], "provisional").to_numpy() & ~np.isnan(self._value)
        return np.asarray(is_estimate)[self._first]

    @cached_property
    def _value(self) -> npt.NDArray[np.float64]:
        return np.asarray(pc.fill_null(self.vintages["value"], np.nan).to_numpy(), dtype=np.float64)

    @cached_property
    def _start(self) -> Positions:
        return self._instants("realtime_start", 0)

    @cached_property
    def _end(self) -> Positions:
        return self._instants("realtime_end", np.iinfo(np.int64).max)

    @cached_property
    def _closed(self) -> Positions:
        return self._instants("realtime_end", 0)

    def _instants(self, name: str, missing: int) -> Positions:
        """Microseconds since 1970."""
        return np.asarray(pc.fill_null(self.vintages[name].cast(pa.int64()), missing).to_numpy(), dtype=np.int64)


def _digits(value: float) -> float:
    """Six decimals, because rounding errors of doubles are no revision."""
    return round(float(value), 6) + 0.0
