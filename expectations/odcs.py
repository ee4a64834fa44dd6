"""A feed's contract as Open Data Contract Standard 3.0.2, for catalogues and other people's tools. Pure.

The schema is the source's side: every column that the contract reads or drops, with its class and what it becomes here.
What the standard has no place for stands whole in `customProperties`, so that nothing of the contract is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from expectations.models import City, Feed, FeedColumn, Kind, KindColumn
from expectations.version import contract_document, contract_version

API_VERSION = "v3.0.2"
SUFFIX = ".odcs.yaml"
_LOGICAL = {
    "text": "string", "code": "string", "pseudonym": "string", "instant": "date", "date": "date", "flag": "boolean",
    "count": "integer", "amount": "number",
}  # fmt: skip
_CLASSES = ("public", "internal", "personal", "secret")  # the later is the stricter
Document = dict[str, Any]


def odcs(city: City, feed: Feed, kind: Kind) -> Document:
    """The contract as the standard has it. `version` is that which the ledger of batches names."""
    document: Document = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": feed.code,
        "name": feed.name.en,
        "version": contract_version(contract_document(city, feed)),
        "status": "retired" if feed.ends_on else "active",
        "domain": feed.kind,
        "tenant": city.city_code,
        "description": {"purpose": f"{kind.name.zh} {kind.name.en}: {kind.grain.zh} {kind.grain.en}"},
        "servers": [{"server": feed.source.connection, "type": "custom", "description": _where(feed)}],
        "schema": [_table(feed, kind)],
        "slaProperties": list(_promises(feed)),
        "customProperties": [
            {"property": "feed", "value": feed.model_dump(mode="json", by_alias=True, exclude_unset=True)}
        ],
    }
    if city.publisher:
        contact = {"channel": city.publisher.name.en, "url": f"mailto:{city.publisher.email}"}
        document["support"] = [contact]
    return document


def odcs_text(city: City, feed: Feed, kind: Kind) -> str:
    """The same as YAML, one spelling for one contract."""
    return yaml.safe_dump(odcs(city, feed, kind), allow_unicode=True, sort_keys=False, width=120)


def _where(feed: Feed) -> str:
    """What of the connection is read; its address and secrets are the machine's."""
    described = feed.source.model_dump(mode="json")
    place = next(described[name] for name in ("table", "path", "pattern") if described.get(name))
    return f"{feed.source.type}: {place}"


def _table(feed: Feed, kind: Kind) -> Document:
    described = feed.source.model_dump(mode="json")
    return {
        "name": feed.feed_code,
        "logicalType": "object",
        "physicalType": "table" if feed.source.type == "database" else "file" if feed.source.type == "files" else "api",
        "businessName": feed.name.zh,
        "description": feed.name.en,
        "dataGranularityDescription": kind.grain.en,
        **({"physicalName": described["table"]} if described.get("table") else {}),
        "properties": [
            _property(column, feed, kind) for column in dict.fromkeys([*feed.mapped_columns, *feed.dropped])
        ],
    }


def _property(column: str, feed: Feed, kind: Kind) -> Document:
    """A column of the source: its class is the strictest of what is made of it."""
    made = {name: of for name, of in feed.columns.items() if column in of.reads}
    targets = [kind.columns[name] for name in made]
    classes = [target.privacy for target in targets] + ([feed.dropped[column]] if column in feed.dropped else [])
    found: Document = {
        "name": column,
        "logicalType": _logical(targets),
        "classification": max(classes or ["internal"], key=_CLASSES.index),
        "required": column in feed.record_id or any(target.is_needed for target in targets),
    }
    if column in feed.record_id:
        found |= {"primaryKey": True, "primaryKeyPosition": feed.record_id.index(column) + 1}
    if targets:
        found |= {"businessName": "；".join(t.zh for t in targets), "description": "; ".join(t.en for t in targets)}
        found["customProperties"] = [
            {"property": "canonical", "value": [_mapping(name, of) for name, of in made.items()]}
        ]
    return found


def _logical(targets: list[KindColumn]) -> str:
    """The standard's type, if all that is made of the column has one; else it is a text."""
    types = {_LOGICAL[target.type] for target in targets}
    return types.pop() if len(types) == 1 else "string"


def _mapping(name: str, of: FeedColumn) -> Document:
    said = of.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"column": name, **{key: value for key, value in said.items() if key != "from"}}


def _promises(feed: Feed) -> Iterator[Document]:
    """What the source keeps to, in the standard's words."""
    yield {"property": "generalAvailability", "value": feed.starts_on.isoformat()}
    if feed.ends_on:
        yield {"property": "endOfLife", "value": feed.ends_on.isoformat()}
    yield {"property": "latency", "value": feed.lag_days, "unit": "d"}
    yield {"property": "retention", "value": feed.raw_kept_days, "unit": "d"}
    yield {"property": "errorRate", "value": feed.tolerance.rejected_share, "driver": "operational"}
