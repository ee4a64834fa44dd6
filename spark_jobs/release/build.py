"""ReleaseInput -> Release. Pure: no clock, no path, no database; the same data give the same release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from expectations.contract import load_kinds
from expectations.models import City, Text
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.canonical import batch_manifest, data_version, release_id, table_hash, utc_text
from spark_jobs.release.model import Gate, Release, ReleaseInput
from spark_jobs.release.movement import previous_release_id
from spark_jobs.release.wording import LANGUAGES, Wording
from spark_jobs.released.columns import TABLES, TableFault, canonical_frame, rows

SCHEMA_VERSION = 1  # of release.json and latest.json


def canonical_tables(given: ReleaseInput) -> dict[str, pd.DataFrame]:
    """Every table of columns.TABLES in its canonical form. Raises TableFault, which names what does not fit."""
    lacking = [name for name in TABLES if name not in given.frames]
    if lacking:
        raise TableFault(f"release: tables not given: {lacking}")
    return {name: canonical_frame(name, given.frames[name]) for name in TABLES}


def build(given: ReleaseInput, tables: Mapping[str, pd.DataFrame], gates: Sequence[Gate]) -> Release:
    """The release made of canonical `tables` that passed `gates`."""
    manifest = batch_manifest(given.batches)
    header = {
        "city_code": given.city.city_code,
        "business_date": given.business_date.isoformat(),
        "as_of": utc_text(given.as_of),
        "method_version": given.methodology.version,
        "data_version": data_version(manifest),
    }
    hashes = {name: table_hash(name, frame) for name, frame in tables.items()}
    statuses = sorted(set(tables["county_index"]["status_code"]))
    identifier = release_id(header, hashes)
    document = {
        "schema_version": SCHEMA_VERSION,
        "release_id": identifier,
        "city": given.city.city_code,
        "city_name_zh": given.city.name.zh,
        "city_name_en": given.city.name.en,
        "period": header["business_date"],
        "as_of": header["as_of"],
        "time_zone": given.city.time_zone,
        "status": statuses[0],
        "data_version": header["data_version"],
        "method_version": header["method_version"],
        "previous_release_id": previous_release_id(tables["movement"]),
        "code_commit": given.code_commit,
        "note_zh": given.city.note.zh if given.city.note else None,
        "note_en": given.city.note.en if given.city.note else None,
        **_figures(given, tables),
        "missing_feeds": _missing_feeds(tables["feed_status"]),
        "gates": [_gate(gate) for gate in gates],
        "tables": {name: {"rows": len(tables[name]), "sha256": hashes[name]} for name in tables},
        "batches": manifest,
    }
    return Release(
        identifier, given.city, given.areas, given.methodology, given.business_date, given.as_of, statuses[0],
        dict(tables), document, given.weekly,
    )  # fmt: skip


def grey_indicators(tables: Mapping[str, pd.DataFrame], area_code: str) -> list[str]:
    """Indicators of an area that carry no score."""
    return [
        row["indicator_id"]
        for row in rows(tables["indicator_value"])
        if row["area_code"] == area_code and row["state_code"] != "live"
    ]


def missing_domains(methodology: Methodology, tables: Mapping[str, pd.DataFrame], area_code: str) -> list[str]:
    """Domains of an area that are not live, in the order of the methodology."""
    live = {r["domain_id"] for r in rows(tables["domain_index"]) if r["area_code"] == area_code and r["is_live"]}
    return [domain.id for domain in methodology.domains if domain.id not in live]


def no_index_reason(city: City, methodology: Methodology, domains: Sequence[str]) -> Text:
    """Why an area that lacks these domains has no index; also the kinds of record that no feed of the city brings."""
    share = f"{100 * methodology.aggregation.domain_live_share:.0f}"
    needed: set[str] = {
        i.feed_kind for domain in methodology.domains if domain.id in domains for i in domain.indicators
    }
    kinds = sorted(needed - {feed.kind for feed in city.feeds})
    absent = [city.names.get(kind, load_kinds()[kind].name) for kind in kinds]
    return Text(*(_no_index_in(Wording(code, methodology), share, domains, absent) for code in LANGUAGES))


def _no_index_in(words: Wording, share: str, domains: Sequence[str], absent_kinds: Sequence[Text]) -> str:
    reason = words.say("why_no_index", share=share, domains=words.listed(map(words.domain, domains)))
    if not absent_kinds:
        return reason
    return words.say("without_feed", reason=reason, kinds=words.listed(map(words.pick, absent_kinds)))


def _figures(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    by_code = {row["area_code"]: row for row in rows(tables["county_index"])}
    figures = [_figure(given, tables, by_code[area.area_code], area.name) for area in given.areas]
    city = given.city_area.area_code
    return {
        "city_index": next(figure for figure in figures if figure["area_code"] == city),
        "counties": [figure for figure in figures if figure["area_code"] != city],
    }


def _figure(
    given: ReleaseInput, tables: Mapping[str, pd.DataFrame], row: Mapping[str, Any], name: Text
) -> dict[str, Any]:
    grey = grey_indicators(tables, row["area_code"])
    domains = missing_domains(given.methodology, tables, row["area_code"])
    reason = no_index_reason(given.city, given.methodology, domains) if row["index"] is None else None
    return {
        "area_code": row["area_code"],
        "name_zh": name.zh,
        "name_en": name.en,
        "index": row["index"],
        "lower": row["lower"],
        "upper": row["upper"],
        "band": row["band_code"],
        "change": row["change_1y"],
        "status": row["status_code"],
        "confidence": row["confidence_code"],
        "missing_domains": domains,
        "missing_indicators": grey,
        "missing_zh": Wording("zh", given.methodology).missing(domains, grey),
        "missing_en": Wording("en", given.methodology).missing(domains, grey),
        "reason_zh": reason.zh if reason else None,
        "reason_en": reason.en if reason else None,
    }


def _missing_feeds(feed_status: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "feed": feed["feed_code"],
            "name_zh": feed["feed_name_zh"],
            "name_en": feed["feed_name_en"],
            "since": feed["missing_since"].isoformat(),
        }
        for feed in rows(feed_status)
        if feed["state_code"] != "delivered"
    ]


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "name": gate.name,
        "passed": gate.passed,
        "severity": gate.severity,
        "detail_zh": gate.detail.zh,
        "detail_en": gate.detail.en,
    }
