"""Cases of ../shared/cases that are told before Spark is asked: what of each file is read, or what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from expectations.contract import load_kinds
from expectations.feed_faults import feed_faults
from expectations.models import Feed
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.decoding import decode
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.sources.files import delivered_on
from tests.bad_input import cases, test_shared_cases
from tests.bad_input.test_api import feed as feed
from tests.bad_input.test_api import ids, pull
from tests.bad_input.test_files import PSEUDONYMISER
from tests.bad_input.unreliable_api import Answer, Office, serving

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.bad_input,
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there"),
]
# case -> file -> (day that it covers, rows that are read), or what the report says
HAPPENS: dict[str, list[tuple[str, int] | str]] = {
    "01_json_array": [("2026-02-01", 40), "found a JSON array"],
    "02_second_sheet": [("2026-02-01", 30), ("2026-02-02", 50)],
    "11_unpadded_name": [("2026-01-15", 20), ("2026-02-20", 20), ("2026-11-30", 1)],
    "19_header_blanks": [("2026-02-02", 5)],
    "19b_header_blanks_drafted": [("2026-02-02", 5)],
    "20_deflate64": ["member 'cases.csv' is packed with Deflate64", ("2026-02-02", 5), ("2026-02-01", 5)],
    "22_macosx": [("2026-02-02", 5)],
    "24_formula_empty": [("2026-02-02", 10)],
}
ELSEWHERE = {  # case -> the test beside its siblings
    "15a_cursor_null": "tests/feeds/test_database_source.py",
    "15b_cursor_text": "tests/feeds/test_database_source.py",
    "18a_merged_county": "tests/bad_input/test_places_by_day.py",
    "18b_new_code_same_name": "tests/bad_input/test_places_by_day.py",
    "30_population_of_a_new_year": "tests/contracts/test_dated.py",
}
HERE = ("16_docket_rows_alike", "17_total_capped")
INDISTINCT = {"27a_blank_or_underscore": ("filed_on", "Report_Date"), "27b_capitals": ("n_minor_injuries", "hurt")}


def contract_of(case: str) -> Feed:
    declared = yaml.safe_load((CASES / case / "contract.yml").read_text(encoding="utf-8"))
    return Feed.model_validate({**declared, "city_code": "trial"})


@pytest.mark.parametrize("case", HAPPENS)
def test_what_is_read_of_each_file(case: str) -> None:
    agreed = contract_of(case)
    files = sorted((CASES / case).glob("*_20*/*"))
    assert len(files) == len(HAPPENS[case])
    for file, expected in zip(files, HAPPENS[case], strict=True):
        if isinstance(expected, str):
            with pytest.raises(ContractBreach, match=expected):
                decode(agreed, file, PSEUDONYMISER)
            continue
        table = decode(agreed, file, PSEUDONYMISER).table
        assert (str(delivered_on(agreed.source, file.name)), table.num_rows) == expected
        assert table["_fault"].null_count == table.num_rows


@pytest.mark.parametrize("case", INDISTINCT)
def test_what_check_says_before_the_night(case: str) -> None:
    column, name = INDISTINCT[case]
    (fault,) = feed_faults(contract_of(case), "cases", load_kinds(), [])
    assert (fault.location, fault.found) == (("columns", column), repr(name))


def test_every_case_is_driven() -> None:
    for case, test in ELSEWHERE.items():
        assert case in (Path(__file__).parents[2] / test).read_text(encoding="utf-8")
    driven = [*test_shared_cases.HAPPENS, *HAPPENS, *INDISTINCT, *ELSEWHERE, *HERE]
    assert sorted(driven) == sorted(path.name for path in CASES.iterdir() if path.is_dir())


@pytest.mark.parametrize("status", [200, 400])
def test_a_total_that_ends_at_10_000(feed: Feed, tmp_path: Path, status: int) -> None:
    """10,734 rows; the API claims 10,000 and has nothing to say from there on."""
    feed = feed.model_copy(update={"source": feed.source.model_copy(update={"page_size": 500})})
    rows = [cases.row(f"r{number:05}") for number in range(10_734)]

    def page(number: int, asked: int) -> Answer:
        items = rows[(number - 1) * 500 : number * 500] if number <= 20 else []
        content = json.dumps({"total": 10_000, "items": items}).encode()
        return Answer(b'{"error": "too deep"}', status) if number > 20 and status != 200 else Answer(content)

    landing = Landing(tmp_path / "landing")
    with serving(Office(page)) as office, pytest.raises(ContractBreach):
        pull(feed, landing, office.port)
    assert landing.manifests() == []


def test_docket_rows_that_are_alike_in_what_is_read(feed: Feed, tmp_path: Path) -> None:
    pages = [path.read_bytes() for path in sorted((CASES / "16_docket_rows_alike").glob("page_*.json"))]
    with serving(Office(lambda number, asked: Answer((pages + [b'{"total": 4, "items": []}'])[number - 1]))) as office:
        landing = Landing(tmp_path / "landing")
        manifest = pull(feed, landing, office.port)
    assert manifest
    assert ids(feed, landing, manifest) == ["D1", "D2", "D3", "D1"]
