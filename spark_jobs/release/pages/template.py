"""The templates of HTML pages. All values are escaped, and a name without a value is an error."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from expectations.models import City
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.model import Release
from spark_jobs.release.release_calendar import next_due
from spark_jobs.release.wording import Wording


@cache
def template(name: str) -> Template:
    """One of the files in `templates`, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@cache
def script_source() -> str:
    """The hash of the one script of all pages, for a Content-Security-Policy. Browsers refuse to run any other."""
    return f"'sha256-{b64encode(sha256(template('overdue.js').render().encode()).digest()).decode()}'"


@dataclass(frozen=True)
class Overdue:
    """When the next release is due, and what the page says from then on."""

    due: datetime
    said: str


def overdue(city: City, methodology: Methodology, business_date: date, words: Wording) -> Overdue | None:
    """When the release of a business date is overdue; None for an archive, which has no next release."""
    if city.publication is None:
        return None
    by = next_due(methodology, business_date).by
    said = words.say("overdue", day=words.day(business_date), due=words.instant(by))
    return Overdue(by.replace(tzinfo=ZoneInfo(city.time_zone)), said)


def page_of_release(name: str, release: Release, words: Wording, content: Mapping[str, Any]) -> str:
    """A page of a release; its template extends page.html.j2. From the clock it tells by itself when it is overdue."""
    found = overdue(release.city, release.methodology, release.business_date, words)
    return template(name).render(**content, say=words.say, script_source=script_source(), overdue=found)
