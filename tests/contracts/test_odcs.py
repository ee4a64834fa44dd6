"""Every feed's contract as Open Data Contract Standard: valid by its own schema, and nothing of the contract is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft201909Validator

from expectations.__main__ import app
from expectations.contract import load_cities, load_kinds
from expectations.models import City, Feed
from expectations.odcs import odcs_text

pytestmark = pytest.mark.unit
SCHEMA = json.loads((Path(__file__).parents[1] / "standards" / "odcs-3.0.2.json").read_text(encoding="utf-8"))
FEEDS = [(city, feed) for city in load_cities() for feed in city.feeds]


@pytest.mark.parametrize(("city", "feed"), FEEDS, ids=[feed.code for _, feed in FEEDS])
def test_it_is_valid_complete_and_names_every_source_column(city: City, feed: Feed) -> None:
    said = yaml.safe_load(odcs_text(city, feed, load_kinds()[feed.kind]))
    assert said["apiVersion"] == "v3.0.2"
    assert [error.message for error in Draft201909Validator(SCHEMA).iter_errors(said)] == []
    assert list(Draft201909Validator(SCHEMA).iter_errors({**said, "kind": "Contract"}))
    kept = next(each["value"] for each in said["customProperties"] if each["property"] == "feed")
    assert Feed.model_validate(kept) == feed
    columns = {column["name"]: column for column in said["schema"][0]["properties"]}
    assert columns.keys() == {*feed.mapped_columns, *feed.dropped}
    assert {name for name, column in columns.items() if column.get("primaryKey")} == set(feed.record_id)
    for name, privacy in feed.dropped.items():
        assert columns[name]["classification"] == privacy
    for name, column in columns.items():
        made = {of for of, declared in feed.columns.items() if name in declared.reads}
        said_of = [mapping["column"] for each in column.get("customProperties", ()) for mapping in each["value"]]
        assert set(said_of) == made


def test_the_strictest_class_counts_where_a_column_becomes_two() -> None:
    of = next((city, feed) for city, feed in FEEDS if any(c.startswith("caller") for c in feed.columns))
    said = yaml.safe_load(odcs_text(*of, load_kinds()["hotline"]))
    hashed = of[1].columns["caller_pseudonym"].source[0]
    found = next(column for column in said["schema"][0]["properties"] if column["name"] == hashed)
    assert found["classification"] == "personal"


def test_the_command_writes_one_file_a_feed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["odcs", "--city", "pittsburgh", "--into", str(tmp_path / "new")], standalone_mode=False)
    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert written == sorted(f"{feed.feed_code}.odcs.yaml" for city, feed in FEEDS if city.city_code == "pittsburgh")
    assert len(capsys.readouterr().out.splitlines()) == len(written)
