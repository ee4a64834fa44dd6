"""Drafting a city from a folder: files become feeds, the words of values become codes, and a few answers make it load."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from expectations import __main__ as command
from expectations.contract import load_city, load_kinds, read_table
from expectations.draft import Draft
from expectations.models import FilesSource
from expectations.sample import Sample, read_sample
from expectations.suggest import suggested

pytestmark = pytest.mark.unit
SORTS = ("Larceny Theft", "Assault", "Aggravated Assault", "Lost Property", "Case Closure", "Gambling", "Robbery")
PLACES = ("Mission", "Central", "Bayview", "Out of SF", "")
CANARY = "13900001234"


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        text = "\n".join(json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in rows)
        path.write_text(text, encoding="utf-8")
    else:
        with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as file:  # type: ignore[operator]
            csv.writer(file).writerows([header, *rows])


def crimes(n: int, *, since: int = 0) -> list[list[object]]:
    """Rows of a whole table, the newest first and numbered anew each time; keys lead to one event for ever."""
    return [
        [
            place + 1 if place % 7 else place + 20_000,
            f"row-{number}",
            (date(2022, 1, 1) + timedelta(days=number)).strftime("%Y/%m/%d 10:15:00 AM"),
            f"{number * 37 % 1_000_000:06d}",
            SORTS[number % len(SORTS)],
            PLACES[number % len(PLACES)],
            CANARY,
        ]
        for place, number in enumerate(range(since + n - 1, since - 1, -1))
    ]


CRIMES = ("_id", "Row ID", "Incident Datetime", "CAD Number", "Incident Category", "Police District", "Phone")


def english(data: Path) -> None:
    write(data / "police" / "police_incidents_2025-12-31.csv.gz", CRIMES, crimes(300))
    write(data / "police" / "police_incidents_2026-01-01.csv.gz", CRIMES, crimes(302))
    for day in (1, 2):
        rows = [
            [f"c{day}-{n}", f"2026-01-{day:02d}T08:{n:02d}:00", PLACES[n % 3].upper(), n % 2, "closed"]
            for n in range(40)
        ]
        header = ("case_id", "collision_datetime", "police_district", "number_killed", "status")
        write(data / f"collisions_202601{day:02d}.csv", header, rows)
    (data / "README.txt").write_text("What is here.\n", encoding="utf-8")
    (data / "map.pdf").write_bytes(b"%PDF")


def chinese(data: Path) -> None:
    sorts, places = ("盗窃案", "寻衅滋事", "故意杀人", "失物招领"), ("北岸区", "南岸区")
    rows = [
        [f"A{n:04d}", f"2026-01-{n % 28 + 1:02d} 08:30:00", sorts[n % 4], places[n % 2], "王小明"] for n in range(80)
    ]
    write(data / "案件20260131.jsonl", ("案件编号", "发案时间", "罪名", "区县", "报案人姓名"), rows)


def one_feed(data: Path) -> None:
    rows = [[f"F{n}", f"2025-{n % 12 + 1:02d}-11", f"{n % 4 + 1}.0", "closed"] for n in range(60)]
    write(data / "fires.csv", ("call_no", "alarm", "council_district", "status"), rows)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["expectations", *map(str, arguments)])
    return command.main()


# city -> raw folder, what a person answers (the line as drafted -> as decided), rows of denominators that a person adds
CITIES: dict[str, tuple[Callable[[Path], None], dict[str, dict[str, str]], list[str]]] = {
    "san_francisco": (
        english,
        {"city.yml": {"time_zone: TODO": "time_zone: America/Los_Angeles"}},
        [f"{area},{of},2000-01-01,,1000,estimate,census" for area in ("mission", "central", "bayview")
         for of in ("population_at_risk", "vehicles_10k")],
    ),
    "lakeside": (
        chinese,
        {"city.yml": {"{en: Lakeside}": "{zh: 湖滨市, en: Lakeside}"}},
        [f"lakeside_0{n},population_at_risk,2000-01-01,,1000,estimate,census" for n in (1, 2)],
    ),
    "firetown": (
        one_feed,
        {
            "city.yml": {"time_zone: TODO": "time_zone: America/New_York"},
            "feeds/fires.yml": {"delivered_on: TODO": "delivered_on: 2025-12-31"},
            "areas.csv": {f"\n{n},county,,": f"\n{n},county,,District {n}" for n in (1, 2, 3, 4)},
        },
        [f"{n},residents,2000-01-01,,1000,estimate,census" for n in (1, 2, 3, 4)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("city", CITIES)
def test_a_folder_becomes_a_city_that_loads_after_a_few_answers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], city: str
) -> None:
    make, answers, populations = CITIES[city]
    make(tmp_path / "data")
    assert call(monkeypatch, "draft", tmp_path / "data", "--city", city) == 0
    told, folder = capsys.readouterr().out, root / "cities" / city
    for file, decided in answers.items():
        text = (folder / file).read_text(encoding="utf-8")
        for question, answer in decided.items():
            assert question in text
            text = text.replace(question, answer)
        (folder / file).write_text(text, encoding="utf-8")
    assert sum(map(len, answers.values())) + len(populations) <= 15
    assert f"lacks {populations[0].split(',')[1]} of all" in told
    assert call(monkeypatch, "check", "--city", city) == 2, "no population yet"
    with (folder / "denominators.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(populations) + "\n")
    capsys.readouterr()
    assert call(monkeypatch, "check", "--city", city) == 0, capsys.readouterr().err
    drafts = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yml")))
    assert CANARY not in drafts and "王小明" not in drafts


@pytest.fixture
def san_francisco(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    english(tmp_path / "data")
    assert call(monkeypatch, "draft", tmp_path / "data", "--city", "san_francisco") == 0
    path = root / "cities" / "san_francisco" / "city.yml"
    path.write_text(path.read_text().replace("time_zone: TODO", "time_zone: America/Los_Angeles"))
    return path.parent


def test_files_of_one_name_are_a_feed_and_two_that_share_their_records_a_snapshot(san_francisco: Path) -> None:
    city = load_city("san_francisco")
    assert {feed.feed_code: (feed.kind, feed.mode) for feed in city.feeds} == {
        "police_incidents": ("case", "snapshot"),
        "collisions": ("incident", "changes"),
    }
    police, collisions = city.feed("police_incidents"), city.feed("collisions")
    assert police.record_id == ("Row ID",), "not the number that each file gives anew"
    assert isinstance(police.source, FilesSource)
    assert police.source.pattern == "police/police_incidents_*.csv.gz"
    assert police.known_at.column is None
    assert collisions.columns["family_code"].constant == "traffic"
    assert str(city.base_period.last_day) == "2025-12-31", "of the last whole year"


def test_words_of_values_become_codes_and_no_events_go_away(san_francisco: Path) -> None:
    police = load_city("san_francisco").feed("police_incidents")
    assert police.columns["offence_code"].values == {
        "Larceny Theft": "theft_fraud",
        "Assault": "wounding_minor",
        "Aggravated Assault": "wounding_serious",
        "Gambling": "gambling",
        "Robbery": "robbery_rape",
    }
    assert (police.columns["nature_code"].values or {})["Gambling"] == "public_order"
    assert police.deleted is not None
    assert set(police.deleted.values) == {"Lost Property", "Case Closure"}
    assert "case_code" not in police.columns, "a category in words is no code of six digits"
    assert police.supports == ("a1_violent_crime", "a2_property_crime", "a4_public_order")
    assert police.outside_area == ("Out of SF",)
    text = (san_francisco / "feeds" / "police_incidents.yml").read_text(encoding="utf-8")
    assert "# not a3_telecom_fraud: it needs is_telecom_fraud or offence_code (telecom_fraud)" in text
    areas = {row["area_code"]: row["name_en"] for row in read_table("san_francisco", "areas")}
    assert areas == {"san_francisco": "San Francisco", "mission": "Mission", "central": "Central", "bayview": "Bayview"}


def test_what_is_there_is_kept_and_what_cannot_be_read_is_told(
    san_francisco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in san_francisco.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert call(monkeypatch, "draft", tmp_path / "data", "--city", "san_francisco") == 0
    told = capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before
    assert told.count("kept as it is") == 4
    assert "left out: " in told and "map.pdf: expected a name that ends in" in told


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--city", "san_francisco", "--feed", "x"), "expected with a file only"),
        (("--city", "San Francisco"), "--city: expected a letter"),
        (("--city", "x", "--kind", "case"), "expected FEED=KIND"),
        (("--city", "x", "--kind", "a=cases"), "expected one of case, "),
        (("--city", "x"), "expected files that can be read and whose kind is known, found none"),
    ],
)
def test_wrong_options_with_a_folder_get_one_line(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    assert call(monkeypatch, "draft", tmp_path / "empty", *options) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
    assert not list((root / "cities").iterdir())


def test_a_kind_that_no_name_tells_is_asked_for(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "data" / "table.csv", ("key", "when"), [[f"k{n}", f"2026-01-{n:02d}"] for n in range(1, 20)])
    assert call(monkeypatch, "draft", tmp_path / "data", "--city", "x") == 2
    told = capsys.readouterr()
    assert "table.csv: which kind of record? Say it: --kind table=case|" in told.out
    assert call(monkeypatch, "draft", tmp_path / "data", "--city", "x", "--kind", "table=dispute") == 0
    assert (root / "cities" / "x" / "feeds" / "table.yml").is_file()


@pytest.mark.parametrize(
    ("kind", "column", "words"),
    [
        ("case", "offence_code", {"MOTOR VEHICLE THEFT": "theft_fraud", "盗窃": "theft_fraud", "Theftless": None}),
        ("case", "offence_code", {"AGG-ASSAULT": "wounding_serious", "Lost Property": "deleted", "失物": "deleted"}),
        (
            "hotline",
            "satisfaction_code",
            {"不满意": "dissatisfied", "满意": "satisfied", "Not Satisfied": "dissatisfied"},
        ),
        ("hotline", "status_code", {"未办结": "open", "已办结": "closed", "InProgress": "open"}),
        ("incident", "family_code", {"Traffic Collisions": "traffic", "火警": "fire", "campfires": None}),
    ],
)
def test_the_longest_word_decides(kind: str, column: str, words: dict[str, str | None]) -> None:
    assert {value: suggested(kind, column, value) for value in words} == words


def test_every_word_leads_to_a_code_that_there_is() -> None:
    from expectations.suggest import WORDS

    with WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = load_kinds()
    for row in rows:
        if row["kind"] != "*" and row["column"] != "kind":
            assert row["code"] in (*kinds[row["kind"]].columns[row["column"]].codes, "deleted"), row
        assert row["code"] in kinds or row["column"] != "kind", row
    assert len({(row["kind"], row["column"], row["word"]) for row in rows}) == len(rows)


@pytest.mark.parametrize(("width", "is_code"), [(6, True), (8, True), (5, True), (3, False), (10, False)])
def test_only_digits_of_its_widths_are_a_code_of_the_kind(width: int, is_code: bool) -> None:
    import pandas as pd

    rows = pd.DataFrame({"id": [f"a{n}" for n in range(9)], "案件类别代码": [f"{n + 1}" * width for n in range(9)]})
    draft = Draft(Sample(Path("x.csv"), "csv", rows, 9), load_kinds()["case"], "nowhere", "x")
    assert ("case_code" in draft.columns) is is_code


def test_columns_that_are_wanted_are_read_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CRIMES, crimes(30))
    assert list(read_sample(tmp_path / "a.csv", columns=("Row ID",)).rows) == ["Row ID"]
