"""The movement as released: which release it starts from, how it reads what that one said, its sums and its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.index.comparison import EarlierRelease, Link, before_of, compared_with, movement_rows
from spark_jobs.index.engine.movement import CAUSES, Movement
from spark_jobs.release import files
from spark_jobs.release.build import canonical_tables
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.movement import area_movements, movement_faults, sentence
from spark_jobs.release.movement_between import movement_between, said_between
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.render import render
from spark_jobs.release.serving_tables import SERVING_TABLES, serving_rows
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from spark_jobs.released.columns import MOVEMENT_CAUSES, canonical_frame
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
METHODOLOGY = made_up.METHODOLOGY
INDICATORS = [indicator.id for indicator in METHODOLOGY.indicators]
UNITS = ["c1", "c2", "city"]
DAY = date(2026, 11, 22)


def chain(*links: tuple[str, int, str | None, bool]) -> dict[str, Link]:
    """Releases by id: days before DAY, the one it was compared with, whether the city had an index."""
    return {name: Link(DAY - timedelta(days=ago), before, indexed) for name, ago, before, indexed in links}


WEEK = chain(("mon", 3, None, True), ("tue", 2, "mon", True), ("wed", 1, "tue", True), ("thu", 0, "wed", True))


@pytest.mark.parametrize(
    ("ago", "expected"), [(0, "wed"), (1, "tue"), (2, "mon"), (3, None), (-1, "thu")], ids=lambda value: str(value)
)
def test_a_day_is_compared_with_the_release_before_it_however_often_it_is_run(ago: int, expected: str | None) -> None:
    """Thursday is current: run again it is compared with Wednesday, a repair of Tuesday with Monday."""
    assert compared_with(WEEK, "thu", DAY - timedelta(days=ago)) == expected


def test_nights_without_an_index_are_bridged() -> None:
    links = chain(("mon", 3, None, True), ("tue", 2, "mon", False), ("wed", 1, "mon", False))
    assert compared_with(links, "wed", DAY) == "mon"
    never = chain(("mon", 3, None, False), ("tue", 2, "mon", False))
    assert compared_with(never, "tue", DAY) == "tue"
    assert compared_with({}, "unknown", DAY) is None


def earlier(**changes: pd.DataFrame) -> EarlierRelease:
    headline = pd.DataFrame(
        [
            {
                "indicator_id": indicator.id,
                "area_code": area,
                "stratum": stratum,
                "count": 10.0 * n + s,
                "denominator": 99.0,
            }
            for indicator in METHODOLOGY.indicators
            for n, area in enumerate(UNITS[:2])
            for s, stratum in enumerate(indicator.strata)
        ]
    )
    said = pd.DataFrame(
        [{"indicator_id": name, "area_code": unit, "score": 101.0} for name in INDICATORS for unit in UNITS]
    )
    index = pd.DataFrame({"area_code": UNITS, "index": [99.0, None, 100.0]})
    frames = {"county_index": index, "indicator_value": said, "headline": headline} | changes
    return EarlierRelease("20261121-aaaaaaaaaa", DAY - timedelta(days=1), **frames)


def test_what_the_earlier_release_said_is_laid_out_on_todays_areas() -> None:
    before = before_of(earlier(), ["c2", "c1", "c9", "city"], METHODOLOGY, {})
    np.testing.assert_array_equal(before.index, [np.nan, 99.0, np.nan, 100.0])
    assert before.is_described[:, :2].all()
    assert not before.is_described[:, 2].any()
    first = before.headline[0]
    assert first.counts[:, 0].tolist() == [10.0, 11.0, 12.0, 13.0]
    assert first.counts[:, 1].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert np.isnan(first.counts[:, 2]).all()
    assert first.weights.tolist() == list(METHODOLOGY.harm_days(METHODOLOGY.indicators[0]))


def test_an_indicator_whose_feed_was_missing_is_no_indicator_that_did_not_exist() -> None:
    whole = earlier()
    fed = whole.headline[whole.headline["indicator_id"] != INDICATORS[4]]
    existing = whole.indicator_value[whole.indicator_value["indicator_id"] != INDICATORS[5]]
    strata = fed.assign(stratum=fed["stratum"].where(fed["indicator_id"] != INDICATORS[0], "other"))
    before = before_of(earlier(headline=strata, indicator_value=existing), UNITS, METHODOLOGY, {})
    assert [w.indicator_id for w in before.headline] == [n for i, n in enumerate(INDICATORS) if i not in (0, 4, 5)]
    assert before.is_described.all(axis=1).tolist() == [i not in (0, 5) for i in range(len(INDICATORS))]
    assert np.isnan(before.score[5]).all()


def test_rows_have_every_indicator_and_their_sum_or_a_reason() -> None:
    points = np.arange(4.0 * 18 * 3).reshape(4, 18, 3) / 1000
    moved = Movement(np.array([99.0, np.nan, 100.0, 1.0]), np.array([99.5, 99.0, np.nan, 1.0]), np.dstack([points, points[:, :, :1]]))  # fmt: skip
    found = list(movement_rows(moved, earlier(), ["c1", "c2", "city", "new"], METHODOLOGY))
    assert [row["reason_code"] for row in found if row["area_code"] != "c1"] == [
        "no_index_before",
        "no_index_now",
        "new_area",
    ]
    rows = [row for row in found if row["area_code"] == "c1"]
    assert [row["indicator_id"] for row in rows] == [*INDICATORS, "all"]
    for n, row in enumerate(rows):
        assert {cause: row[cause] for cause in MOVEMENT_CAUSES} == dict(zip(CAUSES, points[:, n, 0], strict=True))
        assert row["total"] == pytest.approx(points[:, n, 0].sum(), abs=1e-12)
    assert len(canonical_frame("movement", pd.DataFrame(found))) == 21


def with_movement(change: Callable[[pd.DataFrame], pd.DataFrame]) -> ReleaseInput:
    given = made_up.release_input()
    return replace(given, frames={**given.frames, "movement": change(given.frames["movement"].copy())})


def first_release() -> ReleaseInput:
    return with_movement(lambda frame: frame.iloc[0:0])


@pytest.mark.parametrize("column", ["real_change", "total", "previous_index"])
def test_a_movement_that_does_not_add_up_is_a_fault(column: str) -> None:
    assert movement_faults(canonical_tables(made_up.release_input())) == []
    assert movement_faults(canonical_tables(first_release())) == []

    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[3], "real_change"] += 2e-9 if column == "real_change" else 0.0
        frame.loc[frame.index[3], "total"] += 2e-9 if column == "total" else 0.0
        frame["previous_index"] += 2e-9 if column == "previous_index" else 0.0
        return frame

    faults = movement_faults(canonical_tables(with_movement(spoil)))
    assert faults
    assert all("unexplained" in fault for fault in faults)


def test_a_movement_of_an_index_that_is_not_there_is_a_fault() -> None:
    given = made_up.release_input()
    index = given.frames["county_index"].copy()
    index.loc[1, "index"] = None
    faults = movement_faults(canonical_tables(replace(given, frames={**given.frames, "county_index": index})))
    assert [fault.split(":")[0] for fault in faults] == [made_up.COUNTIES[0][0]]


def movement_of(**causes: float) -> pd.DataFrame:
    """One county whose road casualties moved it through the causes given, fires a little the other way."""
    rows = []
    for name, factor in (("b1_road_casualties", 1.1), ("b3_fires", -0.1), ("all", 0.0)):
        points = {cause: causes.get(cause, 0.0) * factor for cause in MOVEMENT_CAUSES}
        rows.append({
            "area_code": "c1", "indicator_id": name, **points, "total": sum(points.values()), "previous_index": 97.5,
            "previous_release_id": "20261121-aaaaaaaaaa", "previous_business_date": date(2026, 11, 21),
            "reason_code": None,
        })  # fmt: skip
    return canonical_frame("movement", pd.DataFrame(rows))


@pytest.mark.parametrize(
    ("causes", "zh", "en"),
    [
        (
            {"real_change": 2.0, "late_data": -0.5},
            "东湖区指数较上一期（2026年11月21日）上升1.5点：实际变化+2.0、迟到数据−0.5。"
            "影响最大的是道路交通伤亡（实际变化，+2.2）、道路交通伤亡（迟到数据，−0.6）、火灾（实际变化，−0.2）。",
            "Donghu: up 1.5 points since the previous release (21 November 2026): real change +2.0, late data −0.5. "
            "Largest: Road casualties (real change, +2.2), Road casualties (late data, −0.6), Fires (real change, −0.2).",
        ),
        (
            {"method": -1.5},
            "东湖区指数较上一期（2026年11月21日）下降1.5点：实际变化0.0、方法调整−1.5。"
            "影响最大的是道路交通伤亡（方法调整，−1.7）、火灾（方法调整，+0.2）。",
            "Donghu: down 1.5 points since the previous release (21 November 2026): real change 0.0, method −1.5. "
            "Largest: Road casualties (method, −1.7), Fires (method, +0.2).",
        ),
        (
            {"denominator": 0.02},
            "东湖区指数较上一期（2026年11月21日）变动不足0.1点：实际变化0.0。各项指标的影响均不足0.1点。",
            "Donghu: moved by less than 0.1 points since the previous release (21 November 2026): real change 0.0. "
            "No single indicator moved it by as much as 0.1 points.",
        ),
    ],
)
def test_the_words(causes: dict[str, float], zh: str, en: str) -> None:
    moved = area_movements(movement_of(**causes))["c1"]
    assert sentence("东湖区", moved, Wording("zh", METHODOLOGY)) == zh
    assert sentence("Donghu", moved, Wording("en", METHODOLOGY)) == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bulletin_puts_the_city_and_large_moves_into_words(make_release: Make, language: LanguageCode) -> None:
    release = make_release(made_up.release_input())
    page, words = bulletin(release, language), Wording(language, METHODOLOGY)
    movements = area_movements(release.tables["movement"])
    said = {a.area_code: sentence(words.pick(a.name), movements[a.area_code], words) for a in release.areas[1:]}
    shown = {code for code, text in said.items() if text in page}
    large = {code for code in said if abs(movements[code].change or 0.0) > 1.0}
    assert shown == large
    assert 0 < len(large) < len(said)
    city = sentence(words.say("city_row"), movements[release.areas[0].area_code], words)
    assert city in page


@pytest.mark.parametrize(("language", "said"), [("zh", "本期为首次发布"), ("en", "This is the first release")])
def test_a_first_release_says_that_there_is_nothing_to_compare_with(
    make_release: Make, language: LanguageCode, said: str
) -> None:
    release = make_release(first_release())
    assert said in bulletin(release, language)
    assert release.document["previous_release_id"] is None
    assert make_release(made_up.release_input()).document["previous_release_id"] == made_up.PREVIOUS_RELEASE


@pytest.mark.parametrize(("language", "said"), [("zh", "无法比较：本期无指数"), ("en", "there is no index now")])
def test_a_night_without_an_index_says_why_it_cannot_be_compared(
    make_release: Make, language: LanguageCode, said: str
) -> None:
    assert said in bulletin(make_release(made_up.release_input(grey_domain="disputes")), language)


@pytest.mark.parametrize(
    "given", [made_up.release_input(), first_release(), made_up.release_input(grey_domain="incidents")]
)
def test_the_dashboard_has_words_for_every_area(make_release: Make, given: ReleaseInput) -> None:
    release = make_release(given)
    columns = list(SERVING_TABLES["movement_summary"])
    rows = [dict(zip(columns, row, strict=True)) for row in serving_rows(release)["movement_summary"]]
    assert {row["area_code"] for row in rows} == {area.area_code for area in release.areas}
    detail = serving_rows(release)["movement"]
    total = list(SERVING_TABLES["movement"]).index("total")
    is_first = not len(release.tables["movement"])
    assert [row["area_code"] for row in rows if "首次发布" in row["words_zh"]] == [made_up.CITY_AREA] * is_first
    for row in rows:
        assert row["words_zh"]
        parts = [line[total] for line in detail if line[0] == row["area_code"]]
        if row["real_change"] is None:
            assert parts == []
        else:
            assert sum(parts) == pytest.approx(row["index"] - row["previous_index"], abs=1e-9)


def put(folder: Path, release: Release) -> str:
    files.write_release(folder, release.release_id, render(release))
    return release.release_id


def after(make_release: Make, before: Release, seed: int, days: int, lost: str | None = None) -> Release:
    """A later release whose movement starts from `before`; the area `lost` cannot be compared."""
    given = made_up.release_input(seed=seed, business_date=made_up.DAY + timedelta(days=days))
    movement = given.frames["movement"].copy()
    index = before.tables["county_index"].set_index("area_code")["index"].astype(float)
    movement["previous_release_id"], movement["previous_business_date"] = before.release_id, before.business_date
    movement["previous_index"] = movement["area_code"].map(index)
    now = movement["area_code"].map(given.frames["county_index"].set_index("area_code")["index"])
    found = movement.groupby("area_code")["total"].transform("sum")
    rest = (now - movement["previous_index"] - found).where(movement["indicator_id"] == "all", 0.0)
    movement["real_change"], movement["total"] = movement["real_change"] + rest, movement["total"] + rest
    gone = (movement["area_code"] == lost) & (movement["indicator_id"] == "all")
    movement.loc[gone, [*MOVEMENT_CAUSES, "total"]] = None
    movement.loc[gone, "reason_code"] = "no_index_before"
    return make_release(
        replace(given, frames={**given.frames, "movement": movement[(movement["area_code"] != lost) | gone]})
    )


def test_movements_add_up_between_any_two_releases(make_release: Make, tmp_path: Path) -> None:
    first = make_release(first_release())
    second = after(make_release, first, seed=8, days=1)
    third = after(make_release, second, seed=9, days=3, lost=made_up.COUNTIES[2][0])
    ids = [put(tmp_path, release) for release in (first, second, third)]
    moved = area_movements(movement_between(tmp_path, ids[0], ids[2]))
    ends = [release.tables["county_index"].set_index("area_code")["index"] for release in (first, third)]
    for area in first.areas:
        if area.area_code == made_up.COUNTIES[2][0]:
            assert (moved[area.area_code].change, moved[area.area_code].reason_code) == (None, "no_index_before")
            continue
        assert moved[area.area_code].change == pytest.approx(
            ends[1][area.area_code] - ends[0][area.area_code], abs=1e-9
        )
        assert moved[area.area_code].previous_index == ends[0][area.area_code]
        assert moved[area.area_code].previous_business_date == first.business_date
    said = said_between(tmp_path, ids[0], ids[2], Wording("zh", METHODOLOGY))
    assert len(said) == len(first.areas)
    assert "无法比较：上一期无指数" in said[3]
    one_step = area_movements(movement_between(tmp_path, ids[0], ids[1]))
    assert one_step == area_movements(second.tables["movement"])


@pytest.mark.bad_input
def test_releases_that_cannot_be_compared_are_named(make_release: Make, tmp_path: Path) -> None:
    first = make_release(first_release())
    second = after(make_release, first, seed=8, days=1)
    ids = [put(tmp_path, release) for release in (first, second)]
    with pytest.raises(UsageError, match=f"{ids[1]} is not among the releases that led to {ids[0]}"):
        movement_between(tmp_path, ids[1], ids[0])
    with pytest.raises(UsageError, match="no release 20990101-x"):
        movement_between(tmp_path, ids[0], "20990101-x")
    with pytest.raises(UsageError, match="twice"):
        movement_between(tmp_path, ids[0], ids[0])


def test_a_county_that_was_merged_since_is_described_by_what_both_had() -> None:
    """Counts and denominator of the earlier release, each former county under the one that took it in."""
    before = before_of(earlier(), ["c1", "city"], METHODOLOGY, {"c1": "c1", "c2": "c1"})
    alone = before_of(earlier(), UNITS, METHODOLOGY, {})
    for merged, apart in zip(before.headline, alone.headline, strict=True):
        np.testing.assert_array_equal(merged.counts[:, 0], apart.counts.sum(axis=1))
        np.testing.assert_array_equal(merged.city_denominator, apart.city_denominator)
