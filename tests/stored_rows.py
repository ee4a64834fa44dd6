"""What a table of the lake holds, asked of its folder and of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.lake import stored, tables


def read_alike(spark: Any, table: str, keys: Mapping[str, str]) -> bool:
    """Whether folder and server say the same, and more than nothing."""
    from_server = spark.read.table(table).where(tables.condition(keys) or "true").toArrow()
    from_folder = stored.rows(spark, table, keys)
    assert from_folder.schema.names == from_server.schema.names
    said, found = (sorted(map(repr, rows.to_pylist())) for rows in (from_server, from_folder))
    return bool(said) and said == found
