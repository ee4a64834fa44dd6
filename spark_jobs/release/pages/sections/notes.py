"""7 Notes: how to read the figures."""

from __future__ import annotations

from spark_jobs.release.pages.sections.page import Page


def notes(page: Page) -> list[str]:
    words, method = page.words, page.release.methodology
    bands = {code: words.band(code) for code in ("better", "level", "worse")}
    return [
        words.say(f"note_{page.release.status_code}", days=method.publication.revised_after_days),
        words.say("note_interval", **bands),
        words.say("note_confidence"),
        words.say("note_method", method=words.pick(method.name), version=method.version),
        words.say("note_volume"),
        words.say("note_revisions"),
    ]
