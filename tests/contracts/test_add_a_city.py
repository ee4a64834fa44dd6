"""docs/add-a-city.md is true: its example is run as it stands there, and its tables name every key that there is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from expectations import __main__ as command
from expectations.contract import load_city, load_kinds, read_table
from expectations.corrections import Corrections
from expectations.models import City, Feed
from spark_jobs.feeds.decoding import decode
from spark_jobs.feeds.pseudonym import Pseudonymiser

pytestmark = pytest.mark.unit
PAGE = (Path(__file__).parents[2] / "docs" / "add-a-city.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"\*\*`?([^`*\n]+)`?\*\*\n```\w*\n(.*?)```", PAGE, re.DOTALL))
SAMPLE = "samples/cases_20260131.csv"


@pytest.fixture
def lakeside(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the page in a folder of their own, in which the commands are called."""
    for name, text in BLOCKS.items():
        if "/" in name:
            path = root.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(root.parent)
    return root / "cities" / "lakeside"


def call(monkeypatch: pytest.MonkeyPatch, line: str) -> int:
    """Call a command as the page writes it."""
    assert line in PAGE
    monkeypatch.setattr(sys, "argv", line.split("-m ")[1].split())
    return command.main()


def test_the_draft_is_the_one_that_the_page_shows(
    lakeside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (lakeside / "feeds" / "cases.yml").unlink()
    line = f".venv/pipeline/bin/python -m expectations draft {SAMPLE} --kind case --city lakeside --feed cases"
    assert call(monkeypatch, line) == 0
    assert capsys.readouterr().out == BLOCKS["draft"]


def test_what_a_person_decides_is_what_the_draft_asks(lakeside: Path) -> None:
    """The finished contract maps what the draft has guessed; this draft has no TODO outside comments."""
    finished = load_city("lakeside").feed("cases")
    (lakeside / "feeds" / "cases.yml").write_text(BLOCKS["draft"], encoding="utf-8")
    load_city.cache_clear()
    answered = load_city("lakeside").feed("cases")
    decided_otherwise = {"name", "starts_on"}
    assert answered.model_dump(exclude=decided_otherwise) == finished.model_dump(exclude=decided_otherwise)


def test_the_example_loads_and_its_sample_is_read(
    lakeside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, ".venv/pipeline/bin/python -m expectations check --city lakeside") == 0
    assert capsys.readouterr().out.strip() in PAGE
    feed = load_city("lakeside").feed("cases")
    rows = decode(feed, Path(SAMPLE), Pseudonymiser({"1": "00ff"})).table
    assert rows["案件编号"].to_pylist() == ["A001", "A002", "A003", "A004"]
    assert rows["案件性质"].to_pylist() == ["刑事", "行政", "刑事", "行政"]
    assert "报案人姓名" not in rows.column_names
    words = {area[key] for area in read_table("lakeside", "areas") for key in ("area_code", "name_zh")}
    words |= {alias["alias"] for alias in read_table("lakeside", "area_aliases")}
    assert set(rows["案发区县"].to_pylist()) <= words


def look(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> str:
    """What the command says that looks at data, called as the page writes it."""
    from spark_jobs import command_line

    assert line in PAGE
    monkeypatch.setattr(sys, "argv", line.split("-m ")[1].split())
    capsys.readouterr()
    command_line.app(standalone_mode=False)
    return capsys.readouterr().out


def test_the_walk_from_a_folder_to_a_page(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's own files, drafted, answered as its table says, and checked."""
    monkeypatch.chdir(root.parent)
    for name in filter(lambda name: name.startswith("drops/"), BLOCKS):
        (root.parent / name).parent.mkdir(exist_ok=True)
        (root.parent / name).write_text(BLOCKS[name], encoding="utf-8")
    assert call(monkeypatch, ".venv/pipeline/bin/python -m expectations draft drops --city fairview") == 0
    assert capsys.readouterr().out == BLOCKS["walk: drafted"]
    answers = re.findall(r"^\| `([\w/]+\.\w+)` \| `(.+?)` \| `(.+?)` \|$", PAGE, re.MULTILINE)
    assert answers
    for file, drafted, answered in answers:
        path = root / "cities" / "fairview" / file
        text = path.read_text(encoding="utf-8")
        assert drafted in text
        path.write_text(text.replace(drafted, answered), encoding="utf-8")
    with (root / "cities" / "fairview" / "denominators.csv").open("a", encoding="utf-8") as file:
        file.write(BLOCKS["walk: denominators"])
    assert call(monkeypatch, ".venv/pipeline/bin/python -m expectations check --city fairview") == 0
    told = look(monkeypatch, capsys, ".venv/pipeline/bin/python -m spark_jobs check --city fairview --data drops")
    assert told == BLOCKS["walk: looked at"]


def test_a_table_of_counts_is_drafted_as_the_page_shows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key is made of its properties, and every one of them is read too."""
    monkeypatch.chdir(root.parent)
    table = root.parent / "counts" / "offences_2026-05.csv"
    table.parent.mkdir()
    table.write_text(BLOCKS["counts/offences_2026-05.csv"], encoding="utf-8")
    line = ".venv/pipeline/bin/python -m expectations draft counts --city countstown --kind offences=case"
    assert call(monkeypatch, line) == 0
    drafted = (root / "cities" / "countstown" / "feeds" / "offences.yml").read_text(encoding="utf-8").splitlines()
    assert [line for line in BLOCKS["counts: drafted"].splitlines() if line not in drafted] == []


def test_its_data_are_looked_at_as_the_page_says(
    lakeside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = look(monkeypatch, capsys, ".venv/pipeline/bin/python -m spark_jobs check --city lakeside --data samples")
    assert all(part in PAGE for part in told.splitlines()[:2])
    assert "a4_public_order: too few: 2 rows" in told


def test_the_example_has_its_suite(lakeside: Path) -> None:
    from expectations.suite import suite_of

    city = load_city("lakeside")
    suite = suite_of(city, city.feed("cases"), 4)
    judged = [
        (type(each).__name__, getattr(each, "column", None), getattr(each, "value_set", None))
        for each in suite.expectations
    ]
    assert ("ExpectColumnValuesToBeInSet", "area_code", ["990101", "990102"]) in judged
    assert ("ExpectColumnValuesToNotBeNull", "nature_code", None) in judged


def keys(model: type[BaseModel], above: str = "", skip: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key that a YAML of the model may hold; `*` stands for a key that the author chooses, or a place in a list."""
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        inner = list(models_in((field.annotation, *field.metadata)))
        own = field.annotation is not None and str(field.annotation).startswith(("dict", "tuple"))
        place = f"{above}{field.alias or name}"
        if not inner:
            yield place
        for each in inner:
            yield from keys(each, f"{place}.*." if own else f"{place}.")
        if inner and str(field.annotation).startswith("dict"):
            yield place


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in annotation if isinstance(annotation, tuple) else get_args(annotation):
        yield from models_in(each)


def told(heading: str) -> list[str]:
    """First cells of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(
    ("heading", "model", "skip"),
    [
        ("All keys of a feed", Feed, ("city_code", "corrections")),
        ("Known errors of a source", Corrections, ()),
        ("All keys of a city", City, ("feeds",)),
    ],
)
def test_every_key_is_explained_once(heading: str, model: type[BaseModel], skip: tuple[str, ...]) -> None:
    explained = told(heading)
    assert len(explained) == len(set(explained))
    assert set(explained) == set(keys(model, skip=skip))


def test_every_kind_is_named() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("| `kind` |"))
    assert set(re.findall(r"`([a-z]+)`", line)) >= set(load_kinds())
