"""The pulse: the events of the last 28 days beside what the season leads one to expect (methodology, section 6).

    expected = denominator of the pulse x level of the year before it x season
    season   = rate of the same days of past years over the rate of the years before them, the city as a whole

The level of an area is its posterior rate, so that a county without events in a year is not expected to have none.
Counts vary more than by chance. Their dispersion is Pearson's: how far the areas' pulses of past years lay from their
own expectation (McCullagh and Nelder 1989, section 4.5), never below 1. The interval of a rate is that of a negative
binomial count with the variance of the forecast (as in Noufaily et al. 2013, Statist. Med. 32, 1206-1222). That of a
proportion is the interval of a normal logit. Events are counted without weights: 28 days of harm-days would be one
death or none. Pure: arrays (n_areas,) in, arrays (n_areas + 1,) out, the city last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import norm

from spark_jobs.index.engine.arrays import LARGEST_COUNT, EngineInputError, FloatArray, require_numbers, require_whole
from spark_jobs.index.engine.count_quantiles import negative_binomial_quantile
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.holidays import MovingHoliday, same_days
from spark_jobs.index.engine.intervals import wilson
from spark_jobs.index.engine.posterior import beta_binomial_draws, gamma_poisson_draws
from spark_jobs.index.engine.windows import DailyCounts, DayCounts
from spark_jobs.index.methodology import Indicator, Methodology

PulseState = Literal[
    "expected", "above", "below", "not_complete", "too_few", "no_history", "missing_feed", "no_denominator"
]  # fmt: skip
STATE = np.dtype(f"U{max(map(len, get_args(PulseState)))}")  # wide enough for any, or NumPy cuts one off
DAYS_BEFORE = 365  # the year that gives the level


@dataclass(frozen=True)
class PulseYear:
    """A pulse and the year that ends before it."""

    pulse: DayCounts
    before: DayCounts


@dataclass(frozen=True)
class Pulse:
    """One indicator's pulse; arrays (n_units,), NaN where the state allows no figure.

    change: rate of the pulse over the rate of the same days last year, minus 1, with its interval.
    """

    first: date
    last: date
    observed: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    last_year: FloatArray
    change: FloatArray
    change_lower: FloatArray
    change_upper: FloatArray
    state: npt.NDArray[np.str_]


def indicator_pulse(
    counts: DailyCounts,
    indicator: Indicator,
    day: date,
    held_back: int,
    holiday: MovingHoliday | None,
    methodology: Methodology,
    n_areas: int,
) -> Pulse:
    """The pulse of a flow indicator as of `day`, its last `held_back` days left off as still incomplete."""
    require_whole("held_back", held_back, 0)
    require_whole("n_areas", n_areas)
    if indicator.flow_or_stock != "flow":
        raise EngineInputError(f"{indicator.id}: a pulse is of events; a stock of the day has none")
    length = methodology.windows.pulse_days
    last = day - timedelta(days=held_back)
    days = [last - timedelta(days=n) for n in reversed(range(length))]
    if not counts.is_covered(indicator, days[0], day):
        return _nothing(days, n_areas, "missing_feed")
    now = counts.on_days(indicator, days)
    years = (_year(counts, indicator, same_days(days, k, holiday)) for k in range(methodology.windows.pulse_years + 1))
    current, *past = years
    known = [year for year in past if year is not None]
    if current is None or not known:
        return _counted(_nothing(days, n_areas, "no_history"), now)
    return expectation(days, current, known, indicator, methodology, counts.area_codes)


def while_incomplete(pulse: Pulse) -> Pulse:
    """The pulse while nobody knows yet how late records come: few events are "not complete" and never "below"."""
    return replace(pulse, state=np.where(pulse.state == "below", "not_complete", pulse.state))


def _year(counts: DailyCounts, indicator: Indicator, days: Sequence[date]) -> PulseYear | None:
    """None where the feeds do not reach back so far."""
    begin = min(days) - timedelta(days=DAYS_BEFORE)
    if not counts.is_covered(indicator, begin, max(days)):
        return None
    before = [begin + timedelta(days=n) for n in range(DAYS_BEFORE)]
    return PulseYear(counts.on_days(indicator, days), counts.on_days(indicator, before))


def expectation(
    days: Sequence[date],
    current: PulseYear,
    past: Sequence[PulseYear],
    indicator: Indicator,
    methodology: Methodology,
    area_codes: Sequence[str] | None = None,
) -> Pulse:
    """Observed beside expected. `past`: the same days of earlier years, the last year first. Draws go by area code.

    Without days or years, or with impossible counts, it raises an EngineInputError that names the indicator.
    """
    _require_years(days, (current, *past), indicator)
    now, last_year = _with_city(current.pulse), _with_city(past[0].pulse)
    before, pooled = _pooled(current.before), [(_pooled(year.pulse), _pooled(year.before)) for year in past]
    least = methodology.posterior.min_events
    in_season, in_years = (sum(part[n][0] for part in pooled) for n in (0, 1))
    if min(in_season, in_years, before[0]) < least:
        return _counted(_nothing(days, now.events.size - 1, "too_few"), current.pulse)
    rates = [sum(part[n][0] for part in pooled) / sum(part[n][1] for part in pooled) for n in (0, 1)]
    season = rates[0] / rates[1]
    is_rate = indicator.kind == "rate"
    dispersion = _dispersion(past, season, is_rate)
    level, level_error = _level(current.before, indicator, methodology, area_codes)
    expected = now.denominator * level * season
    if not is_rate:
        expected = np.minimum(expected, now.denominator)
    share = np.zeros_like(expected) if is_rate else _ratio(expected, now.denominator)
    forecast_error = level_error**2 + 1.0 / in_season + 1.0 / in_years
    variance = dispersion * (expected * (1.0 - share) + expected**2 * forecast_error)
    lower, upper = _limits(expected, variance, now.denominator, is_rate, methodology.posterior.interval)
    change = _change(now, last_year, dispersion, methodology.posterior.interval)
    state = np.select([now.events > upper, now.events < lower], ["above", "below"], default="expected").astype(STATE)
    state[~(now.denominator > 0.0)] = "no_denominator"
    return Pulse(days[0], days[-1], now.events, expected, lower, upper, last_year.events, *change, state)


def _require_years(days: Sequence[date], years: Sequence[PulseYear], indicator: Indicator) -> None:
    if not days or len(years) < 2:
        raise EngineInputError(f"{indicator.id}: a pulse needs days, and one earlier year at least")
    n_areas = years[0].pulse.events.size
    for counts in (part for year in years for part in (year.pulse, year.before)):
        require_numbers(f"{indicator.id}: events", counts.events, (n_areas,), least=0.0, most=LARGEST_COUNT)
        require_numbers(f"{indicator.id}: denominator", counts.denominator, (n_areas,), least=0.0)
        if indicator.kind == "proportion" and bool(np.any(counts.events > counts.denominator)):
            raise EngineInputError(f"{indicator.id}: more events than trials; correct the indicator's SQL")


def _with_city(counts: DayCounts) -> DayCounts:
    """Adds the city as one more unit: all areas and the rest. It has no denominator if that of one is not known."""
    return DayCounts(
        np.append(counts.events, counts.events.sum() + counts.rest_events),
        np.append(counts.denominator, counts.denominator.sum() + counts.rest_denominator),
    )


def _pooled(counts: DayCounts) -> tuple[float, float]:
    """Events and denominator of all that has a denominator: enough for season and level."""
    events, denominator = (
        np.append(counts.events, counts.rest_events), np.append(counts.denominator, counts.rest_denominator)
    )  # fmt: skip
    used = denominator > 0.0
    return float(events[used].sum()), float(denominator[used].sum())


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0.0)


def _dispersion(past: Sequence[PulseYear], season: float, is_rate: bool) -> float:
    """Pearson's statistic over its degrees of freedom, from areas and past years; the level's own error is included."""
    squares, n_cells = 0.0, 0
    for year in past:
        expected = year.pulse.denominator * _ratio(year.before.events, year.before.denominator) * season
        share = np.zeros_like(expected) if is_rate else np.minimum(_ratio(expected, year.pulse.denominator), 1.0)
        variance = expected * (1.0 - share) + _ratio(expected**2, year.before.events)
        used = variance > 0.0
        squares += float(((year.pulse.events - expected)[used] ** 2 / variance[used]).sum())
        n_cells += int(used.sum())
    return max(1.0, squares / (n_cells - 1)) if n_cells > 1 else 1.0


def _level(
    before: DayCounts, indicator: Indicator, methodology: Methodology, area_codes: Sequence[str] | None
) -> tuple[FloatArray, FloatArray]:
    """Posterior mean rate of the year before and its relative error, areas and then the city."""
    draw = gamma_poisson_draws if indicator.kind == "rate" else beta_binomial_draws
    seed = methodology.posterior.seed
    events, denominator = _pooled(before)
    parts = (("areas", before, area_codes), ("city", DayCounts(np.array([events]), np.array([denominator])), None))
    draws = np.concatenate([
        draw(part.events, part.denominator, methodology.posterior, stream(seed, "pulse", indicator.id, unit), codes)
        for unit, part, codes in parts
    ])  # fmt: skip
    mean = draws.mean(axis=1)
    return mean, draws.std(axis=1) / mean


def _limits(
    expected: FloatArray, variance: FloatArray, denominator: FloatArray, is_rate: bool, coverage: float
) -> tuple[FloatArray, FloatArray]:
    """The interval that holds the count with probability `coverage` if nothing but season and chance is at work."""
    tails = ((1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0)
    if is_rate:
        scatter = np.maximum(_ratio(variance, expected), 1.0 + 1e-9)
        low, high = (negative_binomial_quantile(expected, scatter, tail) for tail in tails)
        return low, high
    share = np.clip(_ratio(expected, denominator), 1e-9, 1.0 - 1e-9)
    error = np.sqrt(variance) / (denominator * share * (1.0 - share))
    low, high = (denominator * expit(logit(share) + norm.ppf(tail) * error) for tail in tails)
    return low, high


def _change(
    now: DayCounts, then: DayCounts, dispersion: float, coverage: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Relative change of the rate. Given the sum of two Poisson counts, the later one is binomial (Wilson limits)."""
    total = np.where(
        (now.denominator > 0.0) & (then.denominator > 0.0), (now.events + then.events) / dispersion, np.nan
    )
    total = np.where(total > 0.0, total, np.nan)
    low, high = wilson(np.where(np.isnan(total), np.nan, now.events / dispersion), total, coverage)
    denominators = _ratio(then.denominator, now.denominator)

    def relative(share: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            odds = np.where(share < 1.0, share / (1.0 - share), np.nan)
        return np.asarray(odds * denominators - 1.0)

    point = _ratio(now.events, now.denominator) / np.where(
        then.events > 0.0, _ratio(then.events, then.denominator), np.nan
    )
    return np.asarray(point - 1.0), relative(low), relative(high)


def _nothing(days: Sequence[date], n_areas: int, state: PulseState) -> Pulse:
    none = np.full(n_areas + 1, np.nan)
    return Pulse(days[0], days[-1], none, none, none, none, none, none, none, none, np.full(n_areas + 1, state))


def _counted(pulse: Pulse, now: DayCounts) -> Pulse:
    """The same pulse with its events, which are shown even where there is no expectation."""
    return replace(pulse, observed=_with_city(now).events)
