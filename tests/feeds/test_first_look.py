"""`check --data`: what contracts make of a folder of deliveries, told without Spark and without a person's value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from expectations import contract
from expectations.contract import load_city
from spark_jobs import command_line
from spark_jobs.errors import ContractBreach, UsageError
from tests.feeds.conftest import AREAS, CITY

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
FEED = """
feed: cases
kind: case
name: {en: Cases}
source: {type: files, connection: trial, pattern: "cases_*.csv", format: csv, delivered: 'cases_(\\d{8})\\.csv'}
mode: snapshot
starts_on: 2023-01-01
supports: [a1_violent_crime, a2_property_crime, a4_public_order]
record_id: [id]
known_at: {}
deleted: {column: sort, values: [Lost Property], others: any}
area: [place]
outside_area: [Elsewhere]
columns:
  occurred_on: day
  nature_code: {from: sort, map: {Noise: public_order}, otherwise: criminal}
  offence_code: {from: sort, map: {Larceny theft: theft_fraud, Murder: homicide, Assault: wounding_minor, Noise: public_order}}
"""
CANARY = "13900001234"


def file(data: Path, day: str, rows: list[str], header: str = "id,place,day,sort") -> None:
    data.mkdir(exist_ok=True)
    (data / f"cases_{day}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city of one feed, and the folder of its contract."""
    root = tmp_path / "expectations"
    folder = root / "cities" / "looked"
    (folder / "feeds").mkdir(parents=True)
    (root / "kinds").symlink_to(contract.ROOT / "kinds")
    (folder / "city.yml").write_text(CITY.format(code="looked"), encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "area_aliases.csv").write_text("alias,area_code,note\n", encoding="utf-8")
    (folder / "feeds" / "cases.yml").write_text(FEED, encoding="utf-8")
    monkeypatch.setattr(contract, "ROOT", root)
    load_city.cache_clear()
    yield folder
    load_city.cache_clear()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    file(folder, "20260101", [f"a{n},9901,2026-01-01,Assault" for n in range(10)])
    rows = [f"a{n},东县,2026-01-01,Assault" for n in range(3, 15)]
    rows += ["b1,9902,2026-01-02,Larceny Theft", "b2,9902,2026-01-02,Larceny Theft", "b3,9902,2026-01-02,Noise"]
    rows += ["b4,Elsewhere,2026-01-02,Noise", f"b5,{CANARY},2026-01-02,Noise", "b6,9901,2026-01-02,Lost Property"]
    file(folder, "20260102", [*rows, ",9901,2026-01-02,Noise", f"b7,9901,2026-01-02,{CANARY}"])
    return folder


