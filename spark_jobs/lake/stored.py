"""Rows of small tables, read from the lake's folder without the server.

For a table of a few rows, planning and running a query takes a second, and reading its files a hundredth of that. Which
files are the table, only its log says: github.com/delta-io/delta/blob/master/PROTOCOL.md. Writing is Spark's alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_type
from pyspark.sql.types import StructField, StructType

from spark_jobs import lineage
from spark_jobs.errors import EnvironmentFault
from spark_jobs.lake.tables import lake_folder

Action = dict[str, Any]  # one entry of a log: {its kind: its fields}


@dataclass
class _Log:
    """What the commits so far say: the columns, and the data files by path."""

    schema: StructType = field(default_factory=StructType)
    partition_by: list[str] = field(default_factory=list)
    files: dict[str, Action] = field(default_factory=dict)

    def take(self, action: Action) -> None:
        if added := action.get("add"):
            self.files[added["path"]] = added
        elif removed := action.get("remove"):
            self.files.pop(removed["path"], None)
        elif metadata := action.get("metaData"):
            self.schema = StructType.fromJson(json.loads(metadata["schemaString"]))
            self.partition_by = list(metadata["partitionColumns"])


def rows(spark: SparkSession, table: str, keys: Mapping[str, str]) -> pa.Table:
    """The rows of a table in which every key column equals its value, in the table's columns; times are in UTC."""
    lineage.read(table)
    return rows_in(_folder(spark, table), keys)


def version(spark: SparkSession, table: str) -> int:
    """Number of the table's newest commit, from 0."""
    return max(_version(path.name) for path in (_folder(spark, table) / "_delta_log").glob("*.json"))


def _folder(spark: SparkSession, table: str) -> Path:
    schema, _, name = table.replace("`", "").partition(".")
    return lake_folder(spark) / f"{schema}.db" / name


def rows_in(folder: Path, keys: Mapping[str, str]) -> pa.Table:
    """`rows` of the table in a folder, whose keys are text.

    Raises EnvironmentFault for a log that is not whole, or that says what no table of this lake needs.
    """
    log = _Log()
    for action in _actions(folder / "_delta_log"):
        log.take(action)
    empty = pa.schema([(column.name, to_arrow_type(column.dataType)) for column in log.schema]).empty_table()
    found = [_read(folder, log, file) for file in log.files.values() if _may_hold(file, log, keys)]
    every = pa.concat_tables([empty, *found])
    for key, value in keys.items():
        every = every.filter(pc.equal(every[key], value))
    return every


def _actions(log: Path) -> Iterator[Action]:
    """Entries of the newest checkpoint, then of the commits after it."""
    names = sorted(path.name for path in log.iterdir() if path.name[:1].isdigit())
    checkpoint = max((name for name in names if name.endswith(".checkpoint.parquet")), default=None)
    first = _version(checkpoint) + 1 if checkpoint else 0
    commits = [name for name in names if name.endswith(".json") and _version(name) >= first]
    if [_version(name) for name in commits] != [*range(first, first + len(commits))]:
        raise EnvironmentFault(f"lake: {log} is not read here: commits from {first} on: {', '.join(commits)}")
    if checkpoint:
        kinds = ("add", "metaData")
        for entry in pa_parquet.read_table(log / checkpoint, columns=[*kinds]).to_pylist():
            yield {kind: fields for kind, fields in entry.items() if fields}
    for name in commits:
        yield from map(json.loads, (log / name).read_text(encoding="utf-8").splitlines())


def _version(name: str) -> int:
    return int(name.partition(".")[0])


def _physical(column: StructField) -> str:
    """Name of a column in files and statistics: that of its creation, where it was renamed since."""
    return str((column.metadata or {}).get("delta.columnMapping.physicalName", column.name))


def _may_hold(file: Action, log: _Log, keys: Mapping[str, str]) -> bool:
    """False if the log says that no row of the file has these keys."""
    values, statistics = dict(file["partitionValues"]), json.loads(file.get("stats") or "{}")
    least, most = statistics.get("minValues", {}), statistics.get("maxValues", {})
    for key, value in keys.items():
        name = _physical(log.schema[key])
        if key in log.partition_by:
            if values[name] != value:
                return False
        elif name in least and name in most and not least[name] <= value <= most[name]:
            return False
    return True


def _read(folder: Path, log: _Log, file: Action) -> pa.Table:
    if file.get("deletionVector"):
        raise EnvironmentFault(f"lake: {folder} is not read here: it has deletion vectors")
    values, data = dict(file["partitionValues"]), pa_parquet.ParquetFile(folder / unquote(file["path"])).read()
    columns = {}
    for column in log.schema:
        name, type_ = _physical(column), to_arrow_type(column.dataType)
        if column.name in log.partition_by:
            columns[column.name] = pa.repeat(pa.scalar(values[name], pa.string()), data.num_rows).cast(type_)
        elif name in data.column_names:
            columns[column.name] = data[name].cast(type_)
        else:  # a file from before the column
            columns[column.name] = pa.nulls(data.num_rows, type_)
    return pa.table(columns)
