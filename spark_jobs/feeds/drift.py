"""What a source has beside what the contract reads: missing and re-typed columns stop the feed, others are reported."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from expectations.contract import load_kinds
from expectations.models import Feed
from spark_jobs.errors import ContractBreach
from spark_jobs.masking import LEGEND, masked

# Beginnings of type names (Arrow, PostgreSQL) whose text says the same as the value, by canonical type.
TEXT = ("string", "large_string", "dictionary", "text", "character", "varchar", "char", "uuid", "USER-DEFINED", "null")
WHOLE = ("int", "uint", "bigint", "smallint")
NUMBER = (*WHOLE, "decimal", "numeric")
MEASURE = (*NUMBER, "float", "double", "halffloat", "real")
MOMENT = ("timestamp", "date")
CLOCK = ("time32", "time64", "time without time zone")
ACCEPTED = {
    "text": (*TEXT, *NUMBER, "bool"),
    "code": (*TEXT, *NUMBER, "bool"),
    "pseudonym": (*TEXT, *NUMBER),
    "count": (*TEXT, *MEASURE),
    "amount": (*TEXT, *MEASURE),
    "flag": (*TEXT, *NUMBER, "bool"),
    "instant": (*TEXT, *WHOLE, *MOMENT),
    "date": (*TEXT, *WHOLE, *MOMENT),
    "clock": (*TEXT, *WHOLE, *CLOCK),
}


def expected_types(feed: Feed) -> dict[str, tuple[str, str]]:
    """Source column -> (canonical type, canonical column) that the contract makes of it; keys are text."""
    kind = load_kinds()[feed.kind]
    found = {name: ("text", "area") for name in feed.area}
    for name, column in feed.columns.items():
        found |= {source: (kind.columns[name].type, name) for source in column.source}
        found |= {column.clock.column: ("clock", name)} if column.clock else {}
    if feed.known_at.column:
        found[feed.known_at.column] = ("instant", "known_at")
    return found | {name: ("text", "record_id") for name in feed.record_id}


def check_columns(feed: Feed, where: str, columns: Sequence[str], types: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that the contract does not name; they are left in landing and reported.

    Raises ContractBreach with old and new side by side for columns that are gone or have another type. `types` holds
    the source's own type names, where it has any. Where none of the contract's columns is there, the names are masked:
    without a header they are the values of a row.
    """
    expected = expected_types(feed)
    has_names = not {*feed.mapped_columns, *feed.dropped}.isdisjoint(columns)
    faults = []
    for name in feed.mapped_columns:
        wanted, target = expected.get(name, ("text", "a condition"))
        if name not in columns:
            like = difflib.get_close_matches(name, columns, 1) if has_names else []
            faults.append((name, f"{wanted}, for {target}", "missing" + (f"; there is {like[0]!r}" if like else "")))
        elif name in types and not types[name].startswith(ACCEPTED[wanted]):
            faults.append((name, f"{wanted}, for {target}", types[name]))
    if not faults:
        return tuple(name for name in columns if name not in feed.mapped_columns and name not in feed.dropped)
    absent = [name for name, _, now in faults if now.startswith("missing")]
    found = list(columns) if has_names else [masked(name) for name in columns]
    lines = [f"feed {feed.code}: {where}: expected columns {absent}, found {found}"] if absent else []
    lines = lines or [f"feed {feed.code}: {where}: {len(faults)} columns have another type"]
    lines += [f"  {name}: the contract reads {old} | the source has {now}" for name, old, now in faults]
    if len(columns) == 1:
        lines.append("  there is one column only: is the delimiter the contract's?")
    if not has_names and columns:
        lines.append(f"  no name is one of the contract's: is there a header? ({LEGEND})")
    lines.append("  what to do: ask the source what replaced them, then change the feed's contract")
    raise ContractBreach("\n".join(lines))
