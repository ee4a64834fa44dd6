"""400 nights and 13 months of public files, all in the attacker's hands: with the rules nothing is placed, without them
much is. The figures are printed by the test for docs/publication.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from spark_jobs.release.disclosure.attacker import attack
from spark_jobs.release.disclosure.published import n_nights
from spark_jobs.release.disclosure.suppression import DOMAINS, Pattern
from spark_jobs.release.monthly import Month
from spark_jobs.release.monthly_gates import Candidate, judge_month, placed_below, protected
from tests.disclosure import generated_city as city

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def world() -> city.World:
    return city.world(seed=1)


@pytest.fixture(scope="module")
def nights(world: city.World) -> dict[str, bytes]:
    return city.nightly_files(world)


@pytest.fixture(scope="module")
def months(world: city.World, nights: dict[str, bytes]) -> list[Candidate]:
    """Month after month, each against all files before it."""
    public, found, before = dict(nights), [], None
    for day in city.MONTH_ENDS:
        given = city.month_input(world, day)
        found.append(protected(given, "revised", city.METHODOLOGY, city.RULES, before, public))
        before = found[-1].month.pattern
        public |= placed_below(found[-1].month)
    return found


def test_nothing_is_placed_from_400_nights_and_13_months(nights: dict[str, bytes], months: list[Candidate]) -> None:
    assert (n_nights(nights), len(months)) == (400, 13)
    assert all(gate.passed for candidate in months for gate in judge_month(candidate))
    everything = nights | {path: text for each in months for path, text in placed_below(each.month).items()}
    assert attack(everything, city.METHODOLOGY, city.RULES, city.CITY) == []


def test_few_county_cells_are_hidden_and_the_pattern_is_kept(months: list[Candidate]) -> None:
    shares = [candidate.month.hidden_share for candidate in months]
    kept = [candidate.month.pattern.kept_of(candidate.before) for candidate in months[1:] if candidate.before]
    print(f"hidden: {shares[0]:.3f} to {max(shares):.3f}; kept: {min(kept):.3f}")  # noqa: T201
    assert 0 < max(shares) <= city.RULES.max_hidden_share
    assert min(kept) >= 0.95


def test_without_protection_the_attacker_finds_cells(world: city.World) -> None:
    public: dict[str, bytes] = {}
    for day in city.MONTH_ENDS[:3]:
        bare = Pattern(day, {})
        public |= placed_below(Month(city.month_input(world, day), city.METHODOLOGY, city.RULES, bare))
    found = Counter(each.table for each in attack(public, city.METHODOLOGY, city.RULES, city.CITY))
    assert found.keys() >= {"indicators", "pulse", "segment", "stratum"}
    assert sum(found.values()) > 100


def test_primary_suppression_alone_is_undone_by_subtraction(months: list[Candidate]) -> None:
    """The test can fail: uncover the cells that only cover others, and what they covered is found."""
    first = months[0].month
    chosen = {key: why for key, why in first.pattern.hidden.items() if why.reason != "complement"}
    assert len(chosen) < len(first.pattern.hidden)
    files = placed_below(replace(first, pattern=Pattern(first.pattern.month, chosen)))
    assert attack(files, city.METHODOLOGY, city.RULES, city.CITY)


def test_a_domain_that_is_shown_beside_one_hidden_score_tells_it(months: list[Candidate]) -> None:
    last = months[-1].month
    shown = {key: why for key, why in last.pattern.hidden.items() if key[0] != DOMAINS}
    assert len(shown) < len(last.pattern.hidden)
    found = attack(
        placed_below(replace(last, pattern=Pattern(last.pattern.month, shown))), city.METHODOLOGY, city.RULES, city.CITY
    )
    assert any(each.table.startswith("score in") for each in found)
