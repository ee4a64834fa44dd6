"""Does a release follow from its own inputs? Computes every index, interval, band and rank again from its folder. Pure.

The lake is not needed. The table `input` has the aggregated counts and denominators, `scale` the goalposts that turn
rates into scores, and methodology.json the version of the method with its seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spark_jobs.index.engine.released_inputs import released_goalposts, released_inputs
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.methodology import Methodology
from spark_jobs.index.rows import domain_rows, indicator_figures, overall_row, year_change_rows
from spark_jobs.released.columns import TABLES, rows

TOLERANCE = 1e-9  # of a number, in its own unit
EXAMPLES = 5


@dataclass(frozen=True)
class Reproduced:
    """One released table compared with what its inputs give.

    n_rows: rows computed again, of n_released. n_values: cells compared. largest: greatest difference of two numbers.
    unlike: cells that differ, each as `key column: released, computed`.
    """

    table: str
    n_rows: int
    n_released: int
    n_values: int
    largest: float
    unlike: tuple[str, ...]

    def __str__(self) -> str:
        of = "" if self.n_rows == self.n_released else f" of {self.n_released}"
        said = f"{TABLES[self.table].file}: {self.n_rows}{of} rows, {self.n_values} values, largest difference {self.largest:.1e}"
        if not self.unlike:
            return said
        more = f" (+{len(self.unlike) - EXAMPLES})" if len(self.unlike) > EXAMPLES else ""
        return f"{said}; NOT REPRODUCED: {'; '.join(self.unlike[:EXAMPLES])}{more}"


def reproduced(
    tables: Mapping[str, pd.DataFrame], methodology: Methodology, city_area: str, business_date: str
) -> list[Reproduced]:
    """Each table that follows from the inputs, compared cell by cell.

    tables: canonical frames of the release. A release from before `scale` was released gets its goalposts from its base
    years. Of `trend` only the rows of the business date are computed again: the inputs of earlier days stand in the
    releases of those days. Inputs that cannot be computed with are an EngineInputError.
    """
    inputs = released_inputs(tables["input"], methodology)
    goalposts = released_goalposts(tables["scale"], methodology) if "scale" in tables else None
    result, units = inputs.index(methodology, goalposts), [*inputs.area_codes, city_area]
    of_index = _of_index(result, units, business_date)
    of_change = list(year_change_rows(inputs.year_change(methodology, goalposts), units, methodology))
    computed = [*of_index, ("year_change", of_change)]
    return [_compared(name, tables[name], found) for name, found in computed if name in tables]


def _of_index(result: IndexResult, units: list[str], business_date: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Table name -> its rows, in the columns that follow from the index of the inputs."""
    overall = [overall_row(result, u, code) for u, code in enumerate(units)]
    ends = ("area_code", "index", "lower", "upper")
    yield "county_index", overall
    yield "domain_index", list(domain_rows(result, units))
    yield "indicator_value", list(indicator_figures(result, units))
    yield "trend", [{"day": business_date, **{column: row[column] for column in ends}} for row in overall]


def _compared(name: str, released: pd.DataFrame, computed: Iterable[Mapping[str, Any]]) -> Reproduced:
    key = TABLES[name].key
    stands = {_key(row, key): row for row in rows(released)}
    n_rows = n_values = 0
    largest, unlike = 0.0, []
    for row in computed:
        n_rows += 1
        published = stands.get(_key(row, key))
        if published is None:
            unlike.append(f"{' '.join(_key(row, key))}: not released")
            continue
        for column in (c for c in row if c in released.columns and c not in key):
            n_values += 1
            difference = _difference(published[column], row[column])
            largest = max(largest, difference or 0.0)
            if difference is None or difference > TOLERANCE:
                place = " ".join((*_key(row, key), column))
                unlike.append(f"{place}: released {published[column]}, computed {row[column]}")
    return Reproduced(name, n_rows, len(released), n_values, largest, tuple(unlike))


def _key(row: Mapping[str, Any], key: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in key)


def _difference(released: Any, computed: Any) -> float | None:
    """The difference of two numbers. For other cells: 0 if they are equal, None if not."""
    if isinstance(released, float) and isinstance(computed, float):
        return abs(released - computed)
    return 0.0 if released == computed else None
