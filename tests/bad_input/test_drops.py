"""What happens in a drop folder: half-written files, checksums, repeated deliveries, names and links."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.models import FilesSource, Known
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.feeds.sources import folder
from spark_jobs.feeds.sources.files import delivered_on
from tests.bad_input.cases import GOOD, HEADER, csv_of, feed, line, lines_of, sheets_of, zip_of
from tests.bad_input.test_files import Drops

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
ANY_NAME = FilesSource(type="files", connection="x", pattern="*", format="csv", delivered=r"cases_(.*)\.csv")
CONTENT = csv_of(line("good2")).encode()
HEADER_ONLY = csv_of().split("\n")[0].encode() + b"\n"


@pytest.fixture
def drops(tmp_path: Path) -> Drops:
    return Drops(feed(), tmp_path / "drops")


@dataclass(frozen=True)
class Refused:
    """What lies in the folder, what the report says, and the exit code: 4 not delivered, 5 not as agreed."""

    lay: Callable[[Drops], object]
    report: str
    exit_code: int


def _checksum(drops: Drops) -> None:
    drops.deliver(CONTENT)
    drops.deliver(b"0" * 64 + b"  cases_20260210.csv\n", "cases_20260210.csv.sha256")


def _link(drops: Drops) -> None:
    secret = drops.folder.parent / "secret"
    secret.write_text("personal")
    (drops.folder / "cases_20260210.csv").symlink_to(secret)


def _linked_folder(drops: Drops) -> None:
    outside = drops.folder.parent / "outside"
    outside.mkdir()
    (outside / "cases_20260210.csv").write_bytes(CONTENT)
    (drops.folder / "cases_north").symlink_to(outside)


REFUSED = {
    "a file that its checksum contradicts": Refused(_checksum, "the transfer is not complete", 4),
    "a folder that is gone": Refused(lambda drops: drops.folder.rmdir(), "is not there", 4),
    "a link in the folder": Refused(_link, "found a link", 5),
    "a linked folder in the folder": Refused(_linked_folder, "found a link", 5),
    "a name without a day": Refused(lambda drops: drops.deliver(CONTENT, "cases_final.csv"), "expected a name like", 5),
    "a name with an impossible day": Refused(
        lambda drops: drops.deliver(CONTENT, "cases_20260231.csv"), "expected a name like", 5
    ),
    "a name with line breaks": Refused(
        lambda drops: drops.deliver(CONTENT, "cases_20260210.c\nsv"), "unprintable characters", 5
    ),
    "a name that is no text": Refused(
        lambda drops: drops.deliver(CONTENT, "cases_20260210.\udcff"), "unprintable characters", 5
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_drop_that_cannot_be_trusted_is_refused_whole(drops: Drops, case: Refused) -> None:
    case.lay(drops)
    with pytest.raises((SourceUnavailable, ContractBreach), match=case.report) as refusal:
        drops.land()
    assert refusal.value.exit_code == case.exit_code
    assert drops.landing.manifests() == []  # nothing half, and nothing taken that would not be taken again
    assert list(drops.landing.folder.glob("*")) == []
    for path in drops.folder.glob("*"):
        path.unlink()
    drops.folder.mkdir(exist_ok=True)
    drops.deliver(CONTENT, "cases_20260211.csv")
    manifest = drops.land()
    assert manifest
    assert drops.decode(manifest)[0].table.num_rows == 3


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("20260210", "2026-02-10"), ("2026-02-10", "2026-02-10"), ("2026_0210", "2026-02-10"), ("202602", "2026-02-28"),
        ("2026-02", "2026-02-28"), ("2026", "2026-12-31"), ("2026-1-15", "2026-01-15"), ("2026-1-1", "2026-01-01"),
        ("2026-11-5", "2026-11-05"), ("2026.1.15", "2026-01-15"), ("2026-2", "2026-02-28"),
        ("2026年1月15日", "2026-01-15"), ("2026年11月5日", "2026-11-05"), ("2026年1月", "2026-01-31"),
        ("２０２６年１月１５日", "2026-01-15"), ("2026年01月15日", "2026-01-15"), ("2026年", "2026-12-31"),
    ],
)  # fmt: skip
def test_a_name_says_the_last_day_that_its_file_covers(name: str, last: str) -> None:
    assert str(delivered_on(ANY_NAME, f"cases_{name}.csv")) == last


@pytest.mark.parametrize(
    "name",
    [
        "2026115", "20261", "2026-115", "260115", "26-01-05", "15-01-2026", "15012026", "2026-13-01", "2026-02-30",
        "2026-W05", "2026Q1", "年2026", "20260115a", "二〇二六年一月", "1月15日", "9999-12-31", "", "2026--1-15",
    ],
)  # fmt: skip
def test_a_name_that_may_mean_another_day_is_refused(name: str) -> None:
    with pytest.raises(ContractBreach, match=r"expected a name like 'cases_\(\.\*\)"):
        delivered_on(ANY_NAME, f"cases_{name}.csv")


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_run(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drops.deliver(CONTENT[:100])

    def look_and_be_overtaken(looked_at: Path) -> str:
        digest = hashlib.sha256(looked_at.read_bytes()).hexdigest()
        if looked_at == path:
            path.write_bytes(CONTENT)  # the source writes on between our first look and our copy
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(folder, "file_sha256", look_and_be_overtaken)
        with pytest.raises(SourceUnavailable, match="changed while it was read: it is still being written") as refusal:
            drops.land()
    assert refusal.value.exit_code == 4
    assert drops.landing.manifests() == []
    manifest = drops.land()
    assert manifest
    assert drops.landing.path(manifest, manifest.files[0]).read_bytes() == CONTENT


def test_a_checksum_that_agrees_lets_the_file_through(drops: Drops) -> None:
    drops.deliver(CONTENT)
    drops.deliver(hashlib.sha256(CONTENT).hexdigest().upper().encode(), "cases_20260210.csv.sha256")
    manifest = drops.land()
    assert manifest
    assert [file.name for file in manifest.files] == ["cases_20260210.csv"]


def _taken(drops: Drops) -> list[tuple[str, str]]:
    return sorted((f.name, re.sub("-", "", f"{f.delivered_on}")) for m in drops.landing.manifests() for f in m.files)


AGAIN = {
    # name: (first delivery, second delivery, files landed in the end)
    "the same bytes under another name": (
        {"cases_20260210.csv": CONTENT}, {"cases_20260211.csv": CONTENT}, [("cases_20260210.csv", "20260210")],
    ),
    "the same bytes twice at once": (
        {"cases_20260210.csv": CONTENT, "cases_20260211.csv": CONTENT}, {}, [("cases_20260210.csv", "20260210")],
    ),
    "other bytes under the same name": (
        {"cases_20260210.csv": CONTENT}, {"cases_20260210.csv": csv_of().encode()},
        [("cases_20260210.csv", "20260210"), ("cases_20260210.csv", "20260210")],
    ),
    "a late file of an earlier day": (
        {"cases_20260210.csv": CONTENT}, {"cases_20260201.csv": csv_of().encode()},
        [("cases_20260201.csv", "20260201"), ("cases_20260210.csv", "20260210")],
    ),
    "a header alone on two quiet days": (
        {"cases_20260210.csv": HEADER_ONLY}, {"cases_20260211.csv": HEADER_ONLY},
        [("cases_20260210.csv", "20260210"), ("cases_20260211.csv", "20260211")],
    ),
    "the same name in two folders": (
        {"north/cases_20260210.csv": CONTENT, "south/cases_20260210.csv": csv_of().encode()}, {},
        [("north__cases_20260210.csv", "20260210"), ("south__cases_20260210.csv", "20260210")],
    ),
    "a file of a day that has not come": (
        {"cases_20260210.csv": CONTENT, "cases_20991231.csv": csv_of().encode()}, {},
        [("cases_20260210.csv", "20260210")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "taken"), AGAIN.values(), ids=AGAIN.keys())
def test_deliveries_that_repeat_themselves(
    drops: Drops, first: dict[str, bytes], second: dict[str, bytes], taken: list[tuple[str, str]]
) -> None:
    for delivery in (first, second):
        for name, content in delivery.items():
            drops.deliver(content, name)
        drops.land()
    assert _taken(drops) == taken
    assert drops.land() is None


def _parquet(*rows: dict[str, str]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({name: pa.array([each[name] for each in rows], pa.string()) for name in HEADER}), content)
    return content.getvalue()


def _workbook(*rows: dict[str, str]) -> bytes:
    return sheets_of({"cases": [HEADER, *(list(each.values()) for each in rows)]})


# format: (a file of a day without records, one of a day with some)
QUIET = {
    "gzip": ("csv", gzip.compress(HEADER_ONLY, mtime=0), gzip.compress(CONTENT, mtime=0)),
    "zip": ("csv", zip_of({"a.csv": HEADER_ONLY}), zip_of({"a.csv": CONTENT})),
    "a zip of two": ("csv", zip_of({"a.csv": HEADER_ONLY, "b.csv": HEADER_ONLY}), zip_of({"a.csv": HEADER_ONLY, "b.csv": CONTENT})),
    "Excel": ("xlsx", _workbook(), _workbook(*GOOD)),
    "Parquet": ("parquet", _parquet(), _parquet(*GOOD)),
    "JSON Lines": ("jsonl", b"\n", lines_of()),
}  # fmt: skip


@pytest.mark.parametrize(("written", "quiet", "filled"), QUIET.values(), ids=QUIET.keys())
def test_a_quiet_day_is_a_delivery_in_whatever_format(drops: Drops, written: str, quiet: bytes, filled: bytes) -> None:
    """The same bytes with rows in them are no delivery of another day: an export that stands still proves nothing."""
    drops.feed = feed(format=written)
    for day, content in ((10, quiet), (11, quiet), (12, filled), (13, filled)):
        drops.deliver(content, f"cases_202602{day}.{written}")
        drops.land()
    assert [day for _, day in _taken(drops)] == ["20260210", "20260211", "20260212"]
    assert drops.land() is None


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "packed"])
def test_a_whole_table_that_did_not_change_is_a_delivery_of_its_day(drops: Drops, content: bytes) -> None:
    """Of each day once, whatever else it is called on that day."""
    drops.feed = drops.feed.model_copy(update={"mode": "snapshot", "known_at": Known()})
    days = ["20260210", "20260211", "20260212"]
    for day in days:
        drops.deliver(content, f"cases_{day}.csv")
        manifest = drops.land()
        assert manifest and f"{manifest.window_to:%Y%m%d}" == day
        drops.deliver(content, f"again/cases_{day}.csv")
        assert drops.land() is None
    assert _taken(drops) == [(f"cases_{day}.csv", day) for day in days]
