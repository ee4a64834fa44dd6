"""A release is withdrawn and corrected: said wherever it is shown, and no byte of its files is another."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.release import files, public_files, serving
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.month_versions import ACCOUNT_FILE
from spark_jobs.release.record import journal, keeping
from spark_jobs.release.record.changes import CHANGES_FILE
from spark_jobs.release.record.notices import notice_file
from spark_jobs.release.record.withdrawal import withdraw
from spark_jobs.released.columns import ACROSS
from tests.release import made_up
from tests.release.record_world import FIRST, Record, night

Make = Callable[[ReleaseInput], Release]
WHY = "侵财案件重复计入，见发布20261121-0123456789。 Property offences were counted twice in 3 counties."
LATER = night(FIRST) + timedelta(days=9)


@pytest.fixture
def record(make_release: Make, tmp_path: Path) -> Record:
    (tmp_path / "published" / "demo").mkdir(parents=True)
    return Record(make_release, tmp_path / "published" / "demo")


def withdrawn(record: Record, release_id: str, mart: str = "", why: str = WHY, by: str = "a statistician") -> str:
    return withdraw(made_up.city(), made_up.METHODOLOGY, record.folder, mart, release_id, why, by, LATER)


def changes(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / CHANGES_FILE).read_text(encoding="utf-8"))["changes"]
    return found


def tree(record: Record) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in record.folder.parents[1].rglob("[!.]*") if path.is_file()}


@pytest.mark.unit
def test_versions_say_what_kind_of_change_it_was(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    day, next_day = FIRST, FIRST + timedelta(days=1)
    record.publish(day, night(day), seed=1)
    record.publish(next_day, night(next_day), seed=2)
    record.publish(day, night(next_day) + timedelta(hours=1), seed=3, is_newest=False)
    other = made_up.METHODOLOGY.model_copy(update={"version": "2099.1"})
    monkeypatch.setattr(made_up, "METHODOLOGY", other)
    record.publish(next_day, night(next_day) + timedelta(hours=2), seed=4)
    found = changes(record.folder)[::-1]
    assert [(each["version"], each["change"]) for each in found] == [
        ("1.0.0", "first"),
        ("1.1.0", "added"),
        ("1.1.1", "revised"),
        ("2.0.0", "method"),
    ]
    assert found[2]["replaces"] == found[0]["release_id"]
    assert found[2]["n_revised"] > 0
    assert found[0]["n_revised"] == 0
    assert all(str(each["n_added"]) in each["said_en"] for each in found)


@pytest.mark.unit
def test_an_older_release_is_withdrawn_and_corrected(record: Record) -> None:
    """Readers follow another release: the journal, the changes and a notice beside the old folder say it."""
    day, next_day = FIRST, FIRST + timedelta(days=1)
    old = record.publish(day, night(day), seed=1)
    record.publish(next_day, night(next_day), seed=2)
    before = tree(record)
    withdrawn(record, old.release_id)
    after = tree(record)
    across = {keeping.VINTAGES_FILE, CHANGES_FILE, journal.JOURNAL_FILE}
    summed = {ACROSS["revisions"].file, ACROSS["revision_triangle"].file}  # empty after a day, and so after two
    assert {p for p in before if after[p] != before[p] and p.name not in summed} == {
        p for p in before if p.name in across
    }
    assert after[record.folder / journal.JOURNAL_FILE].startswith(before[record.folder / journal.JOURNAL_FILE])
    for folder in (record.folder, public_files.public_folder(record.folder)):
        notice = json.loads(notice_file(folder, old.release_id).read_text(encoding="utf-8"))
        assert WHY in notice["said_zh"]
        assert WHY in notice["said_en"]
        assert (
            changes(folder)[0] | {"change": "withdrawn", "reason": WHY, "withdrawn_by": "a statistician"}
            == changes(folder)[0]
        )
    new = record.publish(day, LATER + timedelta(hours=1), seed=5, is_newest=False)
    newest = changes(record.folder)[0]
    assert (newest["change"], newest["release_id"], newest["replaces"]) == ("corrected", new.release_id, old.release_id)
    assert newest["version"] == "1.1.2"


@pytest.mark.unit
def test_a_month_made_from_it_has_the_notice_and_other_months_have_none(record: Record) -> None:
    old, other = (record.publish(FIRST + timedelta(days=n), night(FIRST), seed=n) for n in range(2))
    folders = (record.folder, public_files.public_folder(record.folder))
    for folder in folders:
        for month, release in (("2026-10", old), ("2026-11", other)):
            account = folder / files.MONTHLY / month / ACCOUNT_FILE
            account.parent.mkdir(parents=True)
            account.write_text(json.dumps({"release_id": release.release_id}), encoding="utf-8")
    withdrawn(record, old.release_id)
    for folder in folders:
        (notice,) = (folder / files.MONTHLY).glob("*.withdrawn.json")
        assert notice.name == "2026-10.withdrawn.json"
        assert WHY in json.loads(notice.read_text(encoding="utf-8"))["said_zh"]


@pytest.mark.e2e
def test_the_current_release_is_withdrawn_wherever_readers_look(record: Record, mart: str) -> None:
    release = record.publish(FIRST, night(FIRST))
    serving.write_serving(mart, release)
    folder = files.release_folder(record.folder, release.release_id)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    withdrawn(record, release.release_id, mart)
    for of_tier in (record.folder, public_files.public_folder(record.folder)):
        latest = files.read_latest(of_tier)
        assert latest
        assert WHY in latest["stale"]["reason_zh"]
    with psycopg.connect(mart) as connection:
        said = connection.execute("select is_stale, stale_reason_zh from mart_demo.release_info").fetchone()
    assert said
    assert said[0]
    assert WHY in said[1]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(UsageError, match=r"withdrawn already, at 2026-12-08T18:00:00\+00:00 by a statistician"):
        withdrawn(record, release.release_id, mart)


class Killed(BaseException):
    """As SIGKILL: nothing catches it, nothing is tidied up."""


@pytest.mark.kill
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (journal, "append"),
        (keeping, "keep"),
        (serving, "mark_serving_stale"),
        (public_files, "mark_public_stale"),
    ],
)
def test_killed_on_its_way_and_run_again(
    record: Record, mart: str, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    release = record.publish(FIRST, night(FIRST))
    serving.write_serving(mart, release)
    original = getattr(module, name)

    def dying(*arguments: Any) -> None:
        original(*arguments)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(module, name, dying)
        withdrawn(record, release.release_id, mart)
    withdrawn(record, release.release_id, mart)  # made good, and no fault
    assert [entry.event for entry in journal.read(record.folder)] == ["published", "withdrawn"]
    latest = files.read_latest(record.folder)
    assert latest
    assert WHY in latest["stale"]["reason_en"]
    assert serving.served_release(mart, "demo") == (release.release_id, True)


@pytest.mark.unit
@pytest.mark.parametrize(
    "text",
    ["", "   ", "请致电13912345678", "call 139 1234 5678", "１３９１２３４５６７８", "0459-6123456", "23060219800101123X",
     "230602 19800101 1234", "230602800101123"],
)  # fmt: skip
@pytest.mark.parametrize("option", ["why", "by"])
def test_a_reason_that_nobody_may_read_changes_nothing_and_is_not_repeated(
    record: Record, text: str, option: str
) -> None:
    release = record.publish(FIRST, night(FIRST))
    before = tree(record)
    with pytest.raises(UsageError, match=f"--{option}") as refused:
        withdrawn(record, release.release_id, **{option: text})
    assert not text.strip() or text not in str(refused.value)
    assert tree(record) == before


@pytest.mark.unit
@pytest.mark.parametrize(
    "why",
    [
        "重复计入2026-11-21与2026-11-22的12345条热线",
        "see 20261121-0123456789 and 20261122-9876543210",
        "12345, 1,234,567 rows",
    ],
)
def test_a_reason_may_hold_days_releases_and_counts(record: Record, why: str) -> None:
    old = record.publish(FIRST, night(FIRST))
    record.publish(FIRST + timedelta(days=1), night(FIRST) + timedelta(days=1))
    withdrawn(record, old.release_id, why=why)
    assert changes(record.folder)[0]["reason"] == why


@pytest.mark.unit
def test_an_unknown_release_is_named_beside_those_that_there_are(record: Record) -> None:
    release = record.publish(FIRST, night(FIRST))
    before = tree(record)
    with pytest.raises(UsageError, match=f"no release '20200101-0123456789'.*{release.release_id}"):
        withdrawn(record, "20200101-0123456789")
    assert tree(record) == before
