"""The dashboard files of one city, from the templates in assets/ and the tables that spark_jobs/release/mart.yml declares.
Pure: text in, text out; needs only PyYAML.

Templates hold four kinds of holes, so that the same files serve every city, and two cities side by side:
- `$city_code`, `$city_name`, `$mart_url`, `$map_country` (string.Template);
- `$title_<chart>`, the title that the file charts/<chart>.yaml gives (`slice_name`);
- every `dataset_uuid`, `database_uuid` names a dataset (`datasets/flag`: what mart.yml calls `dataset: flag`) or another
  template by its path and becomes uuid5(city, path), as does the template's own `uuid`: stable between set-ups, different
  between cities;
- a dashboard has `layout`, a list of `{tab: <name>, rows: [...]}`; a row holds `{chart: <file name>, width, height}`
  (twelfths of the page, units of 8 px) or `{text: <markdown>, ...}`. From it Superset's long `position` is written. Superset
  asks for the charts of a tab when somebody opens it.
"""

import itertools
import pathlib
import string
import uuid
from typing import Any

import yaml

ASSETS = pathlib.Path(__file__).with_name("assets")
MART = pathlib.Path(__file__).parents[1] / "spark_jobs" / "release" / "mart.yml"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "peace-index")
REFERENCES = ("uuid", "dataset_uuid", "database_uuid")
MAP_CHART = "county_map"
COLUMNS = 12


def asset_uuid(city_code: str, path: str) -> str:
    """The identity of the template `path` ("charts/trend") for one city."""
    return str(uuid.uuid5(NAMESPACE, f"{city_code}/{path}"))


def _cell(item: dict[str, Any], number: int, city_code: str, parents: list[str]) -> dict[str, Any]:
    """One element of Superset's `position`: a chart or a text."""
    size = {"width": item["width"], "height": item["height"]}
    common = {"id": f"CELL-{number}", "children": [], "parents": parents}
    if "text" in item:
        return {**common, "type": "MARKDOWN", "meta": {**size, "code": item["text"]}}
    identity = asset_uuid(city_code, f"charts/{item['chart']}")
    return {**common, "type": "CHART", "meta": {**size, "chartId": number, "uuid": identity}}


def _without_map(row: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The row without the map, its width given to the last neighbour."""
    rest = [dict(item) for item in row if item.get("chart") != MAP_CHART]
    if rest:
        rest[-1]["width"] += sum(item["width"] for item in row) - sum(item["width"] for item in rest)
    return rest


def position(tabs: list[dict[str, Any]], title: str, city_code: str) -> dict[str, Any]:
    """Superset's `position` of a layout; ValueError where a row is not as wide as the page."""
    page: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["TABS-1"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
        "TABS-1": {"type": "TABS", "id": "TABS-1", "parents": ["ROOT_ID"], "children": [], "meta": {}},
    }
    numbers = itertools.count(1)
    for tab_number, tab in enumerate(tabs, start=1):
        tab_id, parents = f"TAB-{tab_number}", ["ROOT_ID", "TABS-1"]
        page["TABS-1"]["children"].append(tab_id)
        page[tab_id] = {"type": "TAB", "id": tab_id, "parents": parents, "children": [], "meta": {"text": tab["tab"]}}
        for row_number, row in enumerate(tab["rows"], start=1):
            if (width := sum(item["width"] for item in row)) != COLUMNS:
                raise ValueError(
                    f"dashboard layout, tab {tab['tab']}, row {row_number}: widths must add up to {COLUMNS}, found {width}"
                )
            row_id = f"ROW-{tab_number}-{row_number}"
            cells = [_cell(item, next(numbers), city_code, [*parents, tab_id, row_id]) for item in row]
            page |= {cell["id"]: cell for cell in cells}
            meta = {"background": "BACKGROUND_TRANSPARENT"}
            page[row_id] = {
                "type": "ROW", "id": row_id, "parents": [*parents, tab_id], "meta": meta,
                "children": [cell["id"] for cell in cells],
            }  # fmt: skip
            page[tab_id]["children"].append(row_id)
    return page


def _asset(path: str, document: dict[str, Any], city_code: str, has_map: bool) -> dict[str, Any]:
    """One template as Superset wants it: own identity, resolved references, written-out position."""
    document = {"version": "1.0.0", "uuid": path, **document}
    for key in REFERENCES:
        if key in document:
            document[key] = asset_uuid(city_code, document[key])
    if "layout" in document:
        tabs = document.pop("layout")
        if not has_map:
            tabs = [{**tab, "rows": [row for row in map(_without_map, tab["rows"]) if row]} for tab in tabs]
        document["position"] = position(tabs, document["dashboard_title"], city_code)
    return document


def titles() -> dict[str, str]:
    """Title of every chart, by the name of its file."""
    charts = sorted((ASSETS / "charts").glob("*.yaml"))
    return {chart.stem: yaml.safe_load(chart.read_text(encoding="utf-8"))["slice_name"] for chart in charts}


def _datasets(city_code: str) -> dict[str, dict[str, Any]]:
    """{path: dataset} of every table of the mart that charts may read: its named columns and its metrics."""
    tables = yaml.safe_load(MART.read_text(encoding="utf-8"))["tables"]
    return {
        f"datasets/{table['dataset']}": _dataset(name, table, city_code)
        for name, table in tables.items()
        if "dataset" in table
    }


def _dataset(name: str, table: dict[str, Any], city_code: str) -> dict[str, Any]:
    named = {column: declared for column, declared in table["columns"].items() if "zh" in declared}
    day = table.get("day")
    columns = [
        {
            "column_name": column,
            "verbose_name": declared["zh"],
            "type": declared["type"].upper(),
            **({"is_dttm": True} if column == day else {}),
        }
        for column, declared in named.items()
    ]
    metrics = [
        {
            "metric_name": metric,
            "verbose_name": declared["zh"],
            "expression": declared["expression"],
            **({"d3format": declared["format"]} if "format" in declared else {}),
        }
        for metric, declared in table.get("metrics", {}).items()
    ]
    return {
        "table_name": name,
        "description": table["zh"],
        **({"main_dttm_col": day} if day else {}),
        "schema": f"mart_{city_code}",
        "database_uuid": "databases/mart",
        "sql": None,
        "columns": columns,
        "metrics": metrics,
    }


def render(city_code: str, city_name: str, mart_url: str, map_country: str | None) -> dict[str, str]:
    """{path: YAML} of all assets of one city, as Superset's importer takes them.

    map_country: the country whose place in `country_map` shows this city's counties; None leaves the map out.
    Raises KeyError for a hole nobody fills.
    """
    holes = {f"title_{chart}": title for chart, title in titles().items()} | {
        "city_code": city_code,
        "city_name": city_name,
        "mart_url": mart_url,
        "map_country": map_country or "",
    }
    files = {"metadata.yaml": yaml.safe_dump({"version": "1.0.0", "type": "assets"})}
    documents = _datasets(city_code)
    for file in sorted(ASSETS.rglob("*.yaml")):
        path = file.relative_to(ASSETS).with_suffix("").as_posix()
        if path == f"charts/{MAP_CHART}" and map_country is None:
            continue
        documents[path] = yaml.safe_load(string.Template(file.read_text(encoding="utf-8")).substitute(holes))
    for path, document in documents.items():
        asset = _asset(path, document, city_code, map_country is not None)
        files[f"{path}.yaml"] = yaml.safe_dump(asset, allow_unicode=True, sort_keys=False)
    return files
