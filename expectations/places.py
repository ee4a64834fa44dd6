"""A city's places: its areas by level, and every code and name by which a source may call one."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.contract import city_folder, read_table
from expectations.located_yaml import ContractError, one_of
from expectations.normal_form import normal

# From the whole to the smallest. A place may lie in one of any larger level: many townships have no grids of level 2.
LEVELS = ("city", "county", "township", "grid_1", "grid_2", "grid_3", "grid_4")
Place = tuple[str | None, str | None]  # county code and township code, where there are


def places_of(city_code: str) -> dict[str, Place]:
    """Every code and name of a place that a source may use, in normal form and lower case -> its county and township.

    Both are None for a name of several places and for a place that no county holds alone (an alias without a code).
    Raises ContractError, naming every line of areas.csv and area_aliases.csv that does not fit.
    """
    faults = list(_faults(city_code))
    if faults:
        raise ContractError("\n".join(faults))
    areas = {area["area_code"]: area for area in sorted(read_table(city_code, "areas"), key=lambda a: a["valid_from"])}
    called: dict[str, set[str]] = {}
    for area in areas.values():
        for word in {area["area_code"], area["name_zh"], area["name_en"]} - {""}:
            called.setdefault(normal(word).lower(), set()).add(area["area_code"])
    for alias in read_table(city_code, "area_aliases"):
        called.setdefault(normal(alias["alias"]).lower(), set()).add(alias["area_code"])
    found = {word: _place(areas, codes) for word, codes in called.items()}
    return {word: place for word, place in found.items() if place is not None}


def _place(areas: dict[str, dict[str, str]], codes: set[str]) -> Place | None:
    """County and township of the only place meant; None for the city itself, which is no place within it."""
    if len(codes) > 1 or codes == {""}:
        return None, None
    code = next(iter(codes))
    above = {"city": "", "county": "", "township": ""}
    while code:
        above[areas[code]["level"]] = code
        code = areas[code]["parent_code"]
    return (above["county"], above["township"] or None) if above["county"] else None


def _faults(city_code: str) -> Iterator[str]:
    folder = city_folder(city_code)
    areas = read_table(city_code, "areas")
    levels = {area["area_code"]: area["level"] for area in areas}
    for line, area in enumerate(areas, 2):
        level, parent = area["level"], area["parent_code"]
        if level not in LEVELS:
            yield f"{folder}/areas.csv:{line}: level: expected {one_of(list(LEVELS), level)}, found {level!r}"
        elif level != LEVELS[0] and LEVELS.index(level) <= _rank(levels.get(parent)):
            yield f"{folder}/areas.csv:{line}: parent_code: expected an area above a {level}, found {parent!r}"
    for line, alias in enumerate(read_table(city_code, "area_aliases"), 2):
        if alias["area_code"] and alias["area_code"] not in levels:
            expected = "a code of areas.csv, or none for a place that no county holds alone"
            yield f"{folder}/area_aliases.csv:{line}: area_code: expected {expected}, found {alias['area_code']!r}"


def _rank(level: str | None) -> int:
    """Place of a level in LEVELS; below all of them for an area that does not exist."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
