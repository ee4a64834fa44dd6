"""What the tables of a lake say of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from spark_jobs.lake import tables

SAID = re.compile(r"\[(public|internal|personal|secret)\] .*[\u4e00-\u9fff].* / .*[a-z]")  # class, Chinese, English


def comments(spark: Any, table: str) -> dict[str, str]:
    """Column -> its comment, empty without one."""
    return {field.name: field.metadata.get("comment", "") for field in spark.read.table(table).schema}


def unexplained(said: Mapping[str, Mapping[str, str]]) -> list[str]:
    """table.column of each whose comment is not class and meaning; of a pseudonym the class must be personal."""
    return [
        f"{table}.{column}"
        for table, columns in said.items()
        for column, comment in columns.items()
        if not SAID.match(comment) or (column.endswith("_pseudonym") and not comment.startswith("[personal] "))
    ]


def lacking(spark: Any, views: Iterable[str] = ()) -> list[str]:
    """table.column of every column of the lake, and of these views, that does not say its class and meaning."""
    return unexplained({table: comments(spark, table) for table in (*tables.all_tables(spark), *views)})
