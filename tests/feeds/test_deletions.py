"""A row that takes its record away: deleted at the source, of a sort that is not counted, or elsewhere by now."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spark_jobs.errors import ContractBreach
from tests.feeds.conftest import FEED, Trial, row

pytestmark = pytest.mark.spark
NewTrial = Callable[..., Trial]
LATER = "2026-02-02 09:00:00"
ELSEWHERE = FEED.replace("area: [place]", "area: [place]\noutside_area: [外市]")
SNAPSHOT = ELSEWHERE.replace("starts_on:", "mode: snapshot\nstarts_on:").replace("{column: updated}", "{}")


def current(trial: Trial) -> dict[str, bool]:
    """Records as they stand -> whether they are gone."""
    rows = trial.silver("record_id", "is_current", "is_deleted")
    return {record_id: is_deleted for record_id, is_current, is_deleted in rows if is_current}


def test_a_deletion_is_taken_whatever_the_rest_of_the_row_says(new_trial: NewTrial) -> None:
    """A deletion that is lost leaves its record counted for good."""
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row(id) for id in ("kept", "bare", "broken")])
    bare = dict.fromkeys(row("bare"), "") | {"id": "bare", "updated": LATER, "gone": "1"}
    broken = row("broken", LATER, gone="1", place="9999", nature="其它", deaths="-1", day="2026-02-30")
    trial.deliver("cases_20260211.csv", [bare, broken])
    trial.land()
    assert "5 received = 5 accepted + 0 rejected; 2 deleted" in trial.refine()[0]
    assert current(trial) == {"kept": False, "bare": True, "broken": True}
    said = trial.silver("record_id", "is_current", "area_code", "nature_code", "n_deaths", "occurred_on")
    assert [rest for id, is_current, *rest in said if is_current and id != "kept"] == [[None] * 4] * 2
    assert trial.batches().n_deleted.sum() == 2


def test_a_deletion_says_which_record_and_since_when(new_trial: NewTrial) -> None:
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 1"))
    trial.deliver("cases_20260210.csv", [row("a"), row("", LATER, gone="1"), row("a", "soon", gone="1")])
    trial.land()
    trial.refine()
    assert current(trial) == {"a": False}
    assert {(rule, column) for rule, column, _ in trial.rejects()} == {
        ("required", "record_id"), ("not_an_instant", "known_at")
    }  # fmt: skip


def test_deletions_do_not_thin_out_rejects(new_trial: NewTrial) -> None:
    """Twenty rows of which none can be wrong do not make two of three bearable."""
    trial = new_trial()
    gone = [row(f"gone{n}", gone="1") for n in range(20)]
    trial.deliver("cases_20260210.csv", [row("a"), *(row(f"b{n}", nature="其它") for n in range(40)), *gone])
    trial.land()
    with pytest.raises(ContractBreach, match="40 times unknown_code"):
        trial.refine()


@pytest.mark.parametrize("feed", [ELSEWHERE, SNAPSHOT], ids=["changes", "snapshot"])
@pytest.mark.parametrize("is_late", [False, True], ids=["in turn", "the earlier comes later"])
def test_a_record_that_lies_elsewhere_by_now_is_no_longer_counted(
    new_trial: NewTrial, feed: str, is_late: bool
) -> None:
    trial = new_trial(feed)
    here = ("cases_20260210.csv", [row("stays"), row("leaves"), row("comes", place="外市")])
    there = ("cases_20260211.csv", [row("stays"), row("leaves", LATER, place="外市"), row("comes", LATER)])
    for name, rows in sorted([here, there], reverse=is_late):
        trial.deliver(name, rows)
        trial.land()
        assert "(1 of them of other places)" in trial.refine()[0]
    assert current(trial) == {"stays": False, "leaves": True, "comes": False}
    assert [rule for rule, *_ in trial.rejects()] == ["outside_area"] * 2
    before = trial.silver()
    trial.rebuild()
    assert trial.silver() == before


def test_an_entry_of_a_docket_that_names_another_place_ends_no_case(new_trial: NewTrial) -> None:
    """Entries complete each other, and not each of them names the place."""
    trial = new_trial(FEED.replace("area: [place]", 'area: [place]\noutside_area: [""]').replace(
        "n_deaths: deaths", "n_deaths: {from: deaths, keep: last}"
    ))  # fmt: skip
    trial.deliver("cases_20260210.csv", [row("a"), row("a", LATER, place="")])
    trial.land()
    trial.refine()
    assert current(trial) == {"a": False}


def test_of_one_instant_a_deletion_has_the_last_word_in_its_delivery(new_trial: NewTrial) -> None:
    """Whatever the hashes say: a record is not deleted before it is there (a). A later delivery corrects it (b)."""
    trial = new_trial(FEED.replace("rejected_share: 0.5", "rejected_share: 1"))
    deaths = [str(n) for n in range(4)]
    trial.deliver("cases_20260210.csv", [
        *(row(f"{name}{n}", gone="1") for name in "ab" for n in deaths), *(row(f"a{n}", deaths=n) for n in deaths)
    ])  # fmt: skip
    trial.land()
    trial.refine()
    trial.deliver("cases_20260211.csv", [row(f"b{n}", deaths=n) for n in deaths])
    trial.land()
    trial.refine()
    assert current(trial) == {f"{name}{n}": name == "a" for name in "ab" for n in deaths}
