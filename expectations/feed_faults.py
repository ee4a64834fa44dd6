"""What is wrong with a feed's contract beyond its own shape: against its kind, its file and the indicators."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from expectations.located_yaml import ContractFault, one_of
from expectations.models import CLOSED, EVENTS, Feed, FeedColumn, FilesSource, Kind, KindColumn, Scalar
from expectations.source_columns import bronze_name

NO_KEY = "no such key"


def feed_faults(
    feed: Feed, file_name: str, kinds: dict[str, Kind], indicators: Collection[str]
) -> Iterator[ContractFault]:
    """Every fault of a feed, each with the keys that lead to it."""
    if feed.feed_code != file_name:
        yield ContractFault(
            ("feed",), f"{file_name!r}, the name of the file: a code belongs to one feed", repr(feed.feed_code)
        )
    for number, indicator in enumerate(feed.supports):
        if indicator not in indicators:
            yield ContractFault(
                ("supports", number), f"an indicator: {one_of(sorted(indicators), indicator)}", repr(indicator)
            )
    if feed.ends_on and feed.ends_on < feed.starts_on:
        yield ContractFault(("ends_on",), f"a day from `starts_on` ({feed.starts_on}) on", str(feed.ends_on))
    if feed.mode == "snapshot" and feed.known_at.column:
        expected = "no `column`: all rows of a snapshot are known from the day of its delivery on (`known_at: {}`)"
        yield ContractFault(("known_at", "column"), expected, repr(feed.known_at.column))
    if feed.mode == "snapshot" and not isinstance(feed.source, FilesSource):
        expected = "`changes`: of a database or an API only what changed since the last pull is asked for, never the whole table"
        yield ContractFault(("mode",), expected, "'snapshot'")
    kind = kinds.get(feed.kind)
    if kind is None:
        yield ContractFault(("kind",), one_of(sorted(kinds), feed.kind), repr(feed.kind))
        return
    if kind.is_context and feed.supports:
        yield ContractFault(("supports",), f"[]: kind {kind.kind} is context, never scored", repr(list(feed.supports)))
    yield from _coverage_faults(feed, kind)
    yield from _column_faults(feed, kind)
    yield from _count_faults(feed, kind)
    yield from _drop_faults(feed, kind)
    yield from _person_faults(feed, kind)
    yield from _name_faults(feed, kind)


def _coverage_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    """The column that `covered_through` names must be one that the contract reads as days or times."""
    if feed.covered_through is None:
        return
    column, keys = feed.covered_through.column, ("covered_through", "column")
    days = sorted(dated_columns(feed, kind))
    if column not in days:
        expected = f"a source column that is read as days or times: {one_of(days, column)}"
        yield ContractFault(keys, expected, repr(column))
    if feed.lag_days:
        yield ContractFault(("lag_days",), "none beside `covered_through`: the column says it", str(feed.lag_days))
    if kind.is_context:
        yield ContractFault(("covered_through",), f"none: kind {kind.kind} is context, never scored", repr(column))


def dated_columns(feed: Feed, kind: Kind) -> dict[str, str]:
    """Source column that is read as days or times -> the canonical column that it becomes."""
    found = {feed.known_at.column: "known_at"} if feed.known_at.column else {}
    for name, column in feed.columns.items():
        is_dated = name in kind.columns and kind.columns[name].type in ("instant", "date")
        if is_dated and len(column.source) == 1 and not column.when:
            found.setdefault(column.source[0], name)
    return found


def _column_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    given = [name for name, column in kind.columns.items() if not column.day_of]
    for name, column in feed.columns.items():
        declared = kind.columns.get(name)
        if declared is None:
            yield ContractFault(("columns", name), f"a column of kind {kind.kind}: {one_of(given, name)}", repr(name))
        elif declared.day_of:
            expected = f"no source for it: it is the local day of `{declared.day_of}`"
            yield ContractFault(("columns", name), expected, repr(name))
        else:
            yield from _mapping_faults(name, column, declared)
            yield from _empty_faults(name, column, declared, {*feed.record_id, *feed.area})
    for name in given:
        if kind.columns[name].required and name not in feed.columns:
            yield ContractFault(("columns", name), f"the column `{name}`, required by kind {kind.kind}", NO_KEY)
    if not set(kind.events) & set(feed.columns):
        first = kind.events[0]
        yield ContractFault(("columns", first), f"one of {', '.join(kind.events)}: when it happened", NO_KEY)


def _mapping_faults(name: str, column: FeedColumn, declared: KindColumn) -> Iterator[ContractFault]:
    codes = list(declared.codes) or (["true", "false"] if declared.type == "flag" else [])
    for location, target in targets(column):
        word = str(target).lower() if isinstance(target, bool) else target
        if codes and target is not None and word not in codes:
            yield ContractFault(("columns", name, *location), one_of(codes, str(target)), repr(target))
    if column.width and declared.type != "text":
        yield ContractFault(("columns", name, "width"), f"no `width`: {name} is a {declared.type}", repr(column.width))
    if column.format and declared.type not in ("instant", "date"):
        expected = f"no `format`: {name} is a {declared.type}, and patterns are for days and times"
        yield ContractFault(("columns", name, "format"), expected, repr(column.format))
    if column.clock and (declared.type != "instant" or not column.source):
        what = f"a {declared.type}" if column.source else "constant"
        expected = f"no `clock`: {name} is {what}, and a time of day completes the day that an instant is read `from`"
        yield ContractFault(("columns", name, "clock"), expected, repr(column.clock.column))


def _empty_faults(name: str, column: FeedColumn, declared: KindColumn, keys: set[str]) -> Iterator[ContractFault]:
    """Words for nothing go with what is read as it stands: not with a constant, a person or a key."""
    why = "constant" if not column.source else "a pseudonym" if declared.type == "pseudonym" else None
    if of_key := sorted(keys & set(column.reads)):
        why = f"read from {of_key[0]!r}, which tells records or places apart"
    if column.empty and why:
        yield ContractFault(("columns", name, "empty"), f"no `empty`: {name} is {why}", repr(list(column.empty)))


def _count_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    """A row that stands for several events says what is true of each of them, and its number is the source's own."""
    counted = feed.columns.get(EVENTS)
    if counted is None or EVENTS not in kind.columns:
        return
    if not counted.source:
        expected = "`from`, the column that counts: a source without one gives one row an event"
        yield ContractFault(("columns", EVENTS), expected, repr(counted.constant))
    for name, column in feed.columns.items():
        declared = kind.columns.get(name)
        if declared is None:
            continue
        is_of_one = declared.type in ("count", "amount", "pseudonym") or name.endswith("record_id")
        if is_of_one and column.source and name != EVENTS:
            expected = f"none beside `{EVENTS}`: a row stands for several events, and this is said of one; `constant` is of each"
            yield ContractFault(("columns", name), expected, f"`from` {', '.join(map(repr, column.source))}")
        if column.keep:
            expected = f"none beside `{EVENTS}`: the rows of a docket are entries about one event"
            yield ContractFault(("columns", name, "keep"), expected, repr(column.keep))