def look(data: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What is told, and what is refused."""
    try:
        command_line.check("looked", data)
    except ContractBreach as breach:
        return capsys.readouterr().out, str(breach)
    return capsys.readouterr().out, ""


def test_the_newest_file_is_told_with_what_is_rejected_and_why(
    city: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, _ = look(data, capsys)
    for line in (
        "looked.cases: cases_20260102.csv of 2026-01-02, the newest of 2: 20 rows",
        "  20 rows = 13 right but for times + 6 rejected (1 of them of other places) + 1 that take their record away",
        "  unknown_code in offence_code: 3 rows, first in row 13 of cases_20260102.csv: 'Larceny Theft' 2, '99999999999' 1",
        "  unknown_area in area_code: 1 rows, first in row 17 of cases_20260102.csv",
        "  outside_area in area_code: 1 rows, first in row 16 of cases_20260102.csv",
        "  required in record_id: 1 rows, first in row 19 of cases_20260102.csv",
        "  otherwise of nature_code: 12 rows: 'Assault' 12",
        "  newest day of occurred_on: 2026-01-02, 0 days before the file's",
        "  against cases_20260101.csv: +10 rows; 12 records are new, 3 are in it no more, 7 in both",
        "a1_violent_crime: can come: 12 rows of the newest files count for it (cases)",
        "a2_property_crime: too few: 0 rows of the newest files count for it (cases); fewer than 10 in a year give no score",
        "a3_telecom_fraud: cannot come: cases needs is_telecom_fraud or offence_code (telecom_fraud)",
        "d1_unresolved: cannot come: no feed of kind hotline",
    ):
        assert line in told.splitlines(), told
    assert CANARY not in told


@pytest.mark.parametrize(
    ("rows", "n"),
    [
        (["a,9901,2026-01-01,Noise", "a,9901,2026-01-02,Noise", "b,9901,2026-01-01,Noise"], 2),
        (["a,9901,2026-01-01,Noise", "a,9901,2026-01-01,Noise", "b,9901,2026-01-01,Noise"], 0),
    ],
)
def test_a_key_that_several_rows_have_is_told_unless_they_are_alike(
    city: Path, data: Path, capsys: pytest.CaptureFixture[str], rows: list[str], n: int
) -> None:
    file(data, "20260103", rows)
    told, _ = look(data, capsys)
    assert ("rows share their key" in told) is bool(n)
    assert not n or f"  {n} rows share their key with others of the file that say something else" in told


def test_a_value_of_the_map_close_to_one_that_comes_is_refused(
    city: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`Murder` never comes either, but nothing like it does: a rare sort is no mistake."""
    _, refused = look(data, capsys)
    assert refused.splitlines() == [
        "looked.cases: columns.offence_code.map: expected a value that the source has, found 'Larceny theft', "
        "which never comes; 'Larceny Theft' comes 2 times and is not in the map"
    ]
    (city / "feeds" / "cases.yml").write_text(FEED.replace("Larceny theft", "Larceny Theft"), encoding="utf-8")
    load_city.cache_clear()
    assert look(data, capsys)[1] == ""


def test_a_source_of_counts_is_told_in_events(city: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (city / "feeds" / "cases.yml").write_text(
        FEED.replace("Larceny theft", "Theft") + "  n_events: n\n", encoding="utf-8"
    )
    load_city.cache_clear()
    counts = ("7", "0", "５.0", "-1", "1.5", "", "1,000", "1000001")
    rows = [f'a{number},9901,2026-01-01,Assault,"{n}"' for number, n in enumerate(counts)]
    file(data, "20260101", rows, "id,place,day,sort,n")
    (data / "cases_20260102.csv").unlink()
    told, refused = look(data, capsys)
    assert refused == ""
    for line in (
        "  8 rows = 3 right but for times + 5 rejected + 0 that take their record away",
        "  they tell of 12 events; 1 rows say zero",
        "  negative in n_events: 1 rows, first in row 4 of cases_20260101.csv",
        "  not_a_count in n_events: 1 rows, first in row 5 of cases_20260101.csv",
        "  required in n_events: 1 rows, first in row 6 of cases_20260101.csv",
        "  ambiguous_number in n_events: 1 rows, first in row 7 of cases_20260101.csv",
        "  too_large in n_events: 1 rows, first in row 8 of cases_20260101.csv",
        "a1_violent_crime: can come: 12 events of the newest files count for it (cases)",
    ):
        assert line in told.splitlines(), told


WRONG: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a pattern that no file has": (
        lambda city, data: [path.rename(data / path.name.replace("cases", "Cases")) for path in data.iterdir()],
        "looked.cases: source.pattern: expected files 'cases_*.csv'",
    ),
    "no file at all": (lambda city, data: [path.unlink() for path in data.iterdir()], "found none among 0 files"),
    "a name without its day": (
        lambda city, data: (data / "cases_new.csv").write_text("id\n"),
        "file cases_new.csv: expected a name like",
    ),
    "a column that is gone": (
        lambda city, data: file(data, "20260103", ["a,9901,2026-01-01,Noise"], "id,place,day,sorts"),
        "sort: the contract reads code, for offence_code | the source has missing; there is 'sorts'",
    ),
    "a file that is none": (
        lambda city, data: (data / "cases_20260103.csv").write_bytes(b"\x00\xff\xfe"),
        "file cases_20260103.csv cannot be read as csv",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_looked_at_is_refused_and_the_rest_told(
    city: Path, data: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path, Path], object], message: str
) -> None:
    spoil(city, data)
    told, refused = look(data, capsys)
    assert message in refused
    assert "a1_violent_crime: cannot come: its feed could not be looked at" in told


def test_a_folder_that_is_not_there_is_a_bad_argument(city: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder in --data"):
        command_line.check("looked", tmp_path / "none")
