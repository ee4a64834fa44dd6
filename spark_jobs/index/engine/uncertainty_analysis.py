"""The yearly question: do the ranks of the areas depend on a choice that could have been made otherwise?

Six uncertain factors, each drawn uniformly over [0, 1) and turned into a choice:

    weights         domain and indicator weights around the published ones (Dirichlet, 25 % for a weight of average size)
    normalisation   published goalposts; z-scores; minimum to maximum; ranks (all brought to about 70 to 130)
    aggregation     adjusted Mazziotta-Pareto; arithmetic; geometric
    denominators    as published; residents in place of the population at risk
    serious_injury  harm-days of a serious injury, in the range that the methodology gives
    chance          one joint draw of all rates from their posterior: what small counts leave open

Saisana, Saltelli and Tarantola (2005), JRSS A 168, 307-323: triggers for choices, Sobol indices of ranks and of their
mean shift. Chance is drawn beside the choices, so that a choice can be compared with what no choice removes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import logit
from scipy.stats import rankdata

from spark_jobs.index.engine.aggregate import ampi, arithmetic, geometric
from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, IntArray, require_whole
from spark_jobs.index.engine.composite_index import domain_rows
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.inputs import IndicatorWindow, windows_in_order
from spark_jobs.index.engine.posterior import (
    beta_binomial_draws,
    beta_binomial_mean,
    gamma_poisson_draws,
    gamma_poisson_mean,
)
from spark_jobs.index.engine.ranks import ranks
from spark_jobs.index.engine.released_inputs import ReleasedInputs
from spark_jobs.index.engine.sensitivity import Sobol, median_rank_shift, sobol
from spark_jobs.index.engine.weights import dirichlet
from spark_jobs.index.engine.window_draws import too_few_events
from spark_jobs.index.methodology import Indicator, Methodology

FactorCode = Literal["weights", "normalisation", "aggregation", "denominators", "serious_injury", "chance"]
FACTORS: tuple[FactorCode, ...] = (
    "weights", "normalisation", "aggregation", "denominators", "serious_injury", "chance",
)  # fmt: skip
N_BASE = 4096  # Sobol base sample: a power of two
MOST_BASE = 2**20
N_ALONE = 512  # samples in which only one factor varies
N_WEIGHTS = 1024
WEIGHT_DEVIATION = 0.25
VARIED_STRATUM = "serious_injury"
POINTS_AT_ONCE = 2048  # bounds the memory of (indicator, area, point)

NORMALISATIONS: tuple[str, ...] = ("goalposts", "zscore", "minmax", "rank")
AGGREGATIONS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "ampi": ampi,
    "arithmetic": arithmetic,
    "geometric": geometric,
}


@dataclass(frozen=True)
class Study:
    """Shapes: (n_areas,), (n_areas, n_factors) or (n_factors,), factors in the order of FACTORS.

    rank: under the published choices, from the medians of the rates.
    rank_low, rank_high: 90 % of the ranks when every factor varies. shift: median absolute change of a rank then.
    shift_alone: mean of that change over the areas when only one factor varies.
    of_rank, of_mean_shift: Sobol indices of each area's rank, and of the mean shift over the areas (one row).
    nominal, influence (n_indicators,): share in the root (0 for an indicator left out), and squared correlation of the
    indicator's score with the index over the areas (Paruolo, Saisana and Saltelli 2013, JRSS A 176; NaN for one left
    out).
    """

    rank: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray
    shift: FloatArray
    shift_alone: FloatArray
    of_rank: Sobol
    of_mean_shift: Sobol
    nominal: FloatArray
    influence: FloatArray
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Rates:
    """Rates of one indicator per unit of its denominator. draws (n_strata, n_areas, n_draws + 1), medians last; base
    (n_strata, n_county_years); city (n_strata,) of the base period. `other`: under the other denominator, or itself."""

    draws: FloatArray
    base: FloatArray
    city: FloatArray


class Choices:
    """The index of every area as a function of the six factors."""

    def __init__(self, inputs: ReleasedInputs, methodology: Methodology) -> None:
        self.methodology = methodology
        n_areas = len(inputs.area_codes)
        years = [windows_in_order(year, methodology, n_areas) for year in (inputs.headline, *inputs.base_years)]
        self._rates = [
            None
            if _is_left_out([year[row] for year in years], indicator, methodology)
            else _both_denominators([year[row] for year in years], years, indicator, methodology, inputs.area_codes)
            for row, indicator in enumerate(methodology.indicators)
        ]
        self._weights = self._drawn_weights()
        severity = methodology.severity.get(VARIED_STRATUM)
        low, high = (severity.low, severity.high) if severity else (None, None)
        published = severity.days if severity else 1.0
        self._days = (low or published, high or published)
        spread = self._days[1] - self._days[0]
        self.published = np.zeros(len(FACTORS))
        self.published[FACTORS.index("serious_injury")] = (published - self._days[0]) / spread if spread else 0.0
        self.published[FACTORS.index("chance")] = -1.0  # below 0: the medians

    @property
    def left_out(self) -> tuple[str, ...]:
        rows = zip(self.methodology.indicators, self._rates, strict=True)
        return tuple(indicator.id for indicator, rates in rows if rates is None)

    @property
    def nominal(self) -> FloatArray:
        """Published share of each indicator in the root, (n_indicators,)."""
        return np.asarray(self._weights[:, 0])

    def index(self, points: FloatArray) -> FloatArray:
        """(n_areas, n_points) from points (n_factors, n_points)."""
        parts = np.array_split(points, max(1, -(-points.shape[1] // POINTS_AT_ONCE)), axis=1)
        return np.concatenate([self._index(part, self.scores(part)) for part in parts], axis=1)

    def scores(self, points: FloatArray) -> FloatArray:
        """(n_indicators, n_areas, n_points), NaN for what is left out."""
        u = dict(zip(FACTORS, points, strict=True))
        days = self._days[0] + (self._days[1] - self._days[0]) * u["serious_injury"]
        kind = _option(u["normalisation"], len(NORMALISATIONS))
        other = _option(u["denominators"], 2)
        n_areas = next(pair[0].draws.shape[1] for pair in self._rates if pair)
        found = np.full((len(self._rates), n_areas, points.shape[1]), np.nan)
        for row, (indicator, pair) in enumerate(zip(self.methodology.indicators, self._rates, strict=True)):
            if pair is None:
                continue
            for n in np.unique(other):
                at = np.flatnonzero(other == n)
                weights = self._harm_days(indicator, days[at])
                found[row][:, at] = self._score(pair[n], indicator, weights, u["chance"][at], kind[at])
        return np.asarray(np.maximum(found, self.methodology.scale.floor))

    def _harm_days(self, indicator: Indicator, days: FloatArray) -> FloatArray:
        """(n_strata, n_points)"""
        fixed = np.tile(np.array(self.methodology.harm_days(indicator))[:, None], days.size)
        fixed[[stratum == VARIED_STRATUM for stratum in indicator.strata]] = days
        return fixed

    def _score(
        self, rates: _Rates, indicator: Indicator, weights: FloatArray, chance: FloatArray, kind: IntArray
    ) -> FloatArray:
        n_draws = rates.draws.shape[2] - 1
        drawn = rates.draws[:, :, np.where(chance < 0.0, n_draws, np.floor(chance * n_draws)).astype(int)]
        x = _transformed(np.einsum("sp,sap->ap", weights, drawn), indicator)
        base = _transformed(weights.T @ rates.base, indicator)
        x0 = _transformed(weights.T @ rates.city, indicator)
        scale = self.methodology.scale
        choices = [
            scale.centre - scale.span * (x - x0) / np.ptp(base, axis=1),
            scale.centre - 10.0 * _over(x - x.mean(axis=0), x.std(axis=0, ddof=1)),
            scale.centre + scale.span * (0.5 - _over(x - x.min(axis=0), np.ptp(x, axis=0))),
            scale.centre + scale.span * (0.5 - (rankdata(x, axis=0) - 1.0) / max(len(x) - 1, 1)),
        ]
        return np.asarray(np.choose(kind[None, :], choices))

    def _index(self, points: FloatArray, scores: FloatArray) -> FloatArray:
        u = dict(zip(FACTORS, points, strict=True))
        weights = self._weights[:, _option(u["weights"], self._weights.shape[1])][:, None, :]
        how = _option(u["aggregation"], len(AGGREGATIONS))
        index = np.empty(scores.shape[1:])
        for n, aggregate in enumerate(AGGREGATIONS.values()):
            at = how == n
            index[:, at] = self._aggregated(scores[:, :, at], weights[:, :, at], aggregate)
        return index

    def _aggregated(
        self, scores: FloatArray, weights: FloatArray, aggregate: Callable[[FloatArray, FloatArray], FloatArray]
    ) -> FloatArray:
        """weights (n_indicators, 1, n_points): shares in the root. A domain's weight is the sum of its indicators'."""
        rows = domain_rows(self.methodology)
        domains = [aggregate(scores[own], weights[own]) for own in rows]
        shares = np.stack([weights[own].sum(axis=0) for own in rows])
        return aggregate(np.maximum(np.stack(domains), self.methodology.scale.floor), shares)

    def _drawn_weights(self) -> FloatArray:
        """(n_indicators, 1 + N_WEIGHTS) shares in the root, the published ones first; 0 for what is left out."""
        rng = stream(self.methodology.posterior.seed, "choices", "weights")
        of_domains = _around(np.array([domain.weight for domain in self.methodology.domains]), rng)
        found = []
        for position, (domain, own) in enumerate(
            zip(self.methodology.domains, domain_rows(self.methodology), strict=True)
        ):
            kept = np.array([rates is not None for rates in self._rates[own]], dtype=float)
            given = np.array([indicator.weight for indicator in domain.indicators]) * kept
            if given.sum() < self.methodology.aggregation.domain_live_share * 100.0:
                raise EngineInputError(
                    f"{domain.id}: too little of it is live in this release; there is no index to vary"
                )
            found.append(_around(given, rng) * of_domains[position])
        return np.concatenate(found)


def study(inputs: ReleasedInputs, methodology: Methodology, n_base: int = N_BASE) -> Study:
    """The whole study of one release. Raises EngineInputError where the release has no index to vary."""
    require_whole("n_base", n_base, 2, MOST_BASE)
    choices, n_factors = Choices(inputs, methodology), len(FACTORS)
    baseline = choices.index(choices.published[:, None])[:, 0]
    rank, rng = ranks(baseline), stream(methodology.posterior.seed, "choices", "points")

    def outputs(points: FloatArray) -> FloatArray:
        found = ranks(choices.index(points))
        return np.vstack([found, np.abs(found - rank[:, None]).mean(axis=0)])

    indices = sobol(outputs, np.tile([0.0, 1.0], (n_factors, 1)), n_base, methodology.posterior.seed)
    everything = choices.index(rng.random((n_factors, n_base)))
    tail = (1.0 - methodology.posterior.interval) / 2.0
    low, high = np.quantile(ranks(everything), [tail, 1.0 - tail], axis=1, method="inverted_cdf")
    alone = np.tile(choices.published[:, None, None], (1, n_factors, N_ALONE))
    alone[np.arange(n_factors), np.arange(n_factors)] = rng.random((n_factors, N_ALONE))
    shifts = [np.abs(ranks(choices.index(alone[:, n])) - rank[:, None]).mean() for n in range(n_factors)]
    return Study(
        rank, low, high, median_rank_shift(baseline, everything), np.array(shifts),
        Sobol(indices.first[:-1], indices.total[:-1]), Sobol(indices.first[-1:], indices.total[-1:]),
        choices.nominal, _influence(choices, baseline), choices.left_out,
    )  # fmt: skip


def _influence(choices: Choices, index: FloatArray) -> FloatArray:
    scores = choices.scores(choices.published[:, None])[:, :, 0]
    centred, of_index = scores - scores.mean(axis=1, keepdims=True), index - index.mean()
    scatter = np.sqrt((centred**2).sum(axis=1) * (of_index**2).sum())
    squared = _over((centred * of_index).sum(axis=1), scatter) ** 2
    return np.asarray(np.where(np.isnan(scatter), np.nan, squared))


def _is_left_out(years: list[IndicatorWindow], indicator: Indicator, methodology: Methodology) -> bool:
    """Whether some year, or some area in it, has no figure, so that there is nothing to choose."""
    return not all(
        year.is_live
        and np.isfinite(year.counts).all()
        and bool((year.denominator > 0.0).all())
        and not too_few_events(
            float(year.city_counts.sum()), year.city_denominator, indicator, methodology.posterior.min_events
        )
        for year in years
    )


def _both_denominators(
    years: list[IndicatorWindow],
    everything: list[list[IndicatorWindow]],
    indicator: Indicator,
    methodology: Methodology,
    area_codes: Sequence[str],
) -> tuple[_Rates, _Rates]:
    """Rates as published, and over residents; twice the same where residents are no alternative or not known."""
    published = _rates(years, indicator, methodology, area_codes)
    names = [i.denominator for i in methodology.indicators]
    if indicator.denominator != "population_at_risk" or "residents" not in names:
        return published, published
    residents = [year[names.index("residents")] for year in everything]
    if not all((year.denominator > 0.0).all() for year in residents):
        return published, published
    other = [
        replace(year, denominator=of_residents.denominator, rest_denominator=of_residents.rest_denominator)
        for year, of_residents in zip(years, residents, strict=True)
    ]
    return published, _rates(other, indicator, methodology, area_codes)


def _rates(
    years: list[IndicatorWindow], indicator: Indicator, methodology: Methodology, area_codes: Sequence[str]
) -> _Rates:
    settings, is_rate = methodology.posterior, indicator.kind == "rate"
    draw = gamma_poisson_draws if is_rate else beta_binomial_draws
    mean = gamma_poisson_mean if is_rate else beta_binomial_mean
    now, base = years[0], years[1:]
    draws = np.stack(
        [
            draw(
                counts,
                now.denominator,
                settings,
                stream(settings.seed, "headline", indicator.id, n, "areas"),
                area_codes,
            )
            for n, counts in enumerate(now.counts)
        ]
    )
    return _Rates(
        draws=np.concatenate([draws, np.median(draws, axis=2, keepdims=True)], axis=2),
        base=np.concatenate(
            [np.stack([mean(counts, year.denominator, settings) for counts in year.counts]) for year in base], axis=1
        ),
        city=np.sum([year.city_counts for year in base], axis=0) / sum(year.city_denominator for year in base),
    )


def _around(weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(n_components, 1 + N_WEIGHTS), columns summing to 1: the given weights, then Dirichlet ones around them."""
    used = weights > 0.0
    found = np.zeros((weights.size, 1 + N_WEIGHTS))
    found[:, 0] = weights / weights.sum()
    found[used, 1:] = dirichlet(weights[used], WEIGHT_DEVIATION, N_WEIGHTS, rng).T
    return found


def _option(u: FloatArray, n: int) -> IntArray:
    return np.minimum((u * n).astype(np.int64), n - 1)


def _transformed(values: FloatArray, indicator: Indicator) -> FloatArray:
    return np.asarray(np.log(values) if indicator.kind == "rate" else logit(values))


def _over(value: FloatArray, scale: FloatArray) -> FloatArray:
    """The ratio; 0 where there is no scale, so that units that do not differ all stand in the middle."""
    return np.divide(value, scale, out=np.zeros(np.broadcast_shapes(value.shape, scale.shape)), where=scale > 0.0)
