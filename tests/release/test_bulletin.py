"""Properties of the bulletin in both languages; its looks are judged by eye."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import get_args

import pytest

from expectations.models import Text
from spark_jobs.index.engine.results import StateCode
from spark_jobs.release.model import Area, Release, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.county import county_pages
from spark_jobs.release.pages.leader import leader_page
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
HOSTILE = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Tags, attributes and the cells of every table row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._in_cell = False
        self._in_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data.strip()
        if not self._in_style:
            self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_area_stands_in_the_table_with_its_figures(release: Release, language: LanguageCode) -> None:
    page = Page(bulletin(release, language))
    by_name = {row[0]: row for row in page.rows if row}
    figures = release.tables["county_index"].set_index("area_code")
    for area in release.areas[1:]:
        figure = figures.loc[area.area_code]
        row = by_name[getattr(area.name, language)]
        first = next(r for r in page.rows if r and r[0] == row[0])
        assert first[1] == f"{figure['index']:.0f}"
        assert first[2] == f"{math.floor(figure['lower'])}–{math.ceil(figure['upper'])}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_what_it_is(release: Release, language: LanguageCode) -> None:
    page = Page(bulletin(release, language))
    day = {"zh": "2026年11月22日", "en": "22 November 2026"}[language]
    cut_off = {"zh": "2026年11月23日 01:30", "en": "23 November 2026, 01:30"}[language]
    title = {"zh": "示范市平安指数通报", "en": "Demo City Peace Index Bulletin"}[language]
    status = {"zh": "暂定", "en": "Provisional"}[language]
    note = {"zh": "演示数据", "en": "Demonstration data"}[language]
    for said in (title, day, cut_off, status, note, release.release_id, release.methodology.version, "101"):
        assert said in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_stands_alone(release: Release, language: LanguageCode) -> None:
    """No outside host, nothing to load: it opens in an office without internet. Its script: test_leader_page."""
    html = bulletin(release, language)
    page = Page(html)
    assert not {"link", "img", "iframe", "object", "embed"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    addresses = set(re.findall(r"[a-z]+://[^\s\"']+", html))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG, never fetched
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize("page", [bulletin, leader_page, lambda *given: "".join(county_pages(*given).values())])
@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_and_texts_stay_text(
    make_release: Make, language: LanguageCode, page: Callable[[Release, LanguageCode], str]
) -> None:
    areas = (made_up.areas()[0], *(Area(a.area_code, "county", Text(HOSTILE, HOSTILE)) for a in made_up.areas()[1:]))
    given = made_up.release_input(the_areas=areas)
    flag = given.frames["flag"].assign(detail_zh=HOSTILE, detail_en=HOSTILE, rule_code=HOSTILE)
    html = page(make_release(replace(given, frames={**given.frames, "flag": flag})), language)
    n_pages = html.count("<!doctype html>")
    assert html.count("<script") == Page(html).tags.count("script") == n_pages  # each page's own
    assert html.count("&lt;script&gt;") >= len(areas[1:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_index_is_said_in_words_and_is_no_zero(make_release: Make, language: LanguageCode) -> None:
    day = date(2026, 11, 19)
    given = made_up.release_input(grey_domain="demands_and_grid", delivered={"hotline": day})
    page = Page(bulletin(make_release(given), language))
    assert {"zh": "无总指数", "en": "no overall index"}[language] in page.text
    assert {"zh": "无指数", "en": "no index"}[language] not in {cell for row in page.rows for cell in row}
    assert not {"0", "0.0", "None", "nan"} & {cell for row in page.rows for cell in row}
    assert {"zh": "2026年11月20日", "en": "20 November 2026"}[language] in page.text
    assert {"zh": "诉求办理与网格", "en": "Demands and grid"}[language] in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_any_index_counts_and_rates_stand_in_its_place(make_release: Make, language: LanguageCode) -> None:
    """One table for each indicator that is counted, and none for one that never will be."""
    given = made_up.release_input(grey_domain="demands_and_grid")
    values = given.frames["indicator_value"]
    never = values["indicator_id"] == "d5_grid_overdue"
    feeds = values["feed_codes"].where(~never, values["feed_codes"].map(lambda _: []))
    release = make_release(replace(given, frames={**given.frames, "indicator_value": values.assign(feed_codes=feeds)}))
    page, words = Page(bulletin(release, language)), Wording(language, release.methodology)
    counted = [i for d in release.methodology.domains if d.id != "demands_and_grid" for i in d.indicators]
    city = [row for row in page.rows if row and row[0] == words.say("city_row")][: len(counted)]
    own = release.tables["indicator_value"].set_index(["area_code", "indicator_id"]).loc[made_up.CITY_AREA]
    assert [row[1] for row in city] == [f"{own.loc[i.id, 'n_events']:,.0f}" for i in counted]
    assert [row[4] for row in city] == [f"{own.loc[i.id, 'score']:.0f}" for i in counted]
    assert words.indicator("d5_grid_overdue") not in {row[0] for row in page.rows if row}


def test_names_in_one_language_and_names_of_the_citys_own_are_on_every_page(make_release: Make) -> None:
    """No blank and no `None` where a city has no Chinese names; and no oil where a city has none."""
    given = made_up.release_input(
        the_areas=tuple(Area(a.area_code, a.level_code, Text("", a.name.en)) for a in made_up.areas())
    )
    names = {"a2_property_crime": Text("", "Theft and fraud"), "demands_and_grid": Text("", "Demands")}
    city = given.city.model_copy(update={"names": names, "name": Text("", "Demo City")})
    release = make_release(replace(given, city=city, methodology=given.methodology.named_by(names)))
    for html in (bulletin(release, "zh"), leader_page(release, "zh"), *county_pages(release, "zh").values()):
        page = Page(html)
        assert "Donghu" in page.text or "Xishan" in page.text or any(a.name.en in page.text for a in release.counties)
        assert "涉油" not in page.text and "None" not in page.text
        assert not [row for row in page.rows if row and not row[0]]
    assert "Theft and fraud" in bulletin(release, "zh")
    assert release.methodology.version == given.methodology.version


def test_one_county_without_index_leaves_the_others_theirs(make_release: Make) -> None:
    given = made_up.release_input()
    county, domain = made_up.COUNTIES[1][0], "incidents"
    index = given.frames["county_index"].set_index("area_code").astype(object)
    index.loc[county, ["index", "lower", "upper", "change_1y", "p_below_last_year"]] = None
    index.loc[county, "band_code"] = "none"
    domains = given.frames["domain_index"].copy()
    domains["is_live"] = ~((domains["area_code"] == county) & (domains["domain_id"] == domain))
    frames = {**given.frames, "county_index": index.reset_index(), "domain_index": domains}
    page = Page(bulletin(make_release(replace(given, frames=frames)), "zh"))
    shown = {row[0]: row[1] for row in page.rows[1 : len(given.areas) + 1]}
    assert [name for name, index_text in shown.items() if index_text == "无指数"] == [made_up.COUNTIES[1][1]]


@pytest.mark.parametrize(
    ("p_below", "change", "said"),
    [
        (0.97, -2.0, "变差明确（可能性97%）"),
        (0.02, 2.0, "改善明确（可能性98%）"),
        (0.5, 0.6, "上升1点，变化在误差范围之内"),
        (0.5, 0.4, "变动不足半点，变化在误差范围之内"),
        (0.5, -0.01, "变动不足半点"),
        (0.98, -0.4, "变动不足半点，变差明确（可能性98%）"),
    ],
)
def test_the_change_is_called_clear_only_when_it_is(
    make_release: Make, p_below: float, change: float, said: str
) -> None:
    given = made_up.release_input()
    index = given.frames["county_index"].copy()
    index.loc[0, ["p_below_last_year", "change_1y"]] = [p_below, change]
    page = Page(bulletin(make_release(replace(given, frames={**given.frames, "county_index": index})), "zh"))
    assert said in page.text
    assert not re.search(r"−0(?!\.\d*[1-9])", page.text)


@pytest.mark.parametrize("state", [state for state in get_args(StateCode) if state != "live"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_indicator_without_a_score_stands_with_its_reason(
    make_release: Make, language: LanguageCode, state: str
) -> None:
    given = made_up.release_input()
    values = given.frames["indicator_value"].copy()
    is_it = (values["area_code"] == given.areas[0].area_code) & (values["indicator_id"] == "c4_repeated_parties")
    values.loc[is_it, ["score", "score_lower", "score_upper", "state_code"]] = [None, None, None, state]
    given = replace(given, frames={**given.frames, "indicator_value": values})
    page, words = bulletin(make_release(given), language), Wording(language, made_up.METHODOLOGY)
    said = words.say("states_listed", state=words.name("state", state), list=words.indicator("c4_repeated_parties"))
    assert said in page
    assert said not in bulletin(make_release(made_up.release_input()), language)


def test_no_flags_is_said(make_release: Make) -> None:
    given = made_up.release_input()
    none = given.frames["flag"].iloc[0:0]
    page = Page(bulletin(make_release(replace(given, frames={**given.frames, "flag": none})), "en"))
    assert "No flags are open." in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_settled_disputes_stand_with_their_interval_and_by_month(release: Release, language: LanguageCode) -> None:
    """74,187 of 75,701 is 98.00 %; 164 and 165 of 168 have intervals that overlap, and a note says what that means."""
    page = Page(bulletin(release, language))
    whole, first, second = ({"zh": zh, "en": en}[language] for zh, en in
                            (("全市", "Whole city"), ("东湖区", "Donghu"), ("西山区", "Xishan")))  # fmt: skip
    sign = {"zh": "%", "en": " %"}[language]
    assert [whole, "75,701", "74,187", "506", f"98.00{sign}", "97.9–98.1"] in page.rows
    assert [first, "168", "164", "3", f"97.62{sign}", "94.0–99.1"] in page.rows
    assert [second, "168", "165", "3", f"98.21{sign}", "94.9–99.4"] in page.rows
    month = {"zh": "全市 · 2026年10月", "en": "Whole city · October 2026"}[language]
    assert [month, "264", "240", "18", f"90.91{sign}", "86.8–93.8"] in page.rows
    assert {"zh": "不能用来排名", "en": "rank nobody"}[language] in page.text


def test_a_city_without_disputes_has_no_such_table(make_release: Make) -> None:
    given = made_up.release_input()
    rows = given.frames["input"]
    without = {**given.frames, "input": rows[rows["indicator_id"] != "settlement"]}
    assert "化解率" not in bulletin(make_release(replace(given, frames=without)), "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_coverage_stands_beside_the_index_and_is_called_unscored(release: Release, language: LanguageCode) -> None:
    page = Page(bulletin(release, language))
    title = {"zh": "治理覆盖情况（仅供参考，不计分）", "en": "Coverage (context, never scored)"}[language]
    month = {"zh": "2026年10月", "en": "October 2026"}[language]
    younger, older = {"zh": ("东湖区", "西山区"), "en": ("Donghu", "Xishan")}[language]
    days = {"zh": ("2026年3月1日", "2025年3月1日"), "en": ("1 March 2026", "1 March 2025")}[language]
    sign = {"zh": "%", "en": " %"}[language]
    assert title in page.text
    assert [younger, month, *["26"] * 4, *[f"100.0{sign}"] * 3, days[0]] in page.rows
    assert [older, month, *["36(35)"] * 4, *[f"100.0{sign}(100.0{sign})"] * 3, days[1]] in page.rows


def test_a_release_without_coverage_has_no_such_table(make_release: Make) -> None:
    given = made_up.release_input()
    frames = {**given.frames, "coverage": given.frames["coverage"].iloc[0:0]}
    assert "治理覆盖" not in bulletin(make_release(replace(given, frames=frames)), "zh")
