"""What became of the flags, below them: how many came to each step, how fast, and the share confirmed."""

from __future__ import annotations

from typing import Any

from spark_jobs.release.funnel import STEPS, WITHIN_DAYS, FunnelLine, funnel_lines
from spark_jobs.release.pages.sections.page import Page

SHOWN = ("flags", "assigned", "verified", "confirmed", "cleared", "open")


def funnel(page: Page) -> dict[str, Any] | None:
    """Headings and rows; no rows before the first decision; None for a city whose decisions no feed brings."""
    if not any(feed.kind == "decision" for feed in page.release.city.feeds):
        return None
    words = page.words
    days = [words.say("col_days_to", step=words.name("flag_step", step), limit=WITHIN_DAYS[step]) for step in STEPS]
    return {
        "columns": [*(words.name("funnel_count", name) for name in SHOWN), words.say("col_confirmed_share"), *days],
        "rows": [_row(line) for line in funnel_lines(page.release, words)],
    }


def _row(line: FunnelLine) -> dict[str, Any]:
    counts = [f"{line.counts[name]:,}" for name in SHOWN]
    return {"rule": line.rule, "cells": [*counts, line.confirmed, *(line.days[step] for step in STEPS)]}
