"""Public tables as files: CSV, Parquet (with types), JSON (for programs), and one JSON file an area with all tables.

Pure. Columns and their order are those of released/tables.yml. A row with a column too few or too many is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.release.canonical import json_text
from spark_jobs.release.files import BYTE_ORDER_MARK, csv_cell
from spark_jobs.release.model import Area
from spark_jobs.released.columns import PUBLIC, PublicTable, TableFault
from spark_jobs.released.file_columns import AREA_NAMES, file_columns, head
from spark_jobs.released.obs_status import CONFIDENTIAL, SUPPRESSED, obs_status
from spark_jobs.released.schemas import arrow_types

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]  # name in tables.yml -> its rows, complete


def complete(name: str, of: Row, areas: Sequence[Area], found: Iterable[Row]) -> list[Row]:
    """Rows of a public table with the declared columns in order: what `of` says of the release, then the row's own
    columns with the statuses of its further figures, and the names of areas.

    Raises TableFault where a row does not have the declared columns.
    """
    names, columns = {area.area_code: area.name for area in areas}, list(file_columns(PUBLIC[name]))
    rows = []
    for row in found:
        area = names[row["area_code"]]
        whole = {**of, **row, **_statuses(PUBLIC[name], row), "area_name_zh": area.zh, "area_name_en": area.en}
        if whole.keys() != set(columns):
            raise TableFault(f"public table {name}: expected the columns {columns}; found: {list(whole)}")
        rows.append({column: whole[column] for column in columns})
    return rows


def _statuses(table: PublicTable, row: Row) -> dict[str, str]:
    """The status of each figure after the first, whose status the row brings along."""
    if row.get("conf_status") == CONFIDENTIAL:
        return {table.status_column(figure): SUPPRESSED for figure in table.figures[1:]}
    state, status = row.get("state_code"), row.get("status_code", "")
    return {
        table.status_column(figure): obs_status(row.get(figure), status, state, table.columns[figure].empty)
        for figure in table.figures[1:]
    }


def csv_files(tables: Tables) -> dict[str, bytes]:
    """UTF-8 with byte order mark, RFC 4180, empty = no value; whole numbers without a point."""
    return {PUBLIC[name].file: _csv(PUBLIC[name], rows).encode() for name, rows in tables.items()}


def copies(tables: Tables) -> dict[str, bytes]:
    """The same tables in the other formats. They say no more than the CSV files do."""
    files: dict[str, bytes] = {}
    for name, rows in tables.items():
        table = PUBLIC[name]
        files[table.parquet] = _parquet(table, rows)
        files[json_file(table)] = json_text(_document(name, rows)).encode()
    areas = {row["area_code"] for rows in tables.values() for row in rows}
    return files | {f"area-{code}.json": json_text(_area(code, tables)).encode() for code in sorted(areas)}


def json_file(table: PublicTable) -> str:
    return table.file.replace(".csv", ".json")


def _csv(table: PublicTable, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(file_columns(table))
    writer.writerows([csv_cell(_whole(value)) for value in row.values()] for row in rows)
    return BYTE_ORDER_MARK + text.getvalue()


def _parquet(table: PublicTable, rows: Sequence[Row]) -> bytes:
    """Fixed writer options: the same rows give the same bytes."""
    types = arrow_types(file_columns(table))
    numbers = [name for name, type_ in types.items() if pa.types.is_floating(type_)]
    typed = [{**row, **{n: None if row[n] is None else float(row[n]) for n in numbers}} for row in rows]
    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(typed, pa.schema(list(types.items()))), buffer, version="2.6", store_schema=False
    )
    return buffer.getvalue()


def _document(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    table = PUBLIC[name]
    left_out = list(head(table))
    of = {column: rows[0][column] for column in left_out} if rows else {}
    return {"tier": table.tier, **of, "rows": [_values(row, left_out) for row in rows]}


def _area(area_code: str, tables: Tables) -> dict[str, Any]:
    """What every table says of one area, by name of its file."""
    own = {name: [row for row in rows if row["area_code"] == area_code] for name, rows in tables.items()}
    first = next((name, rows[0]) for name, rows in own.items() if rows)
    of = {column: first[1][column] for column in (*head(PUBLIC[first[0]]), "area_code", *AREA_NAMES)}
    return {
        "tier": PUBLIC[first[0]].tier,
        **of,
        **{PUBLIC[name].file.removesuffix(".csv"): [_values(row, of) for row in rows] for name, rows in own.items()},
    }


def _values(row: Row, left_out: Iterable[str]) -> dict[str, Any]:
    return {column: _whole(value) for column, value in row.items() if column not in left_out}


def _whole(value: Any) -> Any:
    """A whole number as an int: whole points, or a count."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
