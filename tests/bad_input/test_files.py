"""Bad files, from the drop folder to the rows of bronze: what is lost, what is said, what goes through afterwards."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pyspark.sql import Row

from expectations.models import Feed
from expectations.outcomes import Outcome
from spark_jobs import command_line
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds import bronze, refine
from spark_jobs.feeds.absence import without_rows
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.decoding import Decoded, decode
from spark_jobs.feeds.formats import workbook
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input.cases import GOOD, HEADER, Case, csv_of, feed, line, row, sheets_of, zip_of
from tests.bad_input.file_cases import FILES, PASSES, ROWS

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
PSEUDONYMISER = Pseudonymiser({"1": "00ff"})


@dataclass
class Drops:
    """A drop folder and the landing of one feed."""

    feed: Feed
    folder: Path
    landing: Landing = field(init=False)

    def __post_init__(self) -> None:
        self.landing = Landing(self.folder.parent / "landing")
        self.folder.mkdir()

    def deliver(self, content: bytes, name: str = "cases_20260210.csv") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def land(self) -> Manifest | None:
        connection = Connection(conn_type="fs", extra={"path": str(self.folder)})
        day = date(2026, 6, 30)
        cutoff = datetime(2026, 6, 30, 18, tzinfo=UTC)
        return files.land(Pull(self.feed, connection, self.landing, day, cutoff, "Asia/Shanghai"))

    def decode(self, manifest: Manifest) -> list[Decoded]:
        return [decode(self.feed, self.landing.verified(manifest, file), PSEUDONYMISER) for file in manifest.files]


NewDrops = Callable[[Case], Drops]


@pytest.fixture
def new_drops(tmp_path: Path) -> NewDrops:
    return lambda case: Drops(feed(**(case.feed or {})), tmp_path / "drops")


def landed(drops: Drops, case: Case) -> Manifest:
    drops.deliver(case.content())
    manifest = drops.land()
    assert manifest
    return manifest


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS.keys())
def test_a_bad_row_is_set_aside_alone(new_drops: NewDrops, case: Case) -> None:
    drops = new_drops(case)
    (decoded,) = drops.decode(landed(drops, case))
    rows = decoded.table.to_pylist()
    assert sorted(row["_row"] for row in rows) == list(range(1, len(GOOD) + len(case.rows) + 1))  # every row, once
    faults = {row["_row"]: row["_fault"] for row in rows if row["_fault"]}
    assert {number: (fault["rule"], fault["column_name"]) for number, fault in faults.items()} == dict.fromkeys(
        case.rows, (case.rule, case.column)
    )
    kept = [{name: row[name] for name in drops.feed.mapped_columns} for row in rows if not row["_fault"]]
    assert kept == [{name: good[name] for name in drops.feed.mapped_columns} for good in GOOD]
    assert all(len(str(value)) < 300 for row in rows for value in row.values())  # what is absurd goes no further


@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_a_bad_file_stops_the_feed_with_a_report_and_loses_nothing(new_drops: NewDrops, case: Case) -> None:
    drops = new_drops(case)
    manifest = landed(drops, case)
    with pytest.raises(ContractBreach, match=case.rule) as breach:
        drops.decode(manifest)
    report = str(breach.value)
    assert breach.value.exit_code == case.exit_code == 5
    assert re.match(r"feed trial\.cases: file cases_20260210\.csv", report)
    assert "what to do: " in report
    assert "张三" not in report
    raw = drops.landing.path(manifest, manifest.files[0]).read_bytes()
    assert raw == (drops.folder / "cases_20260210.csv").read_bytes()  # they stay as they came
    good = Drops(feed(), drops.folder.parent / "next")
    good.landing = drops.landing
    good.deliver(csv_of(line("good2")).encode(), "cases_20260211.csv")
    after = good.land()
    assert after
    assert good.decode(after)[0].table["id"].to_pylist() == ["good1", "good2", "good3"]


@pytest.mark.parametrize(("case", "column", "value"), PASSES.values(), ids=PASSES.keys())
def test_what_is_only_odd_passes_unchanged(new_drops: NewDrops, case: Case, column: str, value: str) -> None:
    drops = new_drops(case)
    (decoded,) = drops.decode(landed(drops, case))
    assert decoded.table["_fault"].null_count == decoded.table.num_rows == 3
    assert decoded.table[column].to_pylist()[1] == value
    assert [decoded.table["id"][0].as_py(), decoded.table["id"][2].as_py()] == ["good1", "good3"]


def test_a_header_alone_is_a_delivery_of_no_rows(new_drops: NewDrops) -> None:
    drops = new_drops(Case(csv_of().split("\n")[0].encode(), ""))
    (decoded,) = drops.decode(landed(drops, Case(b"id,place,day,nature,deaths,updated,name", "")))
    assert decoded.table.num_rows == 0


def test_a_zip_of_two_files_gives_the_rows_of_both(new_drops: NewDrops) -> None:
    members = {"north/cases.csv": csv_of(line("a")).encode(), "south/cases.csv": csv_of(line("b")).encode()}
    drops = new_drops(Case(zip_of(members), ""))
    (decoded,) = drops.decode(landed(drops, Case(zip_of(members), "")))
    assert decoded.table["id"].to_pylist() == ["good1", "a", "good3", "good1", "b", "good3"]
    assert sorted(set(decoded.table["_file"].to_pylist())) == [f"cases_20260210.csv/{name}" for name in members]


def test_a_new_column_stays_in_landing_and_is_reported(new_drops: NewDrops) -> None:
    text = csv_of(line("good2")).replace("\n", ",13800000000\n").replace("name,13800000000", "name,phone")
    drops = new_drops(Case(b"", ""))
    (decoded,) = drops.decode(landed(drops, Case(text.encode(), "")))
    assert decoded.beyond == ("phone",)
    assert "13800000000" not in str(decoded.table.to_pylist())
    assert decoded.table.num_rows == 3


def _rows(*ids: str) -> list[list[str]]:
    return [list(row(id).values()) for id in ids]


FIRST = [HEADER, *_rows("a", "b")]
SHEETS: dict[str, tuple[bytes, str | None, list[str], list[tuple[str, int]]]] = {
    # name: (workbook, sheet that the contract names, ids that are read, what is left out with how many rows)
    "an export that goes on in a second sheet": (
        sheets_of({"1": FIRST, "2": [HEADER, *_rows("c")]}), None, ["a", "b", "c"], []
    ),
    "an export that goes on in a hidden sheet": (
        sheets_of({"1": FIRST, "2": [HEADER, *_rows("c")]}, hidden=["2"]), None, ["a", "b", "c"], []
    ),
    "a second sheet whose columns are in another order": (
        sheets_of({"1": FIRST, "2": [HEADER[::-1], *(cells[::-1] for cells in _rows("c"))]}), None, ["a", "b", "c"], []
    ),
    "a cover sheet before the rows": (sheets_of({"封面": [["二月"]], "1": FIRST}), None, ["a", "b"], [("封面", 1)]),
    "a second sheet of notes": (sheets_of({"1": FIRST, "说明": [["x"], [], ["y"]]}), None, ["a", "b"], [("说明", 2)]),
    "a second sheet that goes on without a header": (
        sheets_of({"1": FIRST, "2": _rows("c", "d")}), None, ["a", "b"], [("2", 2)]
    ),
    "a second sheet that is empty": (sheets_of({"1": FIRST, "2": []}), None, ["a", "b"], []),
    "a second sheet of a header alone": (sheets_of({"1": FIRST, "2": [HEADER]}), None, ["a", "b"], []),
    "a sheet beside the one that the contract names": (
        sheets_of({"1": FIRST, "2": [HEADER, *_rows("c")]}), "1", ["a", "b"], [("2", 1)]
    ),
    "a sheet named by the contract whose other one has a header alone": (
        sheets_of({"1": FIRST, "2": [HEADER]}), "1", ["a", "b"], []
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "sheet", "ids", "left_out"), SHEETS.values(), ids=SHEETS.keys())
def test_every_sheet_is_read_or_named_with_its_rows(
    new_drops: NewDrops, content: bytes, sheet: str | None, ids: list[str], left_out: list[tuple[str, int]]
) -> None:
    case = Case(content, "", feed={"format": "xlsx", "sheet": sheet})
    drops = new_drops(case)
    (decoded,) = drops.decode(landed(drops, case))
    assert decoded.table["id"].to_pylist() == ids
    assert decoded.table["_fault"].null_count == len(ids)
    assert [(part.what, part.n_rows) for part in decoded.left_out] == [(f"sheet {name!r}", n) for name, n in left_out]
    rows = list(zip(decoded.table["_file"].to_pylist(), decoded.table["_row"].to_pylist(), strict=True))
    assert len(set(rows)) == len(rows)  # a report can name each


def test_a_sheet_that_lost_a_column_is_named_in_the_report(new_drops: NewDrops) -> None:
    """Not read from another sheet that has all of them: a template, or what was there last year."""
    first = [[cell for place, cell in enumerate(cells) if place != 4] for cells in FIRST]
    case = Case(sheets_of({"案件": first, "模板": [HEADER]}), "", feed={"format": "xlsx"})
    drops = new_drops(case)
    manifest = landed(drops, case)
    with pytest.raises(ContractBreach, match=r"file cases_20260210.csv, sheet '案件': expected columns \['deaths'\]"):
        drops.decode(manifest)


def test_what_is_left_out_stands_in_account_and_remark(new_drops: NewDrops, tmp_path: Path) -> None:
    case = Case(SHEETS["a second sheet of notes"][0], "", feed={"format": "xlsx"})
    drops = new_drops(case)
    brought = bronze._write(drops.feed, drops.landing, landed(drops, case), tmp_path, PSEUDONYMISER)
    assert refine._remark(brought) == ["not read: sheet '说明' (2 rows)"]


def test_a_full_disk_is_no_fault_of_the_source(
    new_drops: NewDrops, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = Case(csv_of().encode(), "")
    drops = new_drops(case)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "copyfileobj", full)
        with pytest.raises(OSError, match="No space left"):
            landed(drops, case)
        patch.setattr(command_line, "private_by_default", lambda: None)  # which would hold for this whole process
        patch.setattr(command_line, "app", lambda **_: landed(drops, case))
        assert command_line.main() == Outcome.ENVIRONMENT_FAULT
    assert "this machine: No space left on device\n  what to do: make room" in capsys.readouterr().err
    assert drops.landing.manifests() == []
    landed(drops, case)


@pytest.mark.parametrize(("n_rows", "told"), [(999, []), (1_000, ["cases_20260210.csv (1,000)"]), (1_001, [])])
def test_a_file_that_may_end_where_exports_stop_is_told(
    new_drops: NewDrops, tmp_path: Path, n_rows: int, told: list[str]
) -> None:
    case = Case(csv_of(*(line(f"{n}") for n in range(n_rows - 2))).encode(), "")
    drops = new_drops(case)
    brought = bronze._write(drops.feed, drops.landing, landed(drops, case), tmp_path, PSEUDONYMISER)
    assert list(brought.round_files) == told
    assert refine._round(brought) == [f"a round number of rows, at which exports stop: {each}" for each in told]


SOME, NOTHING = csv_of().encode(), f"{','.join(HEADER)}\n".encode()
EMPTY: dict[str, tuple[dict[str, bytes], dict[str, int], str, list[str]]] = {
    # files of the batch, rows accepted of batches before by day, mode, files that are told
    "after a full one": ({"10": NOTHING}, {"09": 2}, "snapshot", ["10"]),
    "after a full one, two days running": ({"11": NOTHING}, {"09": 2, "10": 0}, "snapshot", ["11"]),
    "after a full one that came with it": ({"09": SOME, "10": NOTHING}, {}, "snapshot", ["10"]),
    "two, around a full one": ({"09": NOTHING, "10": SOME, "11": NOTHING}, {}, "snapshot", ["11"]),
    "in place of a full one of its day": ({"10": NOTHING}, {"10": 2}, "snapshot", ["10"]),
    "the first of all": ({"10": NOTHING}, {}, "snapshot", []),
    "after an empty one": ({"10": NOTHING}, {"09": 0}, "snapshot", []),
    "late, of a day before the first full one": ({"09": NOTHING}, {"10": 2}, "snapshot", []),
    "a full one after an empty one": ({"10": SOME}, {"09": 0}, "snapshot", []),
    "a quiet day of changes": ({"10": NOTHING}, {"09": 2}, "changes", []),
}


@pytest.mark.parametrize(("delivered", "before", "mode", "told"), EMPTY.values(), ids=EMPTY.keys())
def test_a_whole_table_without_a_row_is_told_where_there_were_records(
    new_drops: NewDrops, tmp_path: Path, delivered: dict[str, bytes], before: dict[str, int], mode: str, told: list[str]
) -> None:
    drops = new_drops(Case(b"", ""))
    for day, content in delivered.items():
        drops.deliver(content, f"cases_202602{day}.csv")
    manifest = drops.land()
    assert manifest
    brought = bronze._write(drops.feed, drops.landing, manifest, tmp_path, PSEUDONYMISER)
    assert [name[12:14] for name in brought.empty_files] == [day for day in delivered if delivered[day] == NOTHING]
    taken = [Row(n_accepted=n, delivered_days=[date(2026, 2, int(day))]) for day, n in before.items()]
    snapshots = drops.feed.model_copy(update={"mode": mode})
    found = without_rows(snapshots, manifest, brought.empty_files, taken)
    assert found == {f"cases_202602{day}.csv": date(2026, 2, int(day)) for day in told}


FULL = {  # a sheet of four rows at most: sheets -> whether the last of them was cut off
    "full": ({"1": 3}, True),
    "not full": ({"1": 2}, False),
    "full, and another goes on": ({"1": 3, "2": 1}, False),
    "the one that goes on is full too": ({"1": 3, "2": 3}, True),
}


@pytest.mark.parametrize(("sheets", "is_cut"), FULL.values(), ids=FULL.keys())
def test_a_sheet_that_is_full_to_its_last_row_is_refused(
    new_drops: NewDrops, monkeypatch: pytest.MonkeyPatch, sheets: dict[str, int], is_cut: bool
) -> None:
    monkeypatch.setattr(workbook, "FULL", (4,))
    content = sheets_of({name: [HEADER, *_rows(*"abc"[:n_rows])] for name, n_rows in sheets.items()})
    case = Case(content, "", feed={"format": "xlsx"})
    drops = new_drops(case)
    manifest = landed(drops, case)
    if not is_cut:
        (decoded,) = drops.decode(manifest)
        assert decoded.table.num_rows == sum(sheets.values())
        return
    with pytest.raises(
        ContractBreach, match=r"sheet '\d': expected fewer rows than a sheet can hold, found it full to row 4"
    ):
        drops.decode(manifest)


def test_members_that_are_left_out_are_named(new_drops: NewDrops) -> None:
    case, _, _ = PASSES["a zip made on a Mac"]
    drops = new_drops(case)
    (decoded,) = drops.decode(landed(drops, case))
    assert [(part.what, part.n_rows) for part in decoded.left_out] == [("member '__MACOSX/._cases.csv'", 0)]


UNNAMED = {
    "csv": csv_of(line("good2")).replace("\n", ",1\n").replace("name,1", "name,").encode(),
    "xlsx": sheets_of({"1": [HEADER, *([*cells, "1"] for cells in _rows("a", "b", "c"))]}),
}


@pytest.mark.parametrize("format", UNNAMED)
def test_values_under_no_name_are_reported(new_drops: NewDrops, format: str) -> None:
    """A column without a name is one that the contract does not name."""
    case = Case(UNNAMED[format], "", feed={"format": format})
    drops = new_drops(case)
    (decoded,) = drops.decode(landed(drops, case))
    assert decoded.beyond == ("column 8 (no name)",)
    assert decoded.table.num_rows == 3


def test_landed_bytes_that_changed_are_not_read(new_drops: NewDrops) -> None:
    drops = new_drops(Case(b"", ""))
    manifest = landed(drops, Case(csv_of().encode(), ""))
    drops.landing.path(manifest, manifest.files[0]).write_bytes(csv_of(line("forged")).encode())
    with pytest.raises(ContractBreach, match=r"expected SHA-256 .*, found .*\n  what to do: landing is never edited"):
        drops.decode(manifest)
