"""datapackage.json says of every file what it holds, by the standard's own schemas, and each value has its status."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft4Validator

from expectations.contract import city_codes, load_city
from spark_jobs.release.data_package import release_package
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.render import render
from spark_jobs.released.columns import FILED
from spark_jobs.released.obs_status import CONF_STATUS, OBS_STATUS
from tests.release import made_up

pytestmark = pytest.mark.unit
STANDARDS = Path(__file__).parents[1] / "standards"
GIVEN_STATUS = {"A", "P"}


def faults(document: Any, standard: str) -> list[str]:
    schema = json.loads((STANDARDS / standard).read_text(encoding="utf-8"))
    return [f"{list(error.path)}: {error.message}" for error in Draft4Validator(schema).iter_errors(document)]


@pytest.fixture(scope="module", params=[None, "disputes"], ids=["all", "a domain is missing"])
def files(request: pytest.FixtureRequest, make_release: Callable[[ReleaseInput], Release]) -> dict[str, bytes]:
    return render(make_release(made_up.release_input(grey_domain=request.param)))


@pytest.fixture
def package(files: dict[str, bytes]) -> dict[str, Any]:
    return dict(json.loads(files["datapackage.json"]))


def rows_of(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8-sig"), newline="")))


def test_it_is_valid_by_the_standards_schemas_which_refuse_another(package: dict[str, Any]) -> None:
    assert faults(package, "data-package.json") == []
    tables = [resource for resource in package["resources"] if resource["format"] == "csv"]
    assert len(tables) == len(FILED)
    for resource in tables:
        assert faults(resource, "tabular-data-resource.json") == []
    assert faults({**package, "name": "Peace Index"}, "data-package.json")
    assert faults({**tables[0], "schema": {"fields": [{"type": "number"}]}}, "tabular-data-resource.json")


def test_every_table_is_there_as_csv_and_parquet_with_the_columns_that_it_says(
    files: dict[str, bytes], package: dict[str, Any]
) -> None:
    for csv_file, parquet in zip(package["resources"][::2], package["resources"][1::2], strict=True):
        names = [field["name"] for field in csv_file["schema"]["fields"]]
        assert next(csv.reader(io.StringIO(files[csv_file["path"]].decode("utf-8-sig")))) == names
        assert pq.read_schema(io.BytesIO(files[parquet["path"]])).names == names
        assert set(csv_file["schema"]["primaryKey"]) <= set(names)


def test_a_row_keeps_to_the_constraints_and_keys_are_unique(files: dict[str, bytes], package: dict[str, Any]) -> None:
    for resource in package["resources"][::2]:
        rows = rows_of(files, resource["path"])
        keys = [tuple(row[name] for name in resource["schema"]["primaryKey"]) for row in rows]
        assert len(set(keys)) == len(keys)
        for field in resource["schema"]["fields"]:
            limits, values = field.get("constraints", {}), [row[field["name"]] for row in rows]
            assert not limits.get("required") or all(values), field["name"]
            given = [value for value in values if value]
            assert "enum" not in limits or set(given) <= set(limits["enum"]), field["name"]
            if field["type"] == "number":
                assert all(
                    limits.get("minimum", -1e99) <= float(value) <= limits.get("maximum", 1e99) for value in given
                )


def test_every_number_has_a_status_beside_it_and_an_empty_one_says_why(
    files: dict[str, bytes], package: dict[str, Any]
) -> None:
    n_empty = 0
    for resource in package["resources"][::2]:
        key = resource["schema"]["primaryKey"]
        numbers = [f for f in resource["schema"]["fields"] if f["type"] == "number" and f["name"] not in key]
        figures = {field["obs_status"].removesuffix("_obs_status") for field in numbers}
        for row in rows_of(files, resource["path"]):
            for field in numbers:
                assert row[field["obs_status"]] in OBS_STATUS
                assert row["conf_status"] == "N"
            for figure in figures:
                is_empty = row[figure] == ""
                n_empty += is_empty
                assert (row[f"{figure}_obs_status"] in GIVEN_STATUS) != is_empty, (resource["path"], figure)
    assert n_empty
    assert {"F", "N", "C"} == set(CONF_STATUS)


def test_a_day_of_the_past_is_no_longer_provisional(files: dict[str, bytes]) -> None:
    said = {row["day"]: row["index_obs_status"] for row in rows_of(files, "trend.csv") if row["index"]}
    assert said["2024-12-31"] == "A"
    assert said["2026-10-31"] == "P"  # three weeks before the business date


def test_it_names_licence_contact_method_and_the_next_release(make_release: Callable[[ReleaseInput], Release]) -> None:
    given = made_up.release_input()
    named = {code: load_city(code).publisher for code in city_codes()}
    assert all(named.values())
    city = given.city.model_copy(update={"publisher": named["daqing"]})
    package = release_package(make_release(replace(given, city=city)))
    assert package["licenses"][0]["name"] == "not-for-publication"
    assert "@" in package["contributors"][0]["email"]
    assert package["methodology"] == {"version": given.methodology.version, "path": "methodology.json"}
    following = {"business_date": "2026-11-23", "due_on": "2026-11-24", "by_local_time": "07:00"}
    assert following.items() <= package["next_release"].items()
    ended = city.model_copy(update={"publication": None})
    assert release_package(make_release(replace(given, city=ended)))["next_release"] is None
