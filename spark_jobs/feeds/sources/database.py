"""A database table by cursor: one consistent, read-only snapshot, copied as CSV by the server itself."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from expectations.contract import load_kinds
from expectations.models import DatabaseSource, Feed
from expectations.source_columns import clean_name
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.drift import MOMENT, check_columns
from spark_jobs.feeds.formats.content import LeftOut
from spark_jobs.feeds.landing import Batch, Manifest
from spark_jobs.feeds.sources.pull import Pull

CONNECT_TIMEOUT = 20  # seconds
STATEMENT_TIMEOUT = 600_000  # milliseconds
ROWS_PER_FILE = 1_000_000  # decoding holds a file in memory
FIRST = datetime(1970, 1, 1)  # of the cursors of a first pull
AHEAD = timedelta(days=3)  # of the cut-off, to which clocks that go wrong may bring a cursor
READERS = 4  # connections that read at the same time
OF_ROWS = ("21", "22", "23", "P0")  # classes of SQLSTATE: what a row holds, or what a function of the source says of it
Bounds = tuple[datetime, datetime]  # of the cursor: after the first, up to the second


def land(pull: Pull) -> Manifest | None:
    """Land the rows whose cursor lies after the last window, less the overlap, and at or before the cut-off.

    The source keeps local times without a zone; `pull.time_zone` says which. None if the window has landed already, unless
    the days from `since` on are wanted again; and where a table of context, for which nothing waits, is not there yet.
    """
    source = pull.feed.source
    assert isinstance(source, DatabaseSource)
    window_from = pull.window_from()
    if window_from is None:
        return None
    zone = ZoneInfo(pull.time_zone)
    upper = pull.cutoff.astimezone(zone).replace(tzinfo=None)
    lower = datetime.combine(window_from, datetime.min.time()) - timedelta(hours=source.overlap_hours)
    if pull.landing.landed_through() is None:
        lower = FIRST
    try:
        with _connect(pull.connection) as database:
            return _copy(database, pull, (lower, upper), window_from)
    except psycopg.Error as error:
        is_away = isinstance(error, psycopg.OperationalError)
        what_to_do = (
            "check address, account and network" if is_away else "ask the source what has changed about its table"
        )
        raise SourceUnavailable(
            f"feed {pull.feed.code}: the database of connection {source.connection} failed: {_in_words(error)}\n"
            f"  what to do: {what_to_do}; the run may be repeated at any time"
        ) from None


def _in_words(error: psycopg.Error) -> str:
    """What the server says. An error in a row would quote the row's values: of that only the name is told."""
    state = error.sqlstate or ""
    if state.startswith(OF_ROWS):
        return f"{type(error).__name__} (SQLSTATE {state}) in a row; what the server says of it may quote the row"
    return str(error).strip()


@contextmanager
def _connect(connection: Connection, snapshot: str | None = None) -> Iterator[psycopg.Connection]:
    """A read-only transaction that sees one state of the database: its own, or the snapshot of another transaction."""
    with psycopg.connect(
        host=connection.host,
        port=connection.port,
        dbname=connection.schema_,
        user=connection.login,
        password=connection.password.get_secret_value(),
        **_tls(connection),
        connect_timeout=CONNECT_TIMEOUT,
        options=f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT}{_schema(connection)}",
        application_name="peace-index",
    ) as database:
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if snapshot:
            database.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
        yield database


def _schema(connection: Connection) -> str:
    return f" -c search_path={connection.search_path}" if connection.search_path else ""


def _tls(connection: Connection) -> dict[str, Any]:
    """What libpq is told of TLS; it asks none of a Unix socket."""
    if connection.is_plain:
        return {"sslmode": "disable"}
    return {"sslmode": "verify-full", "sslrootcert": connection.ca_file or "system"}


def _columns(database: psycopg.Connection, table: str) -> dict[str, str]:
    """Columns of the table, with their types, in the table's order."""
    rows = database.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_name = %s and table_schema = any(current_schemas(false)) order by ordinal_position",
        [table],
    )
    return dict(rows.fetchall())


def _copy(database: psycopg.Connection, pull: Pull, bounds: Bounds, window_from: date) -> Manifest | None:
    """Land the rows as gzipped CSV files, several at a time if they are many, all from one snapshot.

    Columns the contract does not use never leave the source.
    """
    feed, source, day = pull.feed, pull.feed.source, pull.business_date
    assert isinstance(source, DatabaseSource)
    present = _columns(database, source.table)
    if not present and pull.landing.landed_through() is None and load_kinds()[feed.kind].is_context:
        return None
    written = {clean_name(name): name for name in present}
    check_columns(
        feed, f"table {source.table}", list(written), {name: present[as_is] for name, as_is in written.items()}
    )
    _check_cursor(feed, source, present.get(source.cursor, "missing"))
    columns = {written[name]: present[written[name]] for name in feed.mapped_columns}
    n_rows = _value(database, sql.SQL("select count(*) {}").format(_rows(source, bounds)))
    parts = _parts(database, source, bounds, n_rows)
    with pull.landing.new_batch() as batch:
        if len(parts) == 1:
            _stream(database, columns, source, batch, ("rows.csv.gz", bounds), day)
        else:
            snapshot = _value(database, sql.SQL("select pg_export_snapshot()"))

            def read(part: tuple[str, Bounds]) -> None:
                with _connect(pull.connection, snapshot) as reader:
                    _stream(reader, columns, source, batch, part, day)

            with ThreadPoolExecutor(READERS) as pool:
                list(pool.map(read, ((f"rows_{number:04d}.csv.gz", part) for number, part in enumerate(parts))))
            batch.files.sort(key=lambda file: file.name)
        left_out = _without_window(database, source, bounds[1])
        return batch.commit(feed, window_from, day, n_rows=n_rows, source_columns=tuple(present), left_out=left_out)


