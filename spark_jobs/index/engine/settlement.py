"""Settlement of disputes, shown beside the index and never scored: the rate that centres report, and one by month.

The cumulative rate (settled of all ever accepted) hardly moves and hides what is new. The disputes of one month of
acceptance, followed until now, show it. Both rates are shares of counted cases with Wilson's 95 % interval. 164 settled
of 168 and 165 settled of 168 both mean anything between 94.0 and 99.4 %, so no area is ranked by them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from spark_jobs.index.engine.arrays import LARGEST_COUNT, EngineInputError, require_numbers
from spark_jobs.index.engine.intervals import wilson

SETTLEMENT = "settlement"  # its id among the counted things
CUMULATIVE = "cumulative"
FOUND = "found_"  # + yyyy-mm, the month of acceptance
MONTHS = 12
SETTLED, OPEN = "settled", "open"  # outcomes of the kind dispute; the rest has failed


@dataclass(frozen=True)
class Settlement:
    """Disputes of one area and one view, as known now. `rate`, `lower`, `upper`: shares; None without any dispute."""

    view: str
    n_accepted: int
    n_settled: int
    n_open: int

    @property
    def month(self) -> date | None:
        """First day of the month found; None for the cumulative view."""
        return None if self.view == CUMULATIVE else date.fromisoformat(f"{self.view.removeprefix(FOUND)}-01")

    @property
    def rate(self) -> float | None:
        return self.n_settled / self.n_accepted if self.n_accepted else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        if not self.n_accepted:
            return None, None
        lower, upper = wilson(np.array([float(self.n_settled)]), np.array([float(self.n_accepted)]))
        return float(lower[0]), float(upper[0])


def settlement_inputs(daily: pd.DataFrame, areas: Sequence[str], last: date) -> Iterator[dict[str, str | float | None]]:
    """Rows of the table `input` from the counts of days (indicator_id, area_code, day, stratum, numerator).

    One row an area, view and outcome that occurs; the months are those of the last twelve, the current one included.
    """
    _require_counts(daily, "numerator")
    rows = daily[(daily["indicator_id"] == SETTLEMENT) & daily["area_code"].isin(list(areas))]
    months = pd.to_datetime(rows["day"]).dt.strftime("%Y-%m")
    first = pd.Period(last, freq="M") - MONTHS + 1
    views = [rows.assign(view=CUMULATIVE), rows[months >= str(first)].assign(view=FOUND + months)]
    keys = ["area_code", "view", "stratum"]
    for key, count in pd.concat(views).groupby(keys)["numerator"].sum().items():
        area, view, outcome = map(str, key)  # type: ignore[call-overload]
        yield {
            "indicator_id": SETTLEMENT, "area_code": area, "window": view, "stratum": outcome,
            "count": float(count), "denominator": None,
        }  # fmt: skip


def settlements(inputs: pd.DataFrame, areas: Sequence[str]) -> list[Settlement]:
    """The settlement of these areas together, from the released table `input`: the cumulative view, then the months.

    Empty for a city without disputes.
    """
    _require_counts(inputs, "count")
    rows = inputs[(inputs["indicator_id"] == SETTLEMENT) & inputs["area_code"].isin(list(areas))]
    counts = rows.astype({"count": float}).pivot_table(index="window", columns="stratum", values="count", aggfunc="sum")
    whole = counts.reindex(columns=sorted({*counts.columns, SETTLED, OPEN})).fillna(0.0)
    return [
        Settlement(str(view), int(of_view.sum()), int(of_view[SETTLED]), int(of_view[OPEN]))
        for view, of_view in whole.sort_index().iterrows()
    ]


def _require_counts(rows: pd.DataFrame, column: str) -> None:
    """Check that the table has settlement's counts, each a number >= 0."""
    if not {"indicator_id", "area_code", "stratum", column} <= set(rows.columns):
        raise EngineInputError(f"settlement needs indicator_id, area_code, stratum and {column}; one is not there")
    counts = rows.loc[rows["indicator_id"] == SETTLEMENT, column]
    require_numbers(f"{SETTLEMENT}: {column}", counts, least=0.0, most=LARGEST_COUNT, has_gaps=False)
