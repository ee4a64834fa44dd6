"""3 What moved, and why: against the year before, the base, the previous release and the season."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spark_jobs.release.model import Area
from spark_jobs.release.movement import MovementSection, area_movements
from spark_jobs.release.pages.sections.missing import without_source
from spark_jobs.release.pages.sections.page import Page
from spark_jobs.release.pages.sections.pulse import PulseSection
from spark_jobs.release.wording import points
from spark_jobs.release.year_change import YearChanges
from spark_jobs.released.columns import rows


def moved(page: Page) -> list[str]:
    return [*_moved_domains(page), *_moved_areas(page), *_why(page), *_against_base(page)]


def _moved_domains(page: Page) -> Iterable[str]:
    changes = {r["domain_id"]: r["change_1y"] for r in rows(page.release.tables["domain_index"])
               if r["area_code"] == page.city.area_code and r["change_1y"] is not None}  # fmt: skip
    said = [_moved_domain(page, d.id, changes[d.id]) for d in page.release.methodology.domains if d.id in changes]
    if said:
        yield page.words.say("moved_domains", list=page.words.say("clause").join(said))


def _moved_domain(page: Page, domain_id: str, change: float) -> str:
    size = points(abs(change))
    key = "flat" if size == "0" else "up" if change > 0 else "down"
    return page.words.say(f"moved_domain_{key}", name=page.words.domain(domain_id), points=size)


def _moved_areas(page: Page) -> Iterable[str]:
    better, worse = _clear(page)
    known = [a for a in page.counties if page.index[a.area_code]["p_below_last_year"] is not None]
    for key, areas in (("moved_better", better), ("moved_worse", worse)):
        if areas:
            yield page.words.say(key, list=page.words.listed(_moved_area(page, area) for area in areas))
    if known and len(known) > len(better) + len(worse):
        yield page.words.say("moved_rest" if better or worse else "moved_none")


def _clear(page: Page) -> tuple[list[Area], list[Area]]:
    """Counties that are clearly better, and clearly worse, than a year before."""
    below = {area: page.index[area.area_code]["p_below_last_year"] for area in page.counties}
    known = {area: p for area, p in below.items() if p is not None}
    better = [area for area, p in known.items() if p <= 1 - page.clear]
    return better, [area for area, p in known.items() if p >= page.clear]


def _moved_area(page: Page, area: Area) -> str:
    change = page.words.change_1y(page.index[area.area_code]["change_1y"])
    return page.words.say("scored", name=page.name(area), score=change)


def _why(page: Page) -> Iterable[str]:
    """What moved the city, and each county with a clear change, since a year before: the harm and its points."""
    changes = YearChanges(page.release, page.words)
    better, worse = _clear(page)
    for area in (page.city, *worse, *better):
        if largest := changes.largest(area.area_code):
            yield page.words.say("year_why", name=page.name(area), list=page.words.say("clause").join(largest))


def _against_base(page: Page) -> Iterable[str]:
    """Indicators of the city that hold the index up or down: their whole interval lies on one side of the base."""
    scored = [r for r in rows(page.release.tables["indicator_value"])
              if r["area_code"] == page.city.area_code and r["score"] is not None]  # fmt: skip
    level = page.release.methodology.bands.level
    below = sorted((r for r in scored if r["score_upper"] < level), key=lambda r: float(r["score"]))
    above = sorted((r for r in scored if r["score_lower"] > level), key=lambda r: -float(r["score"]))
    for key, found in (("below_base", below), ("above_base", above)):
        if found:
            yield page.words.say(key, list=page.words.listed(_scored(page, row) for row in found))
    if scored and not below and not above:
        yield page.words.say("at_base")


def _scored(page: Page, row: Mapping[str, Any]) -> str:
    return page.words.say("scored", name=page.words.indicator(row["indicator_id"]), score=points(row["score"]))


def movement(page: Page) -> MovementSection:
    index = {area: row["index"] for area, row in page.index.items()}
    return MovementSection(
        area_movements(page.release.tables["movement"]), index, page.names, page.city.area_code, page.words
    )


def pulse(page: Page) -> PulseSection:
    never = without_source(page.release)
    pulses = [row for row in rows(page.release.tables["pulse"]) if row["indicator_id"] not in never]
    return PulseSection(pulses, page.names, page.city.area_code, page.words)
