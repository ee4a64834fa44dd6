"""A city's places: its areas by level, and what every code and name of one means on the day of an event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from expectations.contract import city_folder, read_table
from expectations.dated import day_of, row_holds
from expectations.located_yaml import ContractError, one_of
from expectations.normal_form import normal

# From the whole to the smallest. A place may lie in one of any larger level: many townships have no grids of level 2.
LEVELS = ("city", "county", "township", "grid_1", "grid_2", "grid_3", "grid_4")
AMBIGUOUS, OF_ANOTHER_DAY = "ambiguous_area", "no_area_of_that_day"  # rules by which a known word is no place


class Place(NamedTuple):
    """County and township that a word means; or neither, and the rule that says why."""

    area_code: str | None
    township_code: str | None
    fault: str | None = None


class Meaning(NamedTuple):
    """What a word means on the days of one half-open range; None: without a first day, or without an end."""

    valid_from: date | None
    valid_to: date | None
    place: Place


def places_of(city_code: str) -> dict[str, tuple[Meaning, ...]]:
    """Every word that a source may use for a place (code or name) -> what it means, by the day.

    Words are in normal form and lower case. Nearly all mean one place on all days. Raises ContractError, naming every
    line of areas.csv and area_aliases.csv that does not fit.
    """
    areas = _Areas(city_code)
    found: dict[str, list[Meaning]] = {}
    for first, end in areas.ranges():
        for word, place in areas.places_on(first or (end or date.max) - timedelta(days=1)).items():
            meanings = found.setdefault(word, [])
            if meanings and meanings[-1].place == place and meanings[-1].valid_to == first:
                first_of_all = meanings.pop().valid_from
                meanings.append(Meaning(first_of_all, end, place))
            else:
                meanings.append(Meaning(first, end, place))
    return {word: tuple(meanings) for word, meanings in found.items()}


def places_on(city_code: str, day: date) -> dict[str, Place]:
    """What the words of `places_of` mean on one day."""
    return _Areas(city_code).places_on(day)


def successors(city_code: str) -> dict[str, str]:
    """Ended area -> the area that its places belong to from then on, where the city's tables say so.

    Raises ContractError if an area took in another one and denominators.csv still says what it had before.
    """
    areas = _Areas(city_code)
    faults = list(_stale_denominators(city_code, areas)) if areas.successors else []
    if faults:
        raise ContractError("\n".join(faults))
    return areas.successors


class _Areas:
    """Areas and aliases of a city. An area as old as the list itself has no first day: nobody drew lines before it."""

    def __init__(self, city_code: str) -> None:
        faults = list(_faults(city_code))
        if faults:
            raise ContractError("\n".join(faults))
        rows = sorted(read_table(city_code, "areas"), key=lambda row: row["valid_from"])
        oldest = rows[0]["valid_from"] if rows else ""
        self._rows: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            since = "" if row["valid_from"] == oldest else row["valid_from"]
            self._rows.setdefault(row["area_code"], []).append({**row, "valid_from": since})
        self._aliases = read_table(city_code, "area_aliases")
        self.successors = {code: to for code in self._rows if (to := self._successor(code)) is not None}

    def ranges(self) -> list[tuple[date | None, date | None]]:
        """The ranges of days from one change to the next, in order. Where nothing ever changed there is one, without
        ends.
        """
        dated = [*(row for rows in self._rows.values() for row in rows), *self._aliases]
        changes = {day_of(row, column) for row in dated for column in ("valid_from", "valid_to")} - {None}
        days: list[date | None] = [None, *sorted(day for day in changes if day), None]
        return list(pairwise(days))

    def end_of(self, code: str) -> date:
        """First day on which an ended area is no more."""
        return day_of(self._rows[code][-1], "valid_to") or date.max

    def places_on(self, day: date) -> dict[str, Place]:
        """By what is called so on that day; else by what was, or will be: sources keep old names and rewrite history."""
        current, other = dict[str, set[str | None]](), dict[str, set[str | None]]()
        for code, rows in self._rows.items():
            for row in rows:
                called, stands_for = (current, code) if row_holds(day, row) else (other, self._standing(code, day))
                for word in {code, row["name_zh"], row["name_en"]} - {""}:
                    called.setdefault(normal(word).lower(), set()).add(stands_for)
        for alias in self._aliases:
            if row_holds(day, alias):
                code = alias["area_code"]
                stands_for = self._standing(code, day) if code else ""
                current.setdefault(normal(alias["alias"]).lower(), set()).add(stands_for)
        found = {word: self._place(codes, day) for word, codes in {**other, **current}.items()}
        return {word: place for word, place in found.items() if place is not None}

    def _place(self, codes: set[str | None], day: date) -> Place | None:
        """The only place meant; None for the city itself, which is no place within it."""
        # the alias that leads an ended area's words to its successor says nothing of the days before
        meant = codes - {None, *(self.successors.get(code) for code in codes if code)}
        if not meant:
            return Place(None, None, OF_ANOTHER_DAY)
        if len(meant) > 1 or meant == {""}:
            return Place(None, None, AMBIGUOUS)
        return self._within(meant.pop() or "", day)

    def _within(self, code: str, day: date) -> Place | None:
        """County and township that an area of that day lies in."""
        township = None
        while code:
            row = next((row for row in self._rows[code] if row_holds(day, row)), self._rows[code][0])
            if row["level"] == "county":
                return Place(code, township)
            township = code if row["level"] == "township" else township
            if not row["parent_code"]:
                return None
            above = self._standing(row["parent_code"], day)
            if above is None:
                return Place(None, None, OF_ANOTHER_DAY)
            code = above
        return None

    def _standing(self, code: str, day: date) -> str | None:
        """What `code` stands for on that day: itself, what succeeded it, what it succeeded; None: no area of that day.

        Of an area made of several ones, an earlier day says no more than that it lies in what they have become.
        """
        rows = self._rows[code]
        if any(row_holds(day, row) for row in rows):
            return code
        first = day_of(rows[0], "valid_from")
        if first is None or first <= day:
            to = self.successors.get(code)
            begins = day_of(self._rows[to][0], "valid_from") if to else None
            return self._standing(to, day) if to and (begins is None or begins <= day) else None
        before = {self._standing(old, day) for old, to in self.successors.items() if to == code} - {None}
        return before.pop() if len(before) == 1 else code if before else None

    def _successor(self, code: str) -> str | None:
        """By an alias that is the ended code; else the area that takes over its name and level on that very day."""
        last = self._rows[code][-1]
        end = day_of(last, "valid_to")
        if end is None:
            return None
        now = [alias for alias in self._aliases if row_holds(end, alias)]
        said = {alias["area_code"] for alias in now if normal(alias["alias"]).lower() == normal(code).lower()}
        if said:
            return said.pop() or None if len(said) == 1 and said != {code} else None
        like = [
            other for other, (row, *_) in self._rows.items()
            if (row["name_zh"], row["level"]) == (last["name_zh"], last["level"]) and day_of(row, "valid_from") == end
        ]  # fmt: skip
        return like[0] if len(like) == 1 else None


def _stale_denominators(city_code: str, areas: _Areas) -> Iterator[str]:
    given = list(enumerate(read_table(city_code, "denominators"), 2))
    for code, to in areas.successors.items():
        end = areas.end_of(code)
        counted = {row["denominator_code"] for _, row in given if row["area_code"] == code}
        for line, row in given:
            is_older = (day_of(row, "valid_from") or end) < end
            if row["area_code"] == to and row["denominator_code"] in counted and is_older and row_holds(end, row):
                yield (
                    f"{city_folder(city_code)}/denominators.csv:{line}: valid_to: expected {end} and a row that begins "
                    f"then, for on that day {to} took in {code}; found {row['valid_to'] or 'no end'}"
                )


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
