"""The bulletin of a release (平安指数通报): one template, two languages, self-contained HTML.

The sections (sections/) give sentences and rows that are ready to print. The template only places them, and Jinja
escapes them all.
"""

from __future__ import annotations

from spark_jobs.release.model import Release
from spark_jobs.release.pages.sections import (
    areas,
    coverage,
    domains,
    flags,
    funnel,
    masthead,
    missing,
    moved,
    notes,
    overview,
    rates,
    settlement,
)
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.pages.template import page_of_release
from spark_jobs.release.wording import LanguageCode, Wording

# What the template asks for, in the order of the page.
SECTIONS = {
    "title": masthead.title,
    "subtitle": masthead.subtitle,
    "facts": masthead.facts,
    "note": masthead.note,
    "overview": overview.overview,
    "shows_index": rates.shows_index,
    "areas": areas.area_rows,
    "rates": rates.rates,
    "interval_plot": areas.interval_figure,
    "trend_chart": areas.trend_figure,
    "domain_names": domains.domain_names,
    "domains": domains.domains,
    "settlement_sentence": settlement.settlement_sentence,
    "settlement": settlement.settlement_rows,
    "coverage_columns": coverage.coverage_columns,
    "coverage": coverage.coverage_rows,
    "moved": moved.moved,
    "movement": moved.movement,
    "pulse": moved.pulse,
    "flags": flags.flag_causes,
    "rule_sentences": flags.rule_sentences,
    "funnel": funnel.funnel,
    "missing": missing.missing,
    "notes": notes.notes,
    "footer": masthead.footer,
}


def bulletin(release: Release, language: LanguageCode) -> str:
    """The bulletin as one HTML text."""
    page = Page(release, Wording(language, release.methodology))
    said = {name: section(page) for name, section in SECTIONS.items()}
    return page_of_release("bulletin.html.j2", release, page.words, {"page": said})
