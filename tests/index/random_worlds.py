"""Random cities with their base period: sizes, risks, missing feeds and a remainder by chance. Seeded."""

from __future__ import annotations

import numpy as np

from spark_jobs.index.engine.composite_index import base_goalposts
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.methodology import Indicator, Methodology, load_methodology

METHODOLOGY = load_methodology()
World = tuple[IndexInput, Goalposts, Methodology]


def world(seed: int) -> World:
    """A city of two to nine counties with two of the domains, the one with two indicators, the other with one."""
    chance = np.random.default_rng([seed, 20_261_122])
    domains = tuple(
        METHODOLOGY.domains[position].model_copy(update={"indicators": tuple(
            METHODOLOGY.domains[position].indicators[n]
            for n in sorted(chance.permutation(len(METHODOLOGY.domains[position].indicators))[:n_indicators])
        )})
        for position, n_indicators in zip(chance.permutation(len(METHODOLOGY.domains)), (2, 1), strict=False)
    )  # fmt: skip
    grid = METHODOLOGY.posterior.model_copy(update={"tau_points": 12, "mean_points": 13})
    methodology = METHODOLOGY.model_copy(update={"domains": domains, "posterior": grid})
    n_areas = int(chance.integers(2, 10))
    sizes = np.exp(chance.normal(0.0, 0.7, n_areas))
    levels = {
        i.id: (np.exp(chance.normal(0.0, 0.4, n_areas)), float(np.exp(chance.uniform(2.0, 7.0))))
        for i in methodology.indicators
    }
    years = [tuple(_window(i, sizes, *levels[i.id], chance) for i in methodology.indicators) for _ in range(4)]
    silent = chance.random(len(years[3])) < 0.05
    headline = tuple(window for window, is_silent in zip(years[3], silent, strict=True) if not is_silent)
    codes = tuple(f"{990101 + n}" for n in range(n_areas))
    return IndexInput(codes, headline), base_goalposts(years[:3], methodology), methodology


def _window(
    indicator: Indicator, sizes: np.ndarray, risk: np.ndarray, level: float, chance: np.random.Generator
) -> IndicatorWindow:
    """One year: `level` events a county of average size and risk, and a remainder in one year of three."""
    weights = np.array(METHODOLOGY.harm_days(indicator))
    share = np.exp(-np.arange(weights.size) / 2.0)[::-1] / np.exp(-np.arange(weights.size) / 2.0).sum()
    if indicator.kind == "proportion":
        denominator = np.floor(level * 6.0 * sizes) + 3.0
        counts = chance.binomial(denominator.astype(int), np.clip(risk / 6.0, 0.01, 0.9))[None, :].astype(float)
    else:
        denominator = 1e5 * sizes
        counts = chance.poisson(level * share[:, None] * (sizes * risk)[None, :]).astype(float)
    rest = np.floor(counts.mean(axis=1)) if chance.random() < 0.33 else None
    rest_denominator = float(denominator.mean()) if rest is not None else 0.0
    return IndicatorWindow(indicator.id, counts, denominator, weights, True, rest, rest_denominator)
