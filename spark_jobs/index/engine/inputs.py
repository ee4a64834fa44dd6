"""What one computation of the index receives: counts and denominators of one city as of one day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spark_jobs.index.engine.arrays import LARGEST, LARGEST_COUNT, EngineInputError, FloatArray, require_numbers
from spark_jobs.index.methodology import Indicator, Methodology


@dataclass(frozen=True)
class IndicatorWindow:
    """One indicator in one window, for n areas in fixed order.

    counts: (n_strata, n_areas) events of a rate, or (1, n_areas) numerators of a proportion; NaN = missing.
    denominator: (n_areas,) person-years and the like in the window, or trials.
    weights: (n_strata,) harm-days per event; ones for plain counts and proportions.
    is_live: False when a feed that it needs did not deliver; its counts are then ignored.
    rest_counts, rest_denominator: what the city has besides its areas (engine/territory.py); None = nothing.
    """

    indicator_id: str
    counts: FloatArray
    denominator: FloatArray
    weights: FloatArray
    is_live: bool
    rest_counts: FloatArray | None = None
    rest_denominator: float = 0.0

    @property
    def has_rest(self) -> bool:
        return self.rest_counts is not None and bool(self.rest_counts.any() or self.rest_denominator != 0.0)

    @property
    def city_counts(self) -> FloatArray:
        """(n_strata,) counts of all areas and the rest; NaN where one of them is missing."""
        counts = np.asarray(self.counts.sum(axis=1))
        return counts if self.rest_counts is None else counts + self.rest_counts

    @property
    def rest_harm(self) -> float:
        return 0.0 if self.rest_counts is None else float(self.weights @ self.rest_counts)

    @property
    def city_denominator(self) -> float:
        """Denominator of all areas and the rest; NaN if that of one is not known."""
        return float(self.denominator.sum()) + self.rest_denominator


@dataclass(frozen=True)
class IndexInput:
    """Windows of one city and one as-of day. An indicator that a window lacks counts as not delivered.

    If last_year is empty, no change on last year is computed.
    """

    area_codes: tuple[str, ...]
    headline: tuple[IndicatorWindow, ...]
    last_year: tuple[IndicatorWindow, ...] = ()


def windows_in_order(
    windows: Sequence[IndicatorWindow], methodology: Methodology, n_areas: int
) -> list[IndicatorWindow]:
    """One window for each indicator of the methodology, in its order; absent ones are not live."""
    known = {indicator.id: indicator for indicator in methodology.indicators}
    given: dict[str, IndicatorWindow] = {}
    for window in windows:
        if window.indicator_id not in known or window.indicator_id in given:
            raise EngineInputError(
                f"each window must be one indicator of methodology {methodology.version}, once; "
                f"found {window.indicator_id!r}"
            )
        _check(window, known[window.indicator_id], n_areas)
        given[window.indicator_id] = window
    return [given.get(name) or _absent(name, n_areas) for name in known]


def _absent(indicator_id: str, n_areas: int) -> IndicatorWindow:
    nothing = np.full(n_areas, np.nan)
    return IndicatorWindow(indicator_id, nothing[None, :], nothing, np.ones(1), is_live=False)


def _check(window: IndicatorWindow, indicator: Indicator, n_areas: int) -> None:
    """Check that shapes fit and numbers are possible; if not, raise an EngineInputError that names the indicator."""
    n_strata = window.weights.size
    expected = ((n_strata, n_areas), (n_areas,))
    found = (window.counts.shape, window.denominator.shape)
    if found != expected or (indicator.kind == "proportion" and n_strata != 1):
        raise EngineInputError(
            f"{indicator.id}: expected counts {expected[0]} and denominator {expected[1]} with one stratum "
            f"for a proportion; found {found[0]}, {found[1]} and {n_strata} weights"
        )
    if not window.is_live:
        return  # its numbers are ignored
    require_numbers(f"{indicator.id}: counts", window.counts, least=0.0, most=LARGEST_COUNT)
    require_numbers(f"{indicator.id}: denominator", window.denominator, least=0.0)
    if window.rest_counts is not None:
        require_numbers(f"{indicator.id}: rest", window.rest_counts, (n_strata,), least=0.0, most=LARGEST_COUNT)
        require_numbers(f"{indicator.id}: denominator of the rest", window.rest_denominator, (), least=0.0)
    require_numbers(f"{indicator.id}: weights", window.weights, least=1.0 / LARGEST, has_gaps=False)
    if indicator.kind == "proportion" and bool(np.any(window.counts[0] > window.denominator)):
        areas = np.flatnonzero(window.counts[0] > window.denominator)[:5].tolist()
        raise EngineInputError(
            f"{indicator.id}: a numerator above its denominator at area positions {areas}; correct the indicator's SQL"
        )
