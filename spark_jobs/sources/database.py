"""A database table by cursor: one consistent, read-only snapshot, copied as CSV by the server itself."""

from __future__ import annotations

import gzip
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from expectations.contract import DatabaseSource, Feed
from spark_jobs.connection import Connection
from spark_jobs.drift import check_columns
from spark_jobs.errors import SourceUnavailable
from spark_jobs.landing import Landing, Manifest

CONNECT_TIMEOUT = 20  # seconds
STATEMENT_TIMEOUT = 600_000  # milliseconds


def land(
    feed: Feed,
    connection: Connection,
    landing: Landing,
    business_date: date,
    cutoff: datetime,
    time_zone: str,
    since: date | None = None,
) -> Manifest | None:
    """Land the rows whose cursor lies after the last window, less the overlap, and at or before `cutoff` (UTC).

    The source keeps local times without a zone; `time_zone` says which. None if the window has landed already, unless
    the days from `since` on are wanted again.
    """
    source = feed.source
    assert isinstance(source, DatabaseSource)
    window_from = landing.next_window(feed, business_date, since)
    if window_from is None:
        return None
    zone = ZoneInfo(time_zone)
    upper = cutoff.astimezone(zone).replace(tzinfo=None)
    lower = datetime.combine(window_from, datetime.min.time()) - timedelta(hours=source.overlap_hours)
    if landing.landed_through() is None:
        lower = datetime(1970, 1, 1)
    try:
        with psycopg.connect(
            host=connection.host,
            port=connection.port,
            dbname=connection.schema_,
            user=connection.login,
            password=connection.password.get_secret_value(),
            connect_timeout=CONNECT_TIMEOUT,
            options=f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT}",
            application_name="peace-index",
        ) as database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return _copy(database, feed, source, landing, (lower, upper), (window_from, business_date))
    except psycopg.Error as error:
        raise SourceUnavailable(
            f"feed {feed.code}: the database of connection {source.connection} failed: {str(error).strip()}\n"
            "  what to do: check address, account and network; the run may be repeated at any time"
        ) from None


def _columns(database: psycopg.Connection, table: str) -> dict[str, str]:
    """Columns of the table, with their types, in the table's order."""
    rows = database.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_name = %s and table_schema = any(current_schemas(false)) order by ordinal_position",
        [table],
    )
    return dict(rows.fetchall())


def _copy(
    database: psycopg.Connection,
    feed: Feed,
    source: DatabaseSource,
    landing: Landing,
    bounds: tuple[datetime, datetime],
    window: tuple[date, date],
) -> Manifest:
    """Stream the selected columns into gzipped CSV files. Columns the contract does not use never leave the source."""
    present = _columns(database, source.table)
    check_columns(feed, f"table {source.table}", list(present), present)
    rows = sql.SQL("from {table} where {cursor} > {lower} and {cursor} <= {upper}").format(
        table=sql.Identifier(source.table),
        cursor=sql.Identifier(source.cursor),
        lower=sql.Literal(bounds[0]),
        upper=sql.Literal(bounds[1]),
    )
    query = sql.SQL("copy (select {columns} {rows} order by {order}) to stdout with (format csv, header)").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, feed.mapped_columns)),
        rows=rows,
        order=sql.SQL(", ").join(map(sql.Identifier, (source.cursor, feed.record_id[0]))),
    )
    with landing.new_batch() as batch:
        with (
            batch.file("rows.csv.gz", window[1]) as out,
            gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as zipped,
            database.cursor() as cursor,
            cursor.copy(query) as copy,
        ):
            for block in copy:
                zipped.write(block)
        counted = database.execute(sql.SQL("select count(*) {}").format(rows)).fetchone()
        assert counted  # the same snapshot, so the count must agree with the rows landed
        return batch.commit(feed, *window, n_rows=counted[0], source_columns=tuple(present))
