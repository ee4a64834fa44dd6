"""The dbt project's files agree with each other and with the methodology; nothing here runs SQL."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "dbt"
INDICATORS = {path.stem: path for path in sorted((PROJECT / "models" / "indicators").glob("*/*.sql"))}
COLUMNS = ["area_code", "day", "stratum", "numerator", "denominator"]
NO_DENOMINATOR = "cast(null as bigint) as denominator"


def methodology() -> dict[str, dict[str, Any]]:
    """Indicator id -> its entry, with the id of its domain."""
    tree = yaml.safe_load((REPOSITORY / "spark_jobs/index/methodology.yml").read_text(encoding="utf-8"))
    return {
        indicator["id"]: {**indicator, "domain_id": domain["id"]}
        for domain in tree["domains"]
        for indicator in domain["indicators"]
    }


def declared(indicator_id: str) -> dict[str, Any]:
    text = INDICATORS[indicator_id].with_suffix(".yml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def final_columns(sql: str) -> list[str]:
    """Names of the columns of the CTE `final`, which sqlfluff keeps at one column a line."""
    body = sql.rsplit("final as (", 1)[1]
    listed = re.findall(r"^ {8}(\S.*?),?$", body.split("\n    from ")[0], flags=re.MULTILINE)
    return [re.split(r"[\s.]", column)[-1] for column in listed]


def test_the_indicators_are_those_of_the_methodology() -> None:
    expected = {indicator_id: entry["domain_id"] for indicator_id, entry in methodology().items()}
    assert {indicator_id: path.parent.name for indicator_id, path in INDICATORS.items()} == expected


@pytest.mark.parametrize("indicator_id", INDICATORS)
def test_an_indicator_gives_five_columns_and_nothing_else(indicator_id: str) -> None:
    sql = INDICATORS[indicator_id].read_text(encoding="utf-8")
    assert final_columns(sql) == COLUMNS
    assert sql.endswith("\nselect * from final\n")


@pytest.mark.parametrize("indicator_id", INDICATORS)
def test_a_rate_has_no_denominator_of_its_own_and_a_proportion_has_one(indicator_id: str) -> None:
    is_rate = NO_DENOMINATOR in INDICATORS[indicator_id].read_text(encoding="utf-8")
    assert ("rate" if is_rate else "proportion") == methodology()[indicator_id]["kind"]


@pytest.mark.parametrize("indicator_id", INDICATORS)
def test_an_indicator_is_explained_in_both_languages_and_by_an_example(indicator_id: str) -> None:
    content = declared(indicator_id)
    (model,) = content["models"]
    (example,) = content["unit_tests"]
    assert model["name"] == example["model"] == indicator_id
    assert re.search(r"[\u4e00-\u9fff]{4}", model["description"])
    assert re.search(r"[a-z]+ [a-z]+ [a-z]+", model["description"])
    assert set(model["config"]["meta"]["numerator_unit"]) == {"zh", "en"}
    assert {column["name"] for column in model["columns"]} == {"numerator", "denominator"}
    assert example["given"] and example["expect"]["rows"] and example["description"]


@pytest.mark.parametrize("indicator_id", INDICATORS)
def test_an_example_shows_only_strata_that_the_methodology_weighs(indicator_id: str) -> None:
    (example,) = declared(indicator_id)["unit_tests"]
    shown = {row["stratum"] for row in example["expect"]["rows"]}
    assert shown <= set(methodology()[indicator_id]["strata"])


RENDER = runpy.run_path(str(PROJECT / "render.py"))


@pytest.mark.parametrize("path", RENDER["rendered"](), ids=lambda path: path.name)
def test_a_rendered_file_is_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == RENDER["rendered"]()[path], "run: python dbt/render.py"


def test_every_indicator_is_in_the_rendered_list() -> None:
    assert re.findall(r"'(\w+)'", RENDER["rendered_indicator_ids"]()) == sorted(INDICATORS)


def test_every_source_that_a_model_reads_is_declared_and_every_kind_is_one() -> None:
    content = yaml.safe_load((PROJECT / "models" / "sources.yml").read_text(encoding="utf-8"))
    declared = {(source["name"], table["name"]) for source in content["sources"] for table in source["tables"]}
    read = {
        pair
        for path in PROJECT.rglob("*.sql")
        for pair in re.findall(r"source\('(\w+)', '(\w+)'\)", path.read_text(encoding="utf-8"))
    }
    assert read and read <= declared
    kinds = {path.stem for path in (REPOSITORY / "expectations" / "kinds").glob("*.yml")}
    assert {table for source, table in declared if source == "silver"} == kinds


def test_every_case_code_is_listed_once_in_a_known_group() -> None:
    sql = (PROJECT / "models/conformed/case_offence.sql").read_text(encoding="utf-8")
    listed = re.findall(r"\('(\d{6})', '[^']+', '(\w+)', (?:true|false), '[^']*'\)", sql)
    assert len(listed) == sql.count("('") > 30
    assert len({code for code, _ in listed}) == len(listed)
    groups = {"homicide", "robbery_rape", "wounding", "theft_fraud", "public_order", "gambling", "other"}
    assert {group for _, group in listed} == groups


def test_no_city_is_named() -> None:
    cities = [path.name for path in (REPOSITORY / "expectations/cities").iterdir() if path.is_dir()]
    files = [path for path in PROJECT.rglob("*") if path.suffix in {".sql", ".yml", ".md", ".csv", ".py"}]
    assert cities and len(files) > 40
    for path in files:
        text = path.read_text(encoding="utf-8").lower()
        assert not [city for city in cities if city in text], path
