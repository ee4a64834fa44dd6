"""The published files on a real file system: whole or not at all, safe to open, honest about themselves."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from expectations.contract import load_kinds
from expectations.models import Text
from spark_jobs.errors import EnvironmentFault
from spark_jobs.release import files
from spark_jobs.release.canonical import document_hash, json_text, sha256
from spark_jobs.release.model import Area, Gate, Release, ReleaseInput
from spark_jobs.release.pages.summary import print_summary
from spark_jobs.release.render import render
from spark_jobs.release.verify import verify
from spark_jobs.released.columns import TABLES
from spark_jobs.settings import REPOSITORY
from tests.release import made_up
from tests.release.conftest import GATES

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
REASON = Text("数据不符合数据契约", "the data break their contract")


def put(folder: Path, release: Release, gates: tuple[Gate, ...] = GATES) -> Path:
    folder.mkdir(exist_ok=True)
    before = files.predecessor(folder, release.release_id)
    written = files.write_release(folder, release.release_id, render(release, before))
    document = files.read_document(written)
    assert document
    files.write_latest(folder, files.latest(release, gates, document))
    return written


def forge(written: Path, document: dict[str, Any]) -> None:
    """release.json as somebody writes it who knows how it is written."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    (written / "release.json").write_text(json_text({**content, "sha256": document_hash(content)}), encoding="utf-8")


def test_the_folder_holds_what_is_documented(release: Release, tmp_path: Path) -> None:
    written = put(tmp_path / "demo", release)
    page = (REPOSITORY / "docs" / "published-files.md").read_text(encoding="utf-8")
    of_a_release = page[page.index("## releases/") : page.index("### movement.csv")]
    named = [name for row in re.findall(r"^\| (`.*?) \|", of_a_release, re.M) for name in re.findall(r"`(.+?)`", row)]
    documented = {name.replace("<area_code>", code) for name in named for code, _, _ in made_up.COUNTIES}
    assert len(documented) > len(TABLES)
    assert {path.name for path in written.iterdir()} == documented
    assert verify(written) == []


def test_a_rate_has_its_unit_beside_it(release: Release) -> None:
    units = {indicator.id: indicator.unit for indicator in release.methodology.indicators}
    found = list(csv.DictReader(io.StringIO(render(release)["indicators.csv"].decode("utf-8-sig"))))
    assert {row["indicator_id"] for row in found} == units.keys()
    for row in found:
        unit = units[row["indicator_id"]]
        assert (row["rate_unit_zh"], row["rate_unit_en"]) == (unit.zh, unit.en)


def test_latest_says_what_is_documented(release: Release, tmp_path: Path) -> None:
    put(tmp_path, release)
    latest = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
    assert (latest["release_id"], latest["period"], latest["as_of"]) == (
        release.release_id,
        "2026-11-22",
        "2026-11-22T17:30:00Z",
    )
    assert (latest["status"], latest["method_version"]) == ("provisional", made_up.METHODOLOGY.version)
    assert latest["stale"] is None
    assert latest["missing_feeds"] == []
    assert [county["area_code"] for county in latest["counties"]] == [code for code, _, _ in made_up.COUNTIES]
    assert latest["counties"][0].keys() >= {"name_zh", "name_en", "index", "lower", "upper", "band", "change"}
    assert latest["city_index"]["index"] == 101.3
    assert set(latest["tables"]) == set(release.tables)


def test_a_missing_feed_and_a_missing_index_are_told(make_release: Make, tmp_path: Path) -> None:
    given = made_up.release_input(grey_domain="disputes", delivered={"disputes": date(2026, 11, 20)})
    put(tmp_path, make_release(given))
    latest = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
    assert [(feed["feed"], feed["since"]) for feed in latest["missing_feeds"]] == [("disputes", "2026-11-21")]
    assert [county["index"] for county in latest["counties"]] == [None] * len(made_up.COUNTIES)
    assert "矛盾纠纷" in latest["counties"][0]["reason_zh"]
    assert latest["counties"][0]["missing_domains"] == ["disputes"]


@pytest.mark.parametrize(
    "name", sorted(table.file for table in TABLES.values()) + ["index.parquet", "bulletin.zh.html"]
)
def test_verify_sees_a_changed_byte(release: Release, tmp_path: Path, name: str) -> None:
    written = put(tmp_path, release)
    content = bytearray((written / name).read_bytes())
    content[-5] ^= 1
    (written / name).write_bytes(bytes(content))
    assert name in {problem.file for problem in verify(written)}


