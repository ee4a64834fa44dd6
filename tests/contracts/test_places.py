"""Places of a city: every name leads to one county or is known to lead to none, and the totals are those agreed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.contract import city_codes, load_city, read_table
from expectations.located_yaml import ContractError
from expectations.places import AMBIGUOUS, LEVELS, Place, places_of, places_on

pytestmark = pytest.mark.unit
TODAY = date(2026, 11, 30)
COUNTIES = {"230602", "230603", "230604", "230605", "230606", "230621", "230622", "230623", "230624"}
QUALITIES = {"exact", "rounded", "estimate"}


@pytest.mark.parametrize("city_code", city_codes())
def test_every_code_name_and_alias_resolves(city_code: str) -> None:
    """To a county, or to none where the crosswalk says that no county holds the place alone."""
    places = places_on(city_code, TODAY)
    areas = {area["area_code"]: area for area in read_table(city_code, "areas")}
    counties = {code for code, area in areas.items() if area["level"] == "county"}
    for code, area in areas.items():
        if area["level"] != "city":
            county, township, _ = places[code]
            assert county in counties
            assert township == (code if area["level"] == "township" else None)
    for alias in read_table(city_code, "area_aliases"):
        county = places[alias["alias"].lower()].area_code
        assert (county in counties) == bool(alias["area_code"]), alias


CROSSWALK = {
    # what a source writes: county, township
    "230671010": ("230603", "230671010"),  # the high-tech zone by its townships
    "高新区农场": ("230603", "230671580"),
    "230671": (None, None),  # and not by itself
    "高新区": (None, None),
    "让胡路公安分局": ("230604", None),
    "林甸县公安局": ("230623", None),
    "油田分局": (None, None),
    "绿色草原牧场": ("230624", "230624500"),  # farms by the county that they lie in
    "国营苇场": ("230623", "230623580"),
    "杜蒙": ("230624", None),
}


@pytest.mark.parametrize("word", CROSSWALK)
def test_the_crosswalk_of_zones_police_and_farms(word: str) -> None:
    (meaning,) = places_of("daqing")[word]
    assert meaning.place[:2] == CROSSWALK[word]


def counts(**wanted: str) -> dict[tuple[str, str], int]:
    """Counts by (unit, part) of one area and basis."""
    rows = read_table("daqing", "area_counts")
    return {
        (row["unit_code"], row["part_code"]): int(row["n"])
        for row in rows
        if all(row[column] == value for column, value in wanted.items()) and not row["valid_to"]
    }


def test_golden_totals_of_the_city() -> None:
    centre = counts(area_code="230600", basis_code="centre")
    golden = {("county", "all"): 9, ("township", "all"): 110, ("post", "all"): 472}
    golden |= {
        ("grid", "general"): 4_713,
        ("grid", "special"): 1_921,
        ("grid_domain", "all"): 7,
        ("grid_item", "all"): 585,
    }
    assert golden.items() <= centre.items()


def test_golden_totals_of_a_county_and_of_the_zone() -> None:
    dorbod = counts(area_code="230624", basis_code="centre")
    assert [dorbod["grid", f"level_{n}"] for n in (1, 2, 3, 4)] == [11, 83, 366, 1_521]
    assert dorbod["grid", "all"] == 1_981 == sum(n for (unit, part), n in dorbod.items() if part.startswith("level_"))
    assert counts(area_code="230671")["grid", "all"] == 163


def test_the_centre_and_the_national_list_differ_by_farms_and_zones() -> None:
    """The data say it: both lists have the same ordinary townships, and the rest is told apart."""
    listed = [area["area_code"] for area in read_table("daqing", "areas") if area["level"] == "township"]
    is_special = [code[6] in "45" or code.startswith("230671") for code in listed]
    national = counts(area_code="230600", basis_code="national_list")
    centre = counts(area_code="230600", basis_code="centre")
    assert (len(listed), sum(is_special)) == (118, 18)
    for whole in (national, centre):
        assert whole["township", "all"] == whole["township", "ordinary"] + whole["township", "farm_or_zone"]
    assert (national["township", "all"], national["township", "farm_or_zone"]) == (118, 18)
    assert national["township", "all"] - centre["township", "all"] == 8
    of_county = counts(area_code="230624", basis_code="national_list")
    left_out = sum(code.startswith("230624") for code, special in zip(listed, is_special, strict=True) if special)
    assert (of_county["township", "farm_or_zone"], left_out) == (2, 2)
    assert counts(area_code="230624", basis_code="centre")["township", "all"] == of_county["township", "ordinary"] == 11


def test_counts_and_denominators_are_dated_with_their_quality() -> None:
    known = {*places_of("daqing"), "230600"}
    for table in ("area_counts", "denominators"):
        for row in read_table("daqing", table):
            assert row["area_code"] in known
            assert row["quality_code"] in QUALITIES
            assert row["valid_from"]
            assert row["source"]


def test_residents_are_those_of_the_census(shared: Path) -> None:
    """Value and quality of every county against the reference table."""
    lines = (shared / "data" / "daqing" / "counties.csv").read_text(encoding="utf-8").splitlines()
    header, *rows = (line.split(",") for line in lines)
    census = {row[0]: (row[4], row[5].split("_")[0]) for row in rows}
    assert header[4:6] == ["pop_2020_census", "pop_2020_quality"]
    ours = {
        row["area_code"]: row for row in read_table("daqing", "denominators") if row["denominator_code"] == "residents"
    }
    assert {code: (row["value"], row["quality_code"]) for code, row in ours.items()} == census
    assert {row["valid_from"] for row in ours.values()} == {"2020-11-01"}


def test_items_of_the_catalogue_do_not_overlap() -> None:
    spans: dict[str, list[tuple[str, str]]] = {}
    for row in read_table("daqing", "grid_items"):
        spans.setdefault(row["item_code"], []).append((row["valid_from"], row["valid_to"] or "9999-12-31"))
        assert row["item_code"].startswith(row["domain_code"])
    for dated in spans.values():
        assert all(first < last for first, last in dated)
        assert all(a[1] <= b[0] for a, b in zip(sorted(dated), sorted(dated)[1:], strict=False))
    assert any(len(dated) > 1 for dated in spans.values())  # one has changed its name


AREAS = """area_code,level,name_zh,name_en,parent_code,valid_from,valid_to
9,city,城,,,2020-01-01,
91,county,甲县,,9,2020-01-01,
911,township,甲镇,,91,2020-01-01,
9111,grid_2,二级格,,911,2020-01-01,
91111,grid_4,四级格,,9111,2020-01-01,
9119,grid_4,直属格,,91,2020-01-01,
92,county,乙县,,9,2020-01-01,
921,township,甲镇,,92,2020-01-01,
"""


@pytest.fixture
def ragged(root: Path) -> Path:
    """A city whose grids hang at different depths."""
    folder = root / "cities" / "ragged"
    folder.mkdir(parents=True)
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "area_aliases.csv").write_text("alias,area_code,note\n", encoding="utf-8")
    return folder


def test_grids_lead_to_what_they_lie_in_at_any_depth(ragged: Path) -> None:
    places = places_on("ragged", TODAY)
    assert places["91111"] == places["四级格"] == Place("91", "911")
    assert places["9119"] == Place("91", None)  # straight below the county
    assert places["甲镇"] == Place(None, None, AMBIGUOUS)  # the name of two
    assert "城" not in places
    assert len(LEVELS) == 7


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("file", "right", "wrong", "report"),
    [
        ("areas.csv", "grid_2", "grid_9", r"areas\.csv:5: level: expected one of city, .* found 'grid_9'"),
        ("areas.csv", "甲镇,,91,", "甲镇,,99,", r"areas\.csv:4: parent_code: expected an area above a township, found '99'"),
        ("areas.csv", "二级格,,911", "二级格,,9119", r"areas\.csv:5: parent_code: .* above a grid_2, found '9119'"),
        ("area_aliases.csv", "note\n", "note\n西,99,\n", r"area_aliases\.csv:2: area_code: expected a code of areas\.csv"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(ragged: Path, file: str, right: str, wrong: str, report: str) -> None:
    path = ragged / file
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=report):
        places_of("ragged")


def test_a_city_without_counts_and_catalogue_works(ragged: Path) -> None:
    assert read_table("ragged", "area_counts") == read_table("ragged", "grid_items") == []
    load_city.cache_clear()
