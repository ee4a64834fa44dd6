"""The index of one city and one as-of day: counts -> posterior draws -> scores -> domains -> index.

    goalposts = base_goalposts(base_years, methodology)                 # once a city and base period
    result = compute_index(inputs, goalposts, methodology, seed)        # every as-of day

Arrays in, arrays out; equal inputs give equal bytes. Each indicator and area has its own random streams. They do not
depend on the day, on the order of the areas or on which other areas there are. So days with nearly equal data have
nearly equal results.
"""

from collections.abc import Callable, Sequence

import numpy as np

from spark_jobs.index.engine.aggregate import ampi, arithmetic, available_weights, geometric, live_share
from spark_jobs.index.engine.arrays import (
    BoolArray,
    EngineInputError,
    FloatArray,
    require_number,
    require_numbers,
    require_whole,
)
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow, windows_in_order
from spark_jobs.index.engine.posterior import beta_binomial_mean, gamma_poisson_mean
from spark_jobs.index.engine.ranks import rank_interval, ranks, top_probability
from spark_jobs.index.engine.results import (
    DOMAINS_MISSING,
    DomainResult,
    IndexResult,
    IndicatorResult,
    OverallResult,
)
from spark_jobs.index.engine.scale import Goalposts, score, transformed
from spark_jobs.index.engine.window_draws import WindowDraws, base_states, draw_window, too_few_events
from spark_jobs.index.methodology import Indicator, Methodology

__all__ = [
    "Goalposts",
    "IndexInput",
    "IndexResult",
    "IndicatorWindow",
    "base_goalposts",
    "compute_index",
]

AGGREGATIONS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "ampi": ampi,
    "arithmetic": arithmetic,
    "geometric": geometric,
}


def base_goalposts(base_years: Sequence[Sequence[IndicatorWindow]], methodology: Methodology) -> Goalposts:
    """Frozen goalposts of the base period: x0 from the pooled city, low and high over all county-years.

    `base_years` holds one tuple of windows per base year. An indicator with a base year that is missing, in
    part missing, or has too few events has no goalposts (NaN).
    """
    expected = methodology.windows.base_years
    if len(base_years) != expected:
        raise EngineInputError(f"the base period has {expected} years; found {len(base_years)}")
    n_areas = max((window.denominator.size for year in base_years for window in year), default=0)
    years = [windows_in_order(year, methodology, n_areas) for year in base_years]
    goalposts = np.array(
        [
            _indicator_goalposts(indicator, [year[row] for year in years], methodology)
            for row, indicator in enumerate(methodology.indicators)
        ]
    )
    return Goalposts(*goalposts.T)


def _indicator_goalposts(
    indicator: Indicator, years: Sequence[IndicatorWindow], methodology: Methodology
) -> tuple[float, float, float]:
    """(x0, low, high) of one indicator, NaN without a complete base."""
    nothing = (np.nan, np.nan, np.nan)
    if not all(_is_complete(year, indicator, methodology.posterior.min_events) for year in years):
        return nothing
    harm = sum(float((year.weights[:, None] * _counted(year)).sum()) + year.rest_harm for year in years)
    city = np.array([harm / sum(year.city_denominator for year in years)])
    counties = np.concatenate([_mean_rates(year, indicator, methodology) for year in years])
    x = transformed(counties[~np.isnan(counties)], indicator.kind)
    if not x.size:  # all events of the base period lie in areas that have ended
        return nothing
    return float(transformed(city, indicator.kind)[0]), float(x.min()), float(x.max())


def _is_complete(year: IndicatorWindow, indicator: Indicator, min_events: int) -> bool:
    if not year.is_live or bool(np.isnan(year.city_counts).any() or np.isnan(year.city_denominator)):
        return False
    events = float(_counted(year).sum()) + float((year.city_counts - year.counts.sum(axis=1)).sum())
    return not too_few_events(events, year.city_denominator, indicator, min_events)


def _counted(year: IndicatorWindow) -> FloatArray:
    """Counts of the areas that have a denominator. Events of an area without one are in no rate, nor in the city's."""
    return np.where(year.denominator > 0.0, year.counts, 0.0)


