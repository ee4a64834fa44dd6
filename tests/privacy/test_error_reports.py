"""A column has slipped, and people stand where codes and days should be: no report, ledger or verdict quotes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from expectations.contract import load_city, load_kinds
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.check import judge
from spark_jobs.feeds.decoding import decode
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.lake import tables
from tests.bad_input import cases
from tests.feeds.conftest import FEED, HEADER, Trial, row
from tests.privacy.traces import traces

pytestmark = pytest.mark.canary
NewTrial = Callable[..., Trial]
PHONE, NAME, IDENTITY = "15412345678", "王测样", "999999198001010019"
PEOPLE = (PHONE, NAME, IDENTITY)
STRICT = FEED.replace("rejected_share: 0.5", "rejected_share: 0")
HEALING = """
feed: cases
corrections:
  deaths:
    reason: letter of the station
    where: {nature: 刑事}
    column: deaths
    found: "99"
    corrected: "1"
"""


def breach_of(trial: Trial) -> str:
    trial.land()
    with pytest.raises(ContractBreach) as breach:
        trial.refine()
    return str(breach.value)


def told(trial: Trial, report: str) -> set[str]:
    """Who is named in the report, the ledger of batches, the verdicts, or the logs of the services."""
    logs = tables.lake_folder(trial.spark).parent / "logs"
    written = traces([logs, trial.state / "gx"], PEOPLE)
    ledger = trial.batches().to_csv()
    return {word for word in PEOPLE if word in report or word in ledger or written[word]}


@pytest.mark.spark
def test_a_slipped_column_is_told_by_rule_and_place_and_masked(new_trial: NewTrial) -> None:
    trial = new_trial(STRICT)
    slipped = [
        row("a", nature=NAME),
        row("b", nature=NAME),
        row("c", place=PHONE, deaths=PHONE),
        row("d", day=IDENTITY),
    ]
    trial.deliver("cases_20260210.csv", [*slipped, row("f" * 201 + PHONE), row("e")])
    report = breach_of(trial)
    assert told(trial, report) == set()
    at = "cases_20260210.csv: masked"
    for reason in (
        f"2 times unknown_code in nature_code, first in row 1 of {at} '文文文'",
        f"1 times unknown_area in area_code, first in row 3 of {at} '99999999999'",
        f"1 times not_a_count in n_deaths, first in row 3 of {at} '99999999999'",
        f"1 times not_a_date in occurred_on, first in row 4 of {at} '999999999999999999'",
        f"1 times too_long in record_id, first in row 5 of {at} 'aaaaa",
    ):
        assert reason in report


@pytest.mark.spark
def test_the_first_person_of_a_file_without_a_header_is_not_told(new_trial: NewTrial) -> None:
    trial = new_trial(STRICT)
    person = row(PHONE, name=NAME, code=IDENTITY)
    (trial.drops / "cases_20260210.csv").write_text(",".join(person[name] for name in HEADER) + "\n", encoding="utf-8")
    report = breach_of(trial)
    assert told(trial, report) == set()
    assert "'99999999999'" in report and "'文文'" in report
    assert "is there a header?" in report


@pytest.mark.spark
def test_a_correction_that_has_ended_names_rows_and_not_their_keys(new_trial: NewTrial) -> None:
    trial = new_trial()
    trial.agree(FEED, HEALING)
    trial.deliver("cases_20260210.csv", [row(PHONE, deaths="2")])
    report = breach_of(trial)
    assert told(trial, report) == set()
    assert "deaths: row 1 of cases_20260210.csv: expected deaths to say '99', found another value" in report


UNREADABLE = {
    "no header, and a quote that does not close": f'"{NAME},{PHONE}',
    "no header, and another delimiter": f"{NAME};{PHONE};{IDENTITY}\n",
    "a quote that does not close": cases.csv_of(f'"{NAME},{PHONE}'),
}


@pytest.mark.unit
@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_cannot_be_read_is_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cases_20260210.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractBreach) as breach:
        decode(cases.feed(), path, Pseudonymiser({"1": "00ff"}))
    assert not [word for word in PEOPLE if word in str(breach.value)]


def test_a_verdict_counts_and_keeps_no_value(tmp_path: Path) -> None:
    """Silver casts before Great Expectations judges; should a cast ever let something through, it is not shown either."""
    city = load_city("daqing")
    feed = city.feed("cases")
    right = dict.fromkeys(load_kinds()[feed.kind].columns) | {
        "record_id": "a",
        "known_at": "2026-02-01",
        "occurred_on": "x",
    }
    accepted = pd.DataFrame([right | {"area_code": PHONE, "nature_code": NAME}])
    failures = judge(city, feed, accepted, 1, tmp_path, "batch")
    assert [failure.partition(" ")[0] for failure in failures] == ["expect_column_values_to_be_in_set"] * 2
    assert all(failure.endswith("found 1 of 1 values that are not so") for failure in failures)
    assert traces([tmp_path], PEOPLE) == {word: set() for word in PEOPLE}
    assert not [word for word in PEOPLE if word in "".join(failures)]
