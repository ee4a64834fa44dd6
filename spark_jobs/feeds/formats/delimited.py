"""Delimited text (RFC 4180) by pyarrow, whose speed it is; what it would pass over in silence is looked for first."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv

from expectations.source_columns import header_of
from spark_jobs.feeds.formats.content import MOST_FAULTS, Content, ReadFault, Unreadable, refuse_flood
from spark_jobs.feeds.formats.encoding import to_utf8
from spark_jobs.feeds.formats.unpack import refuse_foreign
from spark_jobs.masking import LEGEND, masked

BLOCK = 8 << 20
LARGEST_BLOCK = (1 << 31) - 1
LONGEST_HEADER = 1 << 20  # bytes

csv.field_size_limit(LARGEST_BLOCK)  # the length of a value is judged later, by row


def read_delimited(content: bytes, names: Sequence[str], encoding: str, delimiter: str) -> Content:
    """The columns `names` of a delimited file as text; empty is null. A row of another width is a fault of the row.

    Raises Unreadable for another kind of file, another encoding, no header, a name twice, quotes that do not close.
    """
    refuse_foreign(content, "delimited text")
    content = to_utf8(content, encoding)
    if not content.endswith(b"\n"):
        content += b"\n"  # pyarrow takes a header that does not end for none
    written = _written(content, delimiter)
    header = header_of(written)
    _refuse_doubles(header, names)
    if b'"' in content:
        _check_quotes(content, delimiter)
    present = {name: written[header.index(name)] for name in names if name in header}
    wrong: list[tuple[int, int]] = []
    table = _parse(content, list(present.values()), delimiter, wrong) if present else pa.table({})
    faults = {
        number - 1: ReadFault("wrong_number_of_values", None, f"{found} values, expected {len(header)}")
        for number, found in wrong
    }
    total = table.num_rows + len(faults)
    numbers = [number for number in range(1, total + 1) if number not in faults] if faults else range(1, total + 1)
    return Content(tuple(header), {name: table[as_written] for name, as_written in present.items()}, numbers, faults)


def _written(content: bytes, delimiter: str) -> list[str]:
    """Names in the first row that is not blank, as they are written, with blanks behind the commas if there are any."""
    start = content[: 2 * LONGEST_HEADER].lstrip(b"\r\n")
    if len(start) > LONGEST_HEADER and b"\n" not in start[:LONGEST_HEADER]:
        raise Unreadable(f"expected a header of at most {LONGEST_HEADER:,} bytes, found a line that is longer")
    try:
        rows = csv.reader(_text(content), delimiter=delimiter, strict=True)
        header = next((row for row in rows if row), [])
    except csv.Error as error:
        found = masked(content.decode("utf-8", "replace"))
        raise Unreadable(f"expected a header, found {found!r} ({error}; {LEGEND})") from None
    if not any(header):
        raise Unreadable("expected a header, found an empty file")
    return header


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")


def _refuse_doubles(header: list[str], names: Sequence[str]) -> None:
    twice = sorted({name for name in names if header.count(name) > 1})
    if twice:
        raise Unreadable(f"expected each column once, found {twice} more than once in {header}")


def _check_quotes(content: bytes, delimiter: str) -> None:
    """A quote that does not close swallows the rows behind it; the strict reader of the standard library sees that."""
    rows = csv.reader(_text(content), delimiter=delimiter, strict=True)
    try:
        for _ in rows:
            pass
    except csv.Error as error:
        raise Unreadable(
            f"expected quotes that close, found one that does not near line {rows.line_num}: {error}"
        ) from None


def _parse(content: bytes, present: list[str], delimiter: str, wrong: list[tuple[int, int]]) -> pa.Table:
    """Parse with threads; once more without, and with larger blocks, where rows of another width or length turn up."""

    def note(row: pa_csv.InvalidRow) -> str:
        wrong.append((row.number, row.actual_columns))
        return "skip" if len(wrong) <= MOST_FAULTS else "error"

    parsing = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note)
    typing = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(present, pa.string()),
        include_columns=present,
        strings_can_be_null=True,
        null_values=[""],
    )
    block, use_threads = BLOCK, True
    while True:
        wrong.clear()
        reading = pa_csv.ReadOptions(use_threads=use_threads, block_size=block)
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(content), read_options=reading, parse_options=parsing, convert_options=typing
            )
        except pa.ArrowInvalid as error:
            refuse_flood(len(wrong))
            if "straddl" not in str(error) or block == LARGEST_BLOCK:
                raise Unreadable(f"cannot be parsed: {error}") from None
            block = LARGEST_BLOCK
            continue
        if not (wrong and use_threads):
            return table
        use_threads = False  # only a single thread knows the numbers of the rows
