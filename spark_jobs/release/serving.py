"""The copy of the current release in the serving PostgreSQL: schema mart_<city>, replaced in one transaction.

DELETE and COPY rather than TRUNCATE: readers take no lock and see the old release until the commit, then the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from expectations.models import Text
from spark_jobs.errors import EnvironmentFault
from spark_jobs.release.model import Release
from spark_jobs.release.serving_tables import JOURNAL_TABLES, SERVING_TABLES, serving_rows
from spark_jobs.released.columns import ACROSS

READER = "mart_reader"
_WAIT_FOR_LOCK = "60s"
VINTAGE = "vintage"
_TYPES = {"text": "text", "number": "double precision", "day": "date", "instant": "timestamptz"}
_INSTANT = pa.timestamp("us", tz="UTC")
# All columns of vintages.parquet but `known_at`, which moves with every release that says the same again.
VINTAGE_COLUMNS = {
    name: _TYPES[column.type] for name, column in ACROSS["vintages"].columns.items() if name != "known_at"
}
_CLOSED = ("realtime_end", "area_code", "measure_code", "part_id", "day", "realtime_start")


def schema_of(city_code: str) -> str:
    return f"mart_{city_code}"


def write_serving(mart_url: str, release: Release) -> None:
    """Make the city's serving tables show exactly `release`; all or nothing."""
    schema = schema_of(release.city.city_code)
    content = serving_rows(release)
    with _writing(mart_url, schema) as cursor:
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        for table, columns in SERVING_TABLES.items():
            _prepare_table(cursor, schema, table, columns)
            _copy(cursor, schema, table, content[table])
        _grant(cursor, schema)


def vintage_mark(mart_url: str, city_code: str) -> str | None:
    """The mark that write_vintages was given last; None where a table is not there, or not with its columns."""
    schema = schema_of(city_code)
    with _writing(mart_url, schema) as cursor:
        tables = {VINTAGE: VINTAGE_COLUMNS, **JOURNAL_TABLES}
        if not all(_is_laid_out(cursor, schema, *table) for table in tables.items()):
            return None
        cursor.execute("select obj_description(to_regclass(%s))", (f'"{schema}"."{VINTAGE}"',))
        row = cursor.fetchone()
        return row[0] if row else None


def write_vintages(
    mart_url: str,
    city_code: str,
    vintages: pa.Table,
    beside: Mapping[str, Sequence[tuple[Any, ...]]],
    since: datetime | None,
    mark: str,
) -> None:
    """Make the table show the rows of vintages.parquet, and the other tables of the journal `beside`; all or nothing.

    `since`: the instant up to which the table shows them already; None writes it anew. `mark`: see `vintage_mark`.
    """
    schema = schema_of(city_code)
    name = sql.Identifier(schema, VINTAGE)
    content = vintages.select(list(VINTAGE_COLUMNS))
    with _writing(mart_url, schema) as cursor:
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        if since is None:
            _prepare_table(cursor, schema, VINTAGE, VINTAGE_COLUMNS)
            cursor.execute(sql.SQL("create index if not exists vintage_day on {} (day)").format(name))
        else:
            ended = pc.fill_null(pc.greater(content["realtime_end"], pa.scalar(since, _INSTANT)), False)
            is_new = pc.greater(content["realtime_start"], pa.scalar(since, _INSTANT))
            statement = sql.SQL(
                "update {} set realtime_end = %s where area_code = %s and measure_code = %s and part_id = %s and day = %s "
                "and realtime_start = %s"
            ).format(name)
            closed = content.filter(pc.and_not(ended, is_new)).to_pylist()
            cursor.executemany(statement, [tuple(row[column] for column in _CLOSED) for row in closed])
            content = content.filter(is_new)
        _copy(cursor, schema, VINTAGE, [tuple(row.values()) for row in content.to_pylist()])
        for table, columns in JOURNAL_TABLES.items():
            _prepare_table(cursor, schema, table, columns)
            _copy(cursor, schema, table, beside[table])
        cursor.execute(sql.SQL("comment on table {} is {}").format(name, sql.Literal(mark)))
        _grant(cursor, schema)


