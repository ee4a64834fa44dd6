"""Landed bytes -> rows of text by the contract: in which format, which columns, and which of them may go further.

Personal columns end here. A column that the contract does not use is not read. One that it uses as a pseudonym is
hashed before the first byte reaches the lake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from expectations.contract import load_kinds
from expectations.models import ApiSource, Feed, FilesSource, Source
from expectations.normal_form import is_number_like, normal
from expectations.source_columns import bronze_name
from spark_jobs.errors import ContractBreach, StepError
from spark_jobs.feeds.drift import check_columns
from spark_jobs.feeds.formats.apart import apart
from spark_jobs.feeds.formats.columnar import read_columnar
from spark_jobs.feeds.formats.content import Content, LeftOut, ReadFault, Unreadable
from spark_jobs.feeds.formats.delimited import read_delimited
from spark_jobs.feeds.formats.json_records import read_json_lines, read_page
from spark_jobs.feeds.formats.unpack import members
from spark_jobs.feeds.formats.workbook import read_workbook
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.masking import without_persons

T = TypeVar("T")
PACKED = ("xlsx", "parquet")  # formats in which a few bytes may stand for any number of cells
FILE, ROW, FAULT = "_file", "_row", "_fault"
FAULT_TYPE = pa.struct([("rule", pa.string()), ("column_name", pa.string()), ("found", pa.string())])
FAULT_SQL = "struct<rule:string,column_name:string,found:string>"


def pseudonym_columns(feed: Feed) -> dict[str, tuple[str, ...]]:
    """Canonical pseudonym column -> the source columns it is made of."""
    kind = load_kinds()[feed.kind]
    return {name: column.source for name, column in feed.columns.items() if kind.columns[name].type == "pseudonym"}


def hashed_sources(feed: Feed) -> set[str]:
    """Source columns that become pseudonyms: their own text goes no further."""
    return {source for sources in pseudonym_columns(feed).values() for source in sources}


def bronze_columns(feed: Feed) -> tuple[str, ...]:
    """Columns of the feed's bronze table that come from the source, in a stable order."""
    personal = hashed_sources(feed)
    return (
        *(bronze_name(name) for name in feed.mapped_columns if name not in personal),
        *pseudonym_columns(feed),
    )


@dataclass(frozen=True)
class Decoded:
    """Rows of one landed file: the bronze columns, file, number of the row in it (from 1), and its fault if it has one.

    `beyond` are columns that the contract does not name: they stay in landing and are reported. `left_out` are the
    parts of the file that are not read.
    """

    table: pa.Table
    beyond: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()


def decode(feed: Feed, path: Path, pseudonymiser: Pseudonymiser) -> Decoded:
    """One landed file as a table of text. A row that cannot be used keeps its number and says why in `_fault`.

    Raises ContractBreach for a file that cannot be read or that lacks a column, naming file, expected and found.
    """
    try:
        return _apart(feed, path, partial(_decode, feed, path, pseudonymiser))
    except Unreadable as error:  # it was too much to be read at all
        raise _breach(feed, path.name, str(error)) from None


def _apart(feed: Feed, path: Path, read: Callable[[], T]) -> T:
    """Read a file here, or in a process of its own where its bytes do not say how much memory that takes."""
    return apart(path.stat().st_size, read) if _extension(feed) in PACKED else read()


def _decode(feed: Feed, path: Path, pseudonymiser: Pseudonymiser) -> Decoded:
    tables, beyond, left_out = [], dict[str, None](), list[LeftOut]()
    at = path.name
    try:
        for member in members(path, _extension(feed)):
            if isinstance(member, LeftOut):
                left_out.append(member)
                continue
            at, packed = pseudonymiser.neutral(feed.city_code, member[0]), member[1]
            contents, unread = _read(feed, packed)
            left_out += unread
            for written, content in contents.items():
                sheet = pseudonymiser.neutral(feed.city_code, written)
                name = f"{at}/{sheet}" if len(contents) > 1 else at
                where = f"file {at}, sheet {sheet!r}" if sheet else f"file {at}"
                beyond |= dict.fromkeys(check_columns(feed, where, content.columns, content.types))
                tables.append(_to_bronze(feed, content, name, pseudonymiser))
            at = path.name  # the next member names itself once it is unpacked
    except StepError:
        raise
    except Exception as error:  # whatever a library raises is a fault of this file, and of no other
        raise _breach(feed, at, _why(error)) from error
    return Decoded(pa.concat_tables(tables), tuple(beyond), tuple(left_out))


def _why(error: Exception) -> str:
    """What a library says of a value that it cannot read may quote it: of that only the name is told."""
    if isinstance(error, MemoryError):
        return "expected a file that can be read in the memory that there is, found one that takes more"
    return without_persons(str(error)) if isinstance(error, Unreadable | LookupError) else type(error).__name__


