"""The funnel: counts, days and the share confirmed, as the page and the view say them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.portal.conftest import COUNTY, DAY, OTHER, flag

if TYPE_CHECKING:
    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
def decided(publish: Callable[..., None], officer: Callable[..., Officer]) -> None:
    """Ten flags of F1 decided after 1, 2 … 10 days, seven of them confirmed; one of F2 open in another county."""
    from portal.desk.steps import Wish, perform_step
    from portal.desk.taking import take_release

    publish([*(flag(n) for n in range(1, 11)), flag(11, OTHER, rule_code="F2", since=DAY)])
    take_release(NOW)
    by = officer("reviewer", name="chief")
    for n in range(1, 11):
        at, pk = NOW + timedelta(days=n), f"{n:016x}"
        perform_step(pk, Wish("assigned", "first_look", assignee="chief"), by, at)
        perform_step(pk, Wish("verified", "on_site", "看过"), by, at + timedelta(days=2))
        to, reason = ("confirmed", "real_rise") if n <= 7 else ("cleared", "chance")
        perform_step(pk, Wish(to, reason, "看过"), by, at + timedelta(days=3))


def wilson(k: int, n: int) -> tuple[float, float]:
    """Wilson (1927), by the formula of his paper."""
    z, p = 1.96, k / n
    middle, half = (p + z * z / 2 / n), z * sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def test_the_numbers(decided: None, officer: Callable[..., Officer]) -> None:
    from portal.desk.funnel import funnel

    every, first, second = funnel(officer("viewer"))
    assert [row["rule_code"] for row in (every, first, second)] == ["", "F1", "F2"]
    assert [every[f"n_{name}"] for name in ("flags", "assigned", "verified", "confirmed", "cleared", "open")] == [
        11,
        10,
        10,
        7,
        3,
        1,
    ]
    assert (first["median_days_to_assigned"], first["p90_days_to_assigned"]) == (5.5, pytest.approx(9.1))
    assert (first["median_days_to_verified"], first["p90_days_to_decided"]) == (2.0, 1.0)
    assert (first["median_days_to_raised"], second["median_days_to_raised"]) == (5.0, 0.0)
    assert first["confirmed_share"] == pytest.approx(0.7)
    assert (first["confirmed_lower"], first["confirmed_upper"]) == pytest.approx(wilson(7, 10))
    assert (second["confirmed_share"], second["confirmed_lower"], second["median_days_to_assigned"]) == (
        None,
        None,
        None,
    )


def test_a_county_has_its_own_and_the_view_has_all(decided: None, officer: Callable[..., Officer]) -> None:
    from django.db import connection

    from portal.desk.funnel import funnel

    assert [(row["rule_code"], row["n_flags"]) for row in funnel(officer("viewer", OTHER))] == [("", 1), ("F2", 1)]
    assert [(row["rule_code"], row["n_flags"]) for row in funnel(officer("viewer", COUNTY))] == [("", 10), ("F1", 10)]
    with connection.cursor() as cursor:
        cursor.execute("select * from flag_funnel")
        assert [tuple(row.values()) for row in funnel(officer("viewer", name="all"))] == cursor.fetchall()


def test_the_releases_function_is_tried_on_the_same_steps(decided: None, officer: Callable[..., Officer]) -> None:
    """tests/release/test_funnel.py reads the same file: what the lake is given, and what the page says of it."""
    from django.db import connection

    from portal.desk import life
    from portal.desk.funnel import STEPS, funnel

    said = json.loads(Path("tests/decided_flags.json").read_text(encoding="utf-8"))
    with connection.cursor() as cursor:
        columns = ", ".join(said["columns"])
        cursor.execute(f"select {columns} from flag_decision order by flag_id, n_step")
        assert [[value if isinstance(value, int) else str(value) for value in row] for row in cursor] == said[
            "decisions"
        ]
    found = funnel(officer("viewer"))
    shown = [
        {**{name: row[name] for name in said["funnel"][0]}, "rule_code": row["rule_code"] or "all"} for row in found
    ]
    assert [row.pop("rule_code") for row in shown] == [row.pop("rule_code") for row in said["funnel"]]
    for row, expected in zip(shown, said["funnel"], strict=True):
        assert row == pytest.approx(expected)
    clock = [life.DETECTED_WITHIN, *(life.CLOCK[state] for state in life.OPEN)]
    assert {step: within.days for step, within in zip(STEPS, clock, strict=True)} == said["within_days"]
