"""Inputs made after public reports, as ../shared/cases holds them: a table of case -> what has to come of it.

`HAPPENS` names the case by its folder; an expectation is made by one function for each kind of it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from expectations import contract
from spark_jobs.errors import ContractBreach
from tests.feeds.conftest import Trial
from tests.feeds.conftest import new_trial as new_trial

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = [
    pytest.mark.spark,
    pytest.mark.bad_input,
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there"),
]


@dataclass
class Outcome:
    """What became of a case's deliveries: lines of account, error reports of those that were stopped, and the city."""

    trial: Trial
    account: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)


Expectation = Callable[[Outcome], None]


def stopped(rule: str, n_records: int) -> Expectation:
    """One delivery is stopped with a report that names the rule; silver has what came before it."""

    def check(outcome: Outcome) -> None:
        assert len(outcome.reports) == 1 and rule in outcome.reports[0], outcome
        assert len({row[0] for row in outcome.trial.silver("record_id")}) == n_records

    return check


def rejected(*rules: str) -> Expectation:
    """Single rows are rejected by these rules, and all others taken."""

    def check(outcome: Outcome) -> None:
        assert outcome.reports == []
        assert [rule for rule, *_ in outcome.trial.rejects()] == sorted(rules)

    return check


def counted(column: str, expected: dict[str, int]) -> Expectation:
    """Everything is taken; so many current records have these values."""

    def check(outcome: Outcome) -> None:
        assert outcome.reports == []
        rows = outcome.trial.silver(column, "is_current")
        assert Counter(str(value) for value, is_current in rows if is_current) == expected

    return check


def told(words: str, n_records: int) -> Expectation:
    """Everything is taken, and the account and the ledger say what a person should know."""

    def check(outcome: Outcome) -> None:
        assert outcome.reports == [] and any(words in line for line in outcome.account), outcome
        assert any(words in reason for reason in outcome.trial.batches().reason)
        assert len({row[0] for row in outcome.trial.silver("record_id")}) == n_records

    return check


def believed(n_records: int, words: str = "") -> Expectation:
    """Both deliveries are taken and checked on their days, and no record is closed; what is withheld is told."""

    def check(outcome: Outcome) -> None:
        assert outcome.reports == [] and words in "\n".join(outcome.account), outcome
        batches = outcome.trial.batches()
        assert batches.status.tolist() == ["checked"] * 2
        assert [str(day) for days in batches.delivered_days for day in days] == ["2026-02-01", "2026-02-02"]
        rows = outcome.trial.silver("record_id", "is_current", "is_deleted")
        assert len({id for id, is_current, is_deleted in rows if is_current and not is_deleted}) == n_records

    return check


HAPPENS: dict[str, Expectation] = {
    "03_int96": counted("occurred_on", {"2026-01-31": 12}),
    "05_id_point_zero": stopped("number_like in record_id", 20),
    "06_deleted_flag": stopped("unknown_value in is_deleted", 20),
    "07_null_word": stopped("12 times null_word in record_id", 0),
    "08_same_updated": counted("n_deaths", {str(n): 2 for n in range(1, 11)}),
    "10_snapshot_cut": believed(1_400, "the snapshot of 2026-02-02 lacks 400 of the 1,400 records before it"),
    "12_day_first": stopped("swapped_day: 10 of 20", 20),
    "13_yearly_numbers": stopped("id_of_another_event: 8 of 8", 24),
    "14a_zone_name": counted("occurred_on", {"2026-01-31": 2, "2026-02-01": 8}),
    "23_dot_thousands": rejected(*["ambiguous_number"] * 3),
    "25_key_spellings": told("ids that differ in capitals only: 1", 6),
    "26_unchanged_snapshot": believed(20),
    "29_full_width_codes": counted("nature_code", {"criminal": 101, "public_order": 1}),
}


def outcome_of(case: Path, new_trial: Callable[..., Trial]) -> Outcome:
    """All deliveries of a case, one after the other."""
    trial = new_trial((case / "contract.yml").read_text(encoding="utf-8"))
    for table in case.glob("*.csv"):
        shutil.copy(table, contract.city_folder(trial.city.city_code))
    outcome = Outcome(trial)
    for delivery in sorted(path for path in case.iterdir() if path.is_dir()):
        for file in delivery.iterdir():
            shutil.copy(file, trial.drops)
        trial.land(date.fromisoformat(delivery.name.split("_")[1]))
        try:
            outcome.account += trial.refine()
        except ContractBreach as breach:
            outcome.reports.append(str(breach))
    return outcome


@pytest.mark.parametrize("case", HAPPENS)
def test_what_has_to_come_of_a_case(case: str, new_trial: Callable[..., Trial]) -> None:
    outcome = outcome_of(CASES / case, new_trial)
    HAPPENS[case](outcome)
    for path in [] if outcome.reports else outcome.trial.drops.iterdir():
        outcome.trial.assert_words_judged_alike(path)
