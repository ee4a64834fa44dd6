"""Made-up years of nine areas for the benches of the engine. The counts come from a seed; nothing is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.methodology import Indicator, load_methodology

METHODOLOGY = load_methodology()
AREAS = tuple(f"county {number}" for number in range(1, 10))
SEED = 1
EVENTS, TRIALS = 1000.0, 10_000.0  # of an indicator in the city and year


def window(indicator: Indicator, rng: np.random.Generator) -> IndicatorWindow:
    """A year of one indicator: nine areas, from safe to unsafe, with some chance of their own."""
    n_strata = len(indicator.strata)
    risk = np.exp(np.linspace(-0.3, 0.3, len(AREAS)) + rng.normal(0.0, 0.2, (n_strata, len(AREAS))))
    weights = np.array(METHODOLOGY.harm_days(indicator))
    counts = rng.poisson(risk * EVENTS / n_strata / len(AREAS)).astype(float)
    denominator = np.full(len(AREAS), (1e5 if indicator.kind == "rate" else TRIALS) / len(AREAS))
    return IndicatorWindow(indicator.id, counts, denominator, weights, is_live=True)


def year(rng: np.random.Generator) -> tuple[IndicatorWindow, ...]:
    return tuple(window(indicator, rng) for indicator in METHODOLOGY.indicators)


def days(n_days: int) -> Iterator[IndexInput]:
    """As-of days: this year's and last year's windows of every indicator."""
    rng = np.random.default_rng(SEED)
    for _ in range(n_days):
        yield IndexInput(AREAS, year(rng), year(rng))
