"""The change on a year before as released: a gate that lets nothing be left over, and words of harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.release.build import canonical_tables
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from spark_jobs.release.year_change import YearChanges, year_change_faults
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
COUNTY = made_up.COUNTIES[0][0]


def faults(change: Callable[[pd.DataFrame], pd.DataFrame], grey: str | None = None) -> list[str]:
    given = made_up.release_input(grey_domain=grey)
    frames = {**given.frames, "year_change": change(given.frames["year_change"].copy())}
    return year_change_faults(given.methodology, canonical_tables(replace(given, frames=frames)))


def plus(level: str, part: str, points: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        is_it = (frame["level_code"] == level) & (frame["part_id"] == part) & (frame["area_code"] == COUNTY)
        return frame.assign(points=frame["points"].where(~is_it, frame["points"] + points))

    return change


@pytest.mark.parametrize("grey", [None, "disputes"])
def test_what_adds_up_passes(grey: str | None) -> None:
    assert faults(lambda frame: frame, grey) == []


@pytest.mark.parametrize(
    ("level", "part", "said"),
    [
        ("index", "index", "another than the published one"),
        ("domain", "incidents", "points of index unexplained"),
        ("indicator", "b1_road_casualties", "points of incidents unexplained"),
    ],
)
@pytest.mark.parametrize("points", [-0.5, 1e-8])
def test_any_point_too_much_is_refused(level: str, part: str, said: str, points: float) -> None:
    found = faults(plus(level, part, points))
    assert found
    assert all(line.startswith(COUNTY) for line in found)
    assert any(said in line for line in found)


def test_an_area_that_is_left_out_is_refused() -> None:
    assert any("another than" in line for line in faults(lambda frame: frame[frame["area_code"] != COUNTY]))


def counted(
    release_input: ReleaseInput, indicator: str, window: str, counts: dict[str, float], trials: float = 1e5
) -> ReleaseInput:
    """With these events of an indicator in the first county and window."""
    table = release_input.frames["input"]
    of_it = (table["indicator_id"] == indicator) & (table["area_code"] == COUNTY) & (table["window"] == window)
    new = [
        {
            "indicator_id": indicator,
            "area_code": COUNTY,
            "window": window,
            "stratum": s,
            "count": n,
            "denominator": trials,
        }
        for s, n in counts.items()
    ]
    return replace(
        release_input, frames={**release_input.frames, "input": pd.concat([table[~of_it], pd.DataFrame(new)])}
    )


CASES = {
    "b1_road_casualties": (
        ({"death": 4.0, "serious_injury": 10.0, "minor_injury": 90.0}, {"death": 5.0, "serious_injury": 10.0, "minor_injury": 60.0}),
        {"zh": "死亡少1人，轻伤多30人", "en": "1 fewer killed, 30 more slightly injured"},
    ),
    "a4_public_order": (({"all": 12.0}, {"all": 8.0}), {"zh": "多4件", "en": "4 more"}),
    "d5_grid_overdue": (({"all": 8.0}, {"all": 8.0}), {"zh": "与上年相同", "en": "as many as then"}),
    "a1_violent_crime": (
        ({"death": 1.0, "robbery_rape": 1200.0}, {"death": 1.0, "robbery_rape": 1.0}),
        {"zh": "抢劫、强奸多1,199起", "en": "robberies and rapes up by 1,199"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("indicator", CASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_harm_is_said_in_people_and_events(make_release: Make, indicator: str, language: LanguageCode) -> None:
    (now, then), said = CASES[indicator]
    given = counted(counted(made_up.release_input(), indicator, "headline", now), indicator, "last_year", then)
    release = make_release(given)
    assert YearChanges(release, Wording(language, release.methodology)).harm(COUNTY, indicator) == said[language]


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [(30.0, 20.0, "up from 2.0 % to 3.0 %"), (20.0, 30.0, "down from 3.0 % to 2.0 %"), (20.0, 20.1, "still 2.0 %")],
)
def test_a_proportion_is_said_as_a_share(make_release: Make, now: float, then: float, said: str) -> None:
    given = made_up.release_input()
    for window, count in (("headline", now), ("last_year", then)):
        given = counted(given, "d2_late", window, {"all": count}, trials=1000.0)
    release = make_release(given)
    assert YearChanges(release, Wording("en", release.methodology)).harm(COUNTY, "d2_late") == said


def test_the_city_is_its_counties_and_the_remainder(make_release: Make) -> None:
    given = made_up.release_input()
    table = given.frames["input"]
    own = table[(table["indicator_id"] == "a4_public_order") & (table["area_code"] != made_up.CITY_AREA)]
    rest = own.iloc[:1].assign(area_code=REMAINDER, window="headline", count=7.0)
    kept = table[(table["indicator_id"] != "a4_public_order")]
    release = make_release(replace(given, frames={**given.frames, "input": pd.concat([kept, own, rest])}))
    sums = pd.concat([own, rest]).groupby("window")["count"].sum()
    more = sums["headline"] - sums["last_year"]
    said = YearChanges(release, Wording("en", release.methodology)).harm(made_up.CITY_AREA, "a4_public_order")
    assert said == f"{abs(more):.0f} {'more' if more > 0 else 'fewer'}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bulletin_explains_the_city_and_each_county_that_clearly_changed(
    make_release: Make, language: LanguageCode
) -> None:
    given = made_up.release_input()
    index = given.frames["county_index"].copy()
    index["p_below_last_year"] = [0.5, 0.99, 0.01, *[0.5] * (len(index) - 3)]
    release = make_release(replace(given, frames={**given.frames, "county_index": index}))
    words = Wording(language, release.methodology)
    page, changes = bulletin(release, language), YearChanges(release, words)
    for n, area in enumerate(release.areas):
        name = words.say("city_row") if n == 0 else words.pick(area.name)
        said = words.say("year_why", name=name, list=words.say("clause").join(changes.largest(area.area_code)))
        assert (said in page) == (n < 3)
        assert changes.largest(area.area_code)
