"""Two versions of the method on the same days: the parts add up to the difference, and each falls where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.engine.method_change import CHANGES, MethodChange, Series, compare
from spark_jobs.index.engine.windows import Coverage, DailyCounts, month_ends
from spark_jobs.index.methodology import Methodology, MethodologyError, load_methodology, reweighted

pytestmark = pytest.mark.unit

AREAS = ["1", "2", "3", "4"]
FIRST, LAST = date(2022, 1, 1), date(2025, 6, 30)
DAYS = month_ends(LAST, 2)[:-1]
_SHIPPED = load_methodology()
CURRENT = _SHIPPED.model_copy(update={"posterior": _SHIPPED.posterior.model_copy(update={"draws": 200})})


def changed(methodology: Methodology, **fields: dict[str, Any]) -> Methodology:
    """A version "next" with some entries of some sections changed."""
    update = {name: getattr(methodology, name).model_copy(update=entries) for name, entries in fields.items()}
    return methodology.model_copy(update={"version": "next", **update})


def severity_times(factor: float, *names: str) -> dict[str, Any]:
    new = {
        name: s.model_copy(update={"days": s.days * factor}) if name in names else s
        for name, s in CURRENT.severity.items()
    }
    return {"severity": new}


@pytest.fixture(scope="module")
def daily() -> pd.DataFrame:
    """A count a week of everything; areas differ, and the level drifts, so that windows and goalposts matter."""
    rng, rows = np.random.default_rng(7), []
    days = [FIRST + timedelta(days=n) for n in range(0, (LAST - FIRST).days, 7)]
    for indicator in CURRENT.indicators:
        for s, stratum in enumerate(indicator.strata):
            for a, area in enumerate(AREAS):
                mean = (2.0 + s) * (1.0 + 0.4 * a) * np.linspace(1.0, 1.5 - 0.3 * a, len(days))
                counts, trials = rng.poisson(mean), np.full(len(days), 400.0)
                denominators = trials if indicator.kind == "proportion" else [None] * len(days)
                columns = zip(days, counts, denominators, strict=True)
                rows += [(indicator.id, area, day, stratum, float(n), d) for day, n, d in columns]
    names = ["indicator_id", "area_code", "day", "stratum", "numerator", "denominator"]
    return pd.DataFrame(rows, columns=pd.Index(names))


@pytest.fixture(scope="module")
def counts_under(daily: pd.DataFrame) -> Callable[[Methodology], DailyCounts]:
    codes = sorted({str(i.denominator) for i in CURRENT.indicators if i.denominator})
    rows = [(area, code, FIRST, None, 1e5) for area in AREAS for code in codes]
    columns = pd.Index(["area_code", "denominator_code", "valid_from", "valid_to", "value"])
    coverage = {indicator.id: Coverage(FIRST, LAST) for indicator in CURRENT.indicators}
    return lambda m: DailyCounts(daily, pd.DataFrame(rows, columns=columns), coverage, AREAS, m)


def compared(counts_under: Callable[[Methodology], DailyCounts], candidate: Methodology) -> MethodChange:
    change = compare(counts_under, {}, FIRST, CURRENT, candidate, DAYS)
    np.testing.assert_allclose(change.points.sum(axis=0), change.difference, rtol=0.0, atol=1e-9)
    assert np.isfinite(change.difference).all()
    return change


def moved(change: MethodChange) -> set[str]:
    return {code for code, points in zip(CHANGES, change.points, strict=True) if np.abs(points).max() > 1e-9}


def test_another_number_alone_changes_nothing(counts_under: Callable[[Methodology], DailyCounts]) -> None:
    change = compared(counts_under, changed(CURRENT))
    assert moved(change) == set()
    np.testing.assert_array_equal(change.overlap, 1.0)
    np.testing.assert_array_equal(change.link, 1.0)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (changed(CURRENT, scale={"span": 40.0}), {"goalposts"}),
        (CURRENT.model_copy(update={"version": "next", **severity_times(5.0, "death")}), {"severity"}),
        (changed(CURRENT, windows={"headline_days": 180}), {"windows"}),
        (reweighted(changed(CURRENT), {"incidents": 90.0}), {"weights"}),
        (changed(CURRENT, aggregation={"domain_live_share": 0.7}, posterior={"draws": 150}), {"other"}),
        (changed(CURRENT, windows={"pulse_days": 14}, bands={"level": 99.0}), set()),
    ],
)  # fmt: skip
def test_each_choice_moves_the_index_in_its_own_column(
    counts_under: Callable[[Methodology], DailyCounts], candidate: Methodology, expected: set[str]
) -> None:
    assert moved(compared(counts_under, candidate)) == expected


def test_all_choices_together_still_add_up(counts_under: Callable[[Methodology], DailyCounts]) -> None:
    candidate = reweighted(
        changed(CURRENT, scale={"span": 40.0}, windows={"headline_days": 180}, posterior={"draws": 150}),
        {"a1_violent_crime": 10.0, "disputes": 40.0},
    ).model_copy(update=severity_times(5.0, "death"))
    assert moved(compared(counts_under, candidate)) == set(CHANGES)


def test_another_unit_of_harm_is_no_change(counts_under: Callable[[Methodology], DailyCounts]) -> None:
    """Twice the harm-days of everything that is not a plain count moves scores and goalposts alike."""
    candidate = CURRENT.model_copy(update={"version": "next", **severity_times(2.0, *set(CURRENT.severity) - {"all"})})
    np.testing.assert_allclose(compared(counts_under, candidate).points, 0.0, atol=1e-9)


def test_what_frozen_goalposts_hold_back_is_told_as_goalposts(
    counts_under: Callable[[Methodology], DailyCounts],
) -> None:
    frozen = {"a3_telecom_fraud": (-7.0, -9.0, -5.0)}
    change = compare(counts_under, frozen, FIRST, CURRENT, changed(CURRENT), DAYS)
    assert moved(change) == {"goalposts"}
    np.testing.assert_allclose(change.points.sum(axis=0), change.difference, atol=1e-9)


def test_a_candidate_has_a_version_of_its_own(counts_under: Callable[[Methodology], DailyCounts]) -> None:
    with pytest.raises(EngineInputError, match="version of its own"):
        compare(counts_under, {}, FIRST, CURRENT, CURRENT, DAYS)


def test_overlap_is_shared_over_covered_and_link_a_ratio_of_means() -> None:
    def series(index: float, lower: float, upper: float) -> Series:
        column = (np.array([[value]]) for value in (index, lower, upper))
        return Series(*column, rank_low=np.ones((1, 0)), rank_high=np.ones((1, 0)))

    def of(old: Series, new: Series) -> MethodChange:
        return MethodChange((LAST,), old, new, np.zeros((len(CHANGES), 1, 1)))

    assert of(series(100, 98, 102), series(105, 101, 108)).overlap.item() == pytest.approx(1 / 10)
    assert of(series(100, 98, 102), series(105, 101, 108)).link.item() == pytest.approx(1.05)
    assert of(series(100, 98, 99), series(105, 101, 108)).overlap.item() == 0.0
    nan = float("nan")
    assert np.isnan(of(series(nan, nan, nan), series(105, 101, 108)).overlap.item())


def test_reweighting_keeps_the_sums() -> None:
    """Asked for 2 : 1 : 1 : 1 among the domains, with one indicator doubled."""
    equal = dict.fromkeys(("public_security", "incidents", "disputes", "demands_and_grid"), 1.0)
    found = reweighted(CURRENT, {**equal, "incidents": 2.0, "b4_work_safety": 40.0})
    assert [domain.weight for domain in found.domains] == pytest.approx([20.0, 40.0, 20.0, 20.0])
    of_incidents = {i.id[:2]: i.weight for i in found.domains[1].indicators}
    assert of_incidents == pytest.approx({"b1": 40 / 1.2, "b2": 15 / 1.2, "b3": 25 / 1.2, "b4": 40 / 1.2})
    assert Methodology.model_validate(found.model_dump()) == found


@pytest.mark.bad_input
@pytest.mark.parametrize("weights", [{"a1_violent_crime": 0.0}, {"joy": 3.0}, {"disputes": float("nan")}])
def test_impossible_weights_are_named(weights: dict[str, float]) -> None:
    with pytest.raises(MethodologyError, match=next(iter(weights))):
        reweighted(CURRENT, weights)
