"""Every public function of the engine and the detectors, whatever numbers it is given.

A finite result, a documented NaN, or an error of our own that says what is wrong; in bounded time and memory. A function
without a strategy here fails `test_every_function_is_tried`.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import importlib
import inspect
import pkgutil
import resource
import traceback
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import arrays

import spark_jobs.flags.detectors
import spark_jobs.index.engine
from bench.made_up_years import AREAS, METHODOLOGY, year
from spark_jobs.flags.detectors.farrington import Design
from spark_jobs.index.engine.as_of import CityFrame
from spark_jobs.index.engine.composite_index import base_goalposts, compute_index
from spark_jobs.index.engine.holidays import MovingHoliday
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.engine.movement import Before
from spark_jobs.index.engine.pulse import Pulse, PulseYear
from spark_jobs.index.engine.released_inputs import ReleasedInputs
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.window_draws import draw_window, with_city
from spark_jobs.index.engine.windows import Coverage, DailyCounts, DayCounts
from spark_jobs.index.flag_thresholds import OutlierFlag

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("error")]

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 900  # after which a function hangs: the process ends and says where, for nothing else stops compiled code
MEMORY = 4 * 2**30
INFINITE = {  # documented: the logarithm of 0, division by a maximum of 0, a spread of 0
    "transformed", "score", "fraction_of_maximum", "c1", "c2", "c3",
}  # fmt: skip
COARSE = METHODOLOGY.posterior.model_copy(update={"draws": 8, "tau_points": 6, "mean_points": 7})
METHOD = METHODOLOGY.model_copy(update={"posterior": COARSE})
RATE = next(i for i in METHOD.indicators if i.kind == "rate" and i.flow_or_stock == "flow")
SHARE = next(i for i in METHOD.indicators if i.kind == "proportion" and i.flow_or_stock == "flow")
DAY = date(2026, 3, 1)


class Named(dict[str, Any]):
    """Arguments that are given by name."""


def modules() -> Iterator[ModuleType]:
    for package in (spark_jobs.index.engine, spark_jobs.flags.detectors):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f"{module.__name__.rsplit('.', 1)[1]}.{name}": function
    for module in modules()
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}

sound = st.one_of(st.integers(0, 30).map(float), st.floats(0.01, 1000.0))
wild = st.one_of(
    sound,
    st.floats(width=64),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-300, 5e-324, 1e-12, 1e12, 1e15, 4.7e17, 1e50, 1.7e308]),
)
number = st.one_of(sound, wild)
share = st.one_of(st.floats(0.0, 1.0), wild)
whole = st.one_of(st.integers(0, 12), st.sampled_from([-1, 10**9 + 7, 10**15, 10**30]))
some = st.integers(1, 5)
generator = st.integers(0, 9).map(np.random.default_rng)
flags = st.booleans()
close_days = st.dates(date(2026, 1, 1), date(2026, 2, 28)) | st.dates(date(1990, 1, 1), date(2100, 1, 1))


def array(shape: Any, elements: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[np.ndarray]:
    """Mostly numbers that pass the door, often with some that must not."""
    one_of = [elements] if elements is not None else [sound, sound | st.just(np.nan), wild]
    return st.sampled_from(one_of).flatmap(lambda chosen: arrays(np.float64, shape, elements=chosen))


def named(arguments: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Named]:
    return st.fixed_dictionaries(arguments).map(Named)


vector = st.integers(0, 6).flatmap(array)
matrix = st.tuples(st.integers(0, 4), st.integers(0, 5)).flatmap(array)


def alike(n_arrays: int, *rest: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Vectors of one length, then the rest."""
    vectors = st.integers(0, 6).flatmap(lambda n: st.tuples(*[array(n)] * n_arrays))
    return st.tuples(vectors, *rest).map(lambda drawn: (*drawn[0], *drawn[1:]))