def test_verify_sees_a_figure_forged_together_with_its_hash(release: Release, tmp_path: Path) -> None:
    """Whoever edits index.csv and its file hash in release.json is betrayed by the table hash, then by the id."""
    written = put(tmp_path, release)
    forged = (written / "index.csv").read_text(encoding="utf-8").replace("101.3", "111.3", 1).encode()
    (written / "index.csv").write_bytes(forged)
    document = json.loads((written / "release.json").read_text(encoding="utf-8"))
    document["files"]["index.csv"]["sha256"] = sha256(forged)
    forge(written, document)
    (table,) = verify(written)
    assert table.expected == f"table hash {document['tables']['county_index']['sha256']}"
    document["tables"]["county_index"]["sha256"] = table.found
    forge(written, document)
    assert [problem.expected[:10] for problem in verify(written)] == ["release id"]


@pytest.mark.parametrize("damage", ["missing", "extra", "no release.json", "no folder"])
def test_verify_sees_what_is_not_there(release: Release, tmp_path: Path, damage: str) -> None:
    written = put(tmp_path, release)
    if damage == "missing":
        (written / "flags.csv").unlink()
    elif damage == "extra":
        (written / "notes.txt").write_text("x")
    elif damage == "no release.json":
        (written / "release.json").unlink()
    else:
        written.rename(tmp_path / "elsewhere")
    assert verify(written)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "=cmd|' /C calc'!A0"])
def test_no_text_runs_as_a_formula(make_release: Make, cell: str) -> None:
    given = made_up.release_input()
    flag = given.frames["flag"].assign(detail_zh=cell)
    content = render(make_release(replace(given, frames={**given.frames, "flag": flag})))["flags.csv"]
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["detail_zh"] for row in rows] == [f"'{cell}"] * len(flag)


def test_negative_numbers_stay_numbers(release: Release) -> None:
    changes = release.tables["county_index"]["change_1y"].tolist()
    assert min(changes) < 0  # or this test shows nothing
    content = render(release)["index.csv"].decode("utf-8-sig")
    found = [float(row["change_1y"]) for row in csv.DictReader(io.StringIO(content, newline=""))]
    assert found == changes


def test_csv_opens_in_a_chinese_office(release: Release) -> None:
    content = render(release)["index.csv"]
    assert content.startswith(b"\xef\xbb\xbf")
    assert made_up.COUNTIES[0][1].encode() in content


class Killed(BaseException):
    """As SIGKILL: nothing catches it, nothing is tidied up."""


