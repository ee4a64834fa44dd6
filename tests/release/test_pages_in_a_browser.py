"""The pages of a release as a browser shows them: they fit a phone, can be used by everybody, and know when they are late.

One browser for all of it: starting one costs more than looking at a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from expectations.models import Text
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.pages.county import county_file
from spark_jobs.release.pages.leader import PAGES
from spark_jobs.release.public_files import render_public
from spark_jobs.release.render import render
from spark_jobs.release.wording import LANGUAGES
from spark_jobs.settings import REPOSITORY
from tests.release import made_up

pytestmark = pytest.mark.browser
Make = Callable[[ReleaseInput], Release]
LONGEST = Text("杜尔伯特蒙古族自治县", "Dorbod Mongol Autonomous County of Daqing")
LONG = made_up.COUNTIES[0][0]
AXE = (REPOSITORY / "tests" / "standards" / "axe-4.12.1.min.js").read_text(encoding="utf-8")
CUT_OFF = """[...document.querySelectorAll('h1,h2,h3,h4,p,span,li')]
    .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""
SERIOUS = "axe.run().then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => `${v.id}: ${v.nodes[0].html}`))"
IN_TIME, LATE = datetime(2026, 11, 23, 22, 59, tzinfo=UTC), datetime(2026, 11, 23, 23, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(make_release: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose first county has the longest name; the public page in a folder of its own."""
    given = made_up.release_input()
    areas = tuple(replace(area, name=LONGEST) if area.area_code == LONG else area for area in given.areas)
    release, folder = make_release(replace(given, areas=areas)), tmp_path_factory.mktemp("release")
    for name, content in render(release).items():
        (folder / name).write_bytes(content)
    (folder / "public").mkdir()
    for name, content in render_public(release).items():
        (folder / "public" / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield found
        found.close()


NAMES = [
    *(
        name
        for code in LANGUAGES
        for name in (PAGES[code], county_file(LONG, code), f"public/{PAGES[code]}", f"bulletin.{code}.html")
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_every_width_and_everybody_can_use_it(browser: Browser, folder: Path, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto((folder / name).as_uri())
    for width in (320, 390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        assert page.evaluate(CUT_OFF) == [], width
    page.set_viewport_size({"width": 390, "height": 844})
    answer = page.locator(
        "section"
    ).first  # the bulletin's overview, the others' answer: on the first screen of a phone
    assert answer.evaluate("e => e.getBoundingClientRect().bottom") <= 844
    assert refused == []
    page.evaluate(AXE)
    assert page.evaluate(SERIOUS) == []
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_why_it_moved_and_flags_stand_on_the_first_two_printed_pages(
    browser: Browser, folder: Path, language: str
) -> None:
    """A4 of 297 mm less its margins of 31, at 96 px an inch; 180 mm wide."""
    page = browser.new_page(viewport={"width": 680, "height": 1005})
    page.emulate_media(media="print")
    page.goto((folder / f"bulletin.{language}.html").as_uri())
    titles = page.locator("h2").all_inner_texts()
    after_flags = next(n for n, title in enumerate(titles) if title.startswith(("五", "5")))
    end = page.locator("section").nth(after_flags - 1).evaluate("e => e.getBoundingClientRect().bottom")
    assert end <= 2 * 1005
    page.close()


def test_a_click_on_a_county_opens_its_page(browser: Browser, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((folder / PAGES["zh"]).as_uri())
    page.locator(f"#a{LONG}").click()
    assert page.url.endswith(county_file(LONG, "zh"))
    page.close()


@pytest.mark.parametrize("name", [PAGES["zh"], county_file(LONG, "en"), f"public/{PAGES['zh']}", "bulletin.en.html"])
def test_a_page_that_nobody_replaces_says_so_from_its_deadline_on(browser: Browser, folder: Path, name: str) -> None:
    """The scheduler is dead: nothing writes a reason anywhere, and only the clock goes on."""
    for now, is_late in ((IN_TIME, False), (LATE, True)):
        page = browser.new_page()
        page.clock.set_fixed_time(now)
        page.goto((folder / name).as_uri())
        assert page.locator("#overdue").is_visible() == is_late
        page.close()
