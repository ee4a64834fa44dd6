"""What programs can read in public/<city>/: an OpenAPI 3.1 document of its static files, and a DCAT 3 catalogue.

Pure. Both are made from the declarations alone and change only with them. Addresses are relative to the two files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from expectations.models import City, Text
from spark_jobs.release.canonical import json_text
from spark_jobs.release.data_package import DATA_PACKAGE_FILE, title
from spark_jobs.release.files import LATEST_FILE, LATEST_LINK
from spark_jobs.release.public_tables import json_file
from spark_jobs.release.release_calendar import CALENDAR_FILE
from spark_jobs.released.columns import ACROSS, PUBLIC, Column, PublicTable, Tier
from spark_jobs.released.file_columns import file_columns, head

OPENAPI_FILE, CATALOGUE_FILE = "openapi.json", "catalogue.jsonld"
MEDIA_TYPES = {
    "csv": "text/csv", "parquet": "application/vnd.apache.parquet", "json": "application/json",
}  # fmt: skip
_MEANINGS: dict[Tier, Text] = {
    "public_nightly": Text("每夜公开：指数，整数分", "each night: the index in whole points"),
    "public_monthly": Text(
        "每月公开：经披露控制的领域与指标", "each month: domains and indicators after disclosure control"
    ),
}
_RECORD = Text(
    "历次发布的记录：公布过的数值、更改、发布日历与准时率",
    "the record: what was said when, changes, calendar, punctuality",
)
_FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
_JSON_TYPES = {"text": "string", "number": "number", "flag": "boolean", "day": "string", "instant": "string"}
_FORMATS = {"day": "date", "instant": "date-time"}
_PATTERNS = {
    "release_id": "^[0-9]{8}-[0-9a-f]{10}$",
    "month": "^[0-9]{4}-[0-9]{2}(-v[0-9]+)?$",
    "area_code": "^[0-9a-z_]+$",
}
Document = dict[str, Any]


def catalogue_files(city: City) -> dict[str, bytes]:
    """Both files by name."""
    return {
        OPENAPI_FILE: json_text(openapi(city)).encode(),
        CATALOGUE_FILE: json_text(catalogue(city)).encode(),
    }


def _tiers(city: City) -> list[tuple[Tier, str, str]]:
    """Tier, folder with a stable address, folder of one release. An archive is published once and has no months."""
    nightly: tuple[Tier, str, str] = ("public_nightly", LATEST_LINK, "releases/{release_id}")
    monthly: tuple[Tier, str, str] = ("public_monthly", f"monthly/{LATEST_LINK}", "monthly/{month}")
    return [nightly, monthly] if city.publication else [nightly]


def _of_tier(tier: Tier) -> list[tuple[str, PublicTable]]:
    return [(name, table) for name, table in PUBLIC.items() if table.tier == tier]


def _files(table: PublicTable) -> dict[str, str]:
    """Format -> file."""
    return {"csv": table.file, "parquet": table.parquet, "json": json_file(table)}


def openapi(city: City) -> Document:
    """Every address, and what it answers."""
    name = title(city)
    info: Document = {"title": f"{name.zh} {name.en}", "version": "1", "summary": _MEANINGS["public_nightly"].en}
    if city.publisher:
        info["contact"] = {"name": city.publisher.name.en, "email": city.publisher.email}
        info["license"] = {"name": city.publisher.licence, "url": city.publisher.licence_url}
    tiers = _tiers(city)
    shown = [(name, table) for tier, _, _ in tiers for name, table in _of_tier(tier)]
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "."}],
        "paths": {
            f"/{LATEST_FILE}": _get(
                "latest", "the current release and its figures", _answer("json", {"type": "object"})
            ),
            **{address: of for tier, *folders in tiers for folder in folders for address, of in _paths(tier, folder)},
        },
        "components": {"schemas": {part: of for name, table in shown for part, of in _schemas(name, table)}},
    }


def _paths(tier: Tier, folder: str) -> Iterator[tuple[str, Document]]:
    """Addresses of one folder: each table in each format, all tables of an area, and what the files hold."""
    place = folder.replace("/", "_").replace("{", "").replace("}", "")
    for name, table in _of_tier(tier):
        for format_, file in _files(table).items():
            schema = {"$ref": f"#/components/schemas/{name}"} if format_ == "json" else {"type": "string"}
            address = f"/{folder}/{file}"
            yield (
                address,
                _get(f"{place}_{name}_{format_}", f"{table.zh} {table.en}", _answer(format_, schema), address),
            )
    address = f"/{folder}/area-{{area_code}}.json"
    said = "一个地区的全部表格 every table's rows of one area"
    yield address, _get(f"{place}_{tier}_area", said, _answer("json", {"type": "object"}), address)
    address = f"/{folder}/{DATA_PACKAGE_FILE}"
    said = "各文件的内容 what every file holds"
    yield address, _get(f"{place}_{tier}_package", said, _answer("json", {"type": "object"}), address)


def _answer(format_: str, schema: Document) -> Document:
    return {MEDIA_TYPES[format_]: {"schema": schema}}


def _get(operation: str, summary: str, content: Document, address: str = "") -> Document:
    names = [name for name in _PATTERNS if f"{{{name}}}" in address]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _PATTERNS[name]}}
        for name in names
    ]
    responses = {"200": {"description": summary, "content": content}, "404": {"description": "没有 there is none"}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            **({"parameters": parameters} if parameters else {}),
            "responses": responses,
        }
    }


def _schemas(name: str, table: PublicTable) -> Iterator[tuple[str, Document]]:
    """The schema of a table's JSON file, and that of one row in it."""
    columns = file_columns(table)
    of = {column: _value(columns[column]) for column in head(table)}
    yield name, {
        "type": "object",
        "description": f"{table.zh} {table.en}",
        "properties": {"tier": {"const": table.tier}, **of,
                       "rows": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}_row"}}},
        "required": ["tier", *of, "rows"],
    }  # fmt: skip
    cells = {column: _value(declared) for column, declared in columns.items() if column not in of}
    yield f"{name}_row", {"type": "object", "properties": cells, "required": list(cells), "additionalProperties": False}


