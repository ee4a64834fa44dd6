"""The leader's page: the city's answer on one screen of a phone, then the counties, worst first, on one scale.

Static HTML, one page a release and language. `leader_page` is for those who may see all of a county. `public_page`
shows what everybody may see each night: whole points, no counts, and no reasons from which counts could be worked out
(docs/publication.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from spark_jobs.release.build import missing_domains, no_index_reason
from spark_jobs.release.model import Area, Release
from spark_jobs.release.pages.charts import Interval, Point, Scale, scale_over, sparkline, strip
from spark_jobs.release.pages.county import county_file
from spark_jobs.release.pages.figures import FlagCard, change_words, is_clear_change, n_open, open_flags, opening
from spark_jobs.release.pages.sections.flags import rule_sentences
from spark_jobs.release.pages.sections.missing import feed_lines, warned
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.pages.sections.rates import counted_indicators, counted_words, has_index, is_counted
from spark_jobs.release.pages.template import page_of_release
from spark_jobs.release.public import public_figures, public_trend
from spark_jobs.release.wording import LanguageCode, Wording, bounds, points
from spark_jobs.release.year_change import YearChanges
from spark_jobs.released.columns import rows

PAGES: dict[LanguageCode, str] = {"zh": "index.html", "en": "index.en.html"}
STRIP_WIDTH = 330  # px of the view box
MOST_FLAGS = 6  # cards
WORST_FIRST = ("worse", "level", "better", "none")
MOVED = 2  # parts of a clear change that are named
NAMED = 3  # reasons that pull down; of those that pull up, one fewer


@dataclass(frozen=True)
class Card:
    """A county in a few words."""

    area_code: str
    name: str
    band: str
    band_name: str
    value: str
    strip: Markup | None
    why: str
    change: str
    is_clear: bool  # the change on a year before is more than chance
    moved: str = ""  # the largest parts of a clear change, in words of harm
    page: str | None = None


def leader_page(release: Release, language: LanguageCode) -> str:
    """For leaders and analysts: every bound as in index.csv, reasons, change on a year before, open flags."""
    words = Wording(language, release.methodology)
    figures = {row["area_code"]: row for row in rows(release.tables["county_index"])}
    trend = [r for r in rows(release.tables["trend"]) if r["area_code"] == release.city_area.area_code]
    scale = _scale(figures.values())
    changes = YearChanges(release, words)
    cards = [_card(changes, area, figures[area.area_code], scale) for area in release.counties]
    return _render(
        release, words, figures, cards, scale, trend,
        change=change_words(figures[release.city_area.area_code], words),
        flags=open_flags(release, words), is_public=False,
    )  # fmt: skip


def public_page(release: Release, language: LanguageCode) -> str:
    """For everybody, each night: what public.public_figures gives, and what is missing."""
    words = Wording(language, release.methodology)
    figures = {figure.area_code: figure.row for figure in public_figures(release)}
    scale = _scale(figures.values())
    cards = [_public_card(area, figures[area.area_code], scale, words) for area in release.counties]
    return _render(
        release, words, figures, cards, scale, public_trend(release, release.city_area.area_code),
        change="", flags=[], is_public=True,
    )  # fmt: skip


def _render(
    release: Release,
    words: Wording,
    figures: Mapping[str, Mapping[str, Any]],
    cards: Sequence[Card],
    scale: Scale,
    trend: Sequence[Mapping[str, Any]],
    *,
    change: str,
    flags: Sequence[FlagCard],
    is_public: bool,
) -> str:
    city = figures[release.city_area.area_code]
    page = Page(release, words)
    content = {
        **opening(page, city),
        "is_public": is_public,
        "shows_index": has_index(release),
        "counted": [] if is_public or has_index(release) else _counted(release, words, release.city_area.area_code),
        "answer": _answer(release, city, cards, change, words),
        "spark": sparkline([Point(row["day"], row["index"], None, None) for row in trend], width=150, height=44),
        "counts": {band: sum(card.band == band for card in cards) for band in WORST_FIRST},
        "cards": sorted(cards, key=lambda card: _worst_first(figures[card.area_code])),
        "scale": scale,
        "flags": flags[:MOST_FLAGS],
        "more_flags": sum(1 + len(card.others) for card in flags[MOST_FLAGS:]),
        "n_flags": n_open(flags, words),
        "rules": rule_sentences(page),
        "missing": [*feed_lines(release, words), *([] if is_public else warned(release, words))],
        "other_page": PAGES["en" if words.code == "zh" else "zh"],
    }
    return page_of_release("leader.html.j2", release, words, content)


def _answer(release: Release, city: Mapping[str, Any], cards: Sequence[Card], change: str, words: Wording) -> str:
    """One sentence on the city, one on its counties."""
    if city["index"] is None:
        domains = missing_domains(release.methodology, release.tables, release.city_area.area_code)
        why = words.pick(no_index_reason(release.city, release.methodology, domains))
        first = words.say("leader_no_index", why=why)
    else:
        band = words.say_variant("city_band", city["band_code"])
        first = words.say("leader_city", index=points(city["index"]), band=band, change=change)
    if not has_index(release):
        return first
    second = words.bands_counted([card.band for card in cards], WORST_FIRST)
    return words.say("join_sentences", first=first, second=second)


def _card(changes: YearChanges, area: Area, row: Mapping[str, Any], scale: Scale) -> Card:
    release, words = changes.release, changes.words
    return Card(
        area.area_code, words.pick(area.name), row["band_code"], words.band(row["band_code"]),
        words.index(row["index"]), _strip(row, scale, words),
        _why(release, area, row, words), change_words(row, words).lstrip("；; "), is_clear_change(row),
        words.say("clause").join(changes.largest(area.area_code)[:MOVED]) if is_clear_change(row) else "",
        county_file(area.area_code, words.code),
    )  # fmt: skip


def _public_card(area: Area, row: Mapping[str, Any], scale: Scale, words: Wording) -> Card:
    band, shown = words.band(row["band_code"]), words.index(row["index"])
    return Card(
        area.area_code, words.pick(area.name), row["band_code"], band, shown, _strip(row, scale, words), "", "", False
    )


def _why(release: Release, area: Area, row: Mapping[str, Any], words: Wording) -> str:
    """What pulls the county down and up: indicators clearly off 100, each with its share of the distance in points.

    A share is (score - 100) x weight of domain x weight of indicator: its part of the weighted mean, before the penalty
    for imbalance. It is said in whole points, and only from one point on.
    """
    if not has_index(release):  # the reason is the city's and stands above
        return words.say("clause").join(_counted(release, words, area.area_code))
    if row["index"] is None:
        domains = missing_domains(release.methodology, release.tables, area.area_code)
        return words.pick(no_index_reason(release.city, release.methodology, domains))
    weights = {i.id: d.weight * i.weight / 10_000 for d in release.methodology.domains for i in d.indicators}
    shares = sorted(
        ((r["score"] - 100) * weights[r["indicator_id"]], r)
        for r in rows(release.tables["indicator_value"])
        if r["area_code"] == area.area_code and r["score"] is not None
    )
    down = [(s, r) for s, r in shares if s <= -1 and r["score_upper"] < 100][:NAMED]
    up = [(s, r) for s, r in reversed(shares) if s >= 1 and r["score_lower"] > 100][: NAMED - 1]
    said = [
        words.say(key, list=words.listed(f"{words.indicator(r['indicator_id'])} {_points(s)}" for s, r in named))
        for key, named in (("leader_down", down), ("leader_up", up))
        if named
    ]
    return words.say("clause").join(said) or words.say("leader_none_clear")


def _counted(release: Release, words: Wording, area_code: str) -> list[str]:
    """What there is instead of an index: events and rate of each indicator that is counted."""
    counted = counted_indicators(release)
    return [
        words.say("leader_counted", name=words.pick(i.name), said=counted_words(i, row, words))
        for i in release.methodology.indicators
        if (row := counted.get(i.id, {}).get(area_code)) and is_counted(row)
    ]


def _strip(row: Mapping[str, Any], scale: Scale, words: Wording) -> Markup | None:
    if row["index"] is None:
        return None
    lower, upper = bounds(row["lower"], row["upper"])
    label = words.say("leader_strip", index=points(row["index"]), lower=lower, upper=upper)
    return strip(Interval(label, row["index"], row["lower"], row["upper"], row["band_code"], note=""), scale)


def _scale(figures: Any) -> Scale:
    """One scale for all, so that lengths can be compared."""
    return scale_over([row[end] for row in figures for end in ("index", "lower", "upper")], 6, STRIP_WIDTH - 6)


def _worst_first(row: Mapping[str, Any]) -> tuple[int, float]:
    return WORST_FIRST.index(row["band_code"]), row["index"] if row["index"] is not None else 0.0


def _points(share: float) -> str:
    return f"{share:+.0f}".replace("-", "−")
