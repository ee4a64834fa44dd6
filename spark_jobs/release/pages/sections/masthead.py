"""Title, line of facts and footer of the bulletin."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from spark_jobs.release.pages.sections.page import Page


def title(page: Page) -> str:
    return page.words.say("title", city=page.words.pick(page.release.city.name))


def subtitle(page: Page) -> str:
    return page.words.day(page.release.business_date)


def facts(page: Page) -> list[tuple[str, str]]:
    """Label and value of the line below the title."""
    words = page.words
    return [
        (words.say("label_release"), page.release.release_id),
        (words.say("label_status"), words.name("status", page.release.status_code)),
        (words.say("label_as_of"), as_of(page)),
        (words.say("label_method"), page.release.methodology.version),
    ]


def as_of(page: Page) -> str:
    """Local time up to which knowledge counts."""
    return page.words.instant(page.release.as_of.astimezone(ZoneInfo(page.release.city.time_zone)))


def note(page: Page) -> str | None:
    """What the city says about its data, e.g. that they are simulated."""
    return page.words.pick(page.release.city.note) if page.release.city.note else None


def footer(page: Page) -> str:
    return page.words.say("footer", title=title(page), release_id=page.release.release_id,
                          data_version=page.release.document["data_version"])  # fmt: skip