def _value(column: Column) -> Document:
    """The schema of a cell. Null is no value; the status code of the row says why."""
    type_ = _JSON_TYPES[column.type]
    found: Document = {
        "type": type_ if column.required else [type_, "null"],
        "description": f"{column.zh} {column.en}" + (f" ({column.unit.zh} {column.unit.en})" if column.unit else ""),
    }
    if column.type in _FORMATS:
        found["format"] = _FORMATS[column.type]
    if column.codes:
        found["enum"] = [*column.codes, *([] if column.required else [None])]
    return found


def catalogue(city: City) -> Document:
    """The city's data sets as DCAT in JSON-LD."""
    return {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "vcard": "http://www.w3.org/2006/vcard/ns#",
        },
        "@id": "./",
        "@type": "dcat:Catalog",
        "dct:title": _words(title(city)),
        **(({"dct:description": _words(city.note)}) if city.note else {}),
        **_responsible(city),
        "dcat:service": {
            "@id": "./#files",
            "@type": "dcat:DataService",
            "dct:title": _words(title(city)),
            "dcat:endpointURL": {"@id": "./"},
            "dcat:endpointDescription": {"@id": OPENAPI_FILE},
        },
        "dcat:dataset": list(_datasets(city)),
    }


def _datasets(city: City) -> Iterator[Document]:
    often: dict[Tier, str] = {"public_nightly": "DAILY" if city.publication else "NEVER", "public_monthly": "MONTHLY"}
    for tier, folder, _ in _tiers(city):
        listed = [
            _distribution(f"{folder}/{file}", format_, Text(table.zh, table.en))
            for _, table in _of_tier(tier) for format_, file in _files(table).items()
        ]  # fmt: skip
        yield _dataset(city, f"{folder}/", _MEANINGS[tier], often[tier], listed)
    record = {table.file: Text(table.zh, table.en) for table in ACROSS.values()}
    record["changes.json"] = Text("历次更改", "what each release changed")
    if city.publication:
        record[CALENDAR_FILE] = Text("发布日历", "releases of the year ahead")
        record["punctuality.csv"] = Text("准时率", "how many releases came in time")
    listed = [_distribution(file, file.rpartition(".")[2], title) for file, title in record.items()]
    yield _dataset(city, "./#record", _RECORD, often["public_nightly"], listed)


def _dataset(city: City, address: str, meaning: Text, often: str, distributions: list[Document]) -> Document:
    name = title(city)
    return {
        "@id": address,
        "@type": "dcat:Dataset",
        "dct:title": _words(Text(f"{name.zh}：{meaning.zh}", f"{name.en}: {meaning.en}")),
        "dct:accrualPeriodicity": {"@id": f"{_FREQUENCY}{often}"},
        **_responsible(city),
        "dcat:distribution": distributions,
    }


def _distribution(address: str, format_: str, title: Text) -> Document:
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": _words(title),
        "dcat:downloadURL": {"@id": address},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{MEDIA_TYPES[format_]}"},
    }


def _responsible(city: City) -> Document:
    """Publisher, contact and licence; empty for a city that names no publisher."""
    if city.publisher is None:
        return {}
    who = city.publisher
    return {
        "dct:publisher": {"@type": "foaf:Organization", "foaf:name": _words(who.name)},
        "dcat:contactPoint": {"@type": "vcard:Organization", "vcard:fn": who.name.en,
                              "vcard:hasEmail": {"@id": f"mailto:{who.email}"}},
        "dct:license": {"@id": who.licence_url},
    }  # fmt: skip


def _words(text: Text) -> list[Document]:
    return [{"@language": "zh", "@value": text.zh}, {"@language": "en", "@value": text.en}]
