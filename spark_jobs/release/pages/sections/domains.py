"""5 Domains: a table by area."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import points
from spark_jobs.released.columns import rows


def domain_names(page: Page) -> list[str]:
    return [page.words.pick(domain.name) for domain in page.release.methodology.domains]


def domains(page: Page) -> list[dict[str, Any]]:
    """One row an area, one cell a domain: value and interval, or None where the domain is not live.

    No row where no domain is live anywhere: a table of nothing says less than the sentence on what is missing.
    """
    found = {(r["area_code"], r["domain_id"]): r for r in rows(page.release.tables["domain_index"])}
    ids = [domain.id for domain in page.release.methodology.domains]
    if not any(row["is_live"] for row in found.values()):
        return []
    return [
        {
            "name": page.name(area),
            "is_city": area is page.city,
            "cells": [_domain_cell(page, found.get((area.area_code, domain))) for domain in ids],
        }
        for area in page.areas
    ]


def _domain_cell(page: Page, row: Mapping[str, Any] | None) -> dict[str, str] | None:
    if row is None or not row["is_live"] or row["value"] is None:
        return None
    return {"value": points(row["value"]), "interval": page.words.interval(row["lower"], row["upper"])}
