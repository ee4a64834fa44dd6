"""Where an area has no index to compare, its domains are, and its indicators without a domain: what counts the same feeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from spark_jobs.release import files
from spark_jobs.release.build import canonical_tables
from spark_jobs.release.jumps import unexplained_jumps
from spark_jobs.release.model import Previous, Release, ReleaseInput
from spark_jobs.release.render import render
from tests.release import made_up
from tests.release.conftest import GATES

pytestmark = pytest.mark.unit
GREY = made_up.METHODOLOGY.domains[0]
LIVE = made_up.METHODOLOGY.domains[1]
COUNTY = made_up.COUNTIES[0][0]
LIMIT = made_up.METHODOLOGY.publication.jump_points


def yesterday(given: ReleaseInput, tables: dict[str, pd.DataFrame]) -> Previous:
    """The same figures a day before."""
    domains, indicators = tables["domain_index"], tables["indicator_value"]
    named = (domains[["area_code", "domain_id", "value"]], indicators[["area_code", "indicator_id", "score"]])
    parts = {
        (area, part): value
        for frame in named
        for area, part, value in frame.itertuples(index=False, name=None)
        if value is not None
    }
    day = given.business_date - timedelta(days=1)
    missing = {f["feed_code"] for f in tables["feed_status"].to_dict("records") if f["state_code"] != "delivered"}
    return Previous("20261125-0", day, given.methodology.version, {}, frozenset(missing), parts)


def moved(given: ReleaseInput, part: str, points: float, missing: set[str] | None = None) -> list[str]:
    """Of a release whose `part` moved; `missing`: feeds that the former one lacked, without it the same as now."""
    tables = dict(canonical_tables(given))
    before = yesterday(given, tables)
    before = before if missing is None else replace(before, missing_feeds=frozenset(missing))
    there = {**before.parts, (COUNTY, part): before.parts[COUNTY, part] - points}
    return unexplained_jumps(replace(given, previous=replace(before, parts=there)), tables)


@pytest.mark.parametrize(("points", "stops"), [(0.0, False), (LIMIT - 0.1, False), (30.0, True), (-30.0, True)])
def test_a_domain_that_jumps_stops_a_city_without_an_index(points: float, stops: bool) -> None:
    given = made_up.release_input(grey_domain=GREY.id)
    found = moved(given, LIVE.id, points)
    assert [f"{COUNTY}: {LIVE.id} " in each and "was " in each for each in found] == [True] * stops


def test_an_indicator_is_judged_where_its_domain_is_not_live() -> None:
    """Beside a live domain it is not: the domain says whether it matters."""
    given = made_up.release_input(grey_domain=GREY.id)
    assert moved(given, LIVE.indicators[0].id, 30.0) == []
    values = given.frames["indicator_value"].copy()
    is_own = values["indicator_id"] == GREY.indicators[0].id
    values.loc[is_own, ["score", "score_lower", "score_upper", "state_code"]] = [100.0, 95.0, 105.0, "live"]
    given = replace(given, frames={**given.frames, "indicator_value": values})
    (found,) = moved(given, GREY.indicators[0].id, 7.1)
    assert found.startswith(f"{COUNTY}: {GREY.indicators[0].id} 100.0, was 92.9 in release 20261125-0")
    assert moved(given, GREY.indicators[0].id, 4.9) == []  # in the interval: small numbers


def test_an_area_with_an_index_is_judged_by_it_alone() -> None:
    assert moved(made_up.release_input(), LIVE.id, 30.0) == []


# feeds that the former release lacked, those that are missing now, the part of COUNTY that moved, whether it stops
HELD: dict[str, tuple[set[str], set[str], str, bool]] = {
    "a feed newly missing: a domain of other feeds": (set(), {"hotline"}, LIVE.id, True),
    "a feed newly missing: its own domain": (set(), {"hotline"}, "demands_and_grid", False),
    "a feed newly missing: an indicator of its own": (set(), {"hotline"}, "d1_unresolved", False),
    "a feed that is back: a domain of other feeds": ({"hotline"}, set(), LIVE.id, True),
    "a feed that is back: its own domain": ({"hotline"}, set(), "demands_and_grid", False),
    "two feeds newly missing: a domain of another": (set(), {"hotline", "disputes"}, LIVE.id, True),
    "two feeds newly missing: a domain of theirs": (set(), {"hotline", "disputes"}, "disputes", False),
    "one for another: a domain of another": ({"disputes"}, {"hotline"}, LIVE.id, True),
    "one for another: a domain of the one that is back": ({"disputes"}, {"hotline"}, "disputes", False),
    "one missing in both, one newly: a domain of another": ({"disputes"}, {"disputes", "hotline"}, LIVE.id, True),
    "one missing in both, one newly: a domain of the newly missing": (
        {"disputes"}, {"disputes", "hotline"}, "demands_and_grid", False
    ),
}  # fmt: skip


@pytest.mark.parametrize("grey", [None, GREY.id], ids=["with an index", "without an index"])
@pytest.mark.parametrize(("before", "now", "part", "stops"), HELD.values(), ids=HELD.keys())
def test_what_counts_the_same_feeds_is_compared_though_others_are_missing(
    before: set[str], now: set[str], part: str, stops: bool, grey: str | None
) -> None:
    """Not the index, which counts them all."""
    given = made_up.release_input({feed: made_up.DAY - timedelta(days=1) for feed in now}, grey_domain=grey)
    found = moved(given, part, 30.0, before)
    assert [each.partition(" was")[0].split()[:2] for each in found] == [[f"{COUNTY}:", part]] * stops
    feeds = ", ".join(sorted(before ^ now))
    assert all(each.endswith(f"not compared: what counts {feeds}, missing in one of the two") for each in found)


def test_an_indicator_of_other_feeds_is_compared_where_its_domain_counts_a_missing_one() -> None:
    """Two feeds of one domain, of which one is newly missing."""
    given = made_up.release_input({"hotline": made_up.DAY - timedelta(days=1)})
    first, second, *_ = LIVE.indicators
    values = given.frames["indicator_value"].copy()
    is_first = values["indicator_id"] == first.id
    values["feed_codes"] = [
        ["incidents", "hotline"] if own else feeds for own, feeds in zip(is_first, values["feed_codes"], strict=True)
    ]
    given = replace(given, frames={**given.frames, "indicator_value": values})
    for part in (first.id, LIVE.id):
        assert moved(given, part, 30.0, set()) == []
    (found,) = moved(given, second.id, 30.0, set())
    assert found.startswith(f"{COUNTY}: {second.id} ")


def test_a_feed_that_no_figure_counts_hinders_no_comparison() -> None:
    given = made_up.release_input()
    tables = canonical_tables(given)
    before = yesterday(given, tables)
    index = tables["county_index"].set_index("area_code")["index"]
    previous = replace(before, index={COUNTY: index[COUNTY] - 30.0}, missing_feeds=frozenset({"context"}))
    (found,) = unexplained_jumps(replace(given, previous=previous), tables)
    assert found.startswith(f"{COUNTY}: index ")


def test_what_readers_see_is_read_back_with_its_parts(
    make_release: Callable[[ReleaseInput], Release], tmp_path: Path
) -> None:
    """From the files of the release itself; without them only the index is compared."""
    release = make_release(made_up.release_input(grey_domain=GREY.id))
    written = files.read_document(files.write_release(tmp_path, release.release_id, render(release)))
    assert written
    current = files.latest(release, GATES, written)
    found = files.previous(tmp_path, current)
    assert found is not None
    domains = release.tables["domain_index"]
    live = domains[domains["is_live"].astype(bool)]
    expected = {(row["area_code"], row["domain_id"]): row["value"] for row in live.to_dict("records")}
    assert {key: value for key, value in found.parts.items() if key in expected} == expected
    assert (COUNTY, GREY.id) not in found.parts
    assert (COUNTY, LIVE.indicators[0].id) in found.parts
    nothing = files.previous(tmp_path / "elsewhere", current)
    assert nothing is not None and nothing.parts == {}
