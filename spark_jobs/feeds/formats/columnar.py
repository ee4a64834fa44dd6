"""Parquet: typed columns as text. A type whose text would not be the value is refused by name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from expectations.source_columns import header_of
from spark_jobs.feeds.formats.content import SPARE_ZEROS, Content, Unreadable

FEW_ROWS, ROWS_A_BYTE = 1_000_000, 10  # rows of their own keys take more than a byte each, however they are packed


def read_columnar(content: bytes, names: Sequence[str]) -> Content:
    """The columns `names` as text; `types` says what they were. Raises Unreadable for a file that is none or cut off."""
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(content))
        check_size(file, len(content))
        written = file.schema_arrow.names
        columns = header_of(written)
        twice = sorted({name for name in names if columns.count(name) > 1})
        if twice:
            raise Unreadable(f"expected each column once, found {twice} more than once in {columns}")
        present = {name: written[columns.index(name)] for name in names if name in columns}
        table = file.read(columns=list(present.values()))
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"expected Parquet, found something else or a file that is cut off: {error}") from None
    table = _with_instants(file, table)
    types = {name: _plain(table.schema.field(key).type) for name, key in present.items()}
    values = {name: table[present[name]].cast(pa.string()) for name, kind in types.items() if _has_text(kind)}
    for name in (name for name, kind in types.items() if pa.types.is_decimal(kind)):
        values[name] = pc.replace_substring_regex(values[name], SPARE_ZEROS, r"\1")
    return Content(
        tuple(columns), values, range(1, table.num_rows + 1), types={name: str(kind) for name, kind in types.items()}
    )


def check_size(file: pa_parquet.ParquetFile, n_bytes: int) -> None:
    """A file of a few kilobytes can say one value fifty million times. Raises Unreadable."""
    n_rows = file.metadata.num_rows
    if n_rows > max(FEW_ROWS, n_bytes * ROWS_A_BYTE):
        raise Unreadable(
            f"expected at most {ROWS_A_BYTE} rows a byte, found {n_rows:,} in {n_bytes:,}: a mistake or a bomb"
        )


def _with_instants(file: pa_parquet.ParquetFile, table: pa.Table) -> pa.Table:
    """INT96 is how Spark and Hive write an instant, in UTC; Arrow takes it for a time without a zone."""
    physical = [file.schema.column(n) for n in range(len(file.schema))]
    for name in {column.path for column in physical if column.physical_type == "INT96"} & set(table.column_names):
        table = table.set_column(
            table.column_names.index(name), name, table[name].cast(pa.timestamp("us", "UTC"), safe=False)
        )
    return table


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _has_text(kind: pa.DataType) -> bool:
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return not (pa.types.is_nested(kind) or any(is_of(kind) for is_of in bytes_of))
