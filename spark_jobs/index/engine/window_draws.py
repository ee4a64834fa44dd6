"""From the counts of one window to joint draws of rates and scores of every indicator and unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spark_jobs.index.engine.arrays import BoolArray, FloatArray, require_numbers
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.inputs import IndicatorWindow, windows_in_order
from spark_jobs.index.engine.posterior import beta_binomial_draws, gamma_poisson_draws
from spark_jobs.index.engine.results import STATE, StateArray, StateCode
from spark_jobs.index.engine.scale import Goalposts, score, transformed
from spark_jobs.index.methodology import Indicator, Methodology, PosteriorSettings

WITH_RATE: tuple[StateCode, ...] = ("live", "no_base", "narrow_base")


@dataclass(frozen=True)
class WindowDraws:
    """Arrays (n_indicators, n_units[, n_draws]); the city is the last unit.

    rates are per unit of denominator, NaN unless the state is one of WITH_RATE; scores NaN unless live.
    """

    state: StateArray
    n_events: FloatArray
    denominator: FloatArray
    rates: FloatArray
    scores: FloatArray

    @property
    def is_live(self) -> BoolArray:
        return np.asarray(self.state == "live")


def draw_window(
    windows: Sequence[IndicatorWindow],
    goalposts: Goalposts,
    methodology: Methodology,
    seed: int,
    slot: str,
    area_codes: Sequence[str],
) -> WindowDraws:
    """Draw every indicator of one window. `slot` names the window; slot and area code pick the random streams."""
    settings, indicators = methodology.posterior, methodology.indicators
    bases = base_states(goalposts, methodology)
    shape = (len(indicators), len(area_codes) + 1)
    result = WindowDraws(
        state=np.full(shape, "missing_feed", dtype=STATE),
        n_events=np.full(shape, np.nan),
        denominator=np.full(shape, np.nan),
        rates=np.full((*shape, settings.draws), np.nan),
        scores=np.full((*shape, settings.draws), np.nan),
    )
    ordered = windows_in_order(windows, methodology, len(area_codes))
    for row, (indicator, window) in enumerate(zip(indicators, ordered, strict=True)):
        if not window.is_live:
            continue
        pooled = with_city(window)
        state = unit_states(pooled, indicator, settings, str(bases[row]))
        result.state[row] = state
        result.n_events[row], result.denominator[row] = pooled.counts.sum(axis=0), pooled.denominator
        drawn = np.isin(state, WITH_RATE)
        if not drawn.any():
            continue
        result.rates[row] = _rate_draws(pooled, indicator, settings, drawn, area_codes, (seed, slot))
        if bases[row] == "live":
            ends = (goalposts.centre[row], goalposts.low[row], goalposts.high[row])
            x = transformed(result.rates[row], indicator.kind)
            result.scores[row] = score(x, *ends, methodology.scale.centre, methodology.scale.span)
    return result


def base_states(goalposts: Goalposts, methodology: Methodology) -> StateArray:
    """(n_indicators,): live; narrow_base where the goalposts lie too close for a scale; no_base without them.

    If counties and years hardly differ, chance alone may have made their range. A scale over it would turn small moves
    into any number of points; a range widened by hand would measure by a difference that nobody observed.
    """
    n = len(methodology.indicators)
    of_all = [
        require_numbers(f"goalposts: {name}", getattr(goalposts, name), (n,)) for name in ("centre", "low", "high")
    ]
    _, low, high = of_all
    states = np.where(high - low >= methodology.scale.least_width, "live", "narrow_base")
    return np.where(np.isnan(of_all).any(axis=0), "no_base", states)


def with_city(window: IndicatorWindow) -> IndicatorWindow:
    """The same window with the city as one more unit: all areas and the rest; NaN if one of them is not known."""
    require_numbers(f"{window.indicator_id}: counts", window.counts, (None, window.denominator.size), least=0.0)
    require_numbers(f"{window.indicator_id}: denominator", window.denominator, window.counts.shape[1:], least=0.0)
    counts = np.append(window.counts, window.city_counts[:, None], axis=1)
    denominator = np.append(window.denominator, window.city_denominator)
    return IndicatorWindow(window.indicator_id, counts, denominator, window.weights, window.is_live)


def too_few_events(events: float, denominator: float, indicator: Indicator, min_events: int) -> bool:
    """Whether the city has fewer events than a score needs; in a proportion both outcomes must reach the number."""
    for name, value in (("events", events), ("denominator", denominator)):
        require_numbers(f"{indicator.id}: {name}", value, (), least=0.0)
    scarcer = min(events, denominator - events) if indicator.kind == "proportion" else events
    return scarcer < min_events


def unit_states(pooled: IndicatorWindow, indicator: Indicator, settings: PosteriorSettings, base: str) -> StateArray:
    """State of each unit of a delivered indicator, the city (last) included; base: see `base_states`."""
    events, denominator = float(pooled.counts[:, -1].sum()), float(pooled.denominator[-1])
    few = too_few_events(events, denominator, indicator, settings.min_events)
    state = np.full(pooled.denominator.size, "too_few" if few else base, dtype=STATE)
    state[~(pooled.denominator > 0.0)] = "no_denominator"
    state[np.isnan(pooled.counts).any(axis=0)] = "missing_feed"
    if np.all(state[:-1] == "missing_feed"):
        state[-1] = "missing_feed"
    return state


def _rate_draws(
    pooled: IndicatorWindow,
    indicator: Indicator,
    settings: PosteriorSettings,
    drawn: BoolArray,
    area_codes: Sequence[str],
    label: tuple[int, str],
) -> FloatArray:
    """Draws (n_units, n_draws) of the rate (harm-days: sum over strata of weight x rate) or proportion.

    The city is drawn from its own pooled counts, as a single unit.
    """
    seed, slot = label
    draw = gamma_poisson_draws if indicator.kind == "rate" else beta_binomial_draws
    total = np.zeros((drawn.size, settings.draws))
    for stratum, (counts, weight) in enumerate(zip(pooled.counts, pooled.weights, strict=True)):
        masked = np.where(drawn, counts, np.nan)
        for part, unit, codes in ((slice(None, -1), "areas", area_codes), (slice(-1, None), "city", None)):
            rng = stream(seed, slot, indicator.id, stratum, unit)
            total[part] += weight * draw(masked[part], pooled.denominator[part], settings, rng, codes)
    return total
