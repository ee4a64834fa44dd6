"""7 Notes: how to read the figures."""

from __future__ import annotations

from spark_jobs.index.methodology import Methodology
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.wording import Wording


def notes(page: Page) -> list[str]:
    said = how_to_read(page.words, page.release.methodology, page.release.status_code)
    return [*said, page.words.say("note_revisions")]


def how_to_read(words: Wording, method: Methodology, status_code: str) -> list[str]:
    """What every bulletin says of its status, intervals, grades and method."""
    bands = {code: words.band(code) for code in ("better", "level", "worse")}
    return [
        words.say(f"note_{status_code}", days=method.publication.revised_after_days),
        words.say("note_interval", **bands),
        words.say("note_confidence"),
        words.say("note_method", method=words.pick(method.name), version=method.version),
        words.say("note_volume"),
    ]
