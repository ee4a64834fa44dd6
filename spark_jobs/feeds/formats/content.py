"""What every format is read into: columns of text, the number of each row, and the rows that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 10_000  # bytes of one value: a standard's longest text is 2,000 characters, longer is no value but a mishap
MOST_FAULTS = 100_000  # rows of one file that cannot be split into values
SHOWN = 40  # characters of a value in an account of a fault
SPARE_ZEROS = r"^([+-]?\d+[.]\d+?)0+$"  # in a typed number: there 12.500 is no thousand, and is written 12.5
LOST = "\ufffd"


class Unreadable(Exception):
    """A file whose rows cannot be told apart. The text says what was expected and what was found."""


def refuse_flood(n_faults: int) -> None:
    """Raises Unreadable for more rows that are none than anybody would look at: each is kept with its number and reason."""
    if n_faults > MOST_FAULTS:
        raise Unreadable(f"expected rows, found more than {MOST_FAULTS:,} that cannot be split into values")


@dataclass(frozen=True)
class ReadFault:
    """Why a row cannot be read or used; rule, column and found as in `casting.RejectRule`."""

    rule: str
    column: str | None = None
    found: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A part of a delivery that is not read, in words, and how many rows it holds; 0 for what is no table."""

    what: str
    n_rows: int = 0

    def __str__(self) -> str:
        return f"{self.what} ({self.n_rows:,} rows)" if self.n_rows else self.what


@dataclass
class Content:
    """Rows of one file.

    `columns` are all names the file has, in its order; `values` hold those that were asked for and are there.
    `numbers` count the data rows from 1. A row that could not be split into values is in `faults` only.
    """

    columns: tuple[str, ...]
    values: dict[str, pa.ChunkedArray]
    numbers: Sequence[int]
    faults: dict[int, ReadFault] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # of columns that no text can be made of

    def __post_init__(self) -> None:
        """Set rows aside whose text is no text; their value is emptied, so that it goes no further."""
        for name, column in self.values.items():
            found = dict(_flawed(name, column))
            for position, fault in found.items():
                self.faults.setdefault(self.numbers[position], fault)
            if found:
                kept = [None if position in found else value for position, value in enumerate(column.to_pylist())]
                self.values[name] = pa.chunked_array([pa.array(kept, pa.string())])


def text_column(values: Sequence[str | None]) -> pa.ChunkedArray:
    """Python strings as a column. Half of a surrogate pair, which no encoding can write, becomes a lost character."""
    try:
        return pa.chunked_array([pa.array(values, pa.string())])
    except UnicodeEncodeError:
        whole = [value and value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for value in values]
        return pa.chunked_array([pa.array(whole, pa.string())])


def _flawed(name: str, column: pa.ChunkedArray) -> Iterator[tuple[int, ReadFault]]:
    """Positions of values with lost characters, NUL bytes or absurd length; of two faults the last named counts."""
    offset = 0
    for chunk in column.chunks:
        if _is_suspect(chunk):
            sorts = {
                "lost_character": pc.match_substring(chunk, LOST),
                "nul_byte": pc.match_substring(chunk, "\0"),
                "too_long": pc.greater(pc.binary_length(chunk), LONGEST),
            }
            for rule, is_so in sorts.items():
                for position in pc.indices_nonzero(pc.fill_null(is_so, False)).to_pylist():
                    yield offset + position, ReadFault(rule, name, shortened(chunk[position].as_py()))
        offset += len(chunk)


def _is_suspect(chunk: pa.StringArray) -> bool:
    """A look at all bytes of a chunk at once: values are examined one by one only where it finds something."""
    if not len(chunk):
        return False
    _, offsets, data = chunk.buffers()
    borders = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    content = data.slice(int(borders[0]), int(borders[-1] - borders[0])).to_pybytes() if data else b""
    return b"\0" in content or LOST.encode() in content or int(np.diff(borders).max()) > LONGEST


def shortened(value: str) -> str:
    """The beginning of a value, readable, and its length if it is longer."""
    shown = value[:SHOWN].replace("\0", "\\0")
    return shown if len(value) <= SHOWN else f"{shown}… ({len(value):,} characters)"
