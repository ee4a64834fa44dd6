"""Canonical text of released content, and the identifiers made from it.

Same data -> same text -> same hash, on any machine, in any order of rows: numbers as repr of float64, dates ISO,
rows sorted by key, no clock, no path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from spark_jobs.released.columns import TABLES, rows


def json_text(value: Any) -> str:
    """JSON with one spelling: keys in the order given, no NaN, Chinese readable."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1, default=_scalar) + "\n"


def _scalar(value: Any) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical text")


def utc_text(instant: datetime) -> str:
    """2026-11-22T17:30:00Z"""
    if instant.tzinfo is None:
        raise ValueError(f"{instant}: an instant without time zone is ambiguous")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha256(content: bytes | str) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def table_hash(name: str, frame: pd.DataFrame) -> str:
    """SHA-256 of a canonical frame: its column names, then one JSON array a row."""
    lines = [json.dumps(list(TABLES[name].columns))]
    lines += [
        json.dumps([value.isoformat() if isinstance(value, date) else value for value in row.values()],
                   ensure_ascii=False, allow_nan=False)
        for row in rows(frame)
    ]  # fmt: skip
    return sha256("\n".join(lines))


# What arrived, not when we fetched it: two machines that read the same bytes have the same data version.
BATCH_COLUMNS = ("feed_code", "window_from", "window_to", "sha256", "n_received", "n_accepted", "n_rejected")


def batch_manifest(batches: pd.DataFrame) -> list[dict[str, Any]]:
    """The batches that were read, one dictionary each, in canonical order."""
    manifest = [
        {
            column: int(value) if column.startswith("n_") else str(value)[:10] if column.startswith("window") else value
            for column, value in zip(BATCH_COLUMNS, row, strict=True)
        }
        for row in batches[list(BATCH_COLUMNS)].itertuples(index=False, name=None)
    ]
    return sorted(manifest, key=lambda batch: json.dumps(batch, sort_keys=True))


def data_version(manifest: list[dict[str, Any]]) -> str:
    """Twelve hex digits that stand for everything that was read."""
    return sha256(json_text(manifest))[:12]


def release_id(header: Mapping[str, str], hashes: Mapping[str, str]) -> str:
    """yyyymmdd-xxxxxxxxxx: the business date, then ten hex digits over the content.

    `header`: city_code, business_date, as_of, method_version, data_version as text. `hashes`: table name -> SHA-256.
    """
    content = json_text({"header": dict(sorted(header.items())), "tables": dict(sorted(hashes.items()))})
    return f"{header['business_date'].replace('-', '')}-{sha256(content)[:10]}"


def document_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of release.json without the entry that holds it: `sha256`, the last."""
    return sha256(json_text({key: value for key, value in document.items() if key != "sha256"}))
