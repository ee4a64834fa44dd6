"""Which indicators there are, and which of them need a feed.

What an indicator counts is said once, in its entry of the methodology: `feed_kind`, and for incidents
`incident_family`. A feed supports every indicator that counts its kind; of incidents, only the families that it brings.
A contract gives `supports` itself where a feed supports fewer: its history is too short, or its records are too
different.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from expectations.feed_faults import targets
from expectations.models import Feed, Kind

REPOSITORY = Path(__file__).parent.parent
SQL = REPOSITORY / "dbt" / "models" / "indicators"  # one file each: the listing says which there are
METHODOLOGY = REPOSITORY / "spark_jobs" / "index" / "methodology.yml"  # read as data: the floor imports nothing of ours
FAMILY = "family_code"


@cache
def indicator_ids() -> frozenset[str]:
    """Ids of the indicators that a feed may support."""
    return frozenset(path.stem for path in SQL.glob("*/*.sql"))


@cache
def _declared() -> tuple[dict[str, Any], ...]:
    domains = yaml.safe_load(METHODOLOGY.read_text(encoding="utf-8"))["domains"]
    return tuple(indicator for domain in domains for indicator in domain["indicators"])


@cache
def counted_records() -> dict[str, tuple[str, str | None]]:
    """Indicator -> kind of the records that it counts, and their family if it counts one only."""
    return {each["id"]: (each["feed_kind"], each.get("incident_family")) for each in _declared()}


@cache
def denominators() -> dict[str, str]:
    """Indicator -> denominator code that it divides by; one that divides by records of its own is not there."""
    return {each["id"]: each["denominator"] for each in _declared() if "denominator" in each}


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
