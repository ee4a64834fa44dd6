"""The chain: the base is 100, missing is never zero, and every rule of publication."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.engine.composite_index import (
    Goalposts,
    IndexInput,
    IndexResult,
    IndicatorWindow,
    base_goalposts,
    compute_index,
)
from spark_jobs.index.engine.window_draws import base_states
from spark_jobs.index.methodology import Methodology

pytestmark = pytest.mark.unit

Windows = tuple[IndicatorWindow, ...]
Year = Callable[..., Windows]

RISK = np.array([0.6, 0.8, 0.9, 1.0, 1.0, 1.0, 1.1, 1.2, 1.4])
AREAS = tuple(f"area_{position}" for position in range(9))
CITY = -1


@pytest.fixture(scope="module")
def goalposts(year: Year, methodology: Methodology) -> Goalposts:
    return base_goalposts([year(RISK)] * 3, methodology)


def run(
    windows: Windows,
    goalposts: Goalposts,
    methodology: Methodology,
    last_year: Windows = (),
    areas: tuple[str, ...] = AREAS,
) -> IndexResult:
    return compute_index(IndexInput(areas, windows, last_year), goalposts, methodology, seed=1)


def changed(windows: Windows, indicator: str, **fields: object) -> Windows:
    """The windows with one indicator's fields replaced."""
    return tuple(
        dataclasses.replace(window, **fields) if window.indicator_id.startswith(indicator) else window  # type: ignore[arg-type]
        for window in windows
    )


def row(result: IndexResult, indicator: str) -> int:
    return next(n for n, name in enumerate(result.indicators.indicator_ids) if name.startswith(indicator))


def test_the_city_in_the_base_period_is_one_hundred(year: Year, goalposts: Goalposts, methodology: Methodology) -> None:
    result = run(year(RISK, size=20.0), goalposts_of(year, methodology, 20.0), methodology)
    assert result.overall.index[CITY] == pytest.approx(100.0, abs=0.2)
    assert result.overall.arithmetic[CITY] == pytest.approx(100.0, abs=0.2)
    np.testing.assert_allclose(result.indicators.score[:, CITY], 100.0, atol=1.0)
    assert result.overall.band[CITY] == "level"


def goalposts_of(year: Year, methodology: Methodology, size: float) -> Goalposts:
    return base_goalposts([year(RISK, size=size)] * 3, methodology)


