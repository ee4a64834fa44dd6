"""Parquet: typed columns as text. A type whose text would not be the value is refused by name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from spark_jobs.feeds.formats.content import Content, Unreadable


def read_columnar(content: bytes, names: Sequence[str]) -> Content:
    """The columns `names` as text; `types` says what they were. Raises Unreadable for a file that is none or cut off."""
    try:
        file = pa_parquet.ParquetFile(io.BytesIO(content))
        columns = tuple(file.schema_arrow.names)
        twice = sorted({name for name in names if columns.count(name) > 1})
        if twice:
            raise Unreadable(f"expected each column once, found {twice} more than once in {list(columns)}")
        table = file.read(columns=[name for name in names if name in columns])
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"expected Parquet, found something else or a file that is cut off: {error}") from None
    types = {name: _plain(table.schema.field(name).type) for name in table.column_names}
    values = {name: table[name].cast(pa.string()) for name, kind in types.items() if _has_text(kind)}
    return Content(
        columns, values, range(1, table.num_rows + 1), types={name: str(kind) for name, kind in types.items()}
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _has_text(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
