"""A sample of what a source delivers, read as text: format, encoding, delimiter and sheet are found out.

Of a large file rows are kept that are spread over all of it, in runs of neighbours: its beginning knows nothing of what
came later, and only neighbours show that a record has several rows.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from python_calamine import CalamineError, CalamineWorkbook

from expectations.source_columns import clean_name

FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".xlsx": "xlsx", ".xls": "xlsx", ".parquet": "parquet",
}  # fmt: skip
MAX_ROWS = 50_000  # enough to see what a column holds
RUN_ROWS = 64  # neighbours that are kept together
BLOCK_BYTES, BLOCK_RECORDS = 8 << 20, 5_000  # read at a time
DELIMITERS = ",;\t|"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SampleError(Exception):
    """A sample that cannot be drafted from. One line: file, expected, found; never a value of the file."""


@dataclass(frozen=True)
class Sample:
    """Rows as text, empty values None, and how many `n_rows` the file has."""

    path: Path
    format: str
    rows: pd.DataFrame
    n_rows: int
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()


def read_sample(
    path: Path,
    encoding: str | None = None,
    sheet: str | None = None,
    max_rows: int | None = None,
    columns: Collection[str] | None = None,
) -> Sample:
    """Read a CSV, JSON Lines, Excel or Parquet file, also packed with gzip. Raises SampleError.

    `max_rows`: rows that are kept, MAX_ROWS without it; `columns`: those that are read, all without it.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in FORMATS:
        raise SampleError(f"{path}: expected a name that ends in {', '.join(FORMATS)} (or these with .gz)")
    read = _Reading(path, encoding, sheet, MAX_ROWS if max_rows is None else max_rows, columns)
    try:
        match FORMATS[suffix]:
            case "csv":
                sample = read.by_encoding(read.csv)
            case "jsonl":
                sample = read.by_encoding(read.jsonl)
            case "xlsx":
                sample = read.xlsx()
            case _:
                sample = read.parquet()
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SampleError(f"{path}: expected a file that can be read, found: {reason}") from error
    if sample.rows.empty:
        raise SampleError(f"{path}: expected rows, found none")
    return sample


