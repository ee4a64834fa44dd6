"""Which cells are hidden and why, what covers them, and that next month hides the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.optimize import linprog

from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.disclosure.rules import load_rules
from spark_jobs.release.disclosure.suppression import (
    COUNTIES,
    DOMAINS,
    YEAR,
    Cell,
    Control,
    Pattern,
    stratum_width,
)

pytestmark = pytest.mark.unit
METHODOLOGY = load_methodology()
RULES = load_rules(METHODOLOGY)
CONTROL = Control(RULES, METHODOLOGY, "city", ("pulse",))
JANUARY = date(2026, 1, 1)
FRAUD, VIOLENCE, ESCALATED = "a3_telecom_fraud", "a1_violent_crime", "c1_escalated"


def row(*counties: float, indicator: str = FRAUD, table: str = YEAR) -> list[Cell]:
    """A city and its counties a, b, c …, with nothing else to say."""
    cells = [Cell(table, indicator, "abcdefghi"[n], count) for n, count in enumerate(counties)]
    return [Cell(table, indicator, "city", sum(counties)), *cells]


def hidden(pattern: Pattern, table: str = YEAR) -> dict[str, str]:
    """Area -> reason."""
    return {key[2]: why.reason for key, why in pattern.hidden.items() if key[0] == table}


@pytest.mark.parametrize(
    ("counties", "expected"),
    [
        ((10, 30, 60), {}),
        ((9, 30, 60), {"a": "small", "b": "complement"}),
        ((0, 30, 60), {"a": "small", "b": "complement"}),
        ((9, 8, 60), {"a": "small", "b": "small"}),
        ((1, 2, 60), {"a": "small", "b": "small", "c": "complement"}),
        ((1, 2, 3, 60), {"a": "small", "b": "small", "c": "small", "d": "complement"}),
        ((0, 0, 11, 60), {"a": "small", "b": "small", "c": "complement"}),
    ],
)
def test_small_cells_are_hidden_with_enough_beside_them(counties: tuple[float, ...], expected: dict[str, str]) -> None:
    assert hidden(CONTROL.choose(JANUARY, row(*counties))) == expected


@pytest.mark.parametrize(("count", "rest", "is_hidden"), [(10, 10, False), (9, 500, True), (500, 9, True)])
def test_of_a_proportion_both_sides_count(count: float, rest: float, is_hidden: bool) -> None:
    cell = Cell(YEAR, ESCALATED, "a", count, rest)
    others = [Cell(YEAR, ESCALATED, area, 90, 900) for area in ("b", "city")]
    assert ("a" in hidden(CONTROL.choose(JANUARY, [cell, *others]))) == is_hidden


@pytest.mark.parametrize(
    ("strata", "reason"),
    [
        ({"death": 3, "robbery_rape": 23, "wounding_serious": 8, "wounding_minor": 55}, None),
        ({"death": 1, "robbery_rape": 0, "wounding_serious": 0, "wounding_minor": 18}, "small"),
        ({"death": 1, "robbery_rape": 5, "wounding_serious": 1, "wounding_minor": 23}, "dominance"),
        ({"death": 0, "robbery_rape": 0, "wounding_serious": 0, "wounding_minor": 60}, "stratum"),
    ],
)
def test_harm_days_hide_a_cell_that_one_event_dominates_or_that_tells_a_sensitive_kind(
    strata: dict[str, float], reason: str | None
) -> None:
    cell = Cell(YEAR, VIOLENCE, "a", sum(strata.values()), strata=strata)
    big = {name: 50.0 for name in strata}
    others = [Cell(YEAR, VIOLENCE, area, 200, strata=big) for area in ("b", "c")]
    assert hidden(CONTROL.choose(JANUARY, [cell, *others])).get("a") == reason


@pytest.mark.parametrize("seed", range(5))
def test_the_width_of_a_kind_of_harm_is_that_of_the_linear_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    days = {"death": 6000.0, "robbery_rape": 1643.0, "wounding_serious": 1460.0, "wounding_minor": 365.0}
    counts = random.poisson([2, 8, 5, 30]).astype(float)
    weights = np.array(list(days.values()))
    equations, values = np.vstack([np.ones(4), weights]), [counts.sum(), weights @ counts]
    for n, stratum in enumerate(days):
        ends = [linprog(sign * np.eye(4)[n], A_eq=equations, b_eq=values).x[n] for sign in (1, -1)]
        assert stratum_width(stratum, counts.sum(), float(weights @ counts), days) == pytest.approx(ends[1] - ends[0])


def test_a_rare_pulse_is_public_for_the_city_alone_before_cells_are_hidden() -> None:
    pattern = CONTROL.choose(JANUARY, row(5, 6, 30, 40, table="pulse") + row(50, 60, 30, 40))
    assert hidden(pattern, "pulse") == {COUNTIES: "coarser"}
    assert pattern.is_city_only("pulse", FRAUD)
    assert hidden(pattern) == {}


def test_the_pattern_is_kept_for_a_year_after_the_last_month_that_needed_it() -> None:
    pattern = CONTROL.choose(JANUARY, row(9, 30, 60))
    for month in range(2, 13):
        later = CONTROL.choose(date(2026, month, 1), row(15, 30, 60), pattern)
        assert later.hidden == pattern.hidden
        pattern = later
    assert CONTROL.choose(date(2027, 1, 1), row(15, 30, 60), pattern).hidden == {}


def test_a_missing_month_and_a_small_change_keep_the_pattern() -> None:
    pattern = CONTROL.choose(JANUARY, row(9, 30, 60))
    assert CONTROL.choose(date(2026, 2, 1), [], pattern).hidden == pattern.hidden
    swapped = CONTROL.choose(date(2026, 2, 1), row(9, 70, 60), pattern)
    assert hidden(swapped) == {"a": "small", "b": "complement"}
    assert swapped.kept_of(pattern) == 1.0


def test_a_domain_with_one_hidden_indicator_is_hidden_and_never_alone() -> None:
    cells = [cell for indicator in METHODOLOGY.indicators for cell in row(30, 40, 60, indicator=indicator.id)]
    pattern = CONTROL.choose(JANUARY, [replace(c, count=9) if c.key == (YEAR, FRAUD, "a") else c for c in cells])
    domains = {key[2]: [k[1] for k in pattern.hidden if k[0] == DOMAINS and k[2] == key[2]] for key in pattern.hidden}
    assert set(domains) == {"a", "b"}  # the small county and the one that covers it
    for names in domains.values():
        assert "public_security" in names
        assert len(names) == 2


def test_two_hidden_indicators_leave_the_domain_shown() -> None:
    cells = [cell for indicator in METHODOLOGY.indicators for cell in row(30, 40, 60, indicator=indicator.id)]
    small = {(YEAR, FRAUD, "a"), (YEAR, "a4_public_order", "a")}
    pattern = CONTROL.choose(JANUARY, [replace(c, count=9) if c.key in small else c for c in cells])
    assert hidden(pattern, DOMAINS) == {}
