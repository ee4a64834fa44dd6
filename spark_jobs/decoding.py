"""Landed bytes -> rows of text: formats and encodings are known here, meanings are not.

Personal columns end here: what the contract does not use is not read on, and what it uses as a pseudonym is hashed
before the first byte reaches the lake.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from python_calamine import CalamineWorkbook

from expectations.contract import ApiSource, Feed, FilesSource, load_kinds
from spark_jobs.errors import ContractBreach
from spark_jobs.pseudonym import Pseudonymiser

FILE, ROW = "_file", "_row"
Text = str | None


def bronze_name(source_column: str) -> str:
    """A source's column name as a column of bronze: Delta forbids a few characters."""
    return re.sub(r"[ ,;{}()\n\t=]+", "_", source_column).strip("_")


def pseudonym_columns(feed: Feed) -> dict[str, tuple[str, ...]]:
    """Canonical pseudonym column -> the source columns it is made of."""
    kind = load_kinds()[feed.kind]
    return {name: column.source for name, column in feed.columns.items() if kind.columns[name].type == "pseudonym"}


def bronze_columns(feed: Feed) -> tuple[str, ...]:
    """Columns of the feed's bronze table that come from the source, in a stable order."""
    hashed = pseudonym_columns(feed)
    personal = {source for sources in hashed.values() for source in sources}
    return (*(bronze_name(name) for name in feed.mapped_columns if name not in personal), *hashed)


def decode(feed: Feed, path: Path, pseudonymiser: Pseudonymiser) -> pa.Table:
    """One landed file as a table of text: the bronze columns, the file's name and the row's number in it (from 1).

    Raises ContractBreach for a file that cannot be read or that lacks a column, naming file, expected and found.
    """
    try:
        table = _reader(feed)(feed, path)
    except ContractBreach:
        raise
    except Exception as error:
        raise ContractBreach(
            f"feed {feed.code}: file {path.name} cannot be read as {_format(feed)}: {type(error).__name__}: {error}\n"
            "  what to do: ask the source for the file again; the raw bytes stay in landing"
        ) from error
    absent = [name for name in feed.mapped_columns if name not in table.column_names]
    if absent:
        raise ContractBreach(
            f"feed {feed.code}: file {path.name}: expected columns {absent}, found {table.column_names}\n"
            "  what to do: ask the source what replaced them, then change the feed's contract"
        )
    return _to_bronze(feed, table, path.name, pseudonymiser)


def _format(feed: Feed) -> str:
    return feed.source.format if isinstance(feed.source, FilesSource) else feed.source.type


def _reader(feed: Feed) -> Callable[[Feed, Path], pa.Table]:
    readers = {
        "csv": _read_csv,
        "database": _read_csv,
        "jsonl": _read_jsonl,
        "api": _read_page,
        "xlsx": _read_xlsx,
        "parquet": _read_parquet,
    }
    return readers[_format(feed)]


def _read_csv(feed: Feed, path: Path) -> pa.Table:
    encoding = feed.source.encoding if isinstance(feed.source, FilesSource) else "utf-8"
    delimiter = feed.source.delimiter if isinstance(feed.source, FilesSource) else ","
    options = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in feed.mapped_columns}, strings_can_be_null=True, null_values=[""]
    )
    if pa.Codec.is_available("gzip") and path.suffix == ".gz":
        source: Any = pa.input_stream(str(path), compression="gzip")
    else:
        source = pa.input_stream(str(path), compression=None)
    table = pa_csv.read_csv(
        source,
        read_options=pa_csv.ReadOptions(encoding=encoding, block_size=8 << 20),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=options,
    )
    return table.rename_columns([name.lstrip("\ufeff") for name in table.column_names])


def _text(value: object) -> Text:
    """A JSON or Excel value as a source would write it. Nested values stay JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _of_records(feed: Feed, records: list[dict[str, Any]]) -> pa.Table:
    """Rows of JSON objects as a table. A key absent from every row is an absent column; from some rows, an empty value."""
    names = [name for name in feed.mapped_columns if not records or any(name in record for record in records)]
    return pa.table({name: pa.array([_text(record.get(name)) for record in records], pa.string()) for name in names})


def _loads(line: str) -> dict[str, Any]:
    record = json.loads(line, parse_float=str)
    if not isinstance(record, dict):
        raise ValueError(f"expected a JSON object, found {line[:80]!r}")
    return record


def _read_jsonl(feed: Feed, path: Path) -> pa.Table:
    encoding = feed.source.encoding if isinstance(feed.source, FilesSource) else "utf-8"
    with path.open(encoding=encoding) as lines:
        return _of_records(feed, [_loads(line) for line in lines if line.strip()])


def _read_page(feed: Feed, path: Path) -> pa.Table:
    assert isinstance(feed.source, ApiSource)
    page = json.loads(gzip.decompress(path.read_bytes()), parse_float=str)
    return _of_records(feed, page[feed.source.items])


def _read_xlsx(feed: Feed, path: Path) -> pa.Table:
    assert isinstance(feed.source, FilesSource)
    workbook = CalamineWorkbook.from_path(path)
    sheet = feed.source.sheet or workbook.sheet_names[0]
    if sheet not in workbook.sheet_names:
        raise ContractBreach(
            f"feed {feed.code}: file {path.name}: expected sheet {sheet!r}, found {workbook.sheet_names}"
        )
    rows: Iterator[list[Any]] = iter(workbook.get_sheet_by_name(sheet).to_python())
    header = [str(cell).strip() for cell in next(rows, [])]
    return _of_records(feed, [dict(zip(header, row, strict=False)) for row in rows])


def _read_parquet(feed: Feed, path: Path) -> pa.Table:
    table = pa_parquet.read_table(path)
    return pa.table({name: table[name].cast(pa.string()) for name in feed.mapped_columns if name in table.column_names})


def _to_bronze(feed: Feed, table: pa.Table, file: str, pseudonymiser: Pseudonymiser) -> pa.Table:
    hashed = pseudonym_columns(feed)
    personal = {source for sources in hashed.values() for source in sources}
    columns = {bronze_name(name): table[name] for name in feed.mapped_columns if name not in personal}
    for name, sources in hashed.items():
        values = list(zip(*(table[source].to_pylist() for source in sources), strict=True))
        known = {value: pseudonymiser.of(feed.city_code, value) for value in set(values)}
        columns[name] = pa.array([known[value] for value in values], pa.string())
    columns[FILE] = pa.array([file] * table.num_rows, pa.string())
    columns[ROW] = pa.array(range(1, table.num_rows + 1), pa.int64())
    return pa.table(columns)
