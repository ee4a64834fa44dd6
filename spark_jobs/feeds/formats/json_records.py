"""JSON objects, one a line or many in a page. A line that is no object is a fault of that row alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from expectations.source_columns import clean_name, header_of
from spark_jobs.feeds.formats.content import Content, ReadFault, Unreadable, refuse_flood, text_column
from spark_jobs.feeds.formats.encoding import to_utf8
from spark_jobs.feeds.formats.unpack import refuse_foreign


class NotJson(str):
    """A token that Python's reader takes and JSON does not know: NaN, Infinity, -Infinity."""


class Doubled(dict[str, Any]):
    """An object in which a key stands twice: the later value would win in silence."""

    key: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    doubled = Doubled(plain)
    names = [name for name, _ in pairs]
    doubled.key = next(name for name in names if names.count(name) > 1)
    return doubled


def _without_spare_zeros(number: str) -> str:
    """What SPARE_ZEROS says of one number, in the time of one look at it, however long it is."""
    if "e" in number or "E" in number:
        return number
    plain = number.rstrip("0")
    return f"{plain}0" if plain.endswith(".") else plain


_DECODER = json.JSONDecoder(
    parse_float=_without_spare_zeros,
    parse_int=str,
    parse_constant=NotJson,
    object_pairs_hook=_object,
)


def loads(text: str) -> Any:
    """JSON with numbers as the text that was sent, less spare zeros at the end, so that no digit changes. Raises ValueError, never RecursionError."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json_lines(content: bytes, names: Sequence[str], encoding: str) -> Content:
    """The keys `names` of one object a line. An empty line is no record; no byte at all is no delivery.

    An array, which other tools take for the same, would be one row that cannot be used: it is refused as a file.
    """
    refuse_foreign(content, "JSON Lines")
    text = to_utf8(content, encoding).decode("utf-8")
    if text.lstrip().startswith("["):
        raise Unreadable("expected one object a line (JSON Lines), found a JSON array: its first character is '['")
    return of_records(list(_records(text.split("\n"))), names)


def _records(lines: Iterable[str]) -> Iterator[object]:
    n_faults = 0
    for line in lines:
        if line.strip():
            record = _record(line)
            n_faults += isinstance(record, ReadFault)
            refuse_flood(n_faults)
            yield record


def _record(line: str) -> object:
    try:
        return loads(line)
    except ValueError as error:
        return ReadFault("not_json", None, str(error)[:200])


def read_page(content: bytes, names: Sequence[str], items: str) -> Content:
    """The keys `names` of the objects of a landed page, whose form the pull has checked."""
    page = loads(content.decode("utf-8"))
    if not isinstance(page, dict) or not isinstance(page.get(items), list):
        raise Unreadable(f"expected an object with a list {items!r}, found {type(page).__name__}")
    return of_records(page[items], names)


def of_records(records: Sequence[object], names: Sequence[str]) -> Content:
    """Objects as columns of text. A key absent from all rows is an absent column; from some rows, an empty value."""
    written: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            written |= dict.fromkeys(record)
    # no record has no names: it says nothing about columns
    present = _spelled(written, names) if written else {name: name for name in names}
    faults, kept, numbers = {}, [], []
    for number, record in enumerate(records, 1):
        fault = _fault_of(record, present)
        if fault:
            faults[number] = fault
        elif isinstance(record, dict):
            kept.append(record)
            numbers.append(number)
    values = {name: text_column([_text(record.get(key)) for record in kept]) for name, key in present.items()}
    return Content(tuple(header_of(written or names)), values, numbers, faults)


def _spelled(written: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Name -> the key as the objects write it, for the `names` that are there. Raises Unreadable for two spellings."""
    spelled: dict[str, str] = {}
    for key in written:
        if spelled.setdefault(clean_name(key), key) != key and clean_name(key) in names:
            raise Unreadable(f"expected each key in one spelling, found {spelled[clean_name(key)]!r} and {key!r}")
    return {name: spelled[name] for name in names if name in spelled}


def _fault_of(record: object, present: Mapping[str, str]) -> ReadFault | None:
    if isinstance(record, ReadFault):
        return record
    if not isinstance(record, dict):
        return ReadFault("not_an_object", None, type(record).__name__)
    if isinstance(record, Doubled):
        return ReadFault("key_twice", record.key, None)
    for name, key in present.items():
        value = record.get(key)
        if isinstance(value, NotJson):
            return ReadFault("not_json", name, str(value))
        if isinstance(value, dict | list):
            return ReadFault("nested_value", name, type(value).__name__)
    return None


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
