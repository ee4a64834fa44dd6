"""The bulletins of a public month and of a year: each theme comes once, and nothing is printed that is not public."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.located_yaml import ContractError
from spark_jobs.release.disclosure.rules import load_rules
from spark_jobs.release.disclosure.suppression import YEAR
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.monthly import PULSE, TABLES_READ, Month, MonthInput
from spark_jobs.release.monthly_bulletin import MonthlyBulletin, bulletin_files
from spark_jobs.release.monthly_gates import protected
from spark_jobs.release.monthly_page import PublicMonth
from spark_jobs.release.themes import THEMES_FILE, load_themes
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from tests.disclosure.test_months import given
from tests.release import made_up
from tests.release.test_bulletin import Page
from tests.release.test_revisions_said import BY_DELAY, TRIANGLE

pytestmark = pytest.mark.unit
METHODOLOGY = made_up.METHODOLOGY
COUNTED = {YEAR: ("indicator_value", ("n_events", "rate", "rate_lower", "rate_upper", "score", "score_lower", "score_upper")),
           PULSE: ("pulse", ("observed", "expected", "expected_lower", "expected_upper"))}  # fmt: skip


@pytest.fixture(scope="module")
def october(make_release: Callable[[ReleaseInput], Release]) -> Month:
    release = make_release(given())
    tables = {name: release.tables[name] for name in TABLES_READ}
    month = MonthInput("demo", release.release_id, release.business_date, METHODOLOGY.version, release.areas, tables)
    return protected(month, "revised", METHODOLOGY, load_rules(METHODOLOGY), None, {}).month


def public(month: Month, day: date = date(2026, 10, 31), **other: Any) -> PublicMonth:
    """What everybody may read of the month, as though its last day were `day`."""
    of_month = {row["area_code"]: row["index"] for row in month.rows["monthly_index"]}
    by_delay, triangle = (table(text) for text in (BY_DELAY, TRIANGLE))
    shown = PublicMonth(made_up.city(), METHODOLOGY, day, "revised", month.given.release_id, month.given.areas, month.rows,
                        {day.replace(day=1): of_month}, by_delay, triangle)  # fmt: skip
    return replace(shown, **other)


def table(text: str) -> list[dict[str, str]]:
    head, *lines = (line.split(",") for line in text.split())
    return [dict(zip(head, line, strict=True)) for line in lines]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", Page(html).text)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("n", range(1, 13))
def test_each_month_of_the_year_has_its_theme_with_all_its_indicators_and_words(
    october: Month, n: int, code: LanguageCode
) -> None:
    shown, words = public(october, date(2026, n, 28)), Wording(code, METHODOLOGY)
    theme, html = load_themes(METHODOLOGY).of(shown.business_date), MonthlyBulletin(shown, words).html
    found = Page(html)
    assert words.pick(theme.name) in found.text and words.pick(theme.words) in text_of(html)
    first = {row[0] for row in found.rows if row}
    assert {words.indicator(each) for each in theme.indicators} <= first
    assert (words.say("h_settlement") in found.text) == ("settlement" in theme.series)
    assert [line for line in found.rows if line[:1] == [words.name("measure", "index")]] == [
        [words.name("measure", "index"), "7", "10", "0.25", "+0.25", "1.50"],
        [words.name("measure", "index"), "35", "9", "0.00", "0.00", "1.00"],
    ]


def test_december_has_the_bulletin_of_the_year_too_with_every_indicator_and_the_months_that_are_public(
    october: Month,
) -> None:
    months = {date(2026, 3, 1): {made_up.CITY_AREA: 97.0}, date(2026, 12, 1): {made_up.CITY_AREA: 103.0}}
    shown = public(october, date(2026, 12, 31), months=months)
    files = bulletin_files(shown)
    assert set(files) == {f"{name}.{code}.html" for name in ("bulletin", "year") for code in LANGUAGES}
    assert set(bulletin_files(public(october))) == {f"bulletin.{code}.html" for code in LANGUAGES}
    year = Page(files["year.zh.html"].decode())
    cells = ["—", "—", "97", *["—"] * 8, "103"]
    assert ["全市", *cells] in year.rows
    assert {indicator.name.zh for indicator in METHODOLOGY.indicators} <= {row[0] for row in year.rows if row}


@pytest.mark.parametrize("is_year", [False, True])
def test_what_disclosure_control_hides_moves_no_byte_and_is_said_to_be_withheld(october: Month, is_year: bool) -> None:
    tables, n_changed = {name: frame.copy() for name, frame in october.given.tables.items()}, 0
    for part, (name, figures) in COUNTED.items():
        frame = tables[name]
        hidden = [
            october.pattern.hides(part, row["indicator_id"], row["area_code"])
            or (part == PULSE and row["area_code"] != made_up.CITY_AREA and october.pattern.is_city_only(part, row["indicator_id"]))
            for row in frame.to_dict("records")
        ]  # fmt: skip
        n_changed += sum(hidden)
        for figure in figures:
            frame.loc[hidden, figure] = [None if value is None else value + 1.0 for value in frame.loc[hidden, figure]]
    assert n_changed > 5
    other = replace(october, given=replace(october.given, tables=tables))
    for code in LANGUAGES:
        words = Wording(code, METHODOLOGY)
        pages = [MonthlyBulletin(public(month, date(2026, 12, 31)), words, is_year).html for month in (october, other)]
        assert pages[0] == pages[1]
        assert words.say("withheld") in pages[0]


def test_every_figure_of_the_theme_stands_in_the_public_rows(october: Month) -> None:
    """Scores by county, cell by cell; what the rows do not have is said in words."""
    shown, words = public(october), Wording("en", METHODOLOGY)
    bulletin = MonthlyBulletin(shown, words)
    rows = {(row["area_code"], row["indicator_id"]): row for row in october.rows["monthly_indicators"]}
    ((names, lines),) = bulletin.section.score_tables
    assert len(lines) == len(shown.areas) and len(names) == len(bulletin.section.indicators)
    for area, line in zip(shown.areas, lines, strict=True):
        for indicator, cell in zip(bulletin.section.indicators, line["cells"], strict=True):
            row = rows[area.area_code, indicator]
            if row["score"] is None:
                assert not re.search(r"\d", cell)
            else:
                ends = f"{row['score_lower']:.0f}–{row['score_upper']:.0f}".replace("-", "−")
                assert cell == words.say("scored", name=f"{row['score']:.0f}".replace("-", "−"), score=ends)


def test_a_city_without_an_index_and_a_young_record_are_said_in_words(october: Month) -> None:
    rows = [
        {**row, "index": None, "lower": None, "upper": None, "change_1y": None, "band_code": "none"}
        if row["area_code"] == made_up.CITY_AREA
        else row
        for row in october.rows["monthly_index"]
    ]
    shown = public(october, tables={**october.rows, "monthly_index": rows}, revisions=[], triangle=[])
    for code, said in (
        ("zh", ("全市无总指数", "尚无公布满一天")),
        ("en", ("no overall index", "No provisional figure")),
    ):
        html = MonthlyBulletin(shown, Wording(code, METHODOLOGY)).html  # type: ignore[arg-type]
        assert all(each in text_of(html) for each in said)
        assert not {cell for row in Page(html).rows for cell in row} & {"", "None", "nan"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("c1_escalated, ", "c1_escalate, ", "perhaps c1_escalated"),
        ("months: [12]", "months: [11]", "month 11 in 2, month 12 in 0"),
        ("months: [12]", "months: [13]", "expected: "),
        ("series: [pulse, settlement]", "series: [trend]", "expected: "),
    ],
)
def test_a_theme_that_cannot_be_is_refused_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "themes.yml"
    path.write_text(THEMES_FILE.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=re.escape(f"{path}:")) as refused:
        load_themes(METHODOLOGY, path)
    assert said in str(refused.value)
