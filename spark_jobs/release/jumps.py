"""Unexplained moves of the index since the release that readers see; without an index, those of its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

import pandas as pd

from spark_jobs.release.model import Previous, ReleaseInput
from spark_jobs.released.columns import rows


class Figure(NamedTuple):
    """One published figure on the scale of the index, with its interval; `part`: domain, indicator or None."""

    area_code: str
    part: str | None
    value: float
    lower: float | None
    upper: float | None

    def holds(self, value: float) -> bool:
        """Whether the value lies in the interval."""
        return self.lower is not None and self.upper is not None and self.lower <= value <= self.upper


def unexplained_jumps(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Figures that moved by more than `jump_points` since the previous release, and that nothing explains.

    A move is explained by small numbers (the previous figure lies in today's interval), by another version of the
    methodology, or by a flag on the area raised since then. A feed that only one of the two releases lacks explains
    the moves of all figures that count it. An area without an index to compare is judged by its domains; a domain that
    is not live, or cannot be compared, by its indicators.
    """
    previous, limit = given.previous, given.methodology.publication.jump_points
    if previous is None or not _comparable(given, previous):
        return []
    flagged = {
        flag["area_code"] for flag in rows(tables["flag"]) if flag["since"] and flag["since"] >= previous.business_date
    }
    changed = _changed_feeds(previous, tables)
    beside = f"; not compared: what counts {', '.join(sorted(changed))}, missing in one of the two" if changed else ""
    found = []
    for figure in _figures(given, tables, changed):
        before = previous.figure(figure.area_code, figure.part)
        if before is None or figure.holds(before) or figure.area_code in flagged:
            continue
        if abs(figure.value - before) > limit:
            found.append(
                f"{figure.area_code}: {figure.part or 'index'} {figure.value:.1f}, was {before:.1f} in release "
                f"{previous.release_id}; more than {limit} points, out of today's interval, and no new flag{beside}"
            )
    return found


def _figures(given: ReleaseInput, tables: Mapping[str, pd.DataFrame], changed: Collection[str]) -> Iterator[Figure]:
    """What each area is judged by: nothing that counts a feed of `changed`."""
    domains = {i.id: domain.id for domain in given.methodology.domains for i in domain.indicators}
    other = {
        (row["area_code"], part)
        for row in rows(tables["indicator_value"])
        if not set(changed).isdisjoint((row["feed_codes"] or "").split(","))
        for part in (None, domains[row["indicator_id"]], row["indicator_id"])
    }
    judged = set()
    for row in rows(tables["county_index"]):
        if row["index"] is not None and (row["area_code"], None) not in other:
            judged.add(row["area_code"])
            yield Figure(row["area_code"], None, row["index"], row["lower"], row["upper"])
    live = set()
    for row in rows(tables["domain_index"]):
        place = (row["area_code"], row["domain_id"])
        if row["area_code"] not in judged and place not in other and row["is_live"] and row["value"] is not None:
            live.add(place)
            yield Figure(*place, row["value"], row["lower"], row["upper"])
    for row in rows(tables["indicator_value"]):
        place, own = (row["area_code"], domains[row["indicator_id"]]), (row["area_code"], row["indicator_id"])
        if row["area_code"] not in judged and place not in live and own not in other and row["score"] is not None:
            yield Figure(*own, row["score"], row["score_lower"], row["score_upper"])


def _changed_feeds(previous: Previous, tables: Mapping[str, pd.DataFrame]) -> frozenset[str]:
    """Feeds that are missing in only one of the two releases."""
    now = {feed["feed_code"] for feed in rows(tables["feed_status"]) if feed["state_code"] != "delivered"}
    return previous.missing_feeds ^ now


def _comparable(given: ReleaseInput, previous: Previous) -> bool:
    age = given.business_date - previous.business_date
    return (
        timedelta(0) <= age <= timedelta(days=given.methodology.publication.jump_days)
        and previous.method_version == given.methodology.version
    )