def mark_serving_stale(mart_url: str, city_code: str, since: date, reason: Text) -> None:
    """Say on the dashboard that the release shown is older than it should be, and why."""
    schema = schema_of(city_code)
    with _writing(mart_url, schema) as cursor:
        if not _is_served(cursor, schema):
            return
        statement = sql.SQL(
            "update {} set is_stale = true, stale_since = %s, stale_reason_zh = %s, stale_reason_en = %s"
        ).format(sql.Identifier(schema, "release_info"))
        cursor.execute(statement, (since, reason.zh, reason.en))


def served_release(mart_url: str, city_code: str) -> tuple[str, bool] | None:
    """Release id on the dashboard, and whether it is stale; None if no table is there as the dashboard reads it."""
    schema = schema_of(city_code)
    with _writing(mart_url, schema) as cursor:
        if not all(_is_laid_out(cursor, schema, *table) for table in SERVING_TABLES.items()):
            return None
        cursor.execute(sql.SQL("select release_id, is_stale from {}").format(sql.Identifier(schema, "release_info")))
        row = cursor.fetchone()
        return (row[0], row[1]) if row else None


def _is_served(cursor: psycopg.Cursor, schema: str) -> bool:
    cursor.execute("select to_regclass(%s) is not null", (f'"{schema}"."release_info"',))
    return cursor.fetchone() == (True,)


@contextmanager
def _writing(mart_url: str, schema: str) -> Iterator[psycopg.Cursor]:
    """One transaction, one writer a city. Raises EnvironmentFault if the database is not there."""
    try:
        with psycopg.connect(mart_url, connect_timeout=10) as connection, connection.cursor() as cursor:
            cursor.execute("select set_config('lock_timeout', %s, true)", (_WAIT_FOR_LOCK,))
            cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", (schema,))
            yield cursor
    except psycopg.OperationalError as error:
        raise EnvironmentFault(
            f"release: the serving database did not take schema {schema} ({type(error).__name__}). "
            "Nothing was switched there; start PostgreSQL (make run does), then run the same date again."
        ) from error


def _is_laid_out(cursor: psycopg.Cursor, schema: str, table: str, columns: dict[str, str]) -> bool:
    """Whether the table is there with exactly these columns."""
    cursor.execute(
        "select a.attname, format_type(a.atttypid, null) from pg_attribute a "
        "where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped order by a.attnum",
        (f'"{schema}"."{table}"',),
    )
    found = {name: kind.replace("timestamp with time zone", "timestamptz") for name, kind in cursor.fetchall()}
    return list(found.items()) == list(columns.items())


def _prepare_table(cursor: psycopg.Cursor, schema: str, table: str, columns: dict[str, str]) -> None:
    """Empty the table for this transaction; make it anew only if its columns are not the declared ones."""
    name = sql.Identifier(schema, table)
    if _is_laid_out(cursor, schema, table, columns):
        cursor.execute(sql.SQL("delete from {}").format(name))
        return
    declared = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns.items()
    )
    cursor.execute(sql.SQL("drop table if exists {}").format(name))
    cursor.execute(sql.SQL("create table {} ({})").format(name, declared))


def _copy(cursor: psycopg.Cursor, schema: str, table: str, content: Sequence[tuple[object, ...]]) -> None:
    with cursor.copy(sql.SQL("copy {} from stdin").format(sql.Identifier(schema, table))) as copy:
        for row in content:
            copy.write_row(row)


def _grant(cursor: psycopg.Cursor, schema: str) -> None:
    names = {"schema": sql.Identifier(schema), "reader": sql.Identifier(READER)}
    cursor.execute(sql.SQL("grant usage on schema {schema} to {reader}").format(**names))
    cursor.execute(sql.SQL("grant select on all tables in schema {schema} to {reader}").format(**names))