def targets(column: FeedColumn) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    """Every value that the contract itself gives to the column, with the keys that lead to it."""
    for key, target in (column.values or {}).items():
        yield ("map", key), target
    for key, target in (column.prefixes or {}).items():
        yield ("prefixes", key), target
    if column.has_otherwise:
        yield ("otherwise",), column.otherwise
    if column.constant is not None:
        yield ("constant",), column.constant


def _drop_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    """A column is used or dropped. What becomes a pseudonym is both: hashed, and then gone."""
    hashed = {source for sources in _pseudonyms(feed, kind).values() for source in sources}
    for name in sorted((set(feed.mapped_columns) & set(feed.dropped)) - hashed):
        yield ContractFault(("dropped", name), "a column that the contract does not use", f"{name!r}, which it uses")


def _person_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    """A source of quantities that names persons is not taken at all: even its raw files would say who bought what."""
    if not kind.quantities:
        return
    for name, privacy in feed.dropped.items():
        if privacy in CLOSED:
            expected = (
                f"no person's column in a source of quantities (kind {kind.kind}: {', '.join(kind.quantities)}): "
                "ask the source to deliver without it"
            )
            yield ContractFault(("dropped", name), expected, f"{name!r}, {privacy}")


def _pseudonyms(feed: Feed, kind: Kind) -> dict[str, tuple[str, ...]]:
    """Pseudonym column -> the source columns that it is made of. Their own text reaches no table."""
    return {
        name: column.source
        for name, column in feed.columns.items()
        if name in kind.columns and kind.columns[name].type == "pseudonym"
    }


def _name_faults(feed: Feed, kind: Kind) -> Iterator[ContractFault]:
    """Source columns that the lake, which looks at neither capitals nor blanks, cannot tell apart."""
    pseudonyms = _pseudonyms(feed, kind)
    hashed = {source for sources in pseudonyms.values() for source in sources}
    taken = {name: name for name in pseudonyms}
    for name in feed.mapped_columns:
        stored = bronze_name(name).lower()
        if name in hashed:
            continue
        if not stored:
            yield ContractFault(_place_of(feed, name), "a source column with letters or digits in its name", repr(name))
        elif stored in taken:
            expected = (
                f"a source column that differs from {taken[stored]!r} in more than capitals, blanks or underscores, "
                "or the lake would take them for one: ask the source to rename it"
            )
            yield ContractFault(_place_of(feed, name), expected, repr(name))
        taken.setdefault(stored, name)


def _place_of(feed: Feed, name: str) -> tuple[str | int, ...]:
    """Where the contract names a source column."""
    for key, column in feed.columns.items():
        if name in column.reads:
            return ("columns", key)
    return ("record_id",) if name in feed.record_id else ("area",) if name in feed.area else ("feed",)
