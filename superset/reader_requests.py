"""What a reader may ask of a chart: names of columns and values to filter by, and no SQL.

Superset takes ad-hoc expressions in a chart's request from whoever may see the chart, and reads a column that it does not
know as SQL. No chart of ours has SQL of its own (superset/assets), so that whatever looks like it comes from elsewhere.
"""

# Types are checked in the pipeline environment, which has no Superset.
# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"

import json
import re
from collections.abc import Iterator
from typing import Any

PATHS = ("/api/v1/chart", "/api/v1/explore", "/superset/explore", "/api/v1/datasource", "/explore", "/api/v1/sqllab")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SQL_KEYS = {"sqlExpression", "where", "having", "having_druid", "sql", "expression", "custom_sql", "virtual_sql"}
COLUMN_KEYS = {
    "columns", "groupby", "groupbyRows", "groupbyColumns", "all_columns", "all_columns_x", "all_columns_y", "series",
    "series_columns", "entity", "x_axis", "temporal_columns_lookup", "granularity", "granularity_sqla", "column", "col",
    "orderby", "order_by_cols", "percent_metrics", "all_columns_mapped",
}  # fmt: skip
MOST_NESTED = 40


def sql_in(content: Any, depth: int = 0) -> Iterator[str]:
    """Everything in a request that would be read as SQL, by the key it stands at. A text that holds JSON is looked
    into.
    """
    if depth > MOST_NESTED:
        yield "nested too deeply"
    elif isinstance(content, str):
        yield from sql_in(_json(content), depth + 1) if content[:1] in "{[" and content else ()
    elif isinstance(content, list):
        for item in content:
            yield from sql_in(item, depth + 1)
    elif isinstance(content, dict):
        yield from _sql_at(content)
        for value in content.values():
            yield from sql_in(value, depth + 1)


def _sql_at(fields: dict[str, Any]) -> Iterator[str]:
    """Keys of one object whose own value is SQL."""
    for key, value in fields.items():  # the axis of a chart over time is an expression that is a column's name
        is_sql = key in SQL_KEYS and isinstance(value, str) and value.strip() and not NAME.fullmatch(value)
        if is_sql or (key in COLUMN_KEYS and not all(map(NAME.fullmatch, _texts(value)))):
            yield key


def _texts(value: Any) -> Iterator[str]:
    """Names of columns in a value: one, several, or pairs with a direction; also where they are JSON as text."""
    if isinstance(value, str):
        held = _json(value) if value[:1] in "{[" else None
        if held is not None:
            yield from _texts(held)
        elif value:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def refuse_sql(config: dict[str, Any]) -> Any:
    """Answers 403 to a chart's request with SQL in it, unless an administrator sends it."""
    from flask import Response, request
    from flask_jwt_extended import get_current_user, verify_jwt_in_request
    from flask_login import current_user

    administrator = config["AUTH_ROLE_ADMIN"]
    said = json.dumps(
        {"errors": [{"message": "图表请求中不得包含 SQL · no SQL in a chart's request"}]}, ensure_ascii=False
    )

    def answer() -> Any:
        if not request.path.startswith(PATHS):
            return None
        # programs bring a token, which nobody has looked at yet; browsers a session
        user = get_current_user() if verify_jwt_in_request(optional=True) else current_user
        if user.is_authenticated and administrator in {role.name for role in user.roles}:
            return None
        body = request.get_json(silent=True, force=True) if request.data else None
        given = [body, *request.form.values(), *request.args.values()]
        if next(sql_in([item for item in given if item]), None) is None:
            return None
        return Response(said, status=403, mimetype="application/json")

    return answer