def weighted(*rest: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Values (k, n) and weights (k,)."""
    both = st.tuples(st.integers(0, 4), st.integers(0, 5)).flatmap(lambda s: st.tuples(array(s), array(s[0])))
    return st.tuples(both, *rest).map(lambda drawn: (*drawn[0], *drawn[1:]))


@st.composite
def windows(draw: st.DrawFn) -> tuple[IndicatorWindow, ...]:
    """A made-up year of three areas; one indicator's numbers may be anything."""
    made = [three_areas(window) for window in year(np.random.default_rng(draw(st.integers(0, 3))))]
    spoilt, field = draw(st.integers(0, len(made) - 1)), draw(st.sampled_from(["counts", "denominator", "weights", ""]))
    if field:
        shape = getattr(made[spoilt], field).shape
        made[spoilt] = dataclasses.replace(made[spoilt], **{field: draw(array(shape))})
    return tuple(made)


def three_areas(window: IndicatorWindow) -> IndicatorWindow:
    return dataclasses.replace(window, counts=window.counts[:, :3], denominator=window.denominator[:3])


def plain_year(seed: int = 1) -> tuple[IndicatorWindow, ...]:
    return tuple(three_areas(window) for window in year(np.random.default_rng(seed)))


CODES = tuple(AREAS[:3])
GOALPOSTS = base_goalposts([plain_year(seed) for seed in range(METHOD.windows.base_years)], METHOD)
DRAWN = draw_window(plain_year(), GOALPOSTS, METHOD, 1, "headline", CODES)
window = windows().flatmap(st.sampled_from)
goalposts = st.one_of(
    st.just(GOALPOSTS),
    array(len(METHOD.indicators)).map(lambda x: Goalposts(x, x - 1.0, x + 1.0)),
)
seed = st.one_of(st.just(1), whole)
codes = st.sampled_from([CODES, CODES[:2], (CODES[0],) * 3, ()])


@st.composite
def daily(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of daily counts, some of them twice or of areas that nobody knows."""
    one_row = st.tuples(
        st.sampled_from([RATE.id, SHARE.id, "settlement"]),
        st.sampled_from([*CODES, "elsewhere"]),
        st.dates(date(2025, 1, 1), DAY),
        st.sampled_from([*RATE.strata, "all", "settled", "open"]),
        st.one_of(st.integers(0, 9).map(float), number),
        st.just(30.0),
    )
    names = ["indicator_id", "area_code", "day", "stratum", "numerator", "denominator"]
    return pd.DataFrame(draw(st.lists(one_row, max_size=8)), columns=names)


@st.composite
def city(draw: st.DrawFn) -> tuple[DailyCounts, CityFrame]:
    denominators = pd.DataFrame(
        [(code, denominator, date(2020, 1, 1), None, 1000.0) for code in CODES for denominator in METHOD.denominators],
        columns=["area_code", "denominator_code", "valid_from", "valid_to", "value"],
    )
    coverage = {i.id: Coverage(date(2021, 1, 1), DAY) for i in METHOD.indicators}
    frame = CityFrame("city", CODES, denominators, coverage, GOALPOSTS, {}, DAY, METHOD)
    return frame.counts(draw(daily())), frame


@st.composite
def scale_rows(draw: st.DrawFn) -> pd.DataFrame:
    one_row = st.tuples(st.sampled_from([RATE.id, SHARE.id, "settlement"]), number, number, number)
    names = ["indicator_id", "centre", "low", "high"]
    return pd.DataFrame(draw(st.lists(one_row, max_size=3)), columns=names).drop(
        columns=draw(st.sampled_from([[], ["low"], ["indicator_id"]]))
    )


@st.composite
def released(draw: st.DrawFn) -> pd.DataFrame:
    one_row = st.tuples(
        st.sampled_from([RATE.id, SHARE.id, "settlement"]), st.sampled_from(CODES),
        st.sampled_from(["headline", "last_year", "base_1", "cumulative", "found_2026-01"]),
        st.sampled_from([*RATE.strata, "all", "settled"]), number, number,
    )  # fmt: skip
    names = ["indicator_id", "area_code", "window", "stratum", "count", "denominator"]
    return pd.DataFrame(draw(st.lists(one_row, max_size=8)), columns=names).drop(
        columns=draw(st.sampled_from([[], ["count"]]))
    )


nights = st.integers(1, 4).flatmap(
    lambda n: st.dictionaries(st.dates(DAY - timedelta(days=12), DAY), array(n), max_size=12)
    .flatmap(lambda known: array(n).map(lambda tonight: {**known, DAY: tonight}))
)  # fmt: skip
days = st.lists(st.dates(date(2019, 1, 1), DAY), max_size=4)
holiday = st.one_of(
    st.none(),
    st.builds(MovingHoliday, st.lists(st.dates(date(2015, 1, 1), DAY), max_size=3).map(tuple), st.integers(0, 400), st.integers(0, 400)),
)  # fmt: skip
day_counts = st.builds(DayCounts, array(3), array(3))
pulse_year = st.builds(PulseYear, day_counts, day_counts)
design = st.builds(
    Design, alpha=share, n_years=st.integers(0, 3), half_window=whole, n_seasons=st.sampled_from([1, 3, 10, -1, 10**12]),
    n_recent_excluded=whole, residual_limit=share | st.just(2.58), trend_p_limit=share,
    threshold=st.sampled_from(["delta", "nbPlugin", "muan", "none"]), power=st.sampled_from([2 / 3, 0.5, 1.0, 0.0, np.nan]),
    min_events=whole, min_events_weeks=st.integers(0, 5),
)  # fmt: skip
weekly = st.sampled_from(
    [st.integers(0, 30).map(float), st.integers(0, 30).map(float) | st.just(np.nan), wild]
).flatmap(lambda elements: arrays(np.float64, 170, elements=elements, fill=st.just(3.0)))
before = st.builds(
    Before,
    array(4),
    array((len(METHOD.indicators), 4)),
    windows(),
    st.just(np.ones((len(METHOD.indicators), 3), dtype=np.bool_)),
)
coarse = st.just(COARSE)
grid = st.integers(0, 5).flatmap(lambda n: st.tuples(array(n), array(n), coarse))
trees = st.dictionaries(st.sampled_from("abcde"), st.sampled_from([None, *"abcdef"]), max_size=5)
counted = st.builds(lambda y, e: (y, e), array(4), array(4))
OUTLIER = OutlierFlag(amber_limit=0.95, red_limit=0.998, window_weeks=13, winsorised_share=0.2, min_units=2)

counties = st.lists(
    st.tuples(
        st.sampled_from(CODES), st.none() | st.dates(), st.none() | st.dates(), st.none() | st.sampled_from(CODES)
    ),
    max_size=4,
).map(lambda rows: pd.DataFrame(rows, columns=["area_code", "valid_from", "valid_to", "successor_code"]))
CALLS: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    **{f"aggregate.{name}": weighted() for name in ("arithmetic", "geometric", "harmonic", "outranking", "copeland")},
    "aggregate.ampi": weighted(st.sampled_from(["benefit", "harm", "neither"])),
    "aggregate.available_weights": some.flatmap(lambda k: st.tuples(array(k), arrays(np.bool_, (k, 2)), share)),
    "aggregate.live_share": some.flatmap(lambda k: st.tuples(array(k), arrays(np.bool_, (k, 2)))),
    "aggregate.effective_weights": st.tuples(trees, st.dictionaries(st.sampled_from("abcde"), number, max_size=5)),
    "coverage.covered_through": st.tuples(array(80) | array(3), st.just(DAY)),
    "arrays.require_numbers": st.tuples(st.just("x"), matrix),
    "arrays.require_number": st.tuples(st.just("x"), number),
    "arrays.require_whole": st.tuples(st.just("x"), whole),
    "arrays.require_weights": st.tuples(st.just("x"), vector),
    "arrays.require_finite": st.tuples(st.just("x"), vector),
    "as_of.computed": city().flatmap(lambda c: st.tuples(st.just(c[0]), st.just(c[1]), st.just([DAY]))),
    "as_of.input_hash": city().map(lambda c: (c[1].inputs(c[0], DAY), c[1])),
    "chain_ladder.mack": matrix.map(lambda x: (x.cumsum(axis=1),)),
    "chain_ladder.nowcast": alike(2),
    "chain_ladder.publishable_delay": st.tuples(vector, share),
    "completeness.completeness": st.tuples(nights, st.sampled_from([DAY, DAY - timedelta(days=3)]), st.just(METHOD)),
    "completeness.development": st.tuples(nights, st.sampled_from([DAY, DAY - timedelta(days=3)])),
    "composite_index.base_goalposts": windows().map(lambda w: ([plain_year(1), plain_year(2), w], METHOD)),
    **dict.fromkeys(
        ("composite_index.compute_index", "year_change.year_change"),
        st.tuples(
            st.builds(IndexInput, codes, windows(), st.sampled_from([(), plain_year()])), goalposts, st.just(METHOD), seed
        ),
    ),
    "composite_index.domain_rows": st.just((METHOD,)),
    "composite_index.domain_draws": st.tuples(
        st.integers(-1, 4), array((4, 2, 3)), arrays(np.bool_, (4, 2)), st.just(METHOD), st.sampled_from(["ampi", "none"])
    ),
    "composite_index.index_draws": st.tuples(array((4, 2, 3)), st.just(METHOD), st.sampled_from(["geometric", "none"])),
    "composite_index.indicator_result": st.tuples(st.just(DRAWN), goalposts, st.just(METHOD)),
    "composite_index.bands": alike(2, number),
    "count_quantiles.poisson_quantile": st.tuples(vector, share),
    "count_quantiles.binomial_quantile": st.tuples(vector | vector.map(np.floor), share, share),
    "count_quantiles.negative_binomial_quantile": alike(2, share),
    "count_quantiles.negative_binomial_limit": alike(2, share),
    "count_quantiles.negative_binomial_tail": alike(3),
    "gamma_draws.stream": st.tuples(seed, st.text(max_size=3)),
    "gamma_draws.standard_gamma": st.tuples(matrix, generator),
    "gamma_draws.labels_of": st.tuples(codes | st.none(), st.integers(0, 3)),
    "holidays.same_days": st.tuples(days, whole, holiday),
    "inputs.windows_in_order": st.tuples(windows(), st.just(METHOD), st.sampled_from([3, 2, 0])),
    **{f"intervals.{name}": st.tuples(vector, share) for name in ("byar", "exact_poisson", "count_limits")},
    "intervals.rate": alike(2, share, number),
    "intervals.wilson": alike(2, share),
    "intervals.directly_standardised_rate": alike(3, share, number),
    "intervals.standardised_ratio": alike(2, share),
    "method_change.steps": st.just((METHOD, METHOD)),
    "method_change.compare": city().flatmap(
        lambda c: st.tuples(
            st.just(lambda _: c[0]), st.just({}), st.sampled_from([date(2022, 1, 1), date(2024, 2, 29)]), st.just(METHOD),
            st.sampled_from([METHOD, METHOD.model_copy(update={"version": "next"})]), st.sampled_from([[], [DAY]]),
        )
    ),
    "movement.movement": st.tuples(before, windows(), st.just(plain_year()), st.just(GOALPOSTS), st.just(METHOD), st.just(1), codes),
    "posterior.gamma_poisson_draws": alike(2, coarse, generator),
    "posterior.gamma_poisson_mean": alike(2, coarse),
    "posterior.gamma_poisson_grid": grid,
    "posterior.beta_binomial_draws": alike(2, coarse, generator),
    "posterior.beta_binomial_mean": alike(2, coarse),
    "posterior.beta_binomial_grid": grid,
    "pulse.indicator_pulse": city().flatmap(
        lambda c: st.tuples(
            st.just(c[0]), st.sampled_from(METHOD.indicators), st.just(DAY), whole, holiday, st.just(METHOD),
            st.sampled_from([3, 0]),
        )
    ),
    "pulse.while_incomplete": st.tuples(
        st.builds(Pulse, st.just(DAY), st.just(DAY), *[array(2, sound)] * 8, st.just(np.array(["below", "above"])))
    ),
    "pulse.expectation": st.tuples(
        days, pulse_year, st.lists(pulse_year, max_size=2), st.sampled_from([RATE, SHARE]), st.just(METHOD)
    ),
    "ranks.ranks": st.tuples(vector | matrix),
    "ranks.rank_interval": st.tuples(matrix, share),
    "ranks.top_probability": st.tuples(matrix, number),
    "ranks.rank_sets": st.integers(0, 4).flatmap(
        lambda n: st.tuples(
            array(n), array((n, n)) | array((n, n), sound).map(lambda x: x @ x.T), share, generator, flags, st.sampled_from([50, 0, 10**12])
        )
    ),
    "ranks.tiers": alike(3),
    "metamorphic.metamorphic": st.tuples(
        st.builds(IndexInput, codes, windows(), st.sampled_from([(), plain_year()])), goalposts, st.just(METHOD)
    ),
    "released_inputs.released_goalposts": st.tuples(scale_rows(), st.just(METHOD)),
    "released_inputs.released_inputs": st.tuples(released(), st.just(METHOD)),
    "released_inputs.window_of": st.tuples(
        released().filter(lambda rows: "count" in rows), st.just(list(CODES)), st.sampled_from([RATE, SHARE]), st.just(METHOD)
    ),
    "released_inputs.on_units": st.tuples(
        st.lists(st.sampled_from(CODES), min_size=2, max_size=2).map(lambda index: pd.Series([1.0, 2.0], index)), codes
    ),
    "scale.transformed": st.tuples(vector | array(4, share), st.sampled_from(["rate", "proportion", "neither"])),
    "scale.score": st.tuples(vector, number, number, number, number, number),
    "sensitivity.sobol": st.tuples(
        st.sampled_from([lambda x: x.sum(axis=0), lambda x: x[0] * np.nan, lambda x: 1.0 / x, lambda x: x[:, :1]]),
        array((2, 2)) | st.just(np.array([[0.0, 1.0], [1.0, 2.0]])), st.sampled_from([8, 7, 0, 2**62]), seed,
    ),
    "sensitivity.median_rank_shift": some.flatmap(lambda n: st.tuples(array(n), array((n, 3)) | array((n, 0)))),
    "settlement.settlement_inputs": st.tuples(daily(), st.just(CODES), st.just(DAY)),
    "settlement.settlements": st.tuples(released(), st.just(CODES)),
    "territory.placed": st.tuples(
        daily().map(lambda rows: rows[["area_code"]]),
        st.dictionaries(st.sampled_from(CODES), st.sampled_from(CODES), max_size=3),
    ),
    "territory.territory": st.tuples(counties, st.just(DAY)),
    "uncertainty_analysis.study": st.tuples(
        windows().map(lambda w: ReleasedInputs(CODES, w, (), tuple(plain_year(n) for n in range(3)))), st.just(METHOD),
        st.sampled_from([8, 7, -1, 2**60]),
    ),
    "weights.equal": st.tuples(whole),
    "weights.principal_component": st.tuples(matrix),
    "weights.noisy": st.tuples(vector, share, whole, generator),
    "weights.dirichlet": st.tuples(vector, share, whole, generator),
    "window_draws.draw_window": st.tuples(windows(), goalposts, st.just(METHOD), seed, st.just("headline"), codes),
    "window_draws.base_states": st.tuples(goalposts, st.just(METHOD)),
    "window_draws.with_city": st.tuples(window),
    "window_draws.too_few_events": st.tuples(number, number, st.sampled_from([RATE, SHARE]), st.just(10)),
    "window_draws.unit_states": st.tuples(
        st.sampled_from(plain_year()).map(with_city), st.sampled_from([RATE, SHARE]), coarse, flags
    ),
    "windows.base_year_spans": st.tuples(st.dates(), whole),
    "windows.month_ends": st.tuples(st.dates(), whole),
    "denominate.denominated": alike(2, number),
    **{f"empirical_bayes.{name}": alike(2) for name in ("marshall_poisson", "martuzzi_binomial", "gamma_prior_ml")},
    "impute.fill_mean": st.tuples(vector | matrix),
    "impute.fill_group_mean": st.tuples(vector, st.integers(0, 6).map(lambda n: np.array(["a", "b"] * 3)[:n])),
    "impute.has_enough_data": st.tuples(matrix, share),
    **{
        f"normalise.{name}": st.tuples(vector)
        for name in ("rank", "borda", "percentile_rank", "distance_to_maximum", "fraction_of_maximum")
    },
    "normalise.directed": st.tuples(vector, st.sampled_from([1, -1, 0])),
    **{f"normalise.{name}": st.tuples(vector, number, number) for name in ("minmax", "zscore", "scaled")},
    **{f"normalise.{name}": st.tuples(vector, number) for name in ("distance_to_target", "distance_to_reference")},
    "normalise.goalposts": st.tuples(vector, number, number, flags),
    "normalise.reference_scale": st.tuples(vector, number, number, number),
    "normalise.exponential_rank": st.tuples(vector, number),
    "outliers.shape": st.tuples(vector, number, number),
    "outliers.winsorise": st.tuples(vector, whole, number, number),
    "outliers.log_shifted": st.tuples(vector, number),
    "outliers.box_cox": st.tuples(vector, st.none() | st.floats(-3, 3) | number),
    "funnel.ratio_limit": st.tuples(vector, share),
    "funnel.proportion_limit": st.tuples(vector.map(np.floor), share, share),
    "funnel.dispersion": st.tuples(vector, share),
    "funnel.count_funnel": alike(2, st.just(OUTLIER)),
    "funnel.between_variance": st.tuples(number, vector),
    "cusum.rossi_z": alike(2) | st.tuples(vector, number),
    "cusum.rossi_cusum": st.tuples(vector, number, named({"k": share, "h": number, "resets_after_alarm": flags})),
    "cusum.exceedance_probability": st.tuples(vector, number),
    "daily_counts.daily_counts": st.tuples(daily(), st.just([(CODES[0], RATE.id)]), st.just(DAY), whole),
    "daily_counts.weekly_counts": st.tuples(daily(), st.just([(CODES[0], RATE.id)]), st.just(DAY), whole),
    "daily_counts.last_complete_sunday": st.tuples(st.dates(date(1, 1, 8))),
    **{
        f"ears.{name}": st.tuples(array(14), named({"alpha": share, "baseline": whole, "min_sigma": share}))
        for name in ("c1", "c2", "c3")
    },
    "farrington.judge": st.tuples(weekly, st.sampled_from([165, 169, 170, -1]), design),
    "farrington.reference_weeks": st.tuples(whole, whole),
    "farrington.season_levels": st.tuples(st.sampled_from([0, 170, 10**15]), st.lists(st.integers(-3, 180), max_size=4), whole, whole),
    "farrington.anscombe_residuals": alike(3, number),
    "farrington.outbreak_weights": st.tuples(vector, share),
    "farrington.fit_poisson": st.integers(0, 8).flatmap(lambda n: st.tuples(array(n), array((n, 2)), array(n))),
    "farrington.delta_bound": st.tuples(number, number, number, number, share, st.sampled_from([2 / 3, 0.5, 1.0, 0.0])),
    "farrington.negative_binomial_bound": st.tuples(number, number | st.floats(1.0, 3.0), number, share),
    "dispersion.learnt_dispersion": st.tuples(array((2, 3, 4))),
    "shares.share_above_base_p": alike(4),
    "low_counts.lower_bounds": st.tuples(matrix, share),
    "poisson_rates.rate_ratio_p": st.tuples(
        arrays(np.int64, 3, elements=st.integers(-1, 99) | st.integers(-(2**62), 2**62)), st.integers(-1, 60),
        arrays(np.int64, 3, elements=st.integers(-1, 99)), array(3),
    ),
    "rolling_sum.above_limit": st.tuples(
        st.dictionaries(close_days, st.decimals() | st.decimals(0, 50, places=2), max_size=4), st.decimals() | st.decimals(0, 50),
        close_days, named({"window_days": whole, "history_days": whole}),
    ),
    "lifecycle.flag_id": st.tuples(*[st.text(max_size=3)] * 4, st.dates()),
    "lifecycle.discoveries": st.tuples(array(5, share), share),
    "lifecycle.nights_on": st.tuples(
        arrays(np.bool_, 6), named({"on_count": whole, "on_window": whole, "off_after": whole})
    ),
    "lifecycle.run_start": st.tuples(arrays(np.bool_, 6)),
}  # fmt: skip
SLOW = {
    "as_of", "composite_index", "metamorphic", "method_change", "movement", "uncertainty_analysis", "window_draws", "farrington", "pulse", "year_change",
}  # fmt: skip


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """An allocation beyond MEMORY is a MemoryError, and a call that does not return ends the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_every_function_is_tried() -> None:
    assert set(CALLS) == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_whatever_a_function_is_given(name: str) -> None:
    examples = 5 if name.split(".")[0] in SLOW else 40

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(CALLS[name])
    def tried(arguments: tuple[Any, ...]) -> None:
        named = next((part for part in arguments if isinstance(part, Named)), Named())
        try:
            result = FUNCTIONS[name](*(part for part in arguments if part is not named), **named)
            found = list(numbers_in(result))
        except ValueError as error:
            assert str(error), "an error says what is wrong"
            last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
            assert last.is_relative_to(REPOSITORY / "spark_jobs"), (
                "an error of our own, not one that fell out of a library"
            )
            return
        if name.split(".")[1] not in INFINITE:
            assert not any(np.isinf(part).any() for part in found), "finite, or NaN"

    tried()


def numbers_in(result: Any) -> Iterator[np.ndarray]:
    """All numbers of a result, however it is built."""
    if isinstance(result, np.random.Generator | str | date) or result is None:
        return
    if dataclasses.is_dataclass(result):
        yield from numbers_in([getattr(result, field.name) for field in dataclasses.fields(result)])
    elif isinstance(result, pd.DataFrame):
        yield from numbers_in(result.select_dtypes("number").to_numpy(dtype=float, na_value=np.nan))
    elif isinstance(result, pd.Series):
        yield from numbers_in(result.to_numpy(dtype=float, na_value=np.nan))
    elif isinstance(result, dict):
        yield from numbers_in(list(result.values()))
    elif isinstance(result, list | tuple | Iterator):
        for part in result:
            yield from numbers_in(part)
    elif np.issubdtype(np.asarray(result).dtype, np.number):
        yield np.asarray(result, dtype=np.float64)


def test_the_whole_chain_of_the_made_up_years_is_finite() -> None:
    """What the strategies begin with passes every door: the sound examples are sound."""
    result = compute_index(IndexInput(CODES, plain_year(), plain_year(2)), GOALPOSTS, METHOD, 1)
    assert np.isfinite(result.draws).all() and np.isfinite(result.overall.change).all()
