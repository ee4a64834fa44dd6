"""Relations that hold for the figures of any city: a gate on each release, and a test on many made-up cities.

A wrong sign, unit or smoothing leaves figures that look plausible, but it breaks one of these relations. Each is
between two computations, or between one and its definition, so nobody has to know the right answer (metamorphic
testing: Chen et al. 2018, ACM Comput. Surv. 51(1)). Coarse grids and few draws are enough, because the relations hold
with any. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spark_jobs.index.engine.aggregate import available_weights
from spark_jobs.index.engine.arrays import LARGEST_COUNT, FloatArray
from spark_jobs.index.engine.composite_index import compute_index, domain_draws, domain_rows, index_draws
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow, windows_in_order
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.window_draws import WindowDraws, draw_window
from spark_jobs.index.methodology import Methodology

QUICK = {"draws": 100, "tau_points": 12, "mean_points": 13}
ROUNDING = 1e-6  # points by which two computations of the same figure may differ
NEAR = 0.02  # on the log or logit scale: error of some hundred draws with very many events
MANY = 1e6  # factor on events and denominator, as far as they can be counted: then hardly any smoothing is left
FEW = 3.0  # events an area, so few that the areas are drawn to each other
APART = 0.3  # on the log or logit scale: counties with a smaller mean distance say nothing about smoothing
OTHER_UNIT = 1000.0
TURNED = 0.25  # the gate does not judge if more harm would raise the index in at least this share of the draws


@dataclass(frozen=True)
class Findings:
    """faults: relations that do not hold. n_turned: increases of harm where the AMPI is not monotone."""

    faults: tuple[str, ...]
    n_turned: int


@dataclass(frozen=True)
class _City:
    windows: tuple[IndicatorWindow, ...]
    area_codes: tuple[str, ...]
    goalposts: Goalposts
    methodology: Methodology

    def result(self) -> IndexResult:
        return compute_index(IndexInput(self.area_codes, self.windows), self.goalposts, self.methodology, self.seed)

    def drawn(self, windows: Sequence[IndicatorWindow]) -> WindowDraws:
        return draw_window(windows, self.goalposts, self.methodology, self.seed, "headline", self.area_codes)

    @property
    def seed(self) -> int:
        return self.methodology.posterior.seed


def metamorphic(inputs: IndexInput, goalposts: Goalposts, methodology: Methodology) -> Findings:
    """Every relation on the headline's windows. Without a live indicator there is nothing to judge."""
    quick = methodology.model_copy(update={"posterior": methodology.posterior.model_copy(update=QUICK)})
    windows = tuple(windows_in_order(inputs.headline, quick, len(inputs.area_codes)))
    city = _City(windows, inputs.area_codes, goalposts, quick)
    result = city.result()
    if not (result.indicators.state == "live").any():
        return Findings((), 0)
    faults = [*_penalty(result), *_permuted(city, result), *_other_unit(city, result), *_many_and_few(city)]
    risen, n_turned = _more_harm(city, result.overall.index)
    return Findings((*faults, *risen), n_turned)


def _penalty(result: IndexResult) -> Iterator[str]:
    """Imbalance never helps: the index is at most the arithmetic mean of the same parts."""
    o = result.overall
    if bool(np.any(o.index > o.arithmetic + ROUNDING)):
        yield "the index of an area lies above the arithmetic mean of its parts"


def _permuted(city: _City, result: IndexResult) -> Iterator[str]:
    """The order of the counties changes nothing."""
    turned = tuple(
        replace(w, counts=w.counts[:, ::-1].copy(), denominator=w.denominator[::-1].copy()) for w in city.windows
    )
    other = replace(city, windows=turned, area_codes=city.area_codes[::-1]).result()
    back = [*range(len(city.area_codes) - 1, -1, -1), len(city.area_codes)]
    for name, one, two in (
        ("score", result.indicators.score, other.indicators.score),
        ("index", result.overall.index, other.overall.index),
        ("interval", result.overall.lower, other.overall.lower),
        ("rank", result.overall.rank_low, other.overall.rank_low),
    ):
        if not np.allclose(one, two[..., back], rtol=0.0, atol=ROUNDING, equal_nan=True):
            yield f"counties in another order have another {name}"


