"""What is wrong with a city as a whole, which no single file of it can see: names, population, what feeds can support."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from expectations.contract import city_folder, load_kinds, read_table
from expectations.dated import row_holds
from expectations.indicators import brought_by, denominators, lacking, supported_by_kind
from expectations.models import City
from expectations.normal_form import normal

NAMES = ("name_zh", "name_en")


def city_faults(city: City) -> Iterator[str]:
    """Every fault as one line: file, what was expected, what was found.

    A night would not stop at any of them: it would publish a district without rates, two that nobody can tell apart, or
    an index without a base.
    """
    yield from _names(city)
    yield from _populations(city)
    yield from _supports(city)


def city_remarks(city: City) -> Iterator[str]:
    """What is as it may be, and yet not what a city hopes for."""
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
    """A district that is there today has a denominator of each kind that an indicator of the city divides by."""
    path = city_folder(city.city_code) / "denominators.csv"
    given = {(row["area_code"], row["denominator_code"]) for row in read_table(city.city_code, "denominators")}
    needed: dict[str, str] = {}
    for feed in city.feeds:
        for indicator in feed.supports:
            if denominator := denominators().get(indicator):
                needed.setdefault(denominator, f"{indicator} of feed {feed.feed_code}")
    for _, row in _districts(city):
        for denominator, by in needed.items():
            if row_holds(city.base_period.last_day, row) and (row["area_code"], denominator) not in given:
                yield f"{path}: expected `{denominator}` of {row['area_code']}, which {by} divides by, found no row"


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
