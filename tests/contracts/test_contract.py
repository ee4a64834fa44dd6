"""Contracts: what is declared is usable, and what is wrong is answered with file, line, expected, found."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from expectations import contract
from expectations.contract import City, Feed, load_cities, load_city, load_kinds, read_table
from expectations.located_yaml import ContractError, load

pytestmark = pytest.mark.unit
REPOSITORY = Path(__file__).parents[2]
FEEDS = sorted((contract.ROOT / "cities").glob("*/feeds/*.yml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "feed.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: f"{path.parts[-3]}.{path.stem}")
def test_every_feed_loads_under_its_own_name(path: Path) -> None:
    city = load_city(path.parts[-3])
    assert city.feed(path.stem).kind in load_kinds()


def test_every_personal_source_column_ends_at_the_door() -> None:
    """A column that a contract calls personal is dropped, or used for a pseudonym and nothing else."""
    for city in load_cities():
        for feed in city.feeds:
            kind = load_kinds()[feed.kind]
            personal = {name for name, privacy in feed.dropped.items() if privacy == "personal"}
            for name, column in feed.columns.items():
                if kind.columns[name].type != "pseudonym":
                    assert not personal & set(column.source), f"{feed.code}.{name}"
            assert not personal & {*feed.record_id, *feed.area}


def test_counties_and_townships_of_the_first_city() -> None:
    areas = read_table("daqing", "areas")
    levels = [area["level"] for area in areas]
    assert (levels.count("city"), levels.count("county"), levels.count("township")) == (1, 9, 118)
    counties = {area["area_code"] for area in areas if area["level"] == "county"}
    assert {area["parent_code"] for area in areas if area["level"] == "township"} == counties


def test_denominators_add_up_to_the_census() -> None:
    rows = read_table("daqing", "denominators")
    residents = sum(int(row["value"]) for row in rows if row["measure"] == "residents")
    assert residents == 2_781_562  # census of 2020-11-01, whole city


def test_cut_off_is_half_past_one_at_the_city() -> None:
    assert load_city("daqing").as_of(date(2026, 11, 22)).isoformat() == "2026-11-22T17:30:00+00:00"


def test_no_code_names_a_city() -> None:
    names = {code for city in load_cities() for code in (city.city_code, city.name.zh.removesuffix("市"))}
    folders = ("expectations", "spark_jobs", "dags", "dbt", "superset", "stack", "bench")
    code = [
        path
        for folder in folders
        for pattern in ("*.py", "*.sql")
        for path in (REPOSITORY / folder).rglob(pattern)
        if "cities" not in path.parts
    ]
    assert len(code) > 100
    found = [
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in code
        for name in names
        if re.search(rf"\b{name}\b", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]
    assert not found


WRONG = {
    "unknown field": ("feed: x\nkind: case\ncolour: red\n", 3, "Extra inputs are not permitted"),
    "key twice": ("feed: x\nkind: case\nfeed: y\n", 3, "given twice"),
    "not a mapping": ("- feed\n", 1, "expected a mapping"),
    "no YAML": ("feed: [x\n", 2, "expected YAML"),
    "wrong type": ("feed: x\nstarts_on: soon\n", 2, "date"),
    "missing field": ("feed: x\n", 1, "Field required"),
    "two origins": ("feed: x\ncolumns:\n  n_deaths: {from: a, constant: 1}\n", 3, "either `from` or `constant`"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("text", "line", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_contract_is_answered_with_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ContractError) as error:
        load(path, Feed, {"city_code": "somewhere"})
    answers = [answer for answer in str(error.value).splitlines() if message in answer]
    assert answers, str(error.value)
    assert any(answer.startswith(f"{path}:{line}:") for answer in answers), answers


@pytest.mark.bad_input
def test_a_missing_city_names_those_that_exist() -> None:
    with pytest.raises(ContractError, match="the cities are: .*daqing"):
        load_city("atlantis")


@pytest.mark.bad_input
def test_a_city_is_nightly_or_an_archive() -> None:
    city = load_city("daqing").model_dump(by_alias=True)
    with pytest.raises(ValueError, match="either `publication`"):
        City.model_validate({**city, "feeds": (), "publication": None})
