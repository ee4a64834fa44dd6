"""Dated tables of a city: one half-open range everywhere, and places as they were on the day of an event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.contract import CITY_TABLES, FORMER_NAMES, OPTIONAL_COLUMNS, read_table
from expectations.dated import FIGURES, KEYS, holds
from expectations.located_yaml import ContractError
from expectations.places import AMBIGUOUS, OF_ANOTHER_DAY, Place, places_of, places_on, successors

pytestmark = pytest.mark.unit
NEW_YEAR = date(2026, 1, 1)
EVE, LATER = NEW_YEAR - timedelta(days=1), date(2026, 1, 31)
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(DAYS, st.sets(DAYS, min_size=1, max_size=6))
def test_of_rows_that_follow_each_other_exactly_one_holds(day: date, changes: set[date]) -> None:
    ends = [None, *sorted(changes), None]
    assert [holds(day, *ends[n : n + 2]) for n in range(len(ends) - 1)].count(True) == 1


def test_a_row_holds_from_its_first_day_until_the_day_before_its_end() -> None:
    assert [holds(day, NEW_YEAR, LATER) for day in (EVE, NEW_YEAR, LATER - timedelta(days=1), LATER)] == [
        False, True, True, False
    ]  # fmt: skip


def _write(folder: Path, table: str, *ranges: tuple[str, str]) -> None:
    """Rows of one thing, with these ranges."""
    columns = [*CITY_TABLES[table], *OPTIONAL_COLUMNS.get(table, ())]
    lines = [",".join(columns)]
    for first, end in ranges:
        lines.append(",".join({"valid_from": first, "valid_to": end}.get(column, "1") for column in columns))
    (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


WRONG_RANGES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "overlap": (
        (("2020-01-01", "2026-01-02"), ("2026-01-01", "")),
        ":3: valid_from: expected a day from 2026-01-02 on",
    ),
    "overlap, out of order": ((("2026-01-01", ""), ("2020-01-01", "")), ":2: valid_from: expected a day from the end"),
    "the last day for the end": (
        (("2020-01-01", "2025-12-31"), ("2026-01-01", "")),
        ":3: valid_from: expected 2025-12-31, .*valid_to is the first day on which a row no longer holds",
    ),
    "an end before the beginning": ((("2026-01-01", "2025-12-31"),), ":2: valid_to: expected a day after 2026-01-01"),
    "no day at all": ((("2026-01-01", "2026-01-01"),), ":2: valid_to: expected a day after 2026-01-01"),
    "a day that is none": ((("2026-02-30", ""),), r":2: valid_from: expected a day such as .*, found '2026-02-30'"),
    "a compact day": ((("2026-01-01", "20270101"),), r":2: valid_to: expected a day such as .*, found '20270101'"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("table", KEYS)
@pytest.mark.parametrize(("ranges", "report"), WRONG_RANGES.values(), ids=WRONG_RANGES)
def test_a_wrong_range_is_named_in_every_table(
    root: Path, table: str, ranges: tuple[tuple[str, str], ...], report: str
) -> None:
    folder = root / "cities" / "dated"
    folder.mkdir()
    _write(folder, table, *ranges)
    with pytest.raises(ContractError, match=rf"{table}\.csv{report}"):
        read_table("dated", table)


@pytest.mark.bad_input
@pytest.mark.parametrize("table", KEYS)
def test_what_an_area_has_on_every_day_has_no_gap(root: Path, table: str) -> None:
    """A name or an item may come back after years; a figure that is known before and after is known between."""
    folder = root / "cities" / "dated"
    folder.mkdir()
    _write(folder, table, ("2020-01-01", "2022-01-01"), ("2026-01-01", ""))
    if table not in FIGURES:
        assert len(read_table("dated", table)) == 2
        return
    with pytest.raises(ContractError, match=rf"{table}\.csv:3: valid_from: expected 2022-01-01"):
        read_table("dated", table)


@pytest.mark.parametrize("table", KEYS)
def test_ranges_that_follow_each_other_are_read(root: Path, table: str) -> None:
    folder = root / "cities" / "dated"
    folder.mkdir()
    _write(folder, table, ("2026-01-01", ""), ("2020-01-01", "2026-01-01"))
    assert len(read_table("dated", table)) == 2


def test_every_table_with_ranges_is_known_as_dated() -> None:
    assert set(KEYS) == {
        t for t, columns in CITY_TABLES.items() if "valid_to" in (*columns, *OPTIONAL_COLUMNS.get(t, ()))
    }


@pytest.fixture
def place_on(root: Path) -> Callable[..., Place | None]:
    """What a word means on a day in a city of these counties and aliases, both ways in which it can be asked."""
    folder = root / "cities" / "dated"
    folder.mkdir()

    def asked(word: str, day: date, areas: str, aliases: str) -> Place | None:
        (folder / "areas.csv").write_text(AREAS + areas, encoding="utf-8")
        (folder / "area_aliases.csv").write_text(
            "alias,area_code,note,valid_from,valid_to\n" + aliases, encoding="utf-8"
        )
        of_day = places_on("dated", day).get(word)
        of_range = [m.place for m in places_of("dated").get(word, ()) if holds(day, m.valid_from, m.valid_to)]
        assert of_range == ([of_day] if of_day else [])
        return of_day

    return asked


AREAS = """area_code,level,name_zh,name_en,parent_code,valid_from,valid_to
99,city,试城,Trial,,2000-01-01,
9901,county,东县,East,99,2000-01-01,
990101,township,东镇,,9901,2000-01-01,
"""
SOUTH = "9903,county,南县,South,99,2000-01-01,2026-01-01\n"
TO_EAST = "9903,9901,merged,,\n"
MERGED = (SOUTH, TO_EAST)
LOST = (SOUTH, "")
RECODED = (SOUTH + "9913,county,南县,South,99,2026-01-01,\n", "")
RENAMED = (
    "9903,county,南县,South,99,2000-01-01,2026-01-01\n9903,county,南区,South,99,2026-01-01,\n", ""
)  # fmt: skip
MOVED = (
    "9902,county,西县,West,99,2000-01-01,\n"
    "990109,township,新镇,,9901,2000-01-01,2026-01-01\n990109,township,新镇,,9902,2026-01-01,\n", "",
)  # fmt: skip
WITH_PARTS = (SOUTH + "990301,township,南镇,,9903,2000-01-01,\n", TO_EAST)
JOINED = (
    SOUTH + "9904,county,北县,North,99,2000-01-01,2026-01-01\n9920,county,新区,New,99,2026-01-01,\n",
    "9903,9920,joined,,\n9904,9920,joined,,\n",
)
SPLIT = (
    SOUTH + "9921,county,南东区,,99,2026-01-01,\n9922,county,南西区,,99,2026-01-01,\n", ""
)  # fmt: skip
BY_DAY: dict[str, tuple[tuple[str, str], str, Place | None, Place | None]] = {
    # name: city, word, what it means on the last day of the old year, what a month later
    "a merged county's code": (MERGED, "9903", Place("9903", None), Place("9901", None)),
    "a merged county's name": (MERGED, "南县", Place("9903", None), Place("9901", None)),
    "the county that took it in": (MERGED, "9901", Place("9901", None), Place("9901", None)),
    "a township of a merged county": (WITH_PARTS, "南镇", Place("9903", "990301"), Place("9901", "990301")),
    "a county that is no more, with no word of where it went": (
        LOST, "9903", Place("9903", None), Place(None, None, OF_ANOTHER_DAY)
    ),
    "the name of two counties, one after the other": (RECODED, "南县", Place("9903", None), Place("9913", None)),
    "a new code in a history that the source rewrote": (RECODED, "9913", Place("9903", None), Place("9913", None)),
    "an old code that the source still writes": (RECODED, "9903", Place("9903", None), Place("9913", None)),
    "an old name": (RENAMED, "南县", Place("9903", None), Place("9903", None)),
    "a new name in an old record": (RENAMED, "南区", Place("9903", None), Place("9903", None)),
    "a township that moved to another county": (MOVED, "新镇", Place("9901", "990109"), Place("9902", "990109")),
    "a county made of two, in a record from before": (JOINED, "新区", Place("9920", None), Place("9920", None)),
    "one of the two": (JOINED, "北县", Place("9904", None), Place("9920", None)),
    "a county that was split, which part is not known": (
        SPLIT, "南县", Place("9903", None), Place(None, None, OF_ANOTHER_DAY)
    ),
    "a part before it was one": (SPLIT, "9921", Place(None, None, OF_ANOTHER_DAY), Place("9921", None)),
    "an alias with days": (
        ("", "东,9901,short,2026-01-01,\n"), "东", None, Place("9901", None)
    ),
    "an alias that changes": (
        ("9902,county,西县,West,99,2000-01-01,\n", "新区,9901,,2020-01-01,2026-01-01\n新区,9902,,2026-01-01,\n"),
        "新区", Place("9901", None), Place("9902", None),
    ),
    "an alias of two counties at once": (
        ("9902,county,西县,West,99,2000-01-01,\n", "新区,9901,,,\n新区,9902,,,\n"),
        "新区", Place(None, None, AMBIGUOUS), Place(None, None, AMBIGUOUS),
    ),
    "aliases of code and name, without days": (
        (SOUTH, TO_EAST + "南县,9901,merged,,\n"), "南县", Place("9903", None), Place("9901", None)
    ),
    "the city itself": (MERGED, "99", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("city", "word", "before", "after"), BY_DAY.values(), ids=BY_DAY)
def test_a_place_is_what_its_word_means_on_the_day_of_the_event(
    place_on: Callable[..., Place | None], city: tuple[str, str], word: str, before: Place | None, after: Place | None
) -> None:
    assert (place_on(word, EVE, *city), place_on(word, LATER, *city)) == (before, after)


def test_what_is_as_old_as_the_list_has_no_first_day(place_on: Callable[..., Place | None]) -> None:
    """Before it nobody said where lines ran: a record of 1995 is not of another day."""
    assert place_on("9901", date(1995, 1, 1), "", "") == Place("9901", None)
    assert place_on("9902", date(1995, 1, 1), "9902,county,西县,West,99,2010-01-01,\n", "") == Place(
        None, None, OF_ANOTHER_DAY
    )


@pytest.mark.parametrize(
    ("city", "expected"),
    [
        (MERGED, {"9903": "9901"}),
        (LOST, {}),
        (RECODED, {"9903": "9913"}),
        (JOINED, {"9903": "9920", "9904": "9920"}),
        (SPLIT, {}),
        (RENAMED, {}),
    ],
)
def test_successors_are_those_that_the_tables_say(
    root: Path, place_on: Callable[..., Place | None], city: tuple[str, str], expected: dict[str, str]
) -> None:
    place_on("9901", LATER, *city)
    (root / "cities" / "dated" / "denominators.csv").write_text(",".join(CITY_TABLES["denominators"]) + "\n")
    assert successors("dated") == expected


OLD_PEOPLE = (
    "9901,residents,2000-01-01,{end},120000,exact,census\n9903,residents,2000-01-01,2026-01-01,40000,exact,census\n"
)
NEW_PEOPLE = "9901,residents,2026-01-01,,160000,exact,census\n"


@pytest.mark.bad_input
def test_people_of_a_county_that_took_in_another_are_said_anew(
    root: Path, place_on: Callable[..., Place | None]
) -> None:
    """Its old number would be that of the old county under the events of both."""
    place_on("9901", LATER, *MERGED)
    path = root / "cities" / "dated" / "denominators.csv"
    path.write_text(",".join(CITY_TABLES["denominators"]) + "\n" + OLD_PEOPLE.format(end=""), encoding="utf-8")
    with pytest.raises(ContractError, match=r"denominators\.csv:2: valid_to: expected 2026-01-01 .*9901 took in 9903"):
        successors("dated")
    said = OLD_PEOPLE.format(end="2026-01-01") + NEW_PEOPLE
    path.write_text(",".join(CITY_TABLES["denominators"]) + "\n" + said, encoding="utf-8")
    assert successors("dated") == {"9903": "9901"}


@pytest.mark.parametrize("former", FORMER_NAMES)
def test_a_table_from_before_is_read_under_the_names_of_today(root: Path, former: str) -> None:
    path = root / "cities" / "dated" / "denominators.csv"
    path.parent.mkdir()
    header = ",".join(CITY_TABLES["denominators"])
    path.write_text(header + "\n" + NEW_PEOPLE, encoding="utf-8")
    today = read_table("dated", "denominators")
    path.write_text(header.replace(FORMER_NAMES[former], former) + "\n" + NEW_PEOPLE, encoding="utf-8")
    assert former in path.read_text(encoding="utf-8")
    assert read_table("dated", "denominators") == today != []


@pytest.mark.bad_input
@pytest.mark.parametrize("case", ["30_population_of_a_new_year"])
def test_a_population_that_ends_on_its_last_day_is_named(shared: Path, root: Path, case: str) -> None:
    """The table as documented is read; the one with the last day for the end is refused where it leaves out a day."""
    folder = root / "cities" / "dated"
    folder.mkdir()
    given = shared / "cases" / case
    (folder / "denominators.csv").write_bytes((given / "denominators_as_documented.csv").read_bytes())
    assert len(read_table("dated", "denominators")) == 4
    (folder / "denominators.csv").write_bytes((given / "denominators_last_day.csv").read_bytes())
    with pytest.raises(ContractError, match=r"denominators\.csv:3: valid_from: expected 2025-12-31"):
        read_table("dated", "denominators")
