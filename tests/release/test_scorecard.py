"""The scorecard: three shares beside the index, their intervals, and ties instead of places."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import pytest

from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.render import render
from spark_jobs.release.scorecard import COMPLEMENTS, MEASURES
from tests.release import made_up
from tests.release.conftest import GATES

pytestmark = pytest.mark.unit
COUNTIES = [code for code, _, _ in made_up.COUNTIES]
LATE = dict(zip(COUNTIES, (100.0, 101.0, 400.0, 0.0, 900.0, 899.0), strict=True))  # of 1,000 work orders each


def given(grey: str | None = None) -> ReleaseInput:
    made = made_up.release_input(grey_domain=grey)
    values = made.frames["indicator_value"]
    own = values["indicator_id"] == COMPLEMENTS["timeliness"]
    late = values["area_code"].map({**LATE, made_up.CITY_AREA: sum(LATE.values())})
    values["n_events"] = values["n_events"].where(~own, late)
    values["denominator"] = values["denominator"].where(~own, 1000.0)
    values.loc[own & (values["area_code"] == made_up.CITY_AREA), "denominator"] = 6000.0
    return replace(made, frames={**made.frames, "indicator_value": values})


def table(of: ReleaseInput) -> dict[tuple[str, str], dict[str, str]]:
    content = render(build(of, canonical_tables(of), GATES))["scorecard.csv"].decode("utf-8-sig")
    return {(row["measure_code"], row["area_code"]): row for row in csv.DictReader(io.StringIO(content, newline=""))}


@pytest.fixture(scope="module")
def scored() -> dict[tuple[str, str], dict[str, str]]:
    return table(given())


def test_every_area_has_every_measure_and_intervals_are_wilsons(scored: dict[tuple[str, str], dict[str, str]]) -> None:
    assert scored.keys() == {(m, a) for m in MEASURES for a in (made_up.CITY_AREA, *COUNTIES)}
    z = NormalDist().inv_cdf(0.975)
    for county, late in LATE.items():
        row, p, n = scored["timeliness", county], 1 - late / 1000, 1000
        half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
        lower, upper = ((p + z**2 / (2 * n) + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
        assert float(row["rate"]) == pytest.approx(p)
        assert [float(row[end]) for end in ("lower", "upper")] == pytest.approx([lower, min(upper, 1.0)])
    closure = scored["closure", made_up.CITY_AREA]
    assert float(closure["rate"]) == float(closure["n_met"]) / float(closure["n_cases"]) < 1


def test_counties_that_cannot_be_told_apart_are_tied_and_the_city_has_no_place(
    scored: dict[tuple[str, str], dict[str, str]],
) -> None:
    ranks = [
        tuple(int(float(scored["timeliness", c][n])) for n in ("rank_low", "rank_high", "n_tied")) for c in COUNTIES
    ]
    assert ranks == [(2, 3, 1), (2, 3, 1), (4, 4, 0), (1, 1, 0), (5, 6, 1), (5, 6, 1)]
    city = scored["timeliness", made_up.CITY_AREA]
    assert (city["rank_low"], city["rank_low_obs_status"], city["rate_obs_status"]) == ("", "M", "P")


def test_a_feed_that_is_missing_leaves_its_measures_empty_and_says_so() -> None:
    found = table(given("demands_and_grid"))
    for area in (made_up.CITY_AREA, *COUNTIES):
        for measure in COMPLEMENTS:
            row = found[measure, area]
            assert (row["rate"], row["n_met"], row["rate_obs_status"], row["state_code"]) == (
                "",
                "",
                "L",
                "missing_feed",
            )
    assert found["closure", made_up.CITY_AREA]["rate"]


def test_it_is_no_part_of_the_releases_id(make_release: Callable[[ReleaseInput], Release]) -> None:
    release = make_release(given())
    assert "scorecard" not in release.document["tables"]
    assert "scorecard.csv" in render(release)
