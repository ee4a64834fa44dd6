"""The scorecard: three shares beside the index, their intervals, and ties instead of places."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from statistics import NormalDist

import pandas as pd
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


def table(of: ReleaseInput, cohort: str = "") -> dict[tuple[str, str], dict[str, str]]:
    """Rows of one cohort, or those as a whole, by measure and area."""
    content = render(build(of, canonical_tables(of), GATES))["scorecard.csv"].decode("utf-8-sig")
    found = [row for row in csv.DictReader(io.StringIO(content, newline="")) if row["cohort"] == cohort]
    assert len({(row["measure_code"], row["area_code"]) for row in found}) == len(found)
    return {(row["measure_code"], row["area_code"]): row for row in found}


def by_month(settled: Mapping[str, tuple[float, float]]) -> ReleaseInput:
    """Month found -> of 400 disputes of the first and of each other county, how many are settled. The last county has 9."""
    made, shares = given(), {}
    for month, (first, others) in settled.items():
        of_counties = [first, *[others] * (len(COUNTIES) - 2), 9.0]
        shares |= {
            (month, c): (met, 9.0 if c == COUNTIES[-1] else 400.0) for c, met in zip(COUNTIES, of_counties, strict=True)
        }
    rows = [
        {"indicator_id": "settlement", "area_code": county, "window": f"found_{month}", "stratum": outcome, "count": count,
         "denominator": None}
        for (month, county), (met, n) in shares.items() for outcome, count in (("settled", met), ("open", n - met))
    ]  # fmt: skip
    inputs = made.frames["input"]
    kept = inputs[~((inputs["indicator_id"] == "settlement") & inputs["window"].str.startswith("found_"))]
    return replace(made, frames={**made.frames, "input": pd.DataFrame([*kept.to_dict("records"), *rows])})


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


def test_closure_by_cohort_is_judged_once_the_cohort_is_complete_and_never_on_a_few_cases() -> None:
    """The cohort of a month is complete 35 days after its end: on 22 November that of September, and not October's."""
    assert date(2026, 11, 22) == made_up.DAY
    made = by_month({"2026-09": (300.0, 200.0), "2026-10": (300.0, 200.0)})
    for cohort, is_judged in (("2026-09", True), ("2026-10", False)):
        found = table(made, cohort)
        assert found.keys() == {("closure", area) for area in (made_up.CITY_AREA, *COUNTIES)}
        rows = {area: row for (_, area), row in found.items()}
        assert [float(rows[c]["rate"]) for c in COUNTIES] == [0.75, *[0.5] * (len(COUNTIES) - 2), 1.0]
        assert all(float(row["lower"]) <= float(row["rate"]) <= float(row["upper"]) for row in rows.values())
        ranks = [(rows[c]["rank_low"], rows[c]["rank_high"], rows[c]["n_tied"]) for c in COUNTIES]
        n_judged = len(COUNTIES) - 1
        tied = ("2.0", f"{n_judged}.0", f"{n_judged - 2}.0")
        judged = [("1.0", "1.0", "0.0"), *[tied] * (n_judged - 1), ("", "", "")]
        assert ranks == (judged if is_judged else [("", "", "")] * len(COUNTIES))
        assert rows[COUNTIES[0]]["state_code"] == ("live" if is_judged else "not_complete")
        assert rows[COUNTIES[-1]]["state_code"] == ("too_few" if is_judged else "not_complete")
        city = rows[made_up.CITY_AREA]
        assert float(city["n_cases"]) == sum(float(rows[c]["n_cases"]) for c in COUNTIES)


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
