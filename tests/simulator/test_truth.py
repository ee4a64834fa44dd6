"""What is planted can be found again in the records."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from simulator import cases, disputes, hotline, incidents
from simulator.city import resident_share
from simulator.truth import day_number
from simulator.world import NEVER, World, rates, take

pytestmark = pytest.mark.unit

BASE = day_number(date(2022, 1, 1)), day_number(date(2024, 12, 31))
RANGHULU, LINDIAN, DATONG = 2, 7, 4


def test_oil_theft_doubles_for_one_week_in_one_county(city: World) -> None:
    days = np.arange(day_number(date(2026, 10, 5)), day_number(date(2026, 10, 26)))
    calm = replace(city.truth, changes=tuple(c for c in city.truth.changes if c.indicators is None))
    oil = [sort.risk == "oil_theft" for sort in cases.SORTS]
    ratio = rates(cases.KIND, city.truth, days)[:, :, oil] / rates(cases.KIND, calm, days)[:, :, oil]
    expected = np.ones_like(ratio)
    expected[7:14, RANGHULU, :] = 2.0
    np.testing.assert_allclose(ratio, expected)


@pytest.mark.parametrize(("county", "factor"), [(LINDIAN, 1.8), (DATONG, 0.6), (0, 1.0)])
def test_counties_that_change_end_at_their_factor(county: int, factor: float, city: World) -> None:
    days = np.array([day_number(date(2024, 6, 1)), day_number(date(2026, 11, 10))])
    change = city.truth.change("a3_telecom_fraud", days, np.array([county, county]))
    np.testing.assert_allclose(change, [1.0, factor])


def test_exactly_one_incident_has_three_deaths(city: World) -> None:
    last = day_number(date(2026, 11, 30))
    lives = city.occurred(incidents.KIND, city.truth.start, last)
    worst = take(lives, lives["deaths"] + (lives["revised"] < NEVER) >= 3)
    rows = incidents.render(worst, worst["looked_into"])
    assert rows["occurTime"].tolist() == ["2026-11-20T17:40:00+08:00"]
    assert rows["areaName"].tolist()[0].startswith("肇州")
    assert (rows["deaths"][0], rows["seriousInjuries"][0], rows["minorInjuries"][0]) == (3, 2, 1)


def test_the_mall_dispute_has_one_parent_and_three_hundred_children(city: World) -> None:
    lives = city.month(disputes.KIND, date(2026, 9, 1))
    rows = disputes.render(lives, lives["entered"])
    parents = [parent for parent in rows["parentNo"].tolist() if parent]
    assert len(parents) == 300
    assert set(parents) == {"JF2026091002901"}
    assert rows["disputeNo"].tolist().count("JF2026091002901") == 1
    is_child = np.array([parent is not None for parent in rows["parentNo"].tolist()])
    assert len(set(rows["partyIdNo"][is_child].tolist())) == 300
    assert len(set(rows["party2IdNo"][is_child].tolist())) == 1


def test_relative_risk_of_telecom_fraud_is_found_again(city: World) -> None:
    lives = city.occurred(cases.KIND, *BASE)
    is_telecom = np.array([sort.mark == "telecom" for sort in cases.SORTS])[lives["sort"]]
    counts = np.bincount(lives["county"][is_telecom], minlength=9)
    planted = resident_share() * city.truth.relative_risk["a3_telecom_fraud"]
    expected = counts.sum() * planted / planted.sum()
    # Four standard deviations of a Poisson count, and 3 % for the slow trends that the table leaves out.
    assert (np.abs(counts - expected) < 4 * np.sqrt(expected) + 0.03 * expected).all()


def test_odds_of_an_unresolved_order_are_found_again(city: World) -> None:
    lives = city.occurred(hotline.KIND, *BASE)
    visited = lives["visited"] < NEVER
    n_asked = np.bincount(lives["county"][visited], minlength=9)
    share = np.bincount(lives["county"][visited & ~lives["is_solved"]], minlength=9) / n_asked
    odds = 0.09 / 0.91 * city.truth.relative_risk["d1_unresolved"]
    expected = odds / (1 + odds)
    assert (np.abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n_asked)).all()
