"""What is wrong with a city as a whole, which no single file of it can see: names, population, what feeds can support."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from math import inf

from expectations.contract import city_folder, day_types_of, load_kinds, read_table
from expectations.dated import row_holds
from expectations.indicators import brought_by, denominator_codes, denominators, lacking, supported_by_kind
from expectations.located_yaml import one_of
from expectations.models import City
from expectations.normal_form import normal

QUALITIES = ("exact", "rounded", "estimate")
NAMES = ("name_zh", "name_en")


def city_faults(city: City) -> Iterator[str]:
    """Every fault as one line: file, what was expected, what was found.

    A night would not stop at any of them: it would publish a district without rates, two that nobody can tell apart, or
    an index without a base.
    """
    yield from _names(city)
    yield from _denominators(city)
    yield from _populations(city)
    yield from _supports(city)
    yield from _limits(city)


def city_remarks(city: City, today: date) -> Iterator[str]:
    """What is as it may be, and yet not what a city hopes for."""
    calendar = day_types_of(city)
    if city.publication and calendar and (ends_on := calendar.ends_before(today)):
        yield (
            f"{city.city_code}: the calendar of {calendar.name.en} reaches to {ends_on} only; add the next year's notice "
            f"to expectations/day_types/{city.day_types}.yml"
        )
    for feed in city.feeds:
        if feed.supports and feed.starts_on > city.base_period.last_day:
            yield (
                f"{city.city_code}.{feed.feed_code} starts on {feed.starts_on}, after the base period "
                f"({city.base_period.first_day} to {city.base_period.last_day}): {', '.join(feed.supports)} get counts and "
                "rates, and no score, before the base period is another one"
            )


def _districts(city: City) -> list[tuple[int, dict[str, str]]]:
    """Lines of areas.csv about counties and districts, which are what is compared."""
    return [(line, row) for line, row in enumerate(read_table(city.city_code, "areas"), 2) if row["level"] == "county"]


def _names(city: City) -> Iterator[str]:
    path = city_folder(city.city_code) / "areas.csv"
    by_name: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    for line, row in _districts(city):
        if not any(row[column] for column in NAMES):
            yield f"{path}:{line}: name_zh: expected a name of {row['area_code']} in a language at least, found none"
        for name in {normal(row[column]).lower() for column in NAMES} - {""}:
            by_name[name].append((line, row))
    for same in by_name.values():
        for (_, one), (line, other) in combinations(same, 2):
            if one["area_code"] != other["area_code"] and _meet(one, other):
                name = other["name_zh"] or other["name_en"]
                yield f"{path}:{line}: expected a name that no other district has, found {name!r}, as {one['area_code']}"


def _meet(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether both hold on a day; none has the first day of a half-open range before both begin."""
    return max(one["valid_from"], other["valid_from"]) < min(one["valid_to"] or "9", other["valid_to"] or "9")


def _populations(city: City) -> Iterator[str]:
    """Over the whole base period a district has each denominator that an indicator of the city divides by."""
    path = city_folder(city.city_code) / "denominators.csv"
    rows = read_table(city.city_code, "denominators")
    needed: dict[str, str] = {}
    for feed in city.feeds:
        for indicator in feed.supports:
            if denominator := denominators().get(indicator):
                needed.setdefault(denominator, f"{indicator} of feed {feed.feed_code}")
    for _, area in _districts(city):
        for denominator, by in needed.items():
            given = [
                row for row in rows if (row["area_code"], row["denominator_code"]) == (area["area_code"], denominator)
            ]
            days = [day for day in (city.base_period.first_day, city.base_period.last_day) if row_holds(day, area)]
            lacking_on = [day for day in days if not any(row_holds(day, row) for row in given)]
            if lacking_on:
                found = (
                    f"none of that day: they begin on {min(row['valid_from'] for row in given)}" if given else "no row"
                )
                yield (
                    f"{path}: expected `{denominator}` of {area['area_code']} on {lacking_on[0]}, in the base period, "
                    f"which {by} divides by, found {found}"
                )


def _denominators(city: City) -> Iterator[str]:
    """What a row of denominators.csv says is a figure of an area that there is."""
    path = city_folder(city.city_code) / "denominators.csv"
    areas = {row["area_code"] for row in read_table(city.city_code, "areas")}
    known = {"area_code": areas, "denominator_code": set(denominator_codes()), "quality_code": set(QUALITIES)}
    for line, row in enumerate(read_table(city.city_code, "denominators"), 2):
        for column, words in known.items():
            if row[column] not in words:
                expected = "an area of areas.csv" if column == "area_code" else one_of(sorted(words), row[column])
                yield f"{path}:{line}: {column}: expected {expected}, found {row[column]!r}"
        if not _is_figure(row["value"]):
            yield f"{path}:{line}: value: expected a number above 0, such as 327192 or 8.18, found {row['value']!r}"


def _is_figure(text: str) -> bool:
    try:
        return 0 < float(text) < inf
    except ValueError:
        return False


def _limits(city: City) -> Iterator[str]:
    """What a row of quantity_limits.csv says can be compared with a sale."""
    path, columns = city_folder(city.city_code) / "quantity_limits.csv", load_kinds()["sale"].columns
    for line, row in enumerate(read_table(city.city_code, "quantity_limits"), 2):
        for column in ("container_code", "unit_code"):
            if row[column] not in columns[column].codes:
                expected = one_of(columns[column].codes, row[column])
                yield f"{path}:{line}: {column}: expected {expected}, found {row[column]!r}"
        if not _is_figure(row["limit"]):
            yield f"{path}:{line}: limit: expected a number above 0, such as 100, found {row['limit']!r}"


def _supports(city: City) -> Iterator[str]:
    for feed in city.feeds:
        path = city_folder(city.city_code) / "feeds" / f"{feed.feed_code}.yml"
        can = supported_by_kind(feed, load_kinds()[feed.kind])
        for indicator in feed.supports:
            if indicator not in can:
                expected = f"some of {', '.join(can) or 'none'}: what its kind and its mapping bring"
                yield f"{path}: supports: expected {expected}; found {indicator!r}"
            elif missing := lacking(indicator, brought_by(feed)):
                expected = "only indicators that its columns can bring, or it would be zero for ever"
                yield f"{path}: supports: expected {expected}; found {indicator!r}, which {missing}"
