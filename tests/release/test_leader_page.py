"""The leader's page and the public tier: drawn as the files say, fit for a phone, and nothing to be solved for."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from expectations.models import Text
from spark_jobs.release import public_files
from spark_jobs.release.files import read_latest
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.county import county_file, county_pages
from spark_jobs.release.pages.leader import leader_page, public_page
from spark_jobs.release.public_files import render_public
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from tests.release import made_up

Make = Callable[[ReleaseInput], Release]
Page = Callable[[Release, LanguageCode], str]


class Strips(HTMLParser):
    """Counties in the order of the page, each with the pixels of its interval, and the scale that they share."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scale: dict[str, float] = {}
        self.drawn: dict[str, tuple[float, float] | None] = {}
        self._county = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("class") == "list":
            self.scale = {end: float(given[f"data-{end}"]) for end in ("low", "high", "start", "end")}
        if tag == "article":
            self._county = given["id"].removeprefix("a")
            self.drawn[self._county] = None
        if given.get("class") == "range":
            self.drawn[self._county] = float(given["x1"]), float(given["x2"])

    def value(self, pixel: float) -> float:
        s = self.scale
        return s["low"] + (pixel - s["start"]) / (s["end"] - s["start"]) * (s["high"] - s["low"])


def bounds(rows: list[dict[str, str]]) -> dict[str, tuple[float, float] | None]:
    counties = [row for row in rows if row["area_code"] != made_up.CITY_AREA]
    return {r["area_code"]: (float(r["lower"]), float(r["upper"])) if r["lower"] else None for r in counties}


def of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.unit
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_drawn_bound_is_that_of_its_file(release: Release, language: LanguageCode) -> None:
    full = release.tables["county_index"].astype(object).where(release.tables["county_index"].notna(), "")
    own = {
        "leader": (leader_page(release, language), [dict(row) for _, row in full.iterrows()]),
        "public": (public_page(release, language), of_csv(render_public(release)["index.csv"])),
    }
    for page, rows in own.values():
        found, expected = Strips(page), bounds(rows)
        assert found.drawn.keys() == expected.keys()
        a_pixel = (found.scale["high"] - found.scale["low"]) / (found.scale["end"] - found.scale["start"])
        for county, ends in expected.items():
            pixels = found.drawn[county]
            assert (pixels is None) == (ends is None)
            if pixels and ends:
                assert [found.value(x) for x in pixels] == pytest.approx(ends, abs=a_pixel / 10)


@pytest.mark.unit
def test_the_worst_comes_first_and_only_a_clear_county_has_a_mark(release: Release) -> None:
    figures = {row["area_code"]: row for _, row in release.tables["county_index"].iterrows()}
    order = [figures[code] for code in Strips(leader_page(release, "zh")).drawn]
    for first, second in pairwise(order):
        bands = [["worse", "level", "better", "none"].index(row["band_code"]) for row in (first, second)]
        assert (bands[0], first["index"]) <= (bands[1], second["index"])
    for row in order:
        assert (row["band_code"] == "worse") == (row["upper"] < 100)