def spread(blocks: Iterable[pa.Table], max_rows: int) -> tuple[pa.Table, int]:
    """At most `max_rows` rows of a stream, in runs at even distances over all of it, and how many there were."""
    run, step, n_rows = max(1, min(RUN_ROWS, max_rows // 16)), 1, 0
    kept: list[tuple[np.ndarray, pa.Table]] = []

    def thinned(places: np.ndarray, block: pa.Table) -> tuple[np.ndarray, pa.Table]:
        is_kept = places // run % step == 0
        return places[is_kept], block if is_kept.all() else block.filter(pa.array(is_kept))

    def n_kept() -> int:
        return sum(len(places) for places, _ in kept)

    for block in blocks:
        kept.append(thinned(np.arange(n_rows, n_rows + block.num_rows), block))
        n_rows += block.num_rows
        while n_kept() > 2 * max_rows:
            step *= 2
            kept = [thinned(*each) for each in kept]
    while n_kept() > max_rows:
        step *= 2
        kept = [thinned(*each) for each in kept]
    tables = [block for _, block in kept]
    return pa.concat_tables(tables, promote_options="default") if tables else pa.table({}), n_rows


@dataclass(frozen=True)
class _Reading:
    """How a file is read."""

    path: Path
    encoding: str | None
    sheet: str | None
    max_rows: int
    columns: Collection[str] | None

    def open(self) -> BinaryIO:
        is_packed = self.path.suffix.lower() == ".gz"
        return cast(BinaryIO, gzip.open(self.path) if is_packed else self.path.open("rb"))

    def by_encoding(self, read: Any) -> Sample:
        """By the encoding that is named, else by the first in which the whole file is text."""
        with self.open() as stream:
            has_mark = stream.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK
        trials = [self.encoding] if self.encoding else ["utf-8-sig" if has_mark else "utf-8", "gb18030"]
        for trial in trials:
            try:
                codecs.lookup(trial)
                return cast(Sample, read(trial))
            except LookupError:
                raise SampleError(f"{self.path}: expected an encoding that Python knows, found {trial!r}") from None
            except UnicodeDecodeError:
                continue
        raise SampleError(
            f"{self.path}: expected text in {' or '.join(trials)}, found other bytes; name it with --encoding"
        )

    def csv(self, encoding: str) -> Sample:
        with self.open() as stream:
            head = codecs.getincrementaldecoder(encoding)().decode(stream.read(1 << 16))
        delimiter = _delimiter(head)
        header = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
        _require_names(self.path, header)
        wanted = [name for name in header if self._is_wanted(name)]
        try:
            with self.open() as stream:
                reader = pa_csv.open_csv(
                    stream,
                    read_options=pa_csv.ReadOptions(
                        use_threads=False, block_size=BLOCK_BYTES, encoding=encoding.replace("utf-8-sig", "utf-8")
                    ),
                    parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                    convert_options=pa_csv.ConvertOptions(
                        column_types=dict.fromkeys(header, pa.string()), include_columns=wanted
                    ),
                )
                table, n_rows = spread(map(_as_table, reader), self.max_rows)
        except pa.ArrowInvalid as error:  # its text quotes the row, which may name a person
            if "UTF8" in str(error):
                raise UnicodeDecodeError(encoding, b"", 0, 1, "not of this encoding") from None
            said = re.search(r"(Row #\d+: )?Expected \d+ columns, got \d+", str(error))
            raise SampleError(
                f"{self.path}: expected CSV, found: {said[0] if said else 'rows that do not parse'}"
            ) from None
        return Sample(self.path, "csv", _frame(table.to_pydict()), n_rows, encoding, delimiter)

    def jsonl(self, encoding: str) -> Sample:
        with self.open() as stream:
            records = self._records(io.TextIOWrapper(stream, encoding=encoding))
            blocks = iter(lambda: list(islice(records, BLOCK_RECORDS)), [])
            table, n_rows = spread(map(self._table_of, blocks), self.max_rows)
        return Sample(self.path, "jsonl", _frame(table.to_pydict()), n_rows, encoding)

    def _records(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    record = json.loads(line, parse_float=str)
                except ValueError:
                    record = None
                if not isinstance(record, dict):
                    raise SampleError(f"{self.path}:{number}: expected one JSON object a line, found something else")
                yield record

    def _table_of(self, records: list[dict[str, Any]]) -> pa.Table:
        names = [name for name in dict.fromkeys(name for record in records for name in record) if self._is_wanted(name)]
        return pa.table({name: pa.array([_cell(each.get(name)) for each in records], pa.string()) for name in names})

    def xlsx(self) -> Sample:
        try:
            with self.open() as stream:
                workbook = CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
            sheets = tuple(workbook.sheet_names)
            chosen = self.sheet or sheets[0]
            if chosen not in sheets:
                raise SampleError(f"{self.path}: expected a sheet {chosen!r}, found {', '.join(sheets)}")
            rows: list[list[Any]] = workbook.get_sheet_by_name(chosen).to_python()
        except CalamineError as error:
            raise SampleError(f"{self.path}: expected an Excel workbook, found: {str(error).splitlines()[0]}") from None
        names = [str(cell) for cell in rows[0]] if rows else []
        _require_names(self.path, names)
        table = pa.table({
            name: pa.array([_cell(row[place]) for row in rows[1:]], pa.string())
            for place, name in enumerate(names)
            if self._is_wanted(name)
        })  # fmt: skip
        kept, n_rows = spread([table], self.max_rows)
        return Sample(self.path, "xlsx", _frame(kept.to_pydict()), n_rows, sheet=chosen, sheets=sheets)

    def parquet(self) -> Sample:
        try:
            with self.open() as stream:
                file = pa_parquet.ParquetFile(io.BytesIO(stream.read()))
            names = file.schema_arrow.names
            _require_names(self.path, names)
            wanted = [name for name in names if self._is_wanted(name)]
            table, n_rows = spread(map(_as_table, file.iter_batches(columns=wanted)), self.max_rows)
        except pa.ArrowInvalid as error:
            raise SampleError(f"{self.path}: expected Parquet, found: {str(error).splitlines()[0]}") from None
        return Sample(self.path, "parquet", _frame(table.to_pydict()), n_rows)

    def _is_wanted(self, name: str) -> bool:
        return bool(clean_name(name)) and (self.columns is None or clean_name(name) in self.columns)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _delimiter(text: str) -> str:
    """The one that gives the first rows most columns, all rows equally many."""
    lines = text[: 1 << 16].split("\n")[:50]

    def n_columns(delimiter: str) -> int:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        agreeing = sum(width == widths[0] for width in widths) if widths else 0
        return widths[0] * agreeing if widths else 0

    return max(DELIMITERS, key=n_columns)


def _require_names(path: Path, names: list[str]) -> None:
    names = list(map(clean_name, names))
    if not any(names):
        raise SampleError(f"{path}: expected a header with the names of the columns, found none")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise SampleError(
            f"{path}: expected each column once in the header, found twice: {', '.join(map(repr, twice))}"
        )


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    named = {clean_name(name): list(map(_cell, values)) for name, values in columns.items() if clean_name(name)}
    rows = pd.DataFrame(named, dtype=object)
    return rows[rows.notna().any(axis=1)].reset_index(drop=True)


def _cell(value: object) -> str | None:
    """A value as a source would write it; surrounding blanks go, and what is then empty is None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return None if value is None else text.strip() or None
