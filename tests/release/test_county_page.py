"""The pages of the counties: one for each, every drawn point as in its file, and nothing missing that is not said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest

from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.county import county_file, county_pages
from spark_jobs.release.pages.leader import leader_page
from spark_jobs.release.pages.sections.flags import rule_sentences
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.public_files import render_public
from spark_jobs.release.render import render
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from spark_jobs.release.year_change import YearChanges
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
PARTS = ["index", *(part for d in made_up.METHODOLOGY.domains for part in (d.id, *(i.id for i in d.indicators)))]


class Drawn(HTMLParser):
    """Of each part the values that its strip shows: the ends of the interval, the past, and the peers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: dict[str, dict[str, list[float]]] = {}
        self._scale: dict[str, float] = {}
        self._part = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("class") == "scale":
            self._part = given["data-part"]
            self._scale = {end: float(given[f"data-{end}"]) for end in ("low", "high", "start", "end")}
        if given.get("class") == "range":
            self.parts[self._part] = {"ends": [self._value(given[x]) for x in ("x1", "x2")]}
        if given.get("class") == "past":
            self.parts[self._part]["past"] = [self._value(given["cx"])]
        if given.get("class") == "peers":
            self.parts[self._part]["peers"] = [self._value(x) for x in re.findall(r"M(\S+) ", given["d"])]

    def _value(self, pixel: str) -> float:
        s = self._scale
        return s["low"] + (float(pixel) - s["start"]) / (s["end"] - s["start"]) * (s["high"] - s["low"])

    @property
    def a_pixel(self) -> float:
        s = self._scale
        return (s["high"] - s["low"]) / (s["end"] - s["start"])


def figures(release: Release) -> dict[tuple[str, str], tuple[float, float, float]]:
    """(part, area) -> value, lower, upper of its released table."""
    found = {}
    columns = {
        "county_index": (None, "index", "lower", "upper"),
        "domain_index": ("domain_id", "value", "lower", "upper"),
        "indicator_value": ("indicator_id", "score", "score_lower", "score_upper"),
    }
    for table, (part, *ends) in columns.items():
        for _, row in release.tables[table].iterrows():
            found[row[part] if part else "index", row["area_code"]] = tuple(row[end] for end in ends)
    return found


@pytest.mark.parametrize("grey", [None, "disputes"])
def test_every_drawn_point_is_that_of_its_file(make_release: Make, grey: str | None) -> None:
    release = make_release(made_up.release_input(grey_domain=grey))
    said, pages = figures(release), county_pages(release, "zh")
    past = {(r["part_id"], r["area_code"]): r["value_1y"] for _, r in release.tables["year_change"].iterrows()}
    codes = [area.area_code for area in release.counties]
    for code in codes:
        drawn = Drawn(pages[county_file(code, "zh")])
        near = drawn.a_pixel / 10
        assert drawn.parts.keys() == {part for part in PARTS if said[part, code][0] is not None}
        for part, shown in drawn.parts.items():
            _, lower, upper = said[part, code]
            assert shown["ends"] == pytest.approx([lower, upper], abs=near)
            before = past[part, code]
            assert shown.get("past", []) == pytest.approx([] if before is None else [before], abs=near)
            peers = sorted(said[part, other][0] for other in codes if other != code)
            assert shown["peers"] == pytest.approx(peers, abs=near)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_leaders_page_leads_to_every_county_and_the_county_back(release: Release, language: LanguageCode) -> None:
    files = {name: text.decode() for name, text in render(release).items() if name.endswith(".html")}
    leader, words = leader_page(release, language), Wording(language, release.methodology)
    for area in release.counties:
        name = county_file(area.area_code, language)
        assert f'<a href="{name}">{words.pick(area.name)}</a>' in leader
        links = re.findall(r'href="([^"]+\.html)"', files[name])
        assert set(links) <= files.keys()
        assert words.say("leader_page") in links


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_sees_flags_sees_which_rules_ran_and_why_others_did_not(make_release: Make, language: LanguageCode) -> None:
    given = made_up.release_input()
    rules = pd.DataFrame([("F4", True, None, None), ("F2", False, "没有数据", "no data")],
                         columns=["rule_code", "has_run", "reason_zh", "reason_en"])  # fmt: skip
    frame = rules.assign(n_series=1.0, n_flags=0.0)
    release = make_release(replace(given, frames={**given.frames, "flag_rule": frame}))
    words = Wording(language, release.methodology)
    said = rule_sentences(Page(release, words))
    assert len(said) == 2
    assert words.rule("F4") in said[0]
    assert words.rule("F2") in said[1]
    assert {"zh": "没有数据", "en": "no data"}[language] in said[1]
    for page in (
        leader_page(release, language),
        bulletin(release, language),
        *county_pages(release, language).values(),
    ):
        assert all(sentence in unescape(page) for sentence in said)


def test_everybody_sees_no_county_page(release: Release) -> None:
    public = render_public(release)
    assert not [name for name in public if name.startswith("county")]
    assert not any(b"county." in text for text in public.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_its_figures_why_they_moved_and_its_flags(release: Release, language: LanguageCode) -> None:
    words, pages = Wording(language, release.methodology), county_pages(release, language)
    changes = YearChanges(release, words)
    flags = release.tables["flag"]
    for area in release.counties:
        page, row = pages[county_file(area.area_code, language)], figures(release)["index", area.area_code]
        assert f'<span class="big">{row[0]:.0f}</span>' in page
        assert words.say("leader_interval", lower=math.floor(row[1]), upper=math.ceil(row[2])) in page
        for sentence in changes.largest(area.area_code):
            assert f"<li>{sentence}</li>" in page
        for _, flag in flags.iterrows():
            is_shown = flag["area_code"] == area.area_code and flag["status_code"] not in (
                "cleared",
                "confirmed",
                "expired",
            )
            assert (str(flag[f"detail_{language}"]) in page) == is_shown
        for part in PARTS[1:]:
            name = words.domain(part) if words.domain(part) != part else words.indicator(part)
            assert name in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_says_why_and_since_when_and_is_no_zero(make_release: Make, language: LanguageCode) -> None:
    release = make_release(made_up.release_input(grey_domain="disputes"))
    words = Wording(language, release.methodology)
    page = county_pages(release, language)[county_file(made_up.COUNTIES[0][0], language)]
    names = words.listed(
        words.indicator(i.id) for d in release.methodology.domains if d.id == "disputes" for i in d.indicators
    )
    assert words.say("county_states", state=words.name("state", "missing_feed"), list=names) in page
    assert words.say("county_no_change") in page
    assert words.day(made_up.date(2026, 11, 20)) in page
    assert ">0<" not in page
    assert "None" not in page
    assert "nan" not in page
