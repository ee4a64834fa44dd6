"""What the portal reads of a release: only tables of the schema mart_<city>, by the names of their columns.

A column that a release does not have yet is simply absent from its rows.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection

Row = dict[str, Any]


def rows(table: str, **where: str) -> list[Row]:
    """Rows of a serving table that have these values; none if the table does not exist yet."""
    name = f'"{settings.MART_SCHEMA}"."{table}"'
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is not null", [name])
        if not cursor.fetchone()[0]:
            return []
        condition = " and ".join(f'"{column}" = %s' for column in where) or "true"
        cursor.execute(f"select * from {name} where {condition}", list(where.values()))  # noqa: S608
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def current_release() -> Row | None:
    """The one row of release_info; None before the first release."""
    return next(iter(rows("release_info")), None)


def areas() -> dict[str, dict[str, str]]:
    """Area code -> its names, the city first."""
    found = rows("county_index")
    found.sort(key=lambda row: (row["level_code"] != "city", row["area_code"]))
    return {row["area_code"]: {"zh": row["area_name_zh"], "en": row.get("area_name_en") or ""} for row in found}
