"""The contracts as this folder says them: kinds, holidays, day types, cities and feeds, read from YAML and CSV files.

What they can say: expectations/models.py. A fault is named with its file and line (ContractError).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from expectations.corrections import SUFFIX as CORRECTIONS
from expectations.corrections import Correction, Corrections, correction_faults
from expectations.dated import range_faults
from expectations.feed_faults import feed_faults
from expectations.holiday_notices import DayTypes
from expectations.indicators import domain_ids, indicator_ids, supported_by_kind
from expectations.located_yaml import ContractError, ContractFault, load, one_of
from expectations.models import City, Feed, Kind, MovingHoliday

ROOT = Path(__file__).parent
CITY_TABLES = {
    "areas": ("area_code", "level", "name_zh", "name_en", "parent_code", "valid_from", "valid_to"),
    "area_aliases": ("alias", "area_code", "note"),
    "denominators": ("area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code", "source"),
    "area_counts": (
        "area_code", "unit_code", "part_code", "basis_code", "valid_from", "valid_to", "n", "quality_code", "source",
    ),
    "grid_items": ("item_code", "name_zh", "domain_code", "domain_zh", "valid_from", "valid_to"),
    "quantity_limits": ("product_code", "container_code", "unit_code", "limit", "valid_from", "valid_to", "source"),
}  # fmt: skip
FORMER_NAMES = {"measure": "denominator_code"}  # of columns; a city's file may still say them
OPTIONAL_COLUMNS = {"area_aliases": ("valid_from", "valid_to")}  # all of a table's or none, after the others
OPTIONAL_TABLES = ("area_counts", "grid_items", "quantity_limits")  # a city without the file has no rows of it


@cache
def load_kinds() -> dict[str, Kind]:
    """All kinds by code."""
    return read_kinds(ROOT)


def read_kinds(root: Path) -> dict[str, Kind]:
    """The kinds of any folder of contracts, by code."""
    return {kind.kind: kind for kind in (load(path, Kind) for path in sorted((root / "kinds").glob("*.yml")))}


@cache
def load_holidays() -> dict[str, MovingHoliday]:
    """All holidays that move, by code."""
    return {path.stem: load(path, MovingHoliday) for path in sorted((ROOT / "holidays").glob("*.yml"))}


@cache
def load_day_types() -> dict[str, DayTypes]:
    """All calendars of day types, by code."""
    return {path.stem: load(path, DayTypes) for path in sorted((ROOT / "day_types").glob("*.yml"))}


def day_types_of(city: City) -> DayTypes | None:
    """The calendar of day types of a city, if it has one."""
    return load_day_types()[city.day_types] if city.day_types else None


def city_folder(city_code: str) -> Path:
    return ROOT / "cities" / city_code


def city_codes() -> tuple[str, ...]:
    return tuple(path.parent.name for path in sorted((ROOT / "cities").glob("*/city.yml")))


@cache
def load_city(city_code: str) -> City:
    """One city with its feeds. Raises ContractError, naming the cities that exist, if there is no such folder."""
    folder = city_folder(city_code)
    if city_code not in city_codes():
        raise ContractError(f"there is no city {city_code!r}; the cities are: {', '.join(city_codes())}")
    feeds = [
        feed.model_copy(update={"corrections": _corrections(path.with_suffix(""), feed)})
        for path, feed in read_feeds(folder, load_kinds())
    ]
    for path in (folder / "feeds").glob(f"*{CORRECTIONS}"):
        if not path.with_name(path.name.replace(CORRECTIONS, ".yml")).is_file():
            raise ContractError(f"{path}: expected the contract of a feed beside it, found none of that name")
    return load(folder / "city.yml", City, {"feeds": tuple(feeds)}, _own_folder(city_code))


def read_feeds(city: Path, kinds: dict[str, Kind]) -> Iterator[tuple[Path, Feed]]:
    """The contracts in the folder of a city, without their corrections. What one leaves to its kind, it supports."""
    for path in sorted((city / "feeds").glob("*.yml")):
        if not path.name.endswith(CORRECTIONS):
            check = partial(feed_faults, file_name=path.stem, kinds=kinds, indicators=indicator_ids())
            feed = load(path, Feed, {"city_code": city.name, "corrections": {}}, check)
            if "supports" not in feed.model_fields_set:
                feed = feed.model_copy(update={"supports": supported_by_kind(feed, kinds[feed.kind])})
            yield path, feed


def _corrections(contract: Path, feed: Feed) -> dict[str, Correction]:
    """Corrections of the feed's source, if there are any. `contract` is the contract's path without its ending."""
    path = contract.with_name(contract.name + CORRECTIONS)
    if not path.is_file():
        return {}
    kind = load_kinds()[feed.kind]
    hashed = {s for name, c in feed.columns.items() if kind.columns[name].type == "pseudonym" for s in c.source}
    columns = [name for name in feed.mapped_columns if name not in hashed]
    return load(
        path, Corrections, None, partial(correction_faults, feed_code=feed.feed_code, columns=columns)
    ).corrections


def _own_folder(code: str) -> Callable[[City], list[ContractFault]]:
    """What a city's file cannot see: the name of its folder, which holidays there are, and what may be called otherwise."""

    def check(city: City) -> list[ContractFault]:
        faults = []
        if city.city_code != code:
            faults.append(ContractFault(("city",), f"{code!r}, the name of the folder", repr(city.city_code)))
        if city.moving_holiday is not None and city.moving_holiday not in load_holidays():
            expected = f"one of {sorted(load_holidays())}, a file in expectations/holidays"
            faults.append(ContractFault(("moving_holiday",), expected, repr(city.moving_holiday)))
        if city.day_types is not None and city.day_types not in load_day_types():
            expected = f"one of {sorted(load_day_types())}, a file in expectations/day_types"
            faults.append(ContractFault(("day_types",), expected, repr(city.day_types)))
        nameable = [*domain_ids(), *sorted(indicator_ids()), *load_kinds()]
        for name in sorted(set(city.names) - set(nameable)):
            expected = f"an indicator, a domain or a kind: {one_of(nameable, name)}"
            faults.append(ContractFault(("names", name), expected, repr(name)))
        return faults

    return check


def load_cities() -> tuple[City, ...]:
    """All cities, in order of their codes."""
    return tuple(load_city(code) for code in city_codes())


def read_table(city_code: str, name: str) -> list[dict[str, str]]:
    """Rows of one of a city's CSV files (a key of CITY_TABLES) as text, their days sound. Raises ContractError."""
    path, columns = city_folder(city_code) / f"{name}.csv", list(CITY_TABLES[name])
    if name in OPTIONAL_TABLES and not path.exists():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ContractError(f"{path}: expected CSV in UTF-8 that can be read, found: {error}") from error
    header = [FORMER_NAMES.get(column, column) for column in rows[0][1]] if rows else []
    if header not in (columns, [*columns, *OPTIONAL_COLUMNS.get(name, ())]):
        raise ContractError(f"{path}:1: expected the header {','.join(columns)}, found {','.join(header) or 'nothing'}")
    wrong = [(line, len(row)) for line, row in rows if len(row) != len(header)]
    if wrong:
        lines = [f"{path}:{line}: expected {len(header)} values, found {n}" for line, n in wrong]
        raise ContractError("\n".join(lines))
    found = [(line, dict(zip(header, row, strict=True))) for line, row in rows[1:]]
    faults = [f"{path}:{line}: {fault}" for line, fault in sorted(range_faults(name, found))]
    if faults:
        raise ContractError("\n".join(faults))
    return [row for _, row in found]