def test_less_harm_is_a_higher_index_and_sixty_points_span_the_base(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    result = run(year(RISK), goalposts, methodology)
    assert np.all(np.diff(result.overall.index[:9]) <= 0.5)
    assert result.overall.index[0] > result.overall.index[3] > result.overall.index[8]
    span = result.indicators.score[:, 0] - result.indicators.score[:, 8]
    np.testing.assert_allclose(span, 60.0, atol=8.0)
    assert result.overall.rank_low[0] == 1.0 and result.overall.rank_high[8] == 9.0
    assert np.isnan(result.overall.rank_low[CITY])


def test_the_variants_lie_where_they_must(year: Year, goalposts: Goalposts, methodology: Methodology) -> None:
    """Both the penalty and the geometric mean take points off for imbalance; equal scores leave nothing to take."""
    bad = 3.0 * next(w.counts for w in year(RISK, size=20.0) if w.indicator_id.startswith("a2"))
    far = goalposts_of(year, methodology, 20.0)
    even = run(year(RISK, size=20.0), far, methodology).overall
    uneven = run(changed(year(RISK, size=20.0), "a2", counts=bad), far, methodology).overall
    for found in (even, uneven):
        assert np.all(found.geometric <= found.arithmetic) and np.all(found.index <= found.arithmetic)
    np.testing.assert_allclose([even.index[CITY], even.geometric[CITY]], even.arithmetic[CITY], atol=0.1)
    assert uneven.arithmetic[CITY] - uneven.geometric[CITY] > 1.0 and uneven.arithmetic[CITY] - uneven.index[CITY] > 1.0


def test_bands_follow_the_interval(year: Year, goalposts: Goalposts, methodology: Methodology) -> None:
    overall = run(year(RISK), goalposts, methodology).overall
    assert overall.band[0] == "better" and overall.lower[0] > 100.0
    assert overall.band[8] == "worse" and overall.upper[8] < 100.0
    assert np.all((overall.lower <= overall.index) & (overall.index <= overall.upper))


def test_harm_days_add_the_strata_with_their_weights(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    windows = year(RISK, size=50.0)
    road = next(window for window in windows if window.indicator_id.startswith("b1"))
    result = run(windows, goalposts, methodology)
    expected = (road.weights[:, None] * road.counts).sum() / road.denominator.sum()
    assert result.indicators.rate[row(result, "b1"), CITY] == pytest.approx(expected, rel=0.01)


def test_a_feed_that_is_missing_greys_its_indicator_and_is_not_zero(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    whole = run(year(RISK), goalposts, methodology)
    part = run(changed(year(RISK), "a2", is_live=False), goalposts, methodology)
    gone = row(part, "a2")
    assert np.all(part.indicators.state[gone] == "missing_feed")
    assert np.isnan(part.indicators.n_events[gone]).all() and np.isnan(part.indicators.score[gone]).all()
    np.testing.assert_allclose(part.domains.live_weight_share[0], 0.75)
    assert part.domains.is_live.all()
    np.testing.assert_allclose(part.overall.index, whole.overall.index, atol=3.0)
    left_out = tuple(window for window in year(RISK) if not window.indicator_id.startswith("a2"))
    np.testing.assert_array_equal(run(left_out, goalposts, methodology).overall.index, part.overall.index)


def test_one_missing_area_loses_its_own_figure_and_the_city_its(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    windows = year(RISK)
    counts = next(window.counts for window in windows if window.indicator_id.startswith("d1")).copy()
    counts[0, 4] = np.nan
    result = run(changed(windows, "d1", counts=counts), goalposts, methodology)
    state = result.indicators.state[row(result, "d1")]
    assert np.all(state[[4, -1]] == "missing_feed") and np.all(np.delete(state, [4, -1]) == "live")
    assert result.domains.live_weight_share[3, 4] == pytest.approx(0.65)
    assert np.isfinite(result.overall.index).all()


def test_too_little_live_weight_means_no_domain_and_no_index(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    result = run(changed(year(RISK), "b1", is_live=False), goalposts, methodology)
    assert not result.domains.is_live[1].any() and result.domains.is_live[[0, 2, 3]].all()
    assert np.isnan(result.overall.index).all() and np.all(result.overall.band == "none")
    assert set(result.overall.reason) == {"domains_missing"}
    assert set(result.overall.missing_domains) == {("incidents",)}


def test_fewer_than_ten_events_in_the_city_are_shown_and_not_scored(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    for total, expected in ((9.0, "too_few"), (10.0, "live")):
        counts = np.zeros((1, 9))
        counts[0, :3] = [4.0, 3.0, total - 7.0]
        result = run(changed(year(RISK), "a4", counts=counts), goalposts, methodology)
        few = row(result, "a4")
        assert np.all(result.indicators.state[few] == expected)
        assert result.indicators.n_events[few, CITY] == total
        assert np.isnan(result.indicators.score[few]).all() == (expected == "too_few")
        assert np.isnan(result.indicators.rate[few]).all() == (expected == "too_few")


def test_an_area_without_denominator_has_a_state_of_its_own(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    windows = year(RISK)
    denominator = next(w.denominator for w in windows if w.indicator_id.startswith("b4")).copy()
    denominator[2] = 0.0
    result = run(changed(windows, "b4", denominator=denominator), goalposts, methodology)
    state = result.indicators.state[row(result, "b4")]
    assert state[2] == "no_denominator" and np.all(np.delete(state, 2) == "live")


def test_without_a_complete_base_an_indicator_has_a_rate_and_no_score(year: Year, methodology: Methodology) -> None:
    base = [year(RISK), changed(year(RISK), "c4", is_live=False), year(RISK)]
    goalposts = base_goalposts(base, methodology)
    result = run(year(RISK), goalposts, methodology)
    unbased = row(result, "c4")
    assert np.flatnonzero(base_states(goalposts, methodology) != "live").tolist() == [unbased]
    assert np.all(result.indicators.state[unbased] == "no_base")
    assert np.isfinite(result.indicators.rate[unbased]).all()
    assert np.isnan(result.indicators.score[unbased]).all()
    np.testing.assert_allclose(result.domains.live_weight_share[2], 0.8)


def test_a_gap_in_one_area_of_a_base_year_is_no_base(year: Year, methodology: Methodology) -> None:
    counts = next(w.counts for w in year(RISK) if w.indicator_id.startswith("a3")).copy()
    counts[0, 0] = np.nan
    goalposts = base_goalposts([year(RISK), year(RISK), changed(year(RISK), "a3", counts=counts)], methodology)
    expected = ["no_base" if n == 2 else "live" for n in range(len(methodology.indicators))]
    assert base_states(goalposts, methodology).tolist() == expected


EVEN = np.ones(9)
NARROW = {  # relative risks of the areas in each base year; too near each other for a scale
    "all equal": [EVEN] * 3,
    "equal but for a millionth": [EVEN, EVEN * (1.0 + 1e-6), EVEN],
    "nearly equal": [EVEN, EVEN * 1.03, np.linspace(0.97, 1.03, 9)],
    "one area": [EVEN[:1]] * 3,
    "one area, years nearly equal": [EVEN[:1], EVEN[:1] * 1.04, EVEN[:1]],
}
WIDE = {
    "usual": [RISK] * 3,
    "one area, years that differ": [EVEN[:1], EVEN[:1] * 1.5, EVEN[:1]],
    "equal years of another level": [EVEN, EVEN * 1.3, EVEN],
    "huge": [np.geomspace(1e-3, 9.0, 9)] * 3,
}


@pytest.mark.parametrize("risks", NARROW.values(), ids=NARROW)
def test_a_base_too_narrow_for_a_scale_leaves_rates_and_no_score(
    year: Year, methodology: Methodology, risks: list[np.ndarray]
) -> None:
    base = base_goalposts([year(risk, size=20.0) for risk in risks], methodology)
    n_areas = risks[0].size
    found = run(year(1.2 * EVEN[:n_areas], size=20.0), base, methodology, areas=AREAS[:n_areas])
    assert np.isfinite([base.centre, base.low, base.high]).all()  # known, and frozen as they are
    assert set(found.indicators.state.ravel()) == {"narrow_base"}
    assert np.isfinite(found.indicators.rate).all() and np.isnan(found.indicators.score).all()
    assert np.isnan(found.overall.index).all() and not found.domains.is_live.any()
    assert set(found.overall.reason) == {"domains_missing"}


@pytest.mark.parametrize("risks", WIDE.values(), ids=WIDE)
def test_a_base_wide_enough_has_scores_of_a_sensible_size(
    year: Year, methodology: Methodology, risks: list[np.ndarray]
) -> None:
    base = base_goalposts([year(risk, size=20.0) for risk in risks], methodology)
    found = run(year(risks[1], size=20.0), base, methodology, areas=AREAS[: risks[1].size])
    assert set(found.indicators.state.ravel()) == {"live"}
    reach = methodology.scale.span + 10.0  # a base year again lies between the goalposts, but for the interval's width
    assert np.abs(found.indicators.score - methodology.scale.centre).max() < reach
    assert np.isfinite(found.overall.index).all()


def test_one_narrow_indicator_leaves_its_weight_to_the_others(year: Year, methodology: Methodology) -> None:
    """As where it has no base period: the domain stands on what is left of its weight, and says how much."""
    even = [changed(year(RISK), "c4", counts=next(w.counts for w in year(EVEN) if w.indicator_id.startswith("c4")))] * 3
    narrow = run(year(RISK), base_goalposts(even, methodology), methodology)
    without = [changed(year(RISK), "c4", is_live=False)] * 3
    unbased = run(year(RISK), base_goalposts(without, methodology), methodology)
    assert set(narrow.indicators.state[row(narrow, "c4")]) == {"narrow_base"}
    np.testing.assert_array_equal(narrow.overall.index, unbased.overall.index)
    np.testing.assert_array_equal(narrow.domains.live_weight_share, unbased.domains.live_weight_share)


@pytest.mark.parametrize(("over", "state"), [(-1e-9, "narrow_base"), (1e-9, "live")])
def test_the_least_width_is_the_methodologys(methodology: Methodology, over: float, state: str) -> None:
    n = len(methodology.indicators)
    ends = Goalposts(np.zeros(n), np.zeros(n), np.full(n, methodology.scale.least_width + over))
    assert set(base_states(ends, methodology)) == {state}


def test_events_of_a_base_year_without_denominator_are_in_no_mark(year: Year, methodology: Methodology) -> None:
    """A county without a denominator takes no part in a rate; its events must not stay in the city's x0."""
    spoilt, without = ([], [])  # type: ignore[var-annotated]
    for windows in (year(RISK), year(RISK), year(RISK)):
        denominator, counts = (np.array(getattr(windows[2], field)) for field in ("denominator", "counts"))
        denominator[4] = 0.0
        spoilt.append(changed(windows, "a3", denominator=denominator))
        counts[:, 4] = 0.0
        without.append(changed(windows, "a3", denominator=denominator, counts=counts))
    left_out = [tuple(
        dataclasses.replace(w, counts=np.delete(w.counts, 4, axis=1), denominator=np.delete(w.denominator, 4)) for w in windows
    ) for windows in (year(RISK),) * 3]  # fmt: skip
    goalposts = [base_goalposts(base, methodology) for base in (spoilt, without, left_out)]
    for other in goalposts[1:]:
        np.testing.assert_allclose(
            [goalposts[0].centre[2], goalposts[0].low[2], goalposts[0].high[2]],
            [other.centre[2], other.low[2], other.high[2]],
        )


@pytest.mark.bad_input
@pytest.mark.parametrize("field", ["counts", "denominator", "weights"])
@pytest.mark.parametrize("value", [np.inf, -1.0, np.nan])
def test_an_impossible_number_names_its_indicator(
    year: Year, goalposts: Goalposts, methodology: Methodology, field: str, value: float
) -> None:
    coarse = {"draws": 4, "tau_points": 6, "mean_points": 7}
    quick = methodology.model_copy(update={"posterior": methodology.posterior.model_copy(update=coarse)})
    for window in year(RISK)[::4]:
        numbers = getattr(window, field).copy()
        numbers.flat[0] = value
        windows = changed(year(RISK), window.indicator_id, **{field: numbers})
        if np.isnan(value) and field != "weights":  # a gap, which is missing and nothing else: no city on a part of it
            of_city = run(windows, goalposts, quick).indicators.n_events[:, CITY]
            own = [w.indicator_id for w in windows].index(window.indicator_id)
            assert np.isfinite(np.delete(of_city, own)).all()
            continue
        with pytest.raises(EngineInputError, match=f"{window.indicator_id}: "):
            run(windows, goalposts, quick)


def test_change_against_last_year_has_the_sign_of_the_change(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    worse = year(RISK * 1.15)
    overall = run(worse, goalposts, methodology, last_year=year(RISK)).overall
    assert np.all(overall.change < 0.0) and np.all(overall.p_below_last_year > 0.5)
    assert overall.p_below_last_year[CITY] > 0.99
    assert np.isnan(run(worse, goalposts, methodology).overall.change).all()


def test_a_domain_changes_where_its_own_indicators_do_and_no_other(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    worse = changed(
        year(RISK), "b1", counts=1.5 * next(w.counts for w in year(RISK) if w.indicator_id.startswith("b1"))
    )
    change = run(worse, goalposts, methodology, last_year=year(RISK)).domains.change
    is_own = np.array([domain.id == "incidents" for domain in methodology.domains])
    assert np.all(change[is_own] < -3.0)
    np.testing.assert_allclose(change[~is_own], 0.0, atol=1.0)
    assert np.isnan(run(worse, goalposts, methodology).domains.change).all()
    silent = changed(year(RISK), "c1", is_live=False)
    change = run(silent, goalposts, methodology, last_year=year(RISK)).domains.change
    gone = np.isnan(change).all(axis=1)
    assert [domain.id for domain, none in zip(methodology.domains, gone, strict=True) if none] == ["disputes"]


def test_change_compares_like_with_like(year: Year, goalposts: Goalposts, methodology: Methodology) -> None:
    """An indicator that was bad in one year and is missing in the other must not look like a change."""
    bad = 3.0 * next(w.counts for w in year(RISK) if w.indicator_id.startswith("a2"))
    with_bad, without = changed(year(RISK), "a2", counts=bad), changed(year(RISK), "a2", is_live=False)
    for now, last_year in ((without, with_bad), (with_bad, without)):
        change = run(now, goalposts, methodology, last_year=last_year).overall.change
        np.testing.assert_allclose(change, 0.0, atol=1.0)


def test_equal_inputs_give_equal_bytes_and_a_seed_gives_other_draws(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    inputs = IndexInput(AREAS, year(RISK), year(RISK))
    first, again = (compute_index(inputs, goalposts, methodology, seed=1) for _ in range(2))
    other = compute_index(inputs, goalposts, methodology, seed=2)
    assert first.draws.tobytes() == again.draws.tobytes()
    assert first.draws.tobytes() != other.draws.tobytes()
    np.testing.assert_allclose(first.overall.index, other.overall.index, atol=0.6)


def test_a_neighbouring_day_moves_the_index_by_its_data_only(
    year: Year, goalposts: Goalposts, methodology: Methodology
) -> None:
    windows = year(RISK)
    counts = next(w.counts for w in windows if w.indicator_id.startswith("a3")).copy()
    counts[0, 5] += 1.0
    before = run(windows, goalposts, methodology)
    after = run(changed(windows, "a3", counts=counts), goalposts, methodology)
    kept = [n for n in range(len(methodology.indicators)) if n != row(before, "a3")]
    np.testing.assert_array_equal(before.indicators.score[kept], after.indicators.score[kept])
    assert np.abs(after.overall.index - before.overall.index).max() < 0.1


def test_the_order_of_windows_does_not_matter(year: Year, goalposts: Goalposts, methodology: Methodology) -> None:
    forward = run(year(RISK), goalposts, methodology)
    backward = run(year(RISK)[::-1], goalposts, methodology)
    np.testing.assert_array_equal(forward.draws, backward.draws)


@pytest.mark.parametrize("n_areas", [1, 2, 500])
def test_any_number_of_areas(year: Year, methodology: Methodology, n_areas: int) -> None:
    coarse = {"draws": 60, "tau_points": 20, "mean_points": 21}
    quick = methodology.model_copy(update={"posterior": methodology.posterior.model_copy(update=coarse)})
    risk = np.linspace(0.7, 1.3, n_areas) if n_areas > 1 else np.ones(1)
    base = [year(risk * level, size=max(n_areas / 9, 1.0)) for level in (0.9, 1.0, 1.1)]
    areas = tuple(str(n) for n in range(n_areas))
    result = run(base[1], base_goalposts(base, quick), quick, areas=areas)
    assert result.overall.index.shape == (n_areas + 1,)
    assert np.isfinite(result.overall.index).all()
    assert result.overall.index[CITY] == pytest.approx(100.0, abs=4.0)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: w + w[:1], "a1_violent_crime"),
        (lambda w: changed(w, "a1", indicator_id="z9_unknown"), "z9_unknown"),
        (lambda w: changed(w, "a1", denominator=np.ones(3)), "a1_violent_crime: expected counts"),
        (lambda w: changed(w, "c1", counts=np.full((1, 9), 1e9)), "c1_escalated: a numerator above"),
        (lambda w: changed(w, "d5", counts=np.full((1, 9), -1.0)), "d5_grid_overdue: counts"),
    ],
)
def test_impossible_windows_are_named(
    year: Year, goalposts: Goalposts, methodology: Methodology, spoil: Callable[[Windows], Windows], message: str
) -> None:
    with pytest.raises(EngineInputError, match=message):
        run(spoil(year(RISK)), goalposts, methodology)


@pytest.mark.bad_input
def test_the_base_period_has_three_years(year: Year, methodology: Methodology) -> None:
    with pytest.raises(EngineInputError, match="3 years; found 2"):
        base_goalposts([year(RISK)] * 2, methodology)
