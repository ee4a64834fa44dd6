"""The dashboard files, before any Superset: complete, no SQL of their own, only columns of the mart."""

import json
import re
from typing import Any

import pytest
import yaml

from spark_jobs.release.mart import MART
from superset.render import position, render, titles
from tests.superset.mart import TABLES

pytestmark = pytest.mark.unit

CITY, NAME = "somewhere", "某市"
CHARTS = titles()
CHART_SIDE_COLUMNS = {"all_columns", "groupby", "groupby_b", "groupbyRows", "groupbyColumns"}


def assets(map_country: str | None = "china", city: str = CITY) -> dict[str, dict[str, Any]]:
    files = render(city, NAME, "postgresql+psycopg2://reader@host/mart", map_country)
    return {path: yaml.safe_load(text) for path, text in files.items()}


def of_kind(kind: str, map_country: str | None = "china") -> dict[str, dict[str, Any]]:
    return {path: asset for path, asset in assets(map_country).items() if path.startswith(f"{kind}/")}


def names_used(params: dict[str, Any]) -> set[str]:
    """Columns and saved metrics that a chart's parameters name."""
    names: set[str] = set()
    for key in CHART_SIDE_COLUMNS & set(params):
        names |= set(params[key])
    names |= {params[key] for key in ("x_axis", "entity") if key in params}
    names |= {json.loads(order)[0] for order in params.get("order_by_cols", [])}
    names |= {rule["column"] for rule in params.get("conditional_formatting", [])}
    names |= set(params.get("column_config", {}))
    names |= {f["subject"] for key in ("adhoc_filters", "adhoc_filters_b") for f in params.get(key, [])}
    measures = [*params.get("metrics", []), *params.get("metrics_b", []), params.get("metric")]
    names |= {m["column"]["column_name"] if isinstance(m, dict) else m for m in measures if m}
    return names


def walk(value: Any) -> list[dict[str, Any]]:
    """Every mapping inside."""
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in walk(item))]
    return [inner for item in value for inner in walk(item)] if isinstance(value, list) else []


def test_nothing_carries_sql() -> None:
    for path, asset in assets().items():
        for mapping in walk(asset):
            assert not mapping.get("sql"), path
            assert mapping.get("expressionType") != "SQL", path
            assert "sqlExpression" not in mapping, path


def test_charts_print_points_as_pages_do() -> None:
    """Whole points everywhere; tenths only of a movement between two releases, which share their random numbers."""
    keys = ("d3NumberFormat", "y_axis_format", "number_format", "d3format")
    for path, asset in assets().items():
        formats = {mapping[key] for mapping in walk(asset) for key in keys if key in mapping}
        is_movement = path == "charts/movement.yaml"
        assert formats <= ({"+.1f"} if is_movement else {".0f", ",.0f", ",d"}), path
        assert formats or not is_movement


def test_datasets_are_tables_of_the_mart() -> None:
    datasets = of_kind("datasets")
    assert {dataset["table_name"] for dataset in datasets.values()} == set(TABLES)
    for path, dataset in datasets.items():
        columns = TABLES[dataset["table_name"]]
        assert dataset["schema"] == f"mart_{CITY}"
        headings = {c["column_name"]: c["verbose_name"] for c in dataset["columns"]}
        assert headings == {name: column.zh for name, column in columns.items() if column.zh}, path
        assert all(c["type"] == columns[c["column_name"]].type.upper() for c in dataset["columns"]), path
        assert all(re.search(r"[一-鿿]", heading) for heading in headings.values()), path
        metrics = MART[dataset["table_name"]].metrics
        assert {m["metric_name"]: m["expression"] for m in dataset["metrics"]} == {
            name: metric.expression for name, metric in metrics.items()
        }, path


def test_charts_read_what_their_dataset_has() -> None:
    datasets = {d["uuid"]: d for d in of_kind("datasets").values()}
    charts = of_kind("charts")
    assert charts
    for path, chart in charts.items():
        dataset = datasets[chart["dataset_uuid"]]
        known = {c["column_name"] for c in dataset["columns"]} | {m["metric_name"] for m in dataset["metrics"]}
        used = names_used(chart["params"])
        assert used, path
        assert used <= known, f"{path}: {used - known}"
        assert chart["params"]["viz_type"] == chart["viz_type"], path


def test_titles_are_short_and_chinese() -> None:
    for path, chart in of_kind("charts").items():
        title = chart["slice_name"]
        assert re.search(r"[一-鿿]", title), path
        assert not re.search(r"[A-Za-z]", title), path
        assert len(title) <= 24, path


def test_the_page_speaks_of_charts_by_the_titles_of_their_files() -> None:
    (dashboard,) = of_kind("dashboards").values()
    named = set(re.findall(r'data-test-chart-name="([^"]*)"', dashboard["css"]))
    assert named and named <= set(CHARTS.values())
    assert len(set(CHARTS.values())) == len(CHARTS)


@pytest.mark.parametrize("map_country", ["china", None])
def test_every_chart_stands_on_the_page_once(map_country: str | None) -> None:
    (dashboard,) = of_kind("dashboards", map_country).values()
    page = {key: cell for key, cell in dashboard["position"].items() if isinstance(cell, dict)}
    for key, cell in page.items():
        for child in cell.get("children", []):
            assert page[child]["parents"] == [*cell.get("parents", []), key], child
    placed = [cell["meta"]["uuid"] for cell in page.values() if cell["type"] == "CHART"]
    assert sorted(placed) == sorted(chart["uuid"] for chart in of_kind("charts", map_country).values())
    for row in (cell for cell in page.values() if cell["type"] == "ROW"):
        assert sum(page[child]["meta"]["width"] for child in row["children"]) == 12


def test_what_is_never_scored_stands_apart_and_says_so() -> None:
    titles = {chart["uuid"]: chart["slice_name"] for chart in of_kind("charts").values()}
    (dashboard,) = of_kind("dashboards").values()
    page = dashboard["position"]
    (tab,) = (
        cell for cell in page.values() if isinstance(cell, dict) and cell.get("meta", {}).get("text") == "覆盖与队伍"
    )
    cells = [page[cell] for row in tab["children"] for cell in page[row]["children"]]
    assert [titles[cell["meta"]["uuid"]] for cell in cells] == [CHARTS["coverage"]]
    assert CHARTS["coverage"].endswith("（仅供参考，不计分）")


def test_a_row_that_does_not_fill_the_page_is_refused() -> None:
    rows = [[{"chart": "a", "width": 12, "height": 9}], [{"chart": "b", "width": 7, "height": 9}]]
    with pytest.raises(ValueError, match="tab x, row 2"):
        position([{"tab": "x", "rows": rows}], "t", CITY)


def test_two_cities_share_no_identity_and_a_city_keeps_its_own() -> None:
    one, again, other = (
        {a["uuid"] for p, a in assets(city=city).items() if p != "metadata.yaml"} for city in ("a", "a", "b")
    )
    assert one == again
    assert len(one) == len(assets()) - 1
    assert not one & other