def _other_unit(city: _City, result: IndexResult) -> Iterator[str]:
    """Denominators and base period in another unit give the same scores."""
    is_rate = np.array([indicator.kind == "rate" for indicator in city.methodology.indicators])
    windows = tuple(
        replace(w, denominator=w.denominator * OTHER_UNIT, rest_denominator=w.rest_denominator * OTHER_UNIT)
        if rate
        else w
        for w, rate in zip(city.windows, is_rate, strict=True)
    )
    moved = np.where(is_rate, np.log(OTHER_UNIT), 0.0)
    own = city.goalposts
    goalposts = Goalposts(own.centre - moved, own.low - moved, own.high - moved)
    found = replace(city, windows=windows, goalposts=goalposts).result().indicators.score
    if not np.allclose(found, result.indicators.score, rtol=0.0, atol=ROUNDING, equal_nan=True):
        yield "another unit of denominator gives other scores"


def _many_and_few(city: _City) -> Iterator[str]:
    """Counts and denominators scaled together change nothing but the smoothing, and very many events leave none of it.

    With many events, every score is that of the plain rate, and a county alone has the score that it has among others.
    With few, the counties lie nearer to each other than their plain rates do.
    """
    kinds = [indicator.kind for indicator in city.methodology.indicators]
    times = [min(MANY, LARGEST_COUNT / 100.0 / _size(w, kind)) for w, kind in zip(city.windows, kinds, strict=True)]
    many = replace(city, windows=tuple(map(_scaled, city.windows, times)))
    scores, plain = many.result().indicators.score, _plain_scores(city)
    width = NEAR * city.methodology.scale.span / _width(city.goalposts)
    judged = ~np.isnan(scores) & np.isfinite(plain)
    for row in np.flatnonzero((judged & ~(np.abs(scores - plain) <= width)).any(axis=1)):
        yield f"{city.methodology.indicators[row].id}: with very many events a score is not that of the plain rate"
    first = replace(many, windows=tuple(_of_first(w) for w in many.windows), area_codes=many.area_codes[:1])
    alone = first.result().indicators.score[:, 0]
    together = judged[:, 0] & ~np.isnan(alone)
    for row in np.flatnonzero(together & ~(np.abs(alone - scores[:, 0]) <= 2.0 * width[:, 0])):
        yield f"{city.methodology.indicators[row].id}: a county alone is not what it is among others"
    if len(city.area_codes) > 1:
        yield from _pulled(city)


def _size(window: IndicatorWindow, kind: str) -> float:
    """Events of the city, or its trials; at least one."""
    of_city = float(np.nansum(window.city_counts)) if kind == "rate" else window.city_denominator
    return max(of_city, 1.0) if window.is_live and not np.isnan(of_city) else 1.0


def _pulled(city: _City) -> Iterator[str]:
    """Smoothing draws counties together. Strata are pooled: weighted sums of few events are too skewed to compare."""
    least = float(2 * city.methodology.posterior.min_events)
    whole = replace(city, windows=tuple(map(_together, city.windows)))
    few = [_scaled(w, max(FEW * w.counts.size, least) / _size(w, "rate")) for w in whole.windows]
    scores, plain = replace(city, windows=tuple(few)).result().indicators.score, _plain_scores(whole)
    log_a_point = _width(city.goalposts) / city.methodology.scale.span
    for kind in ("rate", "proportion"):
        rows = np.array([indicator.kind == kind for indicator in city.methodology.indicators])
        rows &= np.isfinite(scores).all(axis=1) & np.isfinite(plain).all(axis=1)
        few_apart, plain_apart = (
            float(np.ptp(s[rows, :-1] * log_a_point[rows], axis=1).sum()) for s in (scores, plain)
        )
        if plain_apart > APART * float(rows.sum()) and not few_apart < plain_apart:
            yield f"few events do not draw the counties together: {kind}s"


def _together(window: IndicatorWindow) -> IndicatorWindow:
    rest = None if window.rest_counts is None else window.rest_counts.sum(keepdims=True)
    return replace(window, counts=window.counts.sum(axis=0, keepdims=True), weights=np.ones(1), rest_counts=rest)


def _plain_scores(city: _City) -> FloatArray:
    """Scores by their definition from plain rates and shares, (n_indicators, n_units); infinite where there are no events."""
    own, scale = city.goalposts, city.methodology.scale
    found = []
    for indicator, w in zip(city.methodology.indicators, city.windows, strict=True):
        rest = np.zeros(w.weights.size) if w.rest_counts is None else w.rest_counts
        denominator = np.append(w.denominator, w.denominator.sum() + w.rest_denominator)
        counts = np.append(w.counts, (w.counts.sum(axis=1) + rest)[:, None], axis=1)
        with np.errstate(all="ignore"):
            rate = (w.weights[:, None] * counts).sum(axis=0) / denominator
            found.append(np.log(rate) if indicator.kind == "rate" else np.log(rate / (1.0 - rate)))
    distance = (np.array(found) - own.centre[:, None]) / _width(own)
    return np.asarray(scale.centre - scale.span * distance)


