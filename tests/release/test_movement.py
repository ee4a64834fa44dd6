"""The decomposition on made-up cities: it adds up exactly, and every change lands on its own cause and indicator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.index.engine.composite_index import IndexInput, base_goalposts, compute_index
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.movement import CAUSES, Before, Movement, movement
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.methodology import Methodology, load_methodology

pytestmark = pytest.mark.unit

Windows = dict[str, IndicatorWindow]
AREAS = ("east", "west", "north", "south")
RISK = np.array([0.7, 0.9, 1.1, 1.3])
SEED = 5
EXACT = 1e-9


@cache
def quick() -> Methodology:
    """The real tree and rules with few draws and a coarse grid."""
    whole = load_methodology()
    posterior = whole.posterior.model_copy(update={"draws": 80, "tau_points": 12, "mean_points": 13})
    return whole.model_copy(update={"posterior": posterior})


def year(level: float = 1.0, events: float = 400.0) -> Windows:
    found = {}
    for indicator in quick().indicators:
        n_strata = len(indicator.strata)
        counts = np.round(np.tile(level * RISK * events / len(AREAS) / n_strata, (n_strata, 1)))
        denominator = np.full(len(AREAS), 3e5 if indicator.kind == "rate" else 10.0 * events)
        weights = np.array(quick().harm_days(indicator))
        found[indicator.id] = IndicatorWindow(indicator.id, counts, denominator, weights, is_live=True)
    return found


@cache
def base() -> Goalposts:
    return base_goalposts([tuple(year(level).values()) for level in (0.9, 1.0, 1.1)], quick())


@dataclass(frozen=True)
class Release:
    """A release as published: the windows it had, and its figures."""

    windows: Windows
    index: np.ndarray
    score: np.ndarray
    goalposts: Goalposts
    methodology: Methodology


def publish(windows: Windows, goalposts: Goalposts | None = None, methodology: Methodology | None = None) -> Release:
    goalposts, methodology = goalposts or base(), methodology or quick()
    result = compute_index(IndexInput(AREAS, tuple(windows.values())), goalposts, methodology, SEED)
    return Release(windows, result.overall.index, result.indicators.score, goalposts, methodology)


def said_by(release: Release, described: np.ndarray | None = None) -> Before:
    live = tuple(window for window in release.windows.values() if window.is_live)
    shape = (len(quick().indicators), len(AREAS))
    return Before(release.index, release.score, live, np.ones(shape, dtype=bool) if described is None else described)


def ledger(old: Release, known_now: Windows, new: Release, described: np.ndarray | None = None) -> Movement:
    windows = (tuple(w.values()) for w in (known_now, new.windows))
    moved = movement(said_by(old, described), *windows, new.goalposts, new.methodology, SEED, AREAS)
    np.testing.assert_array_equal(moved.after, new.index)  # the last stage is the published release itself
    return moved


def by_cause(moved: Movement, unit: int = -1) -> dict[str, float]:
    return dict(zip(CAUSES, moved.points[:, :, unit].sum(axis=1).tolist(), strict=True))


def assert_adds_up(moved: Movement) -> None:
    comparable = np.isfinite(moved.before) & np.isfinite(moved.after)
    residual = moved.after - moved.before - moved.points.sum(axis=(0, 1))
    np.testing.assert_allclose(residual[comparable], 0.0, atol=EXACT)
    assert np.isnan(moved.points[:, :, ~comparable]).all()


def row_of(prefix: str) -> int:
    return next(n for n, indicator in enumerate(quick().indicators) if indicator.id.startswith(prefix))


def changed(windows: Windows, prefix: str, change: Callable[[IndicatorWindow], IndicatorWindow]) -> Windows:
    return {name: change(window) if name.startswith(prefix) else window for name, window in windows.items()}


def more(factor: float) -> Callable[[IndicatorWindow], IndicatorWindow]:
    return lambda window: replace(window, counts=np.round(window.counts * factor))


def not_delivered(window: IndicatorWindow) -> IndicatorWindow:
    return replace(
        window,
        counts=np.full_like(window.counts, np.nan),
        denominator=np.full_like(window.denominator, np.nan),
        is_live=False,
    )


def test_nothing_new_moves_nothing() -> None:
    release = publish(year())
    assert ledger(release, year(), release).points.any() == np.False_


CASES: Mapping[str, tuple[str, str, Callable[[IndicatorWindow], IndicatorWindow]]] = {
    "real_change": ("real_change", "b1", more(1.5)),
    "late counts": ("late_data", "a2", more(1.2)),
    "late trials": ("late_data", "c1", lambda w: replace(w, denominator=w.denominator * 1.3)),
    "denominator": ("denominator", "a1", lambda w: replace(w, denominator=w.denominator * 0.8)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_single_change_lands_on_its_cause_and_indicator_alone(case: str) -> None:
    cause, indicator, change = CASES[case]
    old, after = publish(year()), changed(year(), indicator, change)
    moved = ledger(old, year() if cause == "real_change" else after, publish(after))
    assert_adds_up(moved)
    here = (CAUSES.index(cause), row_of(indicator))  # type: ignore[arg-type]
    np.testing.assert_allclose(moved.points[here], moved.after - moved.before, atol=EXACT)
    assert np.abs(moved.points[here]).max() > 0.05
    elsewhere = moved.points.copy()
    elsewhere[here] = 0.0
    assert not elsewhere.any()


def test_the_sign_is_that_of_the_index() -> None:
    """More harm is a lower index, more people at the same counts a higher one."""
    old = publish(year())
    worse = publish(changed(year(), "b", more(1.4)))
    assert by_cause(ledger(old, year(), worse))["real_change"] < -0.5
    larger = changed(year(), "a", lambda w: replace(w, denominator=w.denominator * 1.3))
    assert by_cause(ledger(old, larger, publish(larger)))["denominator"] > 0.5


def test_late_records_and_new_days_are_told_apart() -> None:
    """The old days turn out worse by a fifth; the days that entered bring it back: two moves that cancel."""
    old = publish(year())
    moved = ledger(old, changed(year(), "a2", more(1.2)), publish(year()))
    assert_adds_up(moved)
    causes = by_cause(moved)
    assert causes["late_data"] < -0.1
    assert causes["late_data"] + causes["real_change"] == pytest.approx(0.0, abs=EXACT)


def test_a_feed_that_stops_or_comes_back_is_late_data_and_no_real_change() -> None:
    bad = changed(year(), "a2", more(2.0))
    whole, grey = publish(bad), publish(changed(bad, "a2", not_delivered))
    stopped, came_back = ledger(whole, bad, grey), ledger(grey, bad, whole)
    for moved, sign in ((stopped, 1.0), (came_back, -1.0)):
        assert_adds_up(moved)
        assert by_cause(moved)["late_data"] * sign > 0.1
        assert by_cause(moved)["real_change"] == 0.0
        assert np.count_nonzero(moved.points.any(axis=(0, 2))) == 1
    np.testing.assert_allclose(stopped.points, -came_back.points, atol=EXACT)


def test_events_that_run_out_are_real_change() -> None:
    """Below ten events in the city the indicator goes grey, because of what happened and not of what is known."""
    few = changed(year(), "a4", lambda w: replace(w, counts=np.array([[1.0, 1.0, 0.0, 0.0]])))
    moved = ledger(publish(year()), year(), publish(few))
    assert_adds_up(moved)
    assert moved.points[CAUSES.index("real_change"), row_of("a4")].any()
    assert by_cause(moved)["late_data"] == 0.0


def test_other_goalposts_are_method_by_indicator() -> None:
    row = row_of("b3")
    centre = base().centre + 0.2 * (np.arange(base().centre.size) == row)
    old, new = publish(year()), publish(year(), replace(base(), centre=centre))
    moved = ledger(old, year(), new)
    assert_adds_up(moved)
    method = moved.points[CAUSES.index("method")]
    assert np.abs(method[row, -1]) > 0.3
    np.testing.assert_allclose(method[row], moved.after - moved.before, atol=0.05)  # a scale's spread stays in the rest
    assert not np.delete(moved.points, CAUSES.index("method"), axis=0).any()


def test_other_weights_are_method_of_no_indicator() -> None:
    heavier = [d.model_copy(update={"weight": w}) for d, w in zip(quick().domains, (55, 10, 20, 15), strict=True)]
    other = quick().model_copy(update={"domains": tuple(heavier), "version": "2027.1"})
    windows = changed(year(), "a", more(1.5))
    moved = ledger(publish(windows), windows, publish(windows, methodology=other))
    assert_adds_up(moved)
    assert moved.points[CAUSES.index("method"), -1, -1] < -1.0
    assert not moved.points[:, :-1].any()


def test_an_indicator_that_the_method_did_not_have_is_method() -> None:
    name = quick().indicators[row_of("c4")].id
    without = {key: window for key, window in year().items() if key != name}
    described = np.ones((len(quick().indicators), len(AREAS)), dtype=bool)
    described[row_of("c4")] = False
    moved = ledger(
        publish(without), changed(year(), "c4", more(2.0)), publish(changed(year(), "c4", more(2.0))), described
    )
    assert_adds_up(moved)
    assert by_cause(moved)["method"] == pytest.approx(moved.after[-1] - moved.before[-1], abs=EXACT)


def test_goalposts_that_are_lost_leave_no_residual() -> None:
    lost = replace(base(), low=np.where(np.arange(base().low.size) == row_of("a4"), np.nan, base().low))
    moved = ledger(publish(year()), year(), publish(year(), lost))
    assert_adds_up(moved)
    assert set(np.flatnonzero(moved.points[0, :, -1])) <= {row_of("a4"), len(quick().indicators)}


def test_two_feeds_exchanged_with_no_index_halfway_still_add_up() -> None:
    """A3 goes as A2 comes back. Taken away first, too little of public security is live for an index in between."""
    old, new = (publish(changed(year(), gone, not_delivered)) for gone in ("a2", "a3"))
    assert np.isnan(publish(changed(changed(year(), "a2", not_delivered), "a3", not_delivered)).index).all()
    moved = ledger(old, year(), new)
    assert np.isfinite(moved.points).all()
    assert_adds_up(moved)


def test_without_an_index_on_either_side_there_is_no_ledger() -> None:
    gone = changed(year(), "b1", not_delivered)
    for old, new in ((publish(year()), publish(gone)), (publish(gone), publish(year()))):
        moved = ledger(old, gone, new)
        assert np.isnan(moved.points).all()


def test_one_area_without_data_leaves_the_others_their_ledger() -> None:
    def blind(window: IndicatorWindow) -> IndicatorWindow:
        counts = window.counts.copy()
        counts[:, 2] = np.nan
        return replace(window, counts=counts)

    partly = changed(year(), "b1", blind)
    moved = ledger(publish(year()), partly, publish(partly))
    assert np.isnan(moved.after).tolist() == [False, False, True, False, True]  # the city is all of its areas
    assert_adds_up(moved)


def test_the_parts_are_close_to_the_mean_over_all_orders() -> None:
    """Four indicators of one domain move at once; all 24 orders are run as whole publications of hybrid inputs."""
    names = [indicator.id for indicator in quick().domains[0].indicators]
    after = dict(zip(names, (1.15, 0.9, 1.1, 1.2), strict=True))
    index = {
        subset: publish({n: more(after[n])(w) if n in subset else w for n, w in year().items()}).index
        for size in range(5)
        for subset in map(frozenset, combinations(names, size))
    }
    orders = list(permutations(names))
    shapley = {
        name: sum(index[frozenset(o[: o.index(name) + 1])] - index[frozenset(o[: o.index(name)])] for o in orders) / 24
        for name in names
    }
    new = publish({n: more(after.get(n, 1.0))(w) for n, w in year().items()})
    parts = ledger(publish(year()), year(), new).points[CAUSES.index("real_change")]
    for row, name in enumerate(names):
        np.testing.assert_allclose(parts[row], shapley[name], atol=0.1)  # medians of few draws are not smooth
        assert np.abs(shapley[name][-1]) > 0.5


levels = st.floats(0.3, 3.0)
states = st.sampled_from(["same", "same", "moved", "late", "denominator", "stopped", "back", "few"])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(states, levels), min_size=len(year()), max_size=len(year())), st.floats(-0.5, 0.5))
def test_whatever_happens_it_adds_up(what: list[tuple[str, float]], shift: float) -> None:
    then, known, now = {}, {}, {}
    for (name, window), (state, level) in zip(year().items(), what, strict=True):
        late = replace(window, counts=np.round(window.counts * min(level, 2.0)))
        revised = replace(late, denominator=window.denominator * (level if window.denominator[0] > 1e5 else 1.0))
        then[name] = not_delivered(window) if state == "back" else window
        known[name] = {"same": window, "moved": window, "late": late, "few": window}.get(state, revised)
        now[name] = {"stopped": not_delivered(window), "same": window, "few": more(0.01)(window)}.get(state, revised)
    new = publish(now, replace(base(), centre=base().centre + shift))
    moved = ledger(publish(then), known, new)
    assert_adds_up(moved)
