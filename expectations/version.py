"""Which contract judged a batch: all that decides about its rows, as one document and a short name for it."""

from __future__ import annotations

import hashlib
import json

from expectations.contract import load_kinds, read_table
from expectations.models import City, Feed


def contract_document(city: City, feed: Feed) -> str:
    """The feed's contract with its corrections, its kind, and the areas and names that its rows are mapped to, as JSON."""
    parts = {
        "feed": feed.model_dump(mode="json", by_alias=True),
        "kind": load_kinds()[feed.kind].model_dump(mode="json", by_alias=True),
        "time_zone": city.time_zone,
        "areas": read_table(city.city_code, "areas"),
        "area_aliases": read_table(city.city_code, "area_aliases"),
    }
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def contract_version(document: str) -> str:
    """Twelve hexadecimal digits: the same for the same document, whatever its YAML looks like."""
    return hashlib.sha256(document.encode()).hexdigest()[:12]
