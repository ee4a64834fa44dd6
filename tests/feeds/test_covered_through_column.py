"""A feed whose rows say themselves through which day they reach."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from spark_jobs.feeds.feed_status import feed_status
from tests.feeds.conftest import FEED, Trial, row

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
FILE_DAY = date(2026, 2, 10)
BY_EVENT, BY_UPDATE = FEED + "covered_through: {column: day}\n", FEED + "covered_through: {column: updated}\n"
# contract, rows of the file of 10 February -> the day through which it reaches
CASES = {
    "the newest of its days": (BY_EVENT, [row("1", day="2026-01-20"), row("2", day="2026-01-27")], date(2026, 1, 27)),
    "a day after the file's is not believed": (BY_EVENT, [row("1", "2026-02-11 08:00:00", day="2026-02-11")], None),
    "nor is it for the rows beside it": (
        BY_EVENT,
        [row("1", "2026-02-11 08:00:00", day="2026-02-11"), row("2", day="2026-01-27")],
        date(2026, 1, 27),
    ),
    "a row that is rejected says nothing": (
        BY_EVENT,
        [row("1", day="2026-01-31", place="nowhere"), row("2", day="2026-01-27"), row("3", day="2026-01-26")],
        date(2026, 1, 27),
    ),
    "the local day of a time": (BY_UPDATE, [row("1", "2026-02-09 00:30:00", day="2026-01-20")], date(2026, 2, 9)),
}


@pytest.mark.parametrize(("contract", "rows", "through"), CASES.values(), ids=CASES)
def test_content_reaches_to_the_newest_day_of_its_column(
    new_trial: Callable[..., Trial], contract: str, rows: list[dict[str, str]], through: date | None
) -> None:
    trial = new_trial()
    trial.agree(contract)
    trial.deliver("cases_20260210.csv", rows)
    trial.land()
    trial.refine()
    batches = trial.batches()
    assert batches["covered_through"].tolist() == [through]
    (status,) = feed_status([trial.feed], batches, FILE_DAY).to_dict("records")
    assert (status["delivered_through"], status["covered_through"]) == (FILE_DAY, through)
    (earlier,) = feed_status([trial.feed], batches, date(2026, 1, 25)).to_dict("records")
    assert earlier["covered_through"] is None or earlier["covered_through"] <= date(2026, 1, 25)


def test_a_contract_that_learns_of_the_column_is_rebuilt(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("1", day="2026-01-27")])
    trial.land()
    trial.refine()
    assert trial.batches()["covered_through"].tolist() == [None]
    trial.agree(BY_EVENT)
    trial.rebuild()
    assert trial.batches()["covered_through"].tolist() == [date(2026, 1, 27)]