def _mean_rates(year: IndicatorWindow, indicator: Indicator, methodology: Methodology) -> FloatArray:
    """Posterior mean rate of each area in one base year, (n_areas,); NaN without a denominator."""
    mean = gamma_poisson_mean if indicator.kind == "rate" else beta_binomial_mean
    denominator = np.where(year.denominator > 0.0, year.denominator, np.nan)
    parts = [
        weight * mean(counts, denominator, methodology.posterior)
        for counts, weight in zip(year.counts, year.weights, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0))


def compute_index(inputs: IndexInput, goalposts: Goalposts, methodology: Methodology, seed: int) -> IndexResult:
    """The index of every area and of the city, with intervals (methodology, sections 4 to 6)."""
    n_areas = len(inputs.area_codes)
    if len(set(inputs.area_codes)) != n_areas or not n_areas:
        raise EngineInputError(f"area_codes must name each area once; found {n_areas} of {len(set(inputs.area_codes))}")
    now = draw_window(inputs.headline, goalposts, methodology, seed, "headline", inputs.area_codes)
    domains = _domain_draws(now.scores, now.is_live, methodology, "ampi")
    index = index_draws(domains, methodology)
    change, of_domains = _change_draws(inputs, now, goalposts, methodology, seed)
    return IndexResult(
        area_codes=inputs.area_codes,
        indicators=indicator_result(now, goalposts, methodology),
        domains=_domain_result(domains, of_domains, now.is_live, methodology),
        overall=_overall_result(index, domains, now, change, methodology),
        draws=index,
    )


def _domain_draws(scores: FloatArray, is_live: BoolArray, methodology: Methodology, method: str) -> FloatArray:
    """Draws (n_domains, n_units, n_draws) of every domain."""
    return np.stack(
        [
            domain_draws(position, scores[rows], is_live[rows], methodology, method)
            for position, rows in enumerate(domain_rows(methodology))
        ]
    )


