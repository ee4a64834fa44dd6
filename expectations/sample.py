"""A sample of what a source delivers, read as text: format, encoding, delimiter and sheet are found out."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

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
MAX_BYTES = 64 << 20  # of text, after decompression
MAX_ROWS = 50_000  # enough to see what a column holds
DELIMITERS = ",;\t|"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SampleError(Exception):
    """A sample that cannot be drafted from. One line: file, expected, found; never a value of the file."""


@dataclass(frozen=True)
class Sample:
    """Rows as text, empty values None; `is_whole` is False if only the beginning of the file was read."""

    path: Path
    format: str
    rows: pd.DataFrame
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    is_whole: bool = True


def read_sample(path: Path, encoding: str | None = None, sheet: str | None = None) -> Sample:
    """Read a CSV, JSON Lines, Excel or Parquet file, also packed with gzip. Raises SampleError."""
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in FORMATS:
        raise SampleError(f"{path}: expected a name that ends in {', '.join(FORMATS)} (or these with .gz)")
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")) as stream:
            match FORMATS[suffix]:
                case "csv":
                    sample = _read_csv(path, stream, encoding)
                case "jsonl":
                    sample = _read_jsonl(path, stream, encoding)
                case "xlsx":
                    sample = _read_xlsx(path, stream, sheet)
                case _:
                    sample = _read_parquet(path, stream)
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SampleError(f"{path}: expected a file that can be read, found: {reason}") from error
    if sample.rows.empty:
        raise SampleError(f"{path}: expected rows, found none")
    if len(sample.rows) > MAX_ROWS:
        return replace(sample, rows=sample.rows.head(MAX_ROWS), is_whole=False)
    return sample


def _read_csv(path: Path, stream: BinaryIO, encoding: str | None) -> Sample:
    text, used, is_whole = _text_of(path, stream, encoding)
    delimiter = _delimiter(text)
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    _require_names(path, header)
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=8 << 20),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )
    except pa.ArrowInvalid as error:  # its text quotes the row, which may name a person
        said = re.search(r"(Row #\d+: )?Expected \d+ columns, got \d+", str(error))
        raise SampleError(f"{path}: expected CSV, found: {said[0] if said else 'rows that do not parse'}") from None
    return Sample(path, "csv", _frame(table.to_pydict()), used, delimiter, is_whole=is_whole)


def _read_jsonl(path: Path, stream: BinaryIO, encoding: str | None) -> Sample:
    text, used, is_whole = _text_of(path, stream, encoding)
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                record = json.loads(line, parse_float=str)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                raise SampleError(f"{path}:{number}: expected one JSON object a line, found something else")
            records.append(record)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: [record.get(name) for record in records] for name in names}
    return Sample(path, "jsonl", _frame(columns), used, is_whole=is_whole)


def _read_xlsx(path: Path, stream: BinaryIO, sheet: str | None) -> Sample:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
        sheets = tuple(workbook.sheet_names)
        chosen = sheet or sheets[0]
        if chosen not in sheets:
            raise SampleError(f"{path}: expected a sheet {chosen!r}, found {', '.join(sheets)}")
        rows: list[list[Any]] = workbook.get_sheet_by_name(chosen).to_python()
    except CalamineError as error:
        raise SampleError(f"{path}: expected an Excel workbook, found: {str(error).splitlines()[0]}") from None
    names = [str(cell) for cell in rows[0]] if rows else []
    _require_names(path, names)
    columns = {name: [row[place] for row in rows[1:]] for place, name in enumerate(names)}
    return Sample(path, "xlsx", _frame(columns), sheet=chosen, sheets=sheets)


def _read_parquet(path: Path, stream: BinaryIO) -> Sample:
    try:
        table = pa_parquet.read_table(io.BytesIO(stream.read()))
    except pa.ArrowInvalid as error:
        raise SampleError(f"{path}: expected Parquet, found: {str(error).splitlines()[0]}") from None
    _require_names(path, table.column_names)
    return Sample(path, "parquet", _frame(table.to_pydict()))


def _text_of(path: Path, stream: BinaryIO, encoding: str | None) -> tuple[str, str, bool]:
    """Text, its encoding (by trial, unless given), and whether it is all of the file."""
    content = stream.read(MAX_BYTES)
    is_whole = not stream.read(1)
    content = content if is_whole else content[: content.rfind(b"\n") + 1]
    trials = [encoding] if encoding else ["utf-8-sig" if content.startswith(BYTE_ORDER_MARK) else "utf-8", "gb18030"]
    for trial in trials:
        try:
            return content.decode(trial), trial, is_whole
        except LookupError:
            raise SampleError(f"{path}: expected an encoding that Python knows, found {trial!r}") from None
        except UnicodeDecodeError:
            continue
    raise SampleError(f"{path}: expected text in {' or '.join(trials)}, found other bytes; name it with --encoding")


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
