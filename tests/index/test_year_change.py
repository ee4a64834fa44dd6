"""The change on a year before by indicator: it adds up to the published one, and lands where something changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from spark_jobs.index.engine.composite_index import base_goalposts, compute_index
from spark_jobs.index.engine.inputs import IndexInput, IndicatorWindow
from spark_jobs.index.engine.results import IndexResult
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.year_change import YearChange, year_change
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.index.rows import year_change_rows
from tests.index.made_up_days import with_few_draws

pytestmark = pytest.mark.unit
Windows = dict[str, IndicatorWindow]
Change = Callable[[IndicatorWindow], IndicatorWindow]
AREAS = ("east", "west", "north")
SEED, EXACT = 5, 1e-9


@cache
def method() -> Methodology:
    return with_few_draws(load_methodology())


def year(level: float = 1.0) -> Windows:
    found = {}
    for indicator in method().indicators:
        n_strata = len(indicator.strata)
        counts = np.round(np.tile(level * np.array([70.0, 100.0, 130.0]) / n_strata, (n_strata, 1)))
        denominator = np.full(len(AREAS), 3e5 if indicator.kind == "rate" else 2000.0)
        weights = np.array(method().harm_days(indicator))
        found[indicator.id] = IndicatorWindow(indicator.id, counts, denominator, weights, is_live=True)
    return found


@cache
def base() -> Goalposts:
    return base_goalposts([tuple(year(level).values()) for level in (0.9, 1.0, 1.1)], method())


def changed(prefix: str, change: Change) -> Windows:
    return {name: change(window) if name.startswith(prefix) else window for name, window in year().items()}


def more(factor: float) -> Change:
    return lambda window: replace(window, counts=np.round(window.counts * factor))


def stopped(window: IndicatorWindow) -> IndicatorWindow:
    return replace(window, is_live=False)


def blind(window: IndicatorWindow) -> IndicatorWindow:
    """Without the first area."""
    return replace(window, counts=np.where(np.arange(len(AREAS)) == 0, np.nan, window.counts))


def explained(now: Windows, then: Windows) -> tuple[IndexResult, YearChange]:
    inputs = IndexInput(AREAS, tuple(now.values()), tuple(then.values()))
    return compute_index(inputs, base(), method(), SEED), year_change(inputs, base(), method(), SEED)


def row_of(prefix: str) -> int:
    return next(n for n, indicator in enumerate(method().indicators) if indicator.id.startswith(prefix))


WORLDS: dict[str, tuple[Windows, Windows]] = {
    "all of it moves": ({**changed("a", more(1.7)), **changed("b", more(0.6))}, year(1.2)),
    "one moves": (changed("b1", more(1.6)), year()),
    "a feed stopped": (changed("a3", stopped), changed("a1", more(0.5))),
    "a feed was not there then": (changed("d", more(1.3)), changed("c2", stopped)),
    "few events": (changed("a4", more(0.01)), year()),
    "one area without data": (changed("a2", blind), changed("b1", more(2.0))),
    "a domain that is gone": (changed("b", stopped), year()),
    "no year before": (year(), {}),
}


@pytest.mark.parametrize("world", WORLDS)
def test_parts_are_the_published_change_to_the_last_decimal(world: str) -> None:
    result, change = explained(*WORLDS[world])
    published = result.overall.change
    np.testing.assert_array_equal(change.whole.points[0], published)
    for ends in ("lower", "upper"):
        np.testing.assert_array_equal(getattr(change.whole, ends)[0], getattr(result.overall, f"change_{ends}"))
    known = ~np.isnan(published)
    assert known.any() == (world not in ("a domain that is gone", "no year before"))
    np.testing.assert_allclose(change.domains.points.sum(axis=0)[known], published[known], rtol=0, atol=EXACT)
    of_indicators = np.nansum(change.indicators.points, axis=0)
    np.testing.assert_allclose(of_indicators[known], published[known], rtol=0, atol=EXACT)
    assert np.isnan(change.indicators.points[:, ~known]).all()
    for parts in (change.whole, change.domains, change.indicators):
        shown = ~np.isnan(parts.points)
        assert (parts.lower[shown] <= parts.points[shown]).all()
        assert (parts.points[shown] <= parts.upper[shown]).all()


def test_what_changed_carries_the_change_and_more_harm_is_less_index() -> None:
    _, change = explained(*WORLDS["one moves"])
    row = row_of("b1")
    assert (change.indicators.points[row] < -2.0).all()
    assert (change.indicators.upper[row] < 0.0).all()
    others = np.delete(change.indicators.points, row, axis=0)  # chance: the two years have random numbers of their own
    assert np.abs(others).max() < 0.5 * np.abs(change.indicators.points[row]).min()
    at_least = change.indicators.value_1y[row] - explained(changed("b1", more(1.6)), year())[0].indicators.score[row]
    assert (at_least > 0).all()


@pytest.mark.parametrize(
    ("world", "indicator", "unit", "reason"),
    [
        ("a feed stopped", "a3", "east", "not_both_years"),
        ("a feed was not there then", "c2", "city", "not_both_years"),
        ("few events", "a4", "west", "not_both_years"),
        ("one area without data", "a2", "east", "not_both_years"),
        ("a domain that is gone", "a1", "north", "no_index"),
        ("all of it moves", "a1", "north", None),
    ],
)
def test_a_part_without_points_says_why(world: str, indicator: str, unit: str, reason: str | None) -> None:
    _, change = explained(*WORLDS[world])
    rows = list(year_change_rows(change, [*AREAS, "city"], method()))
    assert len(rows) == 4 * (1 + len(method().domains) + len(method().indicators))
    assert all((row["points"] is None) == (row["reason_code"] is not None) for row in rows)
    (found,) = (row for row in rows if row["part_id"].startswith(f"{indicator}_") and row["area_code"] == unit)
    assert found["reason_code"] == reason
