"""Which indicators there are, and which of them need a feed.

What an indicator counts is said once, in its entry of the methodology: `feed_kind`, and for incidents
`incident_family`. A feed supports every indicator that counts its kind; of incidents, only the families that it brings.
A contract gives `supports` itself where a feed supports fewer: its history is too short, its records are too
different, or it has not the columns that the indicator needs (needs.yml).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from expectations.feed_faults import targets
from expectations.models import Feed, Kind

REPOSITORY = Path(__file__).parent.parent
SQL = REPOSITORY / "dbt" / "models" / "indicators"  # one file each: the listing says which there are
METHODOLOGY = REPOSITORY / "spark_jobs" / "index" / "methodology.yml"  # read as data: the floor imports nothing of ours
NEEDS = Path(__file__).with_name("needs.yml")
FAMILY = "family_code"


@cache
def indicator_ids() -> frozenset[str]:
    """Ids of the indicators that a feed may support."""
    return frozenset(path.stem for path in SQL.glob("*/*.sql"))


@cache
def domain_ids() -> tuple[str, ...]:
    """Ids of the domains of the index, in its order."""
    return tuple(domain["id"] for domain in yaml.safe_load(METHODOLOGY.read_text(encoding="utf-8"))["domains"])


@cache
def _declared() -> tuple[dict[str, Any], ...]:
    domains = yaml.safe_load(METHODOLOGY.read_text(encoding="utf-8"))["domains"]
    return tuple(indicator for domain in domains for indicator in domain["indicators"])


@cache
def min_events() -> int:
    """Fewer events than this in the city in the window give counts and no score."""
    return int(yaml.safe_load(METHODOLOGY.read_text(encoding="utf-8"))["posterior"]["min_events"])


@cache
def counted_records() -> dict[str, tuple[str, str | None]]:
    """Indicator -> kind of the records that it counts, and their family if it counts one only."""
    return {each["id"]: (each["feed_kind"], each.get("incident_family")) for each in _declared()}


@cache
def denominator_codes() -> tuple[str, ...]:
    """What rates may be divided by."""
    return tuple(yaml.safe_load(METHODOLOGY.read_text(encoding="utf-8"))["denominators"])


@cache
def denominators() -> dict[str, str]:
    """Indicator -> denominator code that it divides by; one that divides by records of its own is not there."""
    return {each["id"]: each["denominator"] for each in _declared() if "denominator" in each}


@cache
def needs() -> dict[str, list[dict[str, list[str]]]]:
    """Indicator -> what it needs, one of the columns of each: canonical column -> codes that it must say, none: any."""
    found: dict[str, list[dict[str, list[str]]]] = yaml.safe_load(NEEDS.read_text(encoding="utf-8"))
    return found


def lacking(indicator: str, brought: Mapping[str, Collection[object] | None]) -> str | None:
    """What the indicator needs and does not get, in words; None if it can come.

    `brought`: canonical column -> the codes that it may say, None: whatever the source says.
    """
    for alternatives in needs()[indicator]:
        if not any(_is_brought(column, codes, brought) for column, codes in alternatives.items()):
            return "needs " + " or ".join(_said(column, codes) for column, codes in alternatives.items())
    return None


def _is_brought(column: str, codes: list[str], brought: Mapping[str, Collection[object] | None]) -> bool:
    said = brought.get(column)
    return column in brought and (said is None or (bool(set(said) & set(codes)) if codes else bool(said)))


def _said(column: str, codes: list[str]) -> str:
    return f"{column} ({' | '.join(codes)})" if codes else column


def brought_by(feed: Feed) -> dict[str, Collection[object] | None]:
    """Canonical column of the contract -> the codes that it maps to, None where it takes the source's words."""
    return {
        name: None if column.source and not (column.values or column.prefixes) else {t for _, t in targets(column)}
        for name, column in feed.columns.items()
    }


def supported_by_kind(feed: Feed, kind: Kind) -> tuple[str, ...]:
    """Indicators that count records such as the feed brings, in the order of the methodology; none of a context kind."""
    families = _families(feed, kind)
    return tuple(
        indicator
        for indicator, (counted, family) in counted_records().items()
        if counted == kind.kind and not kind.is_context and (family is None or family in families)
    )


def _families(feed: Feed, kind: Kind) -> set[object]:
    """Families that the contract maps to; all of the kind where it takes the source's codes as they are."""
    if FAMILY not in feed.columns:
        return set()
    return {target for _, target in targets(feed.columns[FAMILY])} or set(kind.columns[FAMILY].codes)