def domain_rows(methodology: Methodology) -> list[slice]:
    """The rows of each domain among all indicators."""
    ends = np.cumsum([len(domain.indicators) for domain in methodology.domains]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def domain_draws(
    position: int, scores: FloatArray, is_live: BoolArray, methodology: Methodology, method: str = "ampi"
) -> FloatArray:
    """Draws (n_units, n_draws) of one domain from its own rows; NaN where too small a share of its weight is live."""
    require_whole("position", position, 0, len(methodology.domains) - 1)
    _require_method(method)
    weights = np.array([indicator.weight for indicator in methodology.domains[position].indicators])
    if scores.ndim != 3 or is_live.shape != scores.shape[:2] or len(scores) != weights.size:
        raise EngineInputError(
            f"scores must be ({weights.size}, n_units, n_draws) with is_live over their first axes; "
            f"found {scores.shape}, {is_live.shape}"
        )
    spread = available_weights(weights, is_live, methodology.aggregation.domain_live_share)
    return AGGREGATIONS[method](np.maximum(scores, methodology.scale.floor), spread)


def index_draws(domains: FloatArray, methodology: Methodology, method: str = "ampi") -> FloatArray:
    """Draws (n_units, n_draws) of the index; NaN unless every domain is live."""
    _require_method(method)
    weights = np.array([domain.weight for domain in methodology.domains])
    if domains.ndim != 3 or len(domains) != weights.size:
        raise EngineInputError(f"domains must be ({weights.size}, n_units, n_draws); found {domains.shape}")
    return AGGREGATIONS[method](np.maximum(domains, methodology.scale.floor), weights)


def _require_method(method: str) -> None:
    if method not in AGGREGATIONS:
        raise EngineInputError(f"method must be one of {', '.join(AGGREGATIONS)}; found {method!r}")


def _change_draws(
    inputs: IndexInput, now: WindowDraws, goalposts: Goalposts, methodology: Methodology, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Now minus last year on indicators live in both: index (n_units, n_draws), domains (n_domains, n_units, n_draws)."""
    n_areas = len(inputs.area_codes)
    if not inputs.last_year:
        nothing = np.full((len(methodology.domains), n_areas + 1, methodology.posterior.draws), np.nan)
        return nothing[0], nothing
    before = draw_window(inputs.last_year, goalposts, methodology, seed, "last_year", inputs.area_codes)
    both = now.is_live & before.is_live
    then, today = (_domain_draws(window.scores, both, methodology, "ampi") for window in (before, now))
    return index_draws(today, methodology) - index_draws(then, methodology), today - then


def indicator_result(now: WindowDraws, goalposts: Goalposts, methodology: Methodology) -> IndicatorResult:
    """Summaries of the draws. The score falls as the rate rises, so its quantiles are the rate's in reverse order."""
    indicators = methodology.indicators
    per = np.array([indicator.rate_per for indicator in indicators])[:, None]
    rates = _quantiles(now.rates, methodology)
    scores = np.full_like(rates, np.nan)
    bases = base_states(goalposts, methodology)
    for row, indicator in enumerate(indicators):
        if bases[row] == "live":
            x = transformed(rates[:, row], indicator.kind)
            ends = (goalposts.centre[row], goalposts.low[row], goalposts.high[row])
            scores[:, row] = score(x, *ends, methodology.scale.centre, methodology.scale.span)
    return IndicatorResult(
        indicator_ids=tuple(indicator.id for indicator in indicators),
        n_events=now.n_events,
        denominator=now.denominator,
        rate=rates[1] * per,
        rate_lower=rates[0] * per,
        rate_upper=rates[2] * per,
        score=scores[1],
        score_lower=scores[2],
        score_upper=scores[0],
        state=now.state,
    )


def _domain_result(
    domains: FloatArray, change: FloatArray, is_live: BoolArray, methodology: Methodology
) -> DomainResult:
    lower, value, upper = _quantiles(domains, methodology)
    shares = [
        live_share(np.array([i.weight for i in domain.indicators]), is_live[rows])
        for domain, rows in zip(methodology.domains, domain_rows(methodology), strict=True)
    ]
    return DomainResult(
        domain_ids=tuple(domain.id for domain in methodology.domains),
        value=value,
        lower=lower,
        upper=upper,
        change=np.median(change, axis=-1),
        is_live=~np.isnan(value),
        live_weight_share=np.stack(shares),
    )


def _overall_result(
    index: FloatArray, domains: FloatArray, now: WindowDraws, change: FloatArray, methodology: Methodology
) -> OverallResult:
    lower, value, upper = _quantiles(index, methodology)
    change_lower, change_value, change_upper = _quantiles(change, methodology)
    variants = {
        method: index_draws(_domain_draws(now.scores, now.is_live, methodology, method), methodology, method)
        for method in methodology.aggregation.variants
    }
    area_ranks = ranks(index[:-1])
    rank_low, rank_high = rank_interval(area_ranks, methodology.posterior.interval)
    ids = np.array([domain.id for domain in methodology.domains])
    missing = tuple(tuple(ids[np.isnan(unit)].tolist()) for unit in domains[:, :, 0].T)
    return OverallResult(
        index=value,
        lower=lower,
        upper=upper,
        arithmetic=np.median(variants["arithmetic"], axis=-1),
        geometric=np.median(variants["geometric"], axis=-1),
        band=bands(lower, upper, methodology.bands.level),
        rank_low=np.append(rank_low, np.nan),
        rank_high=np.append(rank_high, np.nan),
        p_top=np.append(top_probability(area_ranks, methodology.aggregation.top_k), np.nan),
        change=change_value,
        change_lower=change_lower,
        change_upper=change_upper,
        p_below_last_year=np.where(np.isnan(change_value), np.nan, (change < 0.0).mean(axis=-1)),
        reason=tuple(DOMAINS_MISSING if gone else None for gone in missing),
        missing_domains=missing,
    )


def bands(lower: FloatArray, upper: FloatArray, level: float) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """better: the interval lies above the level; worse: below; level: it contains it; none: there is no interval."""
    require_numbers("lower", lower, (None,))
    require_numbers("upper", upper, lower.shape)
    require_number("level", level)
    if bool(np.any(lower > upper)):
        raise EngineInputError("lower must not lie above upper; found a unit where it does")
    choices = [np.isnan(lower + upper), lower > level, upper < level]
    return np.select(choices, ["none", "better", "worse"], default="level")


def _quantiles(draws: FloatArray, methodology: Methodology) -> FloatArray:
    """(lower, median, upper) along the draws, stacked on a new first axis."""
    tail = (1.0 - methodology.posterior.interval) / 2.0
    in_order = np.sort(draws, axis=-1)  # sorting first is faster than the selection inside quantile
    return np.asarray(np.quantile(in_order, [tail, 0.5, 1.0 - tail], axis=-1))
