"""What a feed supports: the indicators that count records such as it brings, unless its contract says fewer."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from expectations import contract
from expectations.contract import load_cities, load_city, load_kinds
from expectations.indicators import brought_by, counted_records, indicator_ids, lacking, needs, supported_by_kind
from expectations.models import Feed

pytestmark = pytest.mark.unit
AT_FIRST = {  # what contracts said themselves, before kinds did; indicators of later are not the matter here
    "daqing.cases": "a1_violent_crime a2_property_crime a3_telecom_fraud a4_public_order",
    "daqing.coverage": "",
    "daqing.disputes": "c1_escalated c2_failed c3_open_over_30_days c4_repeated_parties",
    "daqing.grid_events": "d5_grid_overdue",
    "daqing.hotline": "d1_unresolved d2_late d3_dissatisfied d4_returned_or_repeated",
    "daqing.incidents": "b1_road_casualties b2_injury_crashes b3_fires b4_work_safety",
    "pittsburgh.blotter": "",  # too short to be scored
    "pittsburgh.citations": "a4_public_order",  # citations are no crimes
    "pittsburgh.fires": "b3_fires",
    "pittsburgh.foreclosures": "c1_escalated c2_failed c3_open_over_30_days",  # who quarrels is not in the source
}
INDICATORS = {indicator for supported in AT_FIRST.values() for indicator in supported.split()}


def known(supported: Iterable[str]) -> str:
    return " ".join(indicator for indicator in supported if indicator in INDICATORS)


def feed(kind: str, **columns: object) -> Feed:
    base = next(each for city in load_cities() for each in city.feeds if each.kind == kind)
    given = base.model_dump(by_alias=True)
    given["columns"] = {name: column for name, column in given["columns"].items() if name != "family_code"} | columns
    return Feed.model_validate(given)


def test_every_feed_supports_what_it_did_before_kinds_said_it() -> None:
    found = {each.code: known(each.supports) for city in load_cities() for each in city.feeds}
    assert {code: found[code] for code in AT_FIRST} == AT_FIRST


def test_every_indicator_counts_a_kind_that_there_is() -> None:
    assert set(counted_records()) == indicator_ids()
    assert {kind for kind, _ in counted_records().values()} <= {
        k.kind for k in load_kinds().values() if not k.is_context
    }


def test_what_an_indicator_needs_is_a_column_and_a_code_of_its_kind() -> None:
    """And every contract that claims an indicator brings it."""
    assert set(needs()) == indicator_ids()
    for indicator, needed in needs().items():
        kind = load_kinds()[counted_records()[indicator][0]]
        for column, codes in (item for alternatives in needed for item in alternatives.items()):
            assert set(codes) <= set(kind.columns[column].codes), (indicator, column)
    claimed = [
        (feed.code, i, lacking(i, brought_by(feed)))
        for city in load_cities()
        for feed in city.feeds
        for i in feed.supports
    ]
    assert claimed and not [each for each in claimed if each[2]]


@pytest.mark.parametrize("kind", ["case", "dispute", "hotline", "coverage"])
def test_a_kind_supports_all_that_count_it(kind: str) -> None:
    found = supported_by_kind(feed(kind), load_kinds()[kind])
    assert found == tuple(i for i, (counted, _) in counted_records().items() if counted == kind)
    assert bool(found) is not load_kinds()[kind].is_context


@pytest.mark.parametrize(
    ("family", "supported"),
    [
        ({"constant": "fire"}, "b3_fires"),
        ({"from": "x", "map": {"a": "traffic", "b": "grid"}}, "b1_road_casualties b2_injury_crashes d5_grid_overdue"),
        ({"from": "x", "map": {"a": "fire"}, "otherwise": "work_safety"}, "b3_fires b4_work_safety"),
        ("x", "b1_road_casualties b2_injury_crashes b3_fires b4_work_safety d5_grid_overdue"),  # codes as they come
    ],
)
def test_incidents_support_the_families_that_the_contract_brings(family: object, supported: str) -> None:
    found = supported_by_kind(feed("incident", family_code=family), load_kinds()["incident"])
    assert known(found) == supported


@pytest.mark.parametrize(
    ("said", "supported"), [(None, ("b3_fires",)), ([], ()), (["b3_fires"], ("b3_fires",)), (["b4_work_safety"],) * 2]
)
def test_what_a_contract_says_itself_is_kept(
    said: list[str] | None, supported: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(contract.ROOT, tmp_path / "expectations", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "expectations" / "cities" / "pittsburgh" / "feeds" / "fires.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8")) | ({} if said is None else {"supports": said})
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(contract, "ROOT", tmp_path / "expectations")
    load_city.cache_clear()
    try:
        assert known(load_city("pittsburgh").feed("fires").supports) == " ".join(supported)
    finally:
        load_city.cache_clear()