def _check_cursor(feed: Feed, source: DatabaseSource, kind: str) -> None:
    """Raises ContractBreach for a cursor that is no time: no window can be asked for, or another one than is meant."""
    if not kind.startswith(MOMENT):
        raise ContractBreach(
            f"feed {feed.code}: table {source.table}: expected a cursor that is a timestamp or a date, found "
            f"{source.cursor!r}, which is {kind}\n"
            "  what to do: ask the source for a column with the time of a row's last change, and name it as `cursor`"
        )


def _without_window(database: psycopg.Connection, source: DatabaseSource, upper: datetime) -> tuple[LeftOut, ...]:
    """Rows that no window holds, of which nobody knows when they came; every night finds them again.

    Their cursor is empty, or a day that stands for none (1900-01-01, 9999-12-31, infinity). Rows that were changed since
    the cut-off are not among them.
    """
    cursor, last = sql.Identifier(source.cursor), upper + AHEAD
    outside = {
        "is empty": sql.SQL("{0} is null").format(cursor),
        f"is before {FIRST:%Y}": sql.SQL("{0} <= {1}").format(cursor, sql.Literal(FIRST)),
        f"lies ahead by more than {AHEAD.days} days": sql.SQL("{0} > {1}").format(cursor, sql.Literal(last)),
    }
    counts = sql.SQL(", ").join(sql.SQL("count(*) filter (where {})").format(each) for each in outside.values())
    query = sql.SQL("select array[{}] from {} where {}").format(
        counts, sql.Identifier(source.table), sql.SQL(" or ").join(outside.values())
    )
    found = dict(zip(outside, _value(database, query), strict=True))
    return tuple(LeftOut(f"table {source.table} where {source.cursor} {is_so}", n) for is_so, n in found.items() if n)


def _value(database: psycopg.Connection, query: sql.SQL | sql.Composed) -> Any:
    row = database.execute(query).fetchone()
    assert row
    return row[0]


def _rows(source: DatabaseSource, bounds: Bounds) -> sql.Composed:
    return sql.SQL("from {table} where {cursor} > {lower} and {cursor} <= {upper}").format(
        table=sql.Identifier(source.table),
        cursor=sql.Identifier(source.cursor),
        lower=sql.Literal(bounds[0]),
        upper=sql.Literal(bounds[1]),
    )


def _parts(database: psycopg.Connection, source: DatabaseSource, bounds: Bounds, n_rows: int) -> list[Bounds]:
    """The window in ranges of the cursor that hold about as many rows each; rows of one instant stay together."""
    n_parts = -(-n_rows // ROWS_PER_FILE)
    if n_parts <= 1:
        return [bounds]
    cuts = _value(
        database,
        sql.SQL("select percentile_disc({shares}::float8[]) within group (order by {cursor}) {rows}").format(
            shares=sql.Literal([part / n_parts for part in range(1, n_parts)]),
            cursor=sql.Identifier(source.cursor),
            rows=_rows(source, bounds),
        ),
    )
    edges = [bounds[0], *sorted(set(cuts) - {bounds[1]}), bounds[1]]
    return list(pairwise(edges))


def _selected(column: str, of_type: str) -> sql.Composed:
    """A column. A number loses the zeros that its type adds: 12.500 of a numeric(12,3) is no thousand."""
    plain = "trim_scale({0}) as {0}" if of_type == "numeric" else "{0}"
    return sql.SQL(plain).format(sql.Identifier(column))


def _stream(
    database: psycopg.Connection,
    columns: dict[str, str],
    source: DatabaseSource,
    batch: Batch,
    part: tuple[str, Bounds],
    day: date,
) -> None:
    """Copy one range into a file; the server writes the CSV, and no more than a block of it is held here.

    `columns` as the table names them, with their types, the first of the record's id first.
    """
    name, bounds = part
    query = sql.SQL("copy (select {columns} {rows} order by {order}) to stdout with (format csv, header)").format(
        columns=sql.SQL(", ").join(_selected(name, of_type) for name, of_type in columns.items()),
        rows=_rows(source, bounds),
        order=sql.SQL(", ").join(map(sql.Identifier, (source.cursor, next(iter(columns))))),
    )
    with (
        batch.file(name, day) as out,
        # without a name or a time of its own in it: the same rows are the same bytes, and so the same batch
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as zipped,
        database.cursor() as cursor,
        cursor.copy(query) as copy,
    ):
        for block in copy:
            zipped.write(block)