def _breach(feed: Feed, at: str, why: str) -> ContractBreach:
    return ContractBreach(
        f"feed {feed.code}: file {at} cannot be read as {_extension(feed)}: {why}\n"
        "  what to do: ask the source for the file again; the raw bytes stay in landing, and silver as it was"
    )


def has_no_rows(feed: Feed, path: Path) -> bool:
    """True for a file that can be read and says that there was nothing: header, and no row."""
    try:
        return _apart(feed, path, partial(_has_no_rows, feed, path))
    except Exception:  # noqa: BLE001 - what is wrong with a file is told when it is taken
        return False


def _has_no_rows(feed: Feed, path: Path) -> bool:
    read = [
        content
        for member in members(path, _extension(feed))
        if not isinstance(member, LeftOut)
        for content in _read(feed, member[1])[0].values()
    ]
    return not any(len(content.numbers) or content.faults for content in read)


def groups_with(feed: Feed, path: Path, values: frozenset[str]) -> dict[str, set[tuple[str, ...]]]:
    """Pseudonym column -> the groups of source values in a landed file that hold one of `values`.

    The pseudonym of a dispute is made of both parties: who knows only one of them finds the pair only here. Raises as
    `decode` does, and says nothing of the rows.
    """
    return _apart(feed, path, partial(_groups_with, feed, path, values))


def _groups_with(feed: Feed, path: Path, values: frozenset[str]) -> dict[str, set[tuple[str, ...]]]:
    hashed, persons = pseudonym_columns(feed), set(map(normal, values))
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in hashed}
    for member in members(path, _extension(feed)):
        for content in () if isinstance(member, LeftOut) else _read(feed, member[1])[0].values():
            for name, sources in hashed.items():
                columns = [content.values[source].to_pylist() for source in sources]
                groups = {tuple((value or "").strip() for value in group) for group in zip(*columns, strict=True)}
                found[name] |= {group for group in groups if all(group) and not persons.isdisjoint(map(normal, group))}
    return found


def _extension(feed: Feed) -> str:
    """How the files of this source are written: database pulls land as CSV, pages of an API as JSON."""
    if isinstance(feed.source, FilesSource):
        return feed.source.format
    return "json" if isinstance(feed.source, ApiSource) else "csv"


def _read(feed: Feed, content: bytes) -> tuple[Mapping[str, Content], list[LeftOut]]:
    """What a file or member holds, by sheet where it has some, and the sheets that are not read."""
    source, names = feed.source, feed.mapped_columns
    if isinstance(source, FilesSource) and source.format == "xlsx":
        return read_workbook(content, names, source.sheet)
    return {"": _table(source, content, names)}, []


def _table(source: Source, content: bytes, names: Sequence[str]) -> Content:
    if isinstance(source, ApiSource):
        return read_page(content, names, source.items)
    if not isinstance(source, FilesSource):
        return read_delimited(content, names, "utf-8", ",")
    if source.format == "csv":
        return read_delimited(content, names, source.encoding, source.delimiter)
    if source.format == "jsonl":
        return read_json_lines(content, names, source.encoding)
    return read_columnar(content, names)


def _to_bronze(feed: Feed, content: Content, file: str, pseudonymiser: Pseudonymiser) -> pa.Table:
    """Columns as bronze keeps them, personal values hashed or left out. Rows that could not be read stand at the end,
    with nothing but their number and fault.
    """
    hashed, personal = pseudonym_columns(feed), hashed_sources(feed)
    columns = {bronze_name(name): content.values[name] for name in feed.mapped_columns if name not in personal}
    for name, sources in hashed.items():
        values = list(zip(*(content.values[source].to_pylist() for source in sources), strict=True))
        known = {value: pseudonymiser.of(feed.city_code, value) for value in set(values)}
        lost = {value for value in known if any(part and is_number_like(normal(part)) for part in value)}
        for position in [position for position, value in enumerate(values) if value in lost] if lost else ():
            content.faults.setdefault(content.numbers[position], ReadFault("number_like", name))
        columns[name] = pa.array([known[value] for value in values], pa.string())
    table = pa.table(columns)
    broken = sorted(set(content.faults).difference(content.numbers))
    if broken:
        table = pa.concat_tables([table, pa.table({n: pa.nulls(len(broken), pa.string()) for n in table.column_names})])
    numbers = [*content.numbers, *broken]
    faults = [_account(content.faults.get(number), personal) for number in numbers] if content.faults else None
    table = table.append_column(FILE, pa.repeat(pa.scalar(file), len(numbers)))
    table = table.append_column(ROW, pa.array(numbers, pa.int64()))
    return table.append_column(FAULT, pa.array(faults, FAULT_TYPE) if faults else pa.nulls(len(numbers), FAULT_TYPE))


def _account(fault: ReadFault | None, personal: set[str]) -> dict[str, str | None] | None:
    """A fault as bronze keeps it; of a personal column it does not say what was found."""
    if fault is None:
        return None
    found = None if fault.column in personal else fault.found
    return {"rule": fault.rule, "column_name": fault.column, "found": found}