@pytest.mark.kill
@pytest.mark.parametrize("after", range(0, 14))
def test_killed_at_any_file_and_run_again(
    release: Release, make_release: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Readers see the old release until latest.json moves, and the bytes at the end are those of an undisturbed run."""
    old = make_release(made_up.release_input(seed=11))
    put(tmp_path / "undisturbed", old)
    undisturbed = put(tmp_path / "undisturbed", release)
    disturbed = tmp_path / "disturbed"
    put(disturbed, old)
    written, original = 0, files._write_flushed

    def killing(path: Path, content: bytes) -> None:
        nonlocal written
        if written == after:
            path.write_bytes(content[: len(content) // 2])
            raise Killed
        written += 1
        original(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_flushed", killing)
        try:
            put(disturbed, release)
            was_killed = False
        except Killed:
            was_killed = True
    n_files = len(render(release)) + 1  # and latest.json
    assert was_killed == (after < n_files)
    latest = files.read_latest(disturbed)
    assert latest is not None
    assert latest["release_id"] == (old.release_id if was_killed else release.release_id)
    assert verify(disturbed / latest["folder"]) == []
    put(disturbed, release)
    again = files.release_folder(disturbed, release.release_id)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in undisturbed.iterdir()}
    assert (disturbed / "latest.json").read_bytes() == (tmp_path / "undisturbed" / "latest.json").read_bytes()
    assert not list(disturbed.glob("releases/.*"))


@pytest.mark.parametrize(
    ("failed_day", "expected"),
    [
        (made_up.DAY + timedelta(days=1), "2026-11-23"),
        (made_up.DAY, "2026-11-22"),
        (made_up.DAY - timedelta(days=1), None),
    ],
)
def test_stale_since_the_first_day_that_readers_wait_for(
    release: Release, tmp_path: Path, failed_day: date, expected: str | None
) -> None:
    put(tmp_path, release)
    since = files.stale_since(files.read_latest(tmp_path), failed_day)
    assert (since.isoformat() if since else None) == expected


def test_stale_keeps_its_first_day_and_its_release(release: Release, tmp_path: Path) -> None:
    put(tmp_path, release)
    for days in (1, 2):
        since = files.stale_since(files.read_latest(tmp_path), made_up.DAY + timedelta(days=days))
        assert since
        files.mark_stale(tmp_path, since, REASON)
    latest = files.read_latest(tmp_path)
    assert latest
    assert latest["stale"] == {"since": "2026-11-23", "reason_zh": REASON.zh, "reason_en": REASON.en}
    assert latest["release_id"] == release.release_id


def test_one_publisher_at_a_time(tmp_path: Path) -> None:
    with files.only_publisher(tmp_path / "demo"):
        with (
            pytest.raises(EnvironmentFault, match="another run is publishing demo"),
            files.only_publisher(tmp_path / "demo"),
        ):
            pass
    with files.only_publisher(tmp_path / "demo"):
        pass


def test_what_cannot_be_written_is_one_report(release: Release, tmp_path: Path) -> None:
    (tmp_path / "releases").write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFault, match="cannot write"):
        files.write_release(tmp_path, release.release_id, render(release))


def _printed(folder: Path, city_code: str = "demo") -> str:
    console = Console(width=160, file=io.StringIO(), color_system=None)
    print_summary(folder, city_code, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_summary_prints_the_index_and_where_the_bulletin_is(release: Release, tmp_path: Path) -> None:
    written = put(tmp_path / "demo", release)
    printed = _printed(tmp_path)
    for code, zh, en in made_up.COUNTIES:
        figure = release.tables["county_index"].set_index("area_code").loc[code]
        (line,) = [line for line in printed.splitlines() if zh in line]
        assert en in line
        assert f"{figure['index']:.0f}" in line
        assert f"{math.floor(figure['lower'])}–{math.ceil(figure['upper'])}" in line
        assert "provisional" in line
    assert str(written / "bulletin.zh.html") in printed
    assert "make serve" in printed


def test_summary_says_a_name_in_one_language_once(make_release: Make, tmp_path: Path) -> None:
    one = tuple(Area(a.area_code, a.level_code, Text("", a.name.en)) for a in made_up.areas())
    put(tmp_path / "demo", make_release(made_up.release_input(the_areas=one)))
    printed = _printed(tmp_path)
    assert {en: printed.count(en) for _, _, en in made_up.COUNTIES} == {en: 1 for _, _, en in made_up.COUNTIES}


def test_summary_says_missing_stale_and_no_index(make_release: Make, tmp_path: Path) -> None:
    given = made_up.release_input(grey_domain="disputes", delivered={"disputes": date(2026, 11, 20)})
    put(tmp_path / "demo", make_release(given))
    files.mark_stale(tmp_path / "demo", date(2026, 11, 23), REASON)
    printed = _printed(tmp_path)
    assert printed.count("no index  ") == 1 + len(made_up.COUNTIES)
    assert printed.count("no index less than 65 % of the weight of Disputes is live") == 1  # the reason, once
    assert "missing Feed disputes 数据源disputes since 2026-11-21" in printed
    assert "stale since 2026-11-23: the data break their contract" in printed


def test_a_city_without_a_kind_of_feed_says_so(make_release: Make) -> None:
    given = made_up.release_input(grey_domain="disputes")
    kept = tuple(feed for feed in given.city.feeds if feed.kind != "dispute")
    without = replace(given, city=given.city.model_copy(update={"feeds": kept}))
    name = load_kinds()["dispute"].name
    for release, is_said in ((make_release(given), False), (make_release(without), True)):
        city = release.document["city_index"]
        assert city["reason_zh"].endswith(f"本市没有此类数据源：{name.zh}") is is_said
        assert city["reason_en"].endswith(f"the city has no feed of {name.en}") is is_said


def test_summary_before_the_first_release(tmp_path: Path) -> None:
    assert "nothing has been published yet" in _printed(tmp_path)