class Cards(HTMLParser):
    """The texts of every card of flags, a list a card, and its colour."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cards: list[tuple[str, list[str]]] = []
        self._depth = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = (dict(attrs).get("class") or "").split()
        if tag == "div" and named[:1] == ["flag"]:
            self.cards.append((named[1], []))
            self._depth = 1

    def handle_endtag(self, tag: str) -> None:
        self._depth = 0 if tag == "div" else self._depth

    def handle_data(self, data: str) -> None:
        if self._depth and "text-" in data:
            self.cards[-1][1].append(data.strip())


# id, county, colour, since, cause: in one county two causes, whose flags lie mixed; a grey one alone; another county
OF_CAUSES = (
    ("f2", 1, "amber", date(2026, 8, 3), "f2"),
    ("f3", 1, "red", date(2026, 9, 14), "f2"),
    ("f9", 1, "grey", date(2026, 9, 1), "f9"),
    ("f8", 1, "amber", date(2026, 8, 31), "f8"),
    ("f1", 1, "red", date(2026, 11, 16), "f2"),
    ("f7", 1, "red", date(2026, 10, 5), "f8"),
    ("f5", 2, "red", date(2026, 10, 4), None),
    ("f6", 2, "red", date(2026, 10, 6), None),
)


@pytest.mark.unit
@pytest.mark.parametrize("language", LANGUAGES)
def test_flags_of_one_cause_are_one_card_with_its_lines_under_it(make_release: Make, language: LanguageCode) -> None:
    given = made_up.release_input()
    raised = [
        given.frames["flag"].iloc[0].to_dict()
        | {"flag_id": own, "area_code": given.areas[area].area_code, "colour_code": colour, "since": since,
           "cause_id": cause, "detail_zh": f"text-{own}", "detail_en": f"text-{own}"}
        for own, area, colour, since, cause in OF_CAUSES
    ]  # fmt: skip
    release = make_release(replace(given, frames={**given.frames, "flag": pd.DataFrame(raised)}))
    first, second = (area.area_code for area in given.areas[1:3])
    of_first = [
        ("red", ["text-f3", "text-f1", "text-f2"]),
        ("red", ["text-f7", "text-f8"]),
        ("grey", ["text-f9"]),
    ]
    of_second = [("red", ["text-f5"]), ("red", ["text-f6"])]
    pages, leader = county_pages(release, language), leader_page(release, language)
    assert Cards(pages[county_file(first, language)]).cards == of_first
    assert Cards(pages[county_file(second, language)]).cards == of_second
    assert Cards(leader).cards == [of_first[0], of_second[0], of_first[1], of_second[1], of_first[2]]
    assert Wording(language, release.methodology).say("leader_n_causes", n=8, causes=5) in leader
    table = bulletin(release, language)
    assert [int(n) for n in re.findall(r'<td rowspan="(\d)">', table)] == [3, 2]
    order = re.findall(r"text-f\d", table)
    assert order == ["text-f3", "text-f1", "text-f2", "text-f5", "text-f7", "text-f8", "text-f6", "text-f9"]


@pytest.mark.unit
def test_public_files_depend_on_whole_points_only(make_release: Make) -> None:
    """Counts, scores, rates, flags, movement and decimals of another world: the same bytes but for the release's id."""
    given = made_up.release_input()
    frames, other = dict(given.frames), made_up.release_input(seed=99).frames
    within = frames["county_index"].copy()
    for end, share in (("index", 0.2), ("lower", 0.3), ("upper", 0.4)):
        whole = within[end].round() if end == "index" else within[end].floordiv(1) + (end == "upper")
        within[end] = whole + (share if end == "lower" else -share)
    within["change_1y"], within["p_below_last_year"] = 1.5, 0.25
    restricted = ("indicator_value", "domain_index", "movement", "year_change", "pulse", "input", "completeness")
    changed = {name: other[name] for name in restricted}
    changed |= {"county_index": within, "flag": frames["flag"].iloc[:0]}
    releases = [make_release(g) for g in (given, replace(given, frames={**frames, **changed}))]
    assert releases[0].release_id != releases[1].release_id
    first, second = (
        {name: text.replace(r.release_id.encode(), b"ID") for name, text in render_public(r).items()} for r in releases
    )
    assert first == second


@pytest.mark.unit
def test_public_figures_are_whole_and_hold_the_interval(release: Release) -> None:
    exact = {row["area_code"]: row for _, row in release.tables["county_index"].iterrows()}
    rows = of_csv(render_public(release)["index.csv"])
    assert {row["area_code"] for row in rows} == exact.keys()
    for row in rows:
        shown = {end: int(row[end]) for end in ("index", "lower", "upper")}  # int() refuses a decimal
        own = exact[row["area_code"]]
        assert shown["lower"] <= own["lower"] <= own["upper"] <= shown["upper"]
        assert abs(shown["index"] - own["index"]) <= 0.5
    days = {date.fromisoformat(row["day"]) for row in of_csv(render_public(release)["trend.csv"])}
    assert days
    assert {(day + pd.Timedelta(days=1)).day for day in days} == {1}


