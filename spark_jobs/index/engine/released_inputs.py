"""The aggregated inputs of a release as windows: enough to compute its index again without the lake. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spark_jobs.index.engine.arrays import LARGEST_COUNT, EngineInputError, FloatArray, require_numbers
from spark_jobs.index.engine.composite_index import base_goalposts, compute_index
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.index.engine.year_change import YearChange, year_change
from spark_jobs.index.methodology import Indicator, Methodology

Windows = tuple[IndicatorWindow, ...]


@dataclass(frozen=True)
class ReleasedInputs:
    """Windows of one release over `area_codes` in order; indicators that had not delivered are left out."""

    area_codes: tuple[str, ...]
    headline: Windows
    last_year: Windows
    base_years: tuple[Windows, ...]

    def index(self, methodology: Methodology, goalposts: Goalposts | None = None) -> IndexResult:
        """The index under a methodology. `goalposts`: those it was published with; None: those of the base years."""
        used = goalposts or base_goalposts(self.base_years, methodology)
        return compute_index(self._of_day, used, methodology, methodology.posterior.seed)

    def year_change(self, methodology: Methodology, goalposts: Goalposts | None = None) -> YearChange:
        """The change on a year before by domain and indicator; goalposts as in `index`."""
        used = goalposts or base_goalposts(self.base_years, methodology)
        return year_change(self._of_day, used, methodology, methodology.posterior.seed)

    @property
    def _of_day(self) -> IndexInput:
        return IndexInput(self.area_codes, self.headline, self.last_year)


def released_inputs(rows: pd.DataFrame, methodology: Methodology) -> ReleasedInputs:
    """rows: the released table `input` (indicator_id, area_code, window, stratum, count, denominator).

    A table without these columns, with a value twice or with no rows is an EngineInputError.
    """
    absent = {"indicator_id", "area_code", "window", "stratum", "count", "denominator"} - set(rows.columns)
    if absent:
        raise EngineInputError(
            f"rows must have the columns of the table input; {', '.join(sorted(absent))} are not there"
        )
    areas = sorted(set(rows["area_code"]) - {REMAINDER})
    if not areas:
        raise EngineInputError("this release has no inputs: no feed had delivered")
    by_window = {
        name: tuple(
            window_of(own, areas, indicator, methodology)
            for indicator in methodology.indicators
            if not (own := of_window[of_window["indicator_id"] == indicator.id]).empty
        )
        for name, of_window in rows.groupby("window")
    }
    years = tuple(by_window.get(f"base_{n}", ()) for n in range(1, methodology.windows.base_years + 1))
    return ReleasedInputs(tuple(areas), by_window.get("headline", ()), by_window.get("last_year", ()), years)


def released_goalposts(rows: pd.DataFrame, methodology: Methodology) -> Goalposts:
    """rows: the released table `scale` (indicator_id, centre, low, high); an indicator without a row has none."""
    columns = ["centre", "low", "high"]
    if absent := {"indicator_id", *columns} - set(rows.columns):
        raise EngineInputError(
            f"rows must have the columns of the table scale; {', '.join(sorted(absent))} are not there"
        )
    by_indicator = rows.set_index("indicator_id")
    ids = [indicator.id for indicator in methodology.indicators]
    centre, low, high = (on_units(by_indicator[column], ids) for column in columns)
    return Goalposts(centre, low, high)


def window_of(rows: pd.DataFrame, areas: list[str], indicator: Indicator, methodology: Methodology) -> IndicatorWindow:
    """The window of one indicator from its rows. What an area lacks is NaN; a remainder without rows is zero."""
    twice = rows.duplicated(["stratum", "area_code"])
    if twice.any():
        raise EngineInputError(f"{indicator.id}: a stratum of an area must stand once; found {int(twice.sum())} twice")
    table = rows.pivot(index="stratum", columns="area_code", values="count").reindex(indicator.strata)
    counts, rest = table.reindex(columns=areas), table.reindex(columns=[REMAINDER], fill_value=0.0)
    denominator = rows.drop_duplicates("area_code").set_index("area_code")["denominator"]
    require_numbers(f"{indicator.id}: counts", counts, least=0.0, most=LARGEST_COUNT)
    require_numbers(f"{indicator.id}: denominator", denominator, least=0.0)
    require_numbers(f"{indicator.id}: counts of the remainder", rest, least=0.0, most=LARGEST_COUNT)
    weights = np.array(methodology.harm_days(indicator))
    return IndicatorWindow(
        indicator.id, counts.to_numpy(float), on_units(denominator, areas), weights, is_live=True,
        rest_counts=rest.to_numpy(float)[:, 0], rest_denominator=float(denominator.get(REMAINDER, 0.0)),
    )  # fmt: skip


def on_units(values: pd.Series, units: Sequence[str]) -> FloatArray:
    """Values by code as an array in the order of `units`; NaN where there is none. A code twice is an error."""
    if not values.index.is_unique:
        raise EngineInputError("values must have each code once; found one twice")
    return values.reindex(list(units)).to_numpy(float)
