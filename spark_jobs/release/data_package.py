"""datapackage.json: what the files of a folder hold, for programs that know none of it (Frictionless Data Package 1.0). Pure.

Titles, types, units, meanings and lawful values are those of released/tables.yml; English, with the Chinese beside it in
fields that end with `_zh`. No clock and no hash is in it: the same release has the same package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from expectations.models import City, Text
from spark_jobs.release.canonical import utc_text
from spark_jobs.release.files import METHODOLOGY_FILE
from spark_jobs.release.model import Release
from spark_jobs.release.release_calendar import next_due
from spark_jobs.released.columns import TABLES, Column, Table
from spark_jobs.released.file_columns import file_columns, status_column

DATA_PACKAGE_FILE = "datapackage.json"
_TYPES = {"text": "string", "number": "number", "flag": "boolean", "day": "date", "instant": "datetime"}
_RELEASED = ("release_id", "business_date")  # they say of which release the rows are, and are part of every key


def release_package(release: Release) -> dict[str, Any]:
    """The package of a release's folder, for leaders and analysts."""
    resources = [each for table in TABLES.values() for each in _resources(table, file_columns(table))]
    return {**package_head(release, "restricted"), "resources": resources}


def package_head(release: Release, tier: str) -> dict[str, Any]:
    """Everything of a package but its resources."""
    city = release.city
    title = Text(f"{city.name.zh}平安指数", f"Peace index of {city.name.en}")
    return {
        "profile": "data-package",
        "name": f"peace-index-{city.city_code}",
        "id": release.release_id,
        **both("title", title),
        **(both("description", city.note) if city.note else {}),
        "version": release.release_id,
        "created": utc_text(release.as_of),
        "tier": tier,
        "business_date": release.business_date.isoformat(),
        "status": release.status_code,
        "methodology": {"version": release.methodology.version, "path": METHODOLOGY_FILE},
        **_publisher(city),
        "next_release": _next_release(release),
    }


def both(name: str, text: Text) -> dict[str, str]:
    """A text in both languages."""
    return {name: text.en, f"{name}_zh": text.zh}


def _publisher(city: City) -> dict[str, Any]:
    """Licence and contact; nothing of a city that names nobody."""
    if city.publisher is None:
        return {}
    who = city.publisher
    contact = {**both("title", who.name), "email": who.email, "role": "publisher"}
    return {"licenses": [{"name": who.licence, "path": who.licence_url}], "contributors": [contact]}


def _next_release(release: Release) -> dict[str, str] | None:
    """From the calendar of releases; an archive has none to come."""
    if release.city.publication is None:
        return None
    due = next_due(release.methodology, release.business_date)
    return {"business_date": due.business_date.isoformat(), "due_on": due.due_on.isoformat(),
            "by_local_time": due.by.time().isoformat("minutes"), "time_zone": release.city.time_zone}  # fmt: skip


def _resources(table: Table, columns: Mapping[str, Column]) -> Iterator[dict[str, Any]]:
    """A table's files: as CSV, and the same with types."""
    name = table.file.removesuffix(".csv")
    schema = table_schema(table, columns)
    described = {**both("title", Text(table.zh, table.en)), "tier": table.tier}
    yield {
        "profile": "tabular-data-resource", "name": name, "path": table.file, "format": "csv", "mediatype": "text/csv",
        "encoding": "utf-8", "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "doubleQuote": True}, **described, "schema": schema,
    }  # fmt: skip
    yield {
        "profile": "data-resource", "name": f"{name}-parquet", "path": table.parquet, "format": "parquet",
        "mediatype": "application/vnd.apache.parquet", **described,
    }  # fmt: skip


def table_schema(table: Table, columns: Mapping[str, Column]) -> dict[str, Any]:
    """Frictionless Table Schema of a file; each number names the column with its status."""
    fields = []
    for name, column in columns.items():
        field = {"name": name, "type": _TYPES[column.type], **both("title", Text(column.zh, column.en))}
        if column.unit and column.type == "number":
            field |= both("unit", column.unit)
        if (figure := column.of or name) in table.figures:
            field["obs_status"] = status_column(figure)
        fields.append({**field, "constraints": constraints(column)} if constraints(column) else field)
    return {"fields": fields, "missingValues": [""], "primaryKey": [*_RELEASED, *table.key]}


def constraints(column: Column) -> dict[str, Any]:
    """What every value keeps to."""
    found = {"minimum": column.low, "maximum": column.high, "enum": list(column.codes), "required": column.required}
    return {name: limit for name, limit in found.items() if limit not in (None, [], False)}
