"""Contracts: what is declared is usable, and what is wrong is answered with file, line, expected, found."""

from __future__ import annotations

import re
from datetime import date
from math import comb, fsum
from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations import contract
from expectations.contract import load_cities, load_city, load_kinds, read_table
from expectations.corrections import SUFFIX as CORRECTIONS
from expectations.feed_faults import feed_faults
from expectations.located_yaml import ContractError
from expectations.models import City, Condition, Feed, FeedColumn, Kind, KindColumn
from expectations.suite import FALSE_BREACHES, tolerated_rejects

pytestmark = pytest.mark.unit
REPOSITORY = Path(__file__).parents[2]
FEEDS = [
    path for path in sorted((contract.ROOT / "cities").glob("*/feeds/*.yml")) if not path.name.endswith(CORRECTIONS)
]


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: f"{path.parts[-3]}.{path.stem}")
def test_every_feed_loads_under_its_own_name(path: Path) -> None:
    city = load_city(path.parts[-3])
    assert city.feed(path.stem).kind in load_kinds()


def test_a_condition_needs_no_name_for_its_columns_words_for_nothing() -> None:
    feed, condition = load_city("daqing").feed("cases"), Condition(column="涉油标志", values=("1",))
    oil = FeedColumn.model_validate({"from": "涉油标志", "empty": ["－", "NULL"]})
    named = feed.model_copy(update={"columns": {**feed.columns, "is_oil": oil}}).named_values(condition)
    before = feed.named_values(condition)
    assert named and before and named - before == {"-", "null"}


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


@pytest.mark.parametrize(("type_", "privacy"), [("text", "personal"), ("text", "secret"), ("pseudonym", "internal")])
def test_a_kind_has_persons_as_pseudonyms_only(type_: str, privacy: str) -> None:
    with pytest.raises(ValidationError, match="class personal or secret goes with type pseudonym"):
        KindColumn.model_validate({"type": type_, "class": privacy, "zh": "人", "en": "person"})


def kind_with(**columns: dict[str, object]) -> Kind:
    day = {"type": "date", "class": "internal", "zh": "日", "en": "day"}
    about = {
        "kind": "made_up",
        "name": {"zh": "试", "en": "trial"},
        "grain": {"zh": "一行", "en": "a row"},
        "source": "none",
    }
    both = {name: {"class": "internal", "zh": "列", "en": "column"} | said for name, said in columns.items()}
    return Kind.model_validate({**about, "event_on": "day_on", "columns": {"day_on": day, **both}})


@pytest.mark.parametrize("privacy", ["personal", "secret"])
def test_a_kind_has_no_person_beside_a_quantity(privacy: str) -> None:
    buyer = {"type": "pseudonym", "class": privacy}
    with pytest.raises(ValidationError, match=r"no person \(buyer_pseudonym\) beside a quantity \(litres\)"):
        kind_with(buyer_pseudonym=buyer, litres={"type": "amount"})
    assert kind_with(litres={"type": "amount"}).quantities == ("litres",)
    assert kind_with(buyer_pseudonym=buyer, loss_yuan={"type": "amount"}).quantities == ()


def test_a_pseudonym_is_known_by_its_name() -> None:
    with pytest.raises(ValidationError, match="end in '_pseudonym'; 'buyer'"):
        kind_with(buyer={"type": "pseudonym", "class": "personal"})
    with pytest.raises(ValidationError, match="end in '_pseudonym'; 'buyer_pseudonym'"):
        kind_with(buyer_pseudonym={"type": "text"})


@pytest.mark.parametrize(("kind", "is_refused"), [("sale", True), ("inspection", False), ("case", False)])
@pytest.mark.parametrize("privacy", ["personal", "secret"])
def test_a_source_of_quantities_that_names_a_buyer_is_refused(kind: str, is_refused: bool, privacy: str) -> None:
    columns = {
        name: name for name, column in load_kinds()[kind].columns.items() if column.required and not column.day_of
    }
    source = {"type": "files", "connection": "x", "pattern": "*", "format": "csv", "delivered": "(.*)"}
    keys = {"record_id": ["id"], "known_at": {}, "area": ["area"], "starts_on": "2026-01-01", "columns": columns}
    about = {"feed": "made_up", "city_code": "c", "kind": kind, "name": {"zh": "试", "en": "trial"}, "source": source}
    feed = Feed.model_validate({**about, **keys, "dropped": {"buyer": privacy, "clerk_note": "internal"}})
    faults = list(feed_faults(feed, "made_up", load_kinds(), ()))
    assert [fault.location for fault in faults] == [("dropped", "buyer")] * is_refused
    if is_refused:
        assert "ask the source to deliver without it" in faults[0].expected


def test_counties_and_townships_of_the_first_city() -> None:
    areas = read_table("daqing", "areas")
    levels = [area["level"] for area in areas]
    assert (levels.count("city"), levels.count("county"), levels.count("township")) == (1, 9, 118)
    counties = {area["area_code"] for area in areas if area["level"] == "county"}
    assert {area["parent_code"] for area in areas if area["level"] == "township"} == counties


def test_denominators_add_up_to_the_census() -> None:
    rows = read_table("daqing", "denominators")
    residents = sum(int(row["value"]) for row in rows if row["denominator_code"] == "residents")
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


@pytest.mark.bad_input
def test_a_missing_city_names_those_that_exist() -> None:
    with pytest.raises(ContractError, match="the cities are: .*daqing"):
        load_city("atlantis")


@pytest.mark.bad_input
def test_a_city_is_nightly_or_an_archive() -> None:
    city = load_city("daqing").model_dump(by_alias=True)
    with pytest.raises(ValueError, match="either `publication`"):
        City.model_validate({**city, "feeds": (), "publication": None})


@pytest.mark.bad_input
def test_reminders_need_a_channel() -> None:
    city = {**load_city("daqing").model_dump(by_alias=True), "feeds": (), "remind_after_days": 3}
    assert City.model_validate({**city, "digest": "daqing_digest"}).remind_after_days == 3
    with pytest.raises(ValueError, match="`remind_after_days` needs `digest`"):
        City.model_validate({**city, "digest": None})


@pytest.mark.parametrize("n_rows", [1, 20, 187, 900])
@pytest.mark.parametrize("share", [0.005, 0.02, 0.2])
def test_a_batch_is_stopped_by_what_chance_does_not_explain(n_rows: int, share: float) -> None:
    """By the sum of the binomial probabilities: one reject less would be too strict, and none more is let through."""

    def probability_of_more_than(rejects: int) -> float:
        up_to = (comb(n_rows, k) * share**k * (1 - share) ** (n_rows - k) for k in range(rejects + 1))
        return 1 - fsum(up_to)

    allowed = tolerated_rejects(n_rows, share)
    assert probability_of_more_than(allowed) <= FALSE_BREACHES
    assert allowed == 0 or probability_of_more_than(allowed - 1) > FALSE_BREACHES
