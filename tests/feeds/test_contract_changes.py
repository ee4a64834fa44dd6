"""Contracts change while their feeds go on: what was rejected is taken, what was wrong is corrected, and it is told which contract judged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from spark_jobs.errors import ContractBreach
from tests.feeds.conftest import FEED, Trial, row

pytestmark = pytest.mark.spark
NewTrial = Callable[..., Trial]
EARLIER = FEED.replace("  amount_yuan: amount\n", "")


def test_a_column_that_the_contract_names_later(new_trial: NewTrial) -> None:
    trial = new_trial(EARLIER)
    trial.deliver("cases_20260210.csv", [row("a", amount="7"), row("b", nature="其它")])
    trial.land()
    trial.refine()
    assert [rule for rule, *_ in trial.rejects()] == ["unknown_code"]
    trial.agree(FEED.replace("行政: public_order", "行政: public_order, 其它: public_order"))
    trial.deliver("cases_20260211.csv", [row("c", amount="8")])
    trial.land()
    trial.refine()
    assert trial.silver("record_id", "amount_yuan") == [("a", None), ("c", 8)]
    versions = list(trial.batches().contract_version)
    assert len(set(versions)) == 2
    documents = trial.spark.read.table("ops.contracts").where(f"city_code = '{trial.city.city_code}'").collect()
    assert {each.contract_version: "amount_yuan" in json.loads(each.document)["feed"]["columns"] for each in documents} == {
        versions[0]: False, versions[1]: True
    }  # fmt: skip
    assert "3 received = 3 accepted + 0 rejected (before: 1)" in trial.rebuild(from_landing=True)
    assert trial.silver("record_id", "amount_yuan") == [("a", 7), ("b", 10), ("c", 8)]
    assert trial.rejects() == []
    ledger = trial.batches()
    assert set(ledger.contract_version) == {versions[1]}
    assert list(ledger.n_accepted + ledger.n_rejected) == list(ledger.n_received)


def test_a_rebuild_that_breaks_the_contract_replaces_nothing(new_trial: NewTrial) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("a"), row("b"), row("c", nature="行政")])
    trial.land()
    trial.refine()
    before = trial.silver(), trial.batches().astype(str).to_dict("records")
    trial.agree(FEED.replace(", 行政: public_order", "").replace("rejected_share: 0.5", "rejected_share: 0"))
    with pytest.raises(ContractBreach, match=r"(?s)at most 0 of 3 rows to be rejected, found 1.*1 times unknown_code"):
        trial.rebuild()
    assert (trial.silver(), trial.batches().astype(str).to_dict("records")) == before


CORRECTIONS = """
feed: cases
corrections:
  deaths_of_a:
    reason: the station typed the number of the form; it says so in its letter of 9 February
    where: {id: a}
    column: deaths
    found: "99"
    corrected: "1"
"""


def test_a_correction_holds_until_the_source_has_healed(new_trial: NewTrial) -> None:
    trial = new_trial()
    trial.agree(FEED, CORRECTIONS)
    trial.deliver("cases_20260210.csv", [row("a", deaths="９９"), row("b", deaths="99")])
    trial.land()
    assert "1 corrected" in trial.refine()[0]
    assert trial.silver("record_id", "n_deaths", "corrected") == [("a", 1, "deaths_of_a"), ("b", 99, None)]
    assert list(trial.batches().n_corrected) == [1]
    trial.deliver("cases_20260211.csv", [row("a", "2026-02-11 08:00:00", deaths="2")])
    trial.land()
    with pytest.raises(
        ContractBreach, match=r"(?s)deaths_of_a: row 1 of .*: expected deaths to say '99', found another.*delivered_thr"
    ):
        trial.refine()
    trial.agree(FEED, CORRECTIONS + "    delivered_through: 2026-02-10\n")
    trial.refine()
    assert trial.silver("record_id", "n_deaths", "corrected") == [
        ("a", 1, "deaths_of_a"), ("a", 2, None), ("b", 99, None)
    ]  # fmt: skip
    before = trial.silver()
    assert "1 corrected" in trial.rebuild()
    assert trial.silver() == before
