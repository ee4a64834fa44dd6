"""Coverage of governance: context below the domains, never scored."""

from __future__ import annotations

from typing import Any

from spark_jobs.release.coverage import MEASURES, CoverageLine, coverage_lines
from spark_jobs.release.pages.sections.page import Page


def coverage_columns(page: Page) -> list[str]:
    return [page.words.name("coverage_measure", measure) for measure in MEASURES]


def coverage_rows(page: Page) -> list[dict[str, Any]]:
    """Rows of the table of coverage; none for a city or a release without it."""
    return [_coverage_row(page, line) for line in coverage_lines(page.release, page.words)]


def _coverage_row(page: Page, line: CoverageLine) -> dict[str, Any]:
    return {
        "name": page.name(line.area),
        "is_city": line.area is page.city,
        "month": line.month,
        "figures": list(line.figures.values()),
        "rolled_out": page.words.day(line.rolled_out_on),
    }
