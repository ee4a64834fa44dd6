"""Nothing that came is passed over in silence: it is accepted, rejected, or left out by name and number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest

from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.delivery_calendar import as_tables, calendar
from tests.bad_input.cases import sheets_of, zip_of
from tests.bad_input.file_cases import FILES
from tests.feeds.conftest import FEED, HEADER, Trial, row
from tests.feeds.conftest import new_trial as new_trial

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
WORKBOOKS = FEED.replace('pattern: "*.csv", format: csv', 'pattern: "*.xlsx", format: xlsx').replace(".csv'", ".xlsx'")
ARCHIVES = FEED.replace('"*.csv"', '"cases_*"').replace("\\.csv'", "\\.(?:csv|zip)'")
GOOD, BAD = row("good"), row("bad", place="nowhere")


def lines(*rows: dict[str, str]) -> bytes:
    return "".join(
        ",".join(cells) + "\n" for cells in [HEADER, *(map(str, each.values()) for each in _ordered(rows))]
    ).encode()


def _ordered(rows: tuple[dict[str, str], ...]) -> list[dict[str, str]]:
    return [{name: each[name] for name in HEADER} for each in rows]


def test_sheets_that_are_not_read_stand_in_ledger_and_calendar(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial(WORKBOOKS)
    cells = [HEADER, *(list(each.values()) for each in _ordered((row("a"), row("b"))))]
    more = [HEADER, *(list(each.values()) for each in _ordered((row("c"),)))]
    book = sheets_of({"1": cells, "2": more, "说明": [["x"], ["y"], ["z"]]})
    (trial.drops / "cases_20260201.xlsx").write_bytes(book)
    trial.land()
    (account,) = trial.refine()
    said = "6 received = 3 accepted + 0 rejected + 3 left out; not read: sheet '说明' (3 rows)"
    assert account.endswith(said)
    assert {version[0] for version in trial.silver()} == {"a", "b", "c"}
    ledger = trial.batches().iloc[0]
    assert (ledger.n_received, ledger.n_accepted, ledger.n_rejected, ledger.n_left_out) == (6, 3, 0, 3)
    assert ledger.reason == "not read: sheet '说明' (3 rows)"
    days = calendar(trial.spark, trial.city, "cases", date(2026, 1, 31), date(2026, 2, 1))
    assert {day.n_left_out for day in days} == {3}
    (shown,) = as_tables(trial.city, days)
    assert "3 -3" in list(shown.columns[1].cells)
    for from_landing in (False, True):
        rebuilt = trial.rebuild(from_landing)
        assert "6 received = 3 accepted + 0 rejected (before: 0) + 3 left out" in rebuilt


@dataclass(frozen=True)
class Useless:
    """Files of one batch by name, and the one of which nothing can be used; none: the batch is taken."""

    files: dict[str, bytes]
    found: str | None


USELESS = {
    "one row of one that is wrong": Useless({"cases_20260201.csv": lines(BAD)}, "cases_20260201.csv"),
    "one such file beside a good one": Useless(
        {"cases_20260201.csv": lines(*[row(f"g{n}") for n in range(99)]), "cases_20260202.csv": lines(BAD)},
        "cases_20260202.csv",
    ),
    "one such member beside a good one": Useless(
        {"cases_20260201.zip": zip_of({"a.csv": lines(GOOD), "b.csv": lines(BAD)})}, "cases_20260201.zip/b.csv"
    ),
    "a day with a header alone": Useless({"cases_20260201.csv": lines()}, None),
    "a day of deletions": Useless({"cases_20260201.csv": lines(row("gone", gone="1"))}, None),
    "a day of another place": Useless({"cases_20260201.csv": lines(row("far", place="外地"))}, None),
    "a wrong row beside a good one": Useless({"cases_20260201.csv": lines(GOOD, BAD)}, None),
    "an archive whose members repeat a row": Useless(
        {"cases_20260201.zip": zip_of({"a.csv": lines(GOOD), "b.csv": lines(GOOD)})}, None
    ),
    "a file whose only row another one has otherwise": Useless(
        {"cases_20260201.zip": zip_of({"a.csv": lines(GOOD), "b.csv": lines({**GOOD, "deaths": "1"})})}, None
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", USELESS.values(), ids=USELESS.keys())
def test_a_file_of_which_nothing_can_be_used_stops_its_batch(new_trial: Callable[..., Trial], case: Useless) -> None:
    trial = new_trial(ARCHIVES + 'outside_area: ["外地"]\n')
    for name, content in case.files.items():
        (trial.drops / name).write_bytes(content)
    trial.land()
    if case.found is None:
        trial.refine()
        assert list(trial.batches().status) == ["checked"]
        return
    with pytest.raises(
        ContractBreach, match=f"file {case.found}: expected rows that can be used, found none\n"
    ) as breach:
        trial.refine()
    assert "unknown_area in area_code" in str(breach.value)
    assert trial.silver() == []


def test_a_library_that_gives_up_stops_one_batch_until_the_file_comes_again(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial(ARCHIVES)

    def deliver(name: str, content: bytes) -> None:
        (trial.drops / name).write_bytes(content)
        trial.land()

    deliver("cases_20260201.zip", FILES["a zip with a Deflate64 member"].content())
    deliver("cases_20260202.csv", lines(row("next")))
    for _ in range(2):  # whoever comes tomorrow finds the same
        with pytest.raises(ContractBreach, match=r"(?s)cases_20260201.zip cannot be read.*Deflate64"):
            trial.refine()
        assert [version[0] for version in trial.silver()] == ["next"]
    deliver("cases_20260201.zip", zip_of({"cases.csv": lines(row("good"))}))
    trial.refine()
    assert {version[0] for version in trial.silver()} == {"good", "next"}
    assert sorted(trial.batches().status) == ["checked", "checked", "replaced"]
