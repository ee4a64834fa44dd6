"""Released columns in the types of Spark and Arrow; rows of the lake tables from which releases are made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from spark_jobs.released.columns import TABLES, Column, TableFault

_SPARK = {"text": "string", "number": "double", "flag": "boolean", "day": "date", "instant": "timestamp"}
_ARROW = {
    "text": pa.string(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}
CITY_DAY = {"city_code": "string", "business_date": "string"}  # the slice of a lake table that a night replaces


def spark_types(columns: Mapping[str, Column]) -> dict[str, str]:
    """Column -> SQL type, in order."""
    return {name: _SPARK[column.type] for name, column in columns.items()}


def ddl(types: Mapping[str, str]) -> str:
    """`name type, …` of columns and their SQL types."""
    return ", ".join(f"`{name}` {type_}" for name, type_ in types.items())


def arrow_types(columns: Mapping[str, Column]) -> dict[str, pa.DataType]:
    """Column -> Arrow type, in order."""
    return {name: _ARROW[column.type] for name, column in columns.items()}


def lake_ddl(name: str) -> str:
    """DDL of the lake table that becomes the released table `name`, without city and day."""
    return ddl(spark_types(TABLES[name].lake_columns))


def lake_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of the lake table, cells in the order of `lake_ddl`. Raises TableFault for a column too many or too few."""
    columns = TABLES[name].lake_columns
    found = []
    for row in rows:
        if row.keys() != columns.keys():
            raise TableFault(f"table {TABLES[name].lake}: expected the columns {list(columns)}; found: {list(row)}")
        found.append(tuple(row[column] for column in columns))
    return found