def _width(goalposts: Goalposts) -> FloatArray:
    """Width of the goalposts, (n_indicators, 1); NaN where there is no scale."""
    width = goalposts.high - goalposts.low
    return np.where(width > 0.0, width, np.nan)[:, None]


def _scaled(window: IndicatorWindow, times: float) -> IndicatorWindow:
    rest = None if window.rest_counts is None else window.rest_counts * times
    return replace(
        window, counts=window.counts * times, denominator=window.denominator * times, rest_counts=rest,
        rest_denominator=window.rest_denominator * times,
    )  # fmt: skip


def _of_first(window: IndicatorWindow) -> IndicatorWindow:
    first = replace(window, counts=window.counts[:, :1], denominator=window.denominator[:1])
    return replace(first, rest_counts=None, rest_denominator=0.0)


def _more_harm(city: _City, before_index: FloatArray) -> tuple[list[str], int]:
    """If a county has more of one indicator, its score falls and its index does not rise. Tried county by county."""
    before = city.drawn(city.windows)
    faults, n_turned, n_areas = [], 0, len(city.area_codes)
    for row, (indicator, window) in enumerate(zip(city.methodology.indicators, city.windows, strict=True)):
        area = row % n_areas
        if not before.is_live[row, area] or not _has_room(window, area):
            continue
        after = city.drawn([_with_more(window, area, indicator.kind == "proportion")])
        scores = before.scores[:, area].copy()
        scores[row] = after.scores[row, area]
        if not np.median(scores[row]) < np.median(before.scores[row, area]):
            faults.append(f"{indicator.id}: more harm does not lower the score")
        if np.isnan(before_index[area]):
            continue
        was, turned_was = _index_of(before.scores[:, area], before.is_live[:, area], row, city.methodology)
        now, turned_now = _index_of(scores, before.is_live[:, area], row, city.methodology)
        if max(turned_was, turned_now) > TURNED:
            n_turned += 1
        elif float(np.median(now - was)) > ROUNDING:
            faults.append(f"{indicator.id}: more harm raises the index")
    return faults, n_turned


def _has_room(window: IndicatorWindow, area: int) -> bool:
    return window.weights.size > 1 or bool(window.denominator[area] - window.counts[0, area] >= 1.0)


def _with_more(window: IndicatorWindow, area: int, is_proportion: bool) -> IndicatorWindow:
    counts = window.counts.copy()
    more = 5.0 + 0.5 * counts[:, area]
    room = window.denominator[area] - counts[:, area]
    counts[:, area] += np.minimum(more, room) if is_proportion else more
    return replace(window, counts=counts)


def _index_of(
    scores: FloatArray, is_live: np.ndarray[tuple[int], np.dtype[np.bool_]], row: int, methodology: Methodology
) -> tuple[FloatArray, float]:
    """Draws of one area's index, and the share of them in which it falls as the score of `row` rises.

    The slope of an AMPI along a component s has the sign of 3 - 2 s/M + S^2/M^2, so the AMPI falls for
    s > 1.5 M + S^2/(2 M).
    """
    of_domains, slope = [], np.ones(scores.shape[-1])
    for position, (domain, rows) in enumerate(zip(methodology.domains, domain_rows(methodology), strict=True)):
        of_domain, live = scores[rows][:, None, :], is_live[rows][:, None]
        of_domains.append(domain_draws(position, of_domain, live, methodology))
        if rows.start <= row < rows.stop:
            weights = np.array([indicator.weight for indicator in domain.indicators])
            spread = available_weights(weights, live, methodology.aggregation.domain_live_share)[:, 0]
            own, at = np.maximum(scores[rows], methodology.scale.floor), position
            slope *= _slope(own, spread, own[row - rows.start])
    domains = np.stack(of_domains)
    raised = np.maximum(domains[:, 0], methodology.scale.floor)
    slope *= _slope(raised, np.array([domain.weight for domain in methodology.domains]), raised[at])
    return index_draws(domains, methodology)[0], float((slope <= 0.0).mean())


def _slope(values: FloatArray, weights: FloatArray, component: FloatArray) -> FloatArray:
    """3 - 2 s/M + S^2/M^2 of each draw."""
    share = weights[:, None] / weights.sum()
    mean = np.where(share > 0.0, values * share, 0.0).sum(axis=0)
    variance = np.where(share > 0.0, share * (values - mean) ** 2, 0.0).sum(axis=0)
    return np.asarray(3.0 - 2.0 * component / mean + variance / mean**2)
