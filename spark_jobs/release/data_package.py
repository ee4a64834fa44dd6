"""datapackage.json tells programs what the files of a folder hold (Frictionless Data Package 1.0). Pure.

Titles, types, units, meanings and lawful values come from released/tables.yml. They are in English; the Chinese stands
beside them in fields that end with `_zh`. It holds no clock and no hash: the same release has the same package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from expectations.models import City, Text
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.files import METHODOLOGY_FILE
from spark_jobs.release.model import Release
from spark_jobs.release.release_calendar import next_due
from spark_jobs.released.columns import FILED, Column, Table
from spark_jobs.released.file_columns import file_columns, head
from spark_jobs.released.obs_status import CONF_STATUS, INTERNAL

DATA_PACKAGE_FILE = "datapackage.json"
RESTRICTED = "restricted"  # the tier of leaders and analysts
_TYPES = {"text": "string", "number": "number", "flag": "boolean", "day": "date", "instant": "datetime"}


def release_package(release: Release) -> dict[str, Any]:
    """The package of a release's folder, for leaders and analysts."""
    return data_package(release.city, release.methodology, release.document, RESTRICTED, FILED.values())


def data_package(
    city: City, methodology: Methodology, document: Mapping[str, Any], tier: str, tables: Iterable[Table]
) -> dict[str, Any]:
    """The package of a folder that has the files of `tables`. `document`: release.json of the release behind them."""
    return {
        "profile": "data-package",
        "name": f"peace-index-{city.city_code}",
        "id": document["release_id"],
        **both("title", title(city)),
        **(both("description", city.note) if city.note else {}),
        "version": document["release_id"],
        "created": document["as_of"],
        "tier": tier,
        "business_date": document["period"],
        "status": document["status"],
        "methodology": {"version": methodology.version, "path": METHODOLOGY_FILE},
        **_publisher(city, tier),
        "next_release": _next_release(city, methodology, date.fromisoformat(document["period"])),
        "resources": [each for table in tables for each in _resources(table)],
    }


def title(city: City) -> Text:
    """What a city publishes."""
    return Text(f"{city.name.zh}平安指数", f"Peace index of {city.name.en}")


def both(name: str, text: Text) -> dict[str, str]:
    """A text in both languages."""
    return {name: text.en, f"{name}_zh": text.zh}


def _publisher(city: City, tier: str) -> dict[str, Any]:
    """Licence and contact; empty for a city that names no publisher."""
    if city.publisher is None:
        return {}
    who = city.publisher
    contact = {**both("title", who.name), "email": who.email, "role": "publisher"}
    licence = {"name": who.licence, "path": who.licence_url}
    if tier == RESTRICTED:
        licence = {"name": "not-for-publication", **both("title", CONF_STATUS[INTERNAL])}
    return {"licenses": [licence], "contributors": [contact]}


def _next_release(city: City, methodology: Methodology, business_date: date) -> dict[str, str] | None:
    """The next release by the calendar; None for an archive, which has none to come."""
    if city.publication is None:
        return None
    due = next_due(methodology, business_date)
    return {"business_date": due.business_date.isoformat(), "due_on": due.due_on.isoformat(),
            "by_local_time": due.by.time().isoformat("minutes"), "time_zone": city.time_zone}  # fmt: skip


def _resources(table: Table) -> Iterator[dict[str, Any]]:
    """A table's files: CSV, and Parquet with types."""
    name = table.file.removesuffix(".csv")
    described = {**both("title", Text(table.zh, table.en)), "tier": table.tier}
    yield {
        "profile": "tabular-data-resource", "name": name, "path": table.file, "format": "csv", "mediatype": "text/csv",
        "encoding": "utf-8", "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "doubleQuote": True},
        **described, "schema": table_schema(table),
    }  # fmt: skip
    yield {
        "profile": "data-resource", "name": f"{name}-parquet", "path": table.parquet, "format": "parquet",
        "mediatype": "application/vnd.apache.parquet", **described,
    }  # fmt: skip


def table_schema(table: Table) -> dict[str, Any]:
    """Frictionless Table Schema of a file; each number names the column with its status."""
    fields = []
    for name, column in file_columns(table).items():
        field = {"name": name, "type": _TYPES[column.type], **both("title", Text(column.zh, column.en))}
        if column.unit and column.type == "number":
            field |= both("unit", column.unit)
        if (figure := column.of or name) in table.figures:
            field["obs_status"] = table.status_column(figure)
        fields.append({**field, "constraints": constraints(column)} if constraints(column) else field)
    return {"fields": fields, "missingValues": [""], "primaryKey": [*head(table), *table.key]}


def constraints(column: Column) -> dict[str, Any]:
    """The constraints that every value of the column satisfies."""
    found = {"minimum": column.low, "maximum": column.high, "enum": list(column.codes), "required": column.required}
    return {name: limit for name, limit in found.items() if limit not in (None, [], False)}
