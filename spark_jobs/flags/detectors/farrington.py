"""Farrington's detector of unusual weekly counts, original and flexible.

A log-linear quasi-Poisson model of past weeks, with trend and season, says what this week should bring. Weeks that
look like past outbreaks weigh less. A count above the upper bound of the prediction is an alarm.

Sources: Farrington, Andrews, Beale and Catchpole (1996), JRSS A 159:547; Noufaily and others (2013),
Statistics in Medicine 32:1206; Salmon, Schumacher and Höhle (2016), Journal of Statistical Software 70(10).
Conventions (blocks of the year, order of steps) are those of `farringtonFlexible` in the R package surveillance, which
is our reference.

The model is fitted by our own iteration and not by statsmodels, for two reasons: statsmodels has no finite start for a
baseline without any event, and the reference takes leverages and weights from the last solved step. A test compares
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg, stats

from spark_jobs.index.engine.arrays import LARGEST, LARGEST_COUNT, require_number, require_numbers, require_whole
from spark_jobs.index.engine.count_quantiles import negative_binomial_limit, negative_binomial_tail

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Threshold = Literal["delta", "nbPlugin", "muan"]
JudgedState = Literal["judged", "too_few", "missing_week", "not_fitted"]
WEEKS_A_YEAR = 52
MIN_YEARS_FOR_TREND = 3
MAX_STEPS = 25
TOLERANCE = 1e-8
SMALLEST_MEAN = np.finfo(np.float64).eps  # as in R's log link: a mean never reaches 0
LARGEST_LOG_MEAN = 100.0  # a fit beyond it does not come back, and must not overflow


@dataclass(frozen=True)
class Design:
    """How the past is used and where the bound lies.

    n_years, half_window: reference weeks are the same week ± half_window in each of n_years.
    n_seasons: levels of the season; 1 = the original method, which uses the reference weeks only.
    n_recent_excluded: weeks just before that are left out, so that an outbreak does not teach the model to expect it.
    residual_limit: standardised Anscombe residual s above which a past week has the weight s^-2.
    trend_p_limit: the trend is kept if its p-value is below; 1 = always.
    threshold: delta = normal on the scale of `power`; nbPlugin = negative binomial quantile at the fitted
    mean; muan = the same at the upper (1 − alpha) bound of the mean.
    min_events in min_events_weeks (this week included): with fewer there is no bound and no alarm.
    """

    alpha: float
    n_years: int
    half_window: int
    n_seasons: int
    n_recent_excluded: int
    residual_limit: float
    trend_p_limit: float
    threshold: Threshold
    power: float = 2 / 3
    min_events: int = 5
    min_events_weeks: int = 4


@dataclass(frozen=True)
class Verdict:
    """One week. NaN throughout where the model does not converge; `upper` NaN where there is no bound.

    state: whether there is a bound, and if not why. Only a judged week can alarm.
    judged: there is a bound. too_few: fewer than min_events in the last weeks, which are all known. missing_week: this
    week is missing; or the known weeks have too few events and a missing one could have the rest. not_fitted: no model.
    expected: fitted mean. log_se: standard error of its logarithm. mean: the mean from which the bound is computed.
    trend: change of the log mean a week; NaN if the trend was left out. p_value: P(count or more).
    """

    observed: float
    expected: float
    log_se: float
    mean: float
    phi: float
    trend: float
    upper: float
    p_value: float
    is_alarm: bool
    state: JudgedState


@dataclass(frozen=True)
class Fit:
    """A quasi-Poisson fit: coefficients (intercept, [trend], [seasons]), fitted means, R of QR(sqrt(W)·X)."""

    coefficients: FloatArray
    fitted: FloatArray
    leverage: FloatArray
    r: FloatArray
    phi: float
    dispersion_of_se: float


def judge(counts: npt.ArrayLike, at: int, design: Design, week_starts: Sequence[date] | None = None) -> Verdict:
    """Week `at` (0-based) of a weekly series against its past. Missing weeks are NaN: they are left out and never zero.

    With `week_starts` the same week of other years is found by calendar; without, 52 weeks apart. Whether there are
    enough events is judged on the known weeks: a missing one among them does not silence the others.
    Raises ValueError if the series does not reach back far enough for the design, or if a count is impossible.
    """
    y = require_numbers("Farrington: counts", counts, (None,), least=0.0, most=LARGEST_COUNT)
    require_whole("Farrington: at", at, 0, y.size - 1)
    _require_design(design)
    references = reference_weeks(at, design.n_years, week_starts)
    levels = season_levels(y.size, references, design.half_window, design.n_seasons)
    levels[max(0, at - design.n_recent_excluded) : at + 1] = 0
    used = np.flatnonzero((levels > 0) & ~np.isnan(y))
    model = _select_model(y[used], (used - at).astype(np.float64), levels[used], design)
    if model is None:
        nan = float("nan")
        return Verdict(float(y[at]), nan, nan, nan, nan, nan, nan, nan, False, "not_fitted")
    fit, has_trend = model
    row = _design_matrix(np.zeros(1), levels[used], has_trend, at_level=design.n_seasons)[0]
    return _verdict(y, at, design, fit, row, fit.coefficients[1] if has_trend else np.nan)


def _require_design(design: Design) -> None:
    require_number("Farrington: alpha", design.alpha, 0.0, 1.0, is_open=True)
    for name in ("half_window", "n_recent_excluded", "min_events"):
        require_whole(f"Farrington: {name}", getattr(design, name), 0)
    for name in ("n_years", "n_seasons", "min_events_weeks"):
        require_whole(f"Farrington: {name}", getattr(design, name))
    require_number("Farrington: power", design.power, 0.0, 1.0)
    if not (design.residual_limit >= 0.0 and design.trend_p_limit >= 0.0 and design.power > 0.0):
        raise ValueError("Farrington: expected residual_limit and trend_p_limit of 0 or more, and a power above 0")
    if design.threshold not in ("delta", "nbPlugin", "muan"):
        raise ValueError(f"Farrington: expected a threshold of delta, nbPlugin or muan, found {design.threshold!r}")


def reference_weeks(at: int, n_years: int, week_starts: Sequence[date] | None = None) -> list[int]:
    """Positions of the same week this year, one year ago, …: newest first.

    By calendar: the same day of the month, then the nearest day with the weekday of `week_starts[at]`.
    """
    require_whole("Farrington: n_years", n_years, 1, date.max.year)
    require_whole("Farrington: at", at, 0, *([len(week_starts) - 1] if week_starts is not None else []))
    if week_starts is None:
        positions = [at - WEEKS_A_YEAR * i for i in range(n_years + 1)]
        found: list[int | None] = [p if p >= 0 else None for p in positions]
    else:
        place = {day: i for i, day in enumerate(week_starts)}
        same = (_same_week(week_starts[at], i) for i in range(n_years + 1))
        found = [None if day is None else place.get(day) for day in same]
    if None in found:
        raise ValueError(
            f"Farrington: week {at} needs the same week of {n_years} years back, "
            f"the series has {sum(p is not None for p in found) - 1}; lower n_years or start later"
        )
    return [p for p in found if p is not None]


def _same_week(day: date, years_back: int) -> date | None:
    """The same week so many years back; None before the calendar begins."""
    if day.year - years_back <= date.min.year:
        return None
    is_leap_day = (day.month, day.day) == (2, 29)
    first = day.replace(day=28) if is_leap_day else day
    same = first.replace(year=day.year - years_back) + timedelta(days=1 if is_leap_day else 0)
    return same - timedelta(days=(same.weekday() - day.weekday() + 3) % 7 - 3)


def season_levels(n_weeks: int, references: Sequence[int], half_window: int, n_seasons: int) -> IntArray:
    """Season of each week: n_seasons around the reference weeks, 1 … n_seasons − 1 between them, 0 if not used."""
    require_whole("Farrington: n_weeks", n_weeks)
    require_whole("Farrington: half_window", half_window, 0)
    require_whole("Farrington: n_seasons", n_seasons)
    if not references or min(references) < 0 or max(references) >= n_weeks:
        raise ValueError(
            f"Farrington: expected reference weeks inside the {n_weeks} weeks, found {list(references)[:9]}"
        )
    if any(newer <= older for newer, older in pairwise(references)):
        raise ValueError(f"Farrington: expected reference weeks from the newest on, found {list(references)[:9]}")
    levels = np.zeros(n_weeks, dtype=np.int64)
    levels[max(0, references[0] - half_window) : references[0] + 1] = n_seasons
    for newer, older in pairwise(references):
        levels[max(0, older - half_window) : older + half_window + 1] = n_seasons
        if n_seasons == 1:
            continue
        between = np.arange(older + half_window + 1, newer - half_window)
        if between.size < n_seasons - 1:
            raise ValueError(f"Farrington: {between.size} weeks do not hold {n_seasons - 1} seasons")
        for level, block in enumerate(np.array_split(between, n_seasons - 1), start=1):
            levels[block] = level
    return levels


def anscombe_residuals(y: FloatArray, fitted: FloatArray, leverage: FloatArray, phi: float) -> FloatArray:
    """Standardised Anscombe residuals of a Poisson model; 0 for a week that the fit follows exactly (leverage 1)."""
    require_numbers("Farrington: y", y, (None,), least=0.0, most=LARGEST_COUNT, has_gaps=False)
    require_numbers("Farrington: fitted", fitted, y.shape, least=SMALLEST_MEAN, has_gaps=False)
    require_numbers("Farrington: leverage", leverage, y.shape, has_gaps=False)
    require_number("Farrington: phi", phi, 1.0)
    raw = 1.5 * (y ** (2 / 3) * fitted ** (-1 / 6) - np.sqrt(fitted))
    spare = np.maximum(phi * (1 - leverage), 0.0)
    residuals: FloatArray = np.divide(raw, np.sqrt(spare), out=np.zeros_like(raw), where=spare > 0.0)
    return residuals


def outbreak_weights(residuals: FloatArray, limit: float) -> FloatArray:
    """s^-2 for residuals above the limit, 1 for others, scaled to sum to their number."""
    require_numbers("Farrington: residuals", residuals, (None,), has_gaps=False)
    if not limit >= 0.0:
        raise ValueError(f"Farrington: expected a limit of residuals of 0 or more, found {limit}")
    weights = np.ones_like(residuals)
    if not weights.size:
        return weights
    weights[residuals > limit] = residuals[residuals > limit] ** -2.0
    scaled: FloatArray = weights * (weights.size / weights.sum())
    return scaled


def fit_poisson(y: FloatArray, x: FloatArray, weights: FloatArray) -> Fit | None:
    """Iteratively reweighted least squares for log mean = X·b with prior weights.

    None if it does not converge or there are no more weeks than coefficients.

    Start, stop (relative change of deviance) and number of steps are those of `glm` in R. `phi` is Pearson's
    dispersion, at least 1. `dispersion_of_se` is what the reference uses for standard errors and for the test of the
    trend; it puts the prior weights where the working weights belong. nbPlugin needs no standard error.
    """
    require_numbers("Farrington: y", y, (None,), least=0.0, most=LARGEST_COUNT, has_gaps=False)
    require_numbers("Farrington: x", x, (y.size, None), has_gaps=False)
    prior = require_numbers("Farrington: weights", weights, y.shape, least=0.0, has_gaps=False)
    if not 1 <= x.shape[1] < y.size or not np.all(prior > 0.0):
        return None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _fitted(y, x, weights)


def _fitted(y: FloatArray, x: FloatArray, weights: FloatArray) -> Fit | None:
    eta, mean, deviance = np.log(y + 0.1), y + 0.1, np.inf
    for _ in range(MAX_STEPS):
        working = weights * mean
        weighted = np.sqrt(working)[:, None] * x
        if not np.isfinite(weighted).all():
            return None
        q, r = np.linalg.qr(weighted)
        if np.min(np.abs(np.diag(r))) < 1e-11 * np.max(np.abs(np.diag(r))):
            return None
        coefficients = linalg.solve_triangular(r, q.T @ (np.sqrt(working) * (eta + y / mean - 1)))
        eta, before = x @ coefficients, deviance
        mean = np.maximum(np.exp(np.minimum(eta, LARGEST_LOG_MEAN)), SMALLEST_MEAN)
        deviance = _deviance(y, mean, weights)
        if abs(deviance - before) / (abs(deviance) + 0.1) < TOLERANCE and np.isfinite(coefficients).all():
            squares = (y / mean - 1) ** 2
            phi, of_se = (float(np.sum(w * squares)) / (y.size - x.shape[1]) for w in (working, weights))
            return Fit(coefficients, mean, np.sum(q**2, axis=1), r, max(phi, 1.0), of_se)
    return None


def _deviance(y: FloatArray, mean: FloatArray, weights: FloatArray) -> float:
    log_ratio = np.log(np.where(y > 0, y / mean, 1.0))
    return float(2 * np.sum(weights * (y * log_ratio - (y - mean))))


def _design_matrix(weeks: FloatArray, levels: IntArray, has_trend: bool, at_level: int | None = None) -> FloatArray:
    """Columns: 1, [week], and one for each season but the first. `at_level`: all rows get this season, not `levels`."""
    own = levels if at_level is None else np.full(weeks.size, at_level)
    columns = [np.ones_like(weeks), *([weeks] if has_trend else [])]
    columns += [(own == level).astype(np.float64) for level in np.unique(levels)[1:]]
    return np.column_stack(columns)


def _select_model(y: FloatArray, weeks: FloatArray, levels: IntArray, design: Design) -> tuple[Fit, bool] | None:
    """Fit with trend; without it if that does not converge, is not significant, or predicts more than was ever seen."""
    with_trend = _fit_twice(y, _design_matrix(weeks, levels, True), design.residual_limit)
    if with_trend is not None and design.n_years >= MIN_YEARS_FOR_TREND:
        row = _design_matrix(np.zeros(1), levels, True, at_level=design.n_seasons)[0]
        unit = np.zeros_like(row)
        unit[1] = 1.0
        t = with_trend.coefficients[1] / _standard_error(with_trend, unit)
        is_significant = 2 * stats.t.sf(abs(t), y.size - row.size) < design.trend_p_limit
        if is_significant and np.exp(row @ with_trend.coefficients) <= y.max():
            return with_trend, True
    without = _fit_twice(y, _design_matrix(weeks, levels, False), design.residual_limit)
    return None if without is None else (without, False)


def _fit_twice(y: FloatArray, x: FloatArray, residual_limit: float) -> Fit | None:
    first = fit_poisson(y, x, np.ones_like(y))
    if first is None:
        return None
    residuals = anscombe_residuals(y, first.fitted, first.leverage, first.phi)
    return fit_poisson(y, x, outbreak_weights(residuals, residual_limit))


def _standard_error(fit: Fit, row: FloatArray) -> float:
    """Standard error of row · coefficients."""
    half = linalg.solve_triangular(fit.r, row, trans="T")
    return float(np.sqrt(fit.dispersion_of_se * (half @ half)))


def _verdict(y: FloatArray, at: int, design: Design, fit: Fit, row: FloatArray, trend: float) -> Verdict:
    expected, log_se = float(np.exp(row @ fit.coefficients)), _standard_error(fit, row)
    observed = float(y[at])
    if design.threshold == "delta":
        mean = expected
        upper, p_value = delta_bound(expected, expected * log_se, fit.phi, observed, design.alpha, design.power)
    else:
        shift = stats.norm.isf(design.alpha) * log_se if design.threshold == "muan" else 0.0
        mean = float(np.exp(np.log(expected) + shift))
        upper, p_value = negative_binomial_bound(mean, fit.phi, observed, design.alpha)
    state = _state(y[max(0, at - design.min_events_weeks + 1) : at + 1], design.min_events)
    bound = np.nan if state == "too_few" or (state == "missing_week" and not np.isnan(observed)) else upper
    is_alarm = bool(state == "judged" and observed > bound and observed > 0)
    return Verdict(observed, expected, log_se, mean, fit.phi, float(trend), bound, p_value, is_alarm, state)


def _state(recent: FloatArray, min_events: int) -> JudgedState:
    """Whether the known events of the last weeks allow a judgement; this week is the last of `recent`."""
    if np.isnan(recent[-1]):
        return "missing_week"
    if np.nansum(recent) >= min_events:
        return "judged"
    return "missing_week" if np.isnan(recent).any() else "too_few"


def delta_bound(mean: float, se: float, phi: float, observed: float, alpha: float, power: float) -> tuple[float, float]:
    """Upper bound and P(count or more), normal on the scale count^power (Farrington); a NaN count has no P (NaN).

    NaN where the mean is 0 or the bound leaves the range of numbers.
    """
    for name, value in (("mean", mean), ("se", se)):
        require_numbers(f"Farrington: {name}", value, (), least=0.0)
    require_number("Farrington: phi", phi, 0.0)
    require_number("Farrington: alpha", alpha, 0.0, 1.0, is_open=True)
    require_number("Farrington: power", power, 0.01, 1.0)
    require_numbers("Farrington: observed", observed, (), least=0.0)
    if not mean > 0.0 or np.isnan(se):
        return np.nan, np.nan
    tau = phi + se**2 / mean
    spread = power * mean ** (power - 1) * np.sqrt(mean * tau)
    upper = np.maximum(mean**power + stats.norm.isf(alpha) * spread, 0.0)
    with np.errstate(over="ignore"):
        bound = np.float64(upper) ** (1 / power)
    if not np.isfinite(bound):
        return np.nan, np.nan
    return float(bound), float(stats.norm.sf(observed**power, mean**power, spread))


def negative_binomial_bound(mean: float, phi: float, observed: float, alpha: float) -> tuple[float, float]:
    """Upper bound and P(count or more), negative binomial of variance phi·mean (Noufaily); Poisson at 1.

    NaN for a mean that is NaN or beyond all numbers; a NaN count has no P (NaN).
    """
    if not mean <= LARGEST:  # an upper bound of the mean (muan) can be beyond all numbers
        return np.nan, np.nan
    dispersion = max(phi, 1.0)
    upper = negative_binomial_limit(
        mean, dispersion, require_number("Farrington: alpha", alpha, 0.0, 1.0, is_open=True)
    )
    return float(upper), float(negative_binomial_tail(observed, mean, dispersion))
