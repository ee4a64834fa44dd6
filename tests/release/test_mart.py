"""release/mart.yml is the one declaration of the serving tables: what charts could not read is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.located_yaml import ContractError
from spark_jobs.release.coverage import MEASURES
from spark_jobs.release.mart import MART, MART_FILE, load_mart

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("      is_stale: {type: boolean", "      is_stale: {type: bool", "is_stale.type: expected: 'text'"),
        ("    day: day\n", "    day: dya\n", "(perhaps day)"),
        (
            "      index_points: {zh: 指数, expression: 'MAX",
            "      index_points: {zh: 指数, expression: 'SUM",
            "one column",
        ),
        ("    zh: 当前预警\n", "    title: 当前预警\n", "expected: one of zh, dataset"),
        ("      rule_name_zh: {type: text", "      rule_name_zh: {type: text, en: rule", "expected: one of type, zh"),
    ],
)
def test_what_it_cannot_mean_is_refused_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = MART_FILE.read_text(encoding="utf-8")
    path = tmp_path / "mart.yml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ContractError) as refused:
        load_mart(path)
    assert f"{path}:{text[: text.index(before)].count(chr(10)) + 1}: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("removed", ["    dataset: pulse\n", None])
def test_a_table_has_a_dataset_if_and_only_if_it_has_headings(tmp_path: Path, removed: str | None) -> None:
    text = MART_FILE.read_text(encoding="utf-8")
    path = tmp_path / "mart.yml"
    added = text.replace("  trend:\n", "  trend:\n    dataset: trend_table\n")
    path.write_text(text.replace(removed, "") if removed else added, encoding="utf-8")
    with pytest.raises(ContractError, match="`dataset` and columns with `zh`, or neither"):
        load_mart(path)


def test_every_measure_of_coverage_is_a_column() -> None:
    assert {f"{measure}_text" for measure in MEASURES} <= MART["coverage"].columns.keys()