@pytest.mark.unit
def test_the_public_address_follows_the_release_and_says_when_it_is_stale(release: Release, tmp_path: Path) -> None:
    folder = public_files.public_folder(tmp_path / "published" / "demo")
    assert folder == tmp_path / "public" / "demo"
    public_files.mark_public_stale(folder, date(2026, 11, 23), Text("零", "none"))  # nothing is shown yet
    assert read_latest(folder) is None
    public_files.write_public(release, folder)
    assert public_files.is_public(release, folder)
    latest = read_latest(folder)
    assert latest
    assert (latest["tier"], latest["release_id"], latest["stale"]) == ("public_nightly", release.release_id, None)
    public_files.mark_public_stale(folder, date(2026, 11, 23), Text("警务数据未到", "the cases are missing"))
    assert not public_files.is_public(release, folder)
    assert (read_latest(folder) or {})["stale"]["reason_zh"] == "警务数据未到"
    public_files.write_public(release, folder)
    (folder / latest["folder"] / "index.csv").write_text("x")
    assert not public_files.is_public(release, folder)


def one_county(release: Release, language: LanguageCode) -> str:
    return county_pages(release, language)[county_file(made_up.COUNTIES[0][0], language)]


@pytest.mark.unit
@pytest.mark.parametrize("page", [leader_page, public_page, one_county, bulletin])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_small_and_asks_nobody_and_runs_nothing_but_its_clock(
    release: Release, page: Page, language: LanguageCode
) -> None:
    text = page(release, language)
    assert len(text.encode()) < 300_000
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", text) == []
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', unescape(text))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    sha = b64encode(sha256(script.encode()).digest()).decode()
    assert {part.split()[0]: part.split()[1:] for part in policy.split("; ")} == {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "script-src": [f"'sha256-{sha}'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


@pytest.mark.unit
@pytest.mark.parametrize("page", [leader_page, public_page, one_county, bulletin])
def test_a_page_carries_its_deadline_and_that_of_an_archive_has_none(make_release: Make, page: Page) -> None:
    """The night of the 23rd is up by 07:00 of the 24th."""
    assert 'data-due="2026-11-24T07:00:00+08:00" hidden' in page(make_release(made_up.release_input()), "en")
    ended = made_up.city().model_copy(update={"publication": None})
    text = page(make_release(made_up.release_input(city=ended)), "en")
    assert "data-due" not in text
    assert "<script" not in text


@pytest.mark.unit
def test_an_area_without_an_index_says_why_and_is_no_zero(make_release: Make) -> None:
    release = make_release(made_up.release_input(grey_domain="disputes"))
    page = leader_page(release, "zh")
    assert "全市无总指数：矛盾纠纷" in page
    assert len(Strips(page).drawn) == len(release.counties)
    assert all(drawn is None for drawn in Strips(page).drawn.values())
    assert ">0<" not in re.sub(r"[▼●▲] \S+ 0<", "", page)


@pytest.mark.unit
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_any_index_the_pages_say_once_why_and_the_leader_sees_what_is_counted(
    make_release: Make, language: LanguageCode
) -> None:
    """Not the same two words beside each county; and nothing of the counts for everybody."""
    release = make_release(made_up.release_input(grey_domain="disputes"))
    none = Wording(language, release.methodology).say("no_index")
    leader, public = leader_page(release, language), public_page(release, language)
    row = next(row for _, row in release.tables["indicator_value"].iterrows() if row["indicator_id"] == "b3_fires")
    for page in (leader, public):
        assert f">{none}<" not in page and f"{none} {len(release.counties)}" not in page
        assert {"zh": "无总指数", "en": "no overall index"}[language] in page
    assert row["area_code"] == made_up.CITY_AREA
    assert f"{row['n_events']:,.0f}" in leader
    assert f"{row['n_events']:,.0f}" not in public
    assert not Strips(public).drawn


@pytest.mark.unit
def test_latest_has_no_figure_beyond_the_page(release: Release, tmp_path: Path) -> None:
    public_files.write_public(release, tmp_path)
    latest = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
    numbers = [value for area in latest["areas"] for value in area.values() if not isinstance(value, str)]
    assert all(isinstance(value, int) for value in numbers)
    assert {"city_index", "counties", "tables", "gates"} & latest.keys() == set()
