"""What a change of contracts would do, before it is made: two folders of contracts beside each other. Pure but for reading.

A change may break the source, which has to deliver something else, or the readers, for whom a value means something else or
is no more; the rows of before are then to be made anew (`python -m spark_jobs rebuild`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from expectations.contract import read_feeds, read_kinds
from expectations.located_yaml import ContractError
from expectations.models import EVENTS, Feed, Kind

Breaks = Literal["source", "readers"]
Place = tuple[str, ...]
# Words, and what nobody delivers or reads otherwise.
_HARMLESS = {"name", "zh", "en", "raw_kept_days", "grain", "dropped", "supports"}


@dataclass(frozen=True)
class Contracts:
    """All kinds and feeds of a folder such as expectations/."""

    kinds: Mapping[str, Kind]
    feeds: Mapping[str, Feed]  # by city.feed


@dataclass(frozen=True)
class Change:
    """One difference. `place`: where in the contract; `columns`: canonical columns that it touches."""

    contract: str
    place: Place
    before: Any
    after: Any
    breaks: Breaks | None
    columns: tuple[str, ...]
    indicators: tuple[str, ...]

    def __str__(self) -> str:
        said = f"breaks the {self.breaks}" if self.breaks else "breaks nothing"
        touched = f"; columns: {', '.join(self.columns)}" if self.columns else ""
        indicators = f"; indicators: {', '.join(self.indicators) or 'none'}"
        return f"{self.contract}: {'.'.join(self.place)}: {_shown(self.before)} -> {_shown(self.after)}: {said}{touched}{indicators}"


def read_contracts(root: Path) -> Contracts:
    """The contracts below a folder, sound each by itself. Raises ContractError with every fault of the first that is not."""
    if not (root / "kinds").is_dir() or not (root / "cities").is_dir():
        raise ContractError(f"{root}: expected a folder of contracts, with kinds and cities in it")
    kinds = read_kinds(root)
    cities = sorted((root / "cities").iterdir())
    return Contracts(kinds, {feed.code: feed for city in cities for _, feed in read_feeds(city, kinds)})


def plan(before: Contracts, after: Contracts) -> list[Change]:
    """Every difference, kinds first, by contract and place."""
    changes = [change for code in sorted({*before.kinds, *after.kinds}) for change in _of_kind(code, before, after)]
    return changes + [
        change for code in sorted({*before.feeds, *after.feeds}) for change in _of_feed(code, before, after)
    ]


def _of_kind(code: str, before: Contracts, after: Contracts) -> Iterator[Change]:
    old, new = (_document(of.kinds.get(code)) for of in (before, after))
    feeds = [feed for of in (before, after) for feed in of.feeds.values() if feed.kind == code]
    indicators = tuple(dict.fromkeys(indicator for feed in feeds for indicator in feed.supports))
    for place, was, now in _differences(old, new):
        columns = (place[1],) if place[0] == "columns" else ()
        yield Change(f"kind {code}", place, was, now, _kind_breaks(place, was, now), columns, indicators)


def _of_feed(code: str, before: Contracts, after: Contracts) -> Iterator[Change]:
    old, new = before.feeds.get(code), after.feeds.get(code)
    indicators = tuple(dict.fromkeys(i for feed in (old, new) if feed for i in feed.supports))
    if old is None or new is None:
        present = old or new
        assert present
        columns = tuple(present.columns)
        yield Change(code, ("feed",), old and code, new and code, "readers" if old else None, columns, indicators)
        return
    for place, was, now in _differences(_document(old), _document(new)):
        columns = (place[1],) if place[0] == "columns" else ()
        yield Change(code, place, was, now, _feed_breaks(place, was, now, old), columns, indicators)


def _document(of: Kind | Feed | None) -> dict[str, Any]:
    """All that it says, and of what it leaves out what that means. `otherwise: null` says something: empty."""
    found = {} if of is None else of.model_dump(mode="json", by_alias=True)
    if isinstance(of, Feed):
        for name in of.open_columns:
            if of.columns[name].otherwise is None:
                found["columns"][name]["otherwise"] = "(empty)"
    return found


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], above: Place = ()
) -> Iterator[tuple[Place, Any, Any]]:
    """Places that differ; a mapping that is new or gone is one difference, unless it is a table of columns or values."""
    for name in dict.fromkeys([*before, *after]):
        place, was, now = (*above, str(name)), before.get(name), after.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differences(was, now, place)
        elif was != now:
            yield place, was, now


def _kind_breaks(place: Place, was: Any, now: Any) -> Breaks | None:
    if place[-1] in _HARMLESS or (place[0] in _HARMLESS):
        return None
    if place[-1] == "required":
        return "source" if now else None
    if place[-1] == "codes":
        return "source" if set(was) - set(now) else None
    if place[0] == "columns" and len(place) == 2 and was is None:
        return "source" if now["required"] else None
    return "readers"


def _feed_breaks(place: Place, was: Any, now: Any, old: Feed) -> Breaks | None:
    if place[0] in _HARMLESS:
        return None
    if place[0] == "tolerance":
        return "source" if now < was else None
    if place[0] == "source":
        return "source"
    if place[0] == "columns" and len(place) == 2 and was is None:
        needed = {*now["from"], *([now["clock"]["column"]] if now["clock"] else [])}
        if needed - {*old.mapped_columns, *old.dropped}:
            return "source"
        return "readers" if place[1] == EVENTS else None  # a row was one event and is several now
    if place[0] == "columns" and len(place) > 2 and place[2] in ("map", "prefixes", "otherwise"):
        return None if was is None else "source" if now is None else "readers"
    return "readers"


def _shown(value: Any) -> str:
    """Short, as YAML would have it; nothing is said of what is not there."""
    if value is None:
        return "(none)"
    text = ", ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
