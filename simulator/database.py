"""The hotline's PostgreSQL table, brought to a clock from whatever state it is in.

The table itself says how far it is, by its latest update_time. So a lost or restored database needs nothing else to
catch up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import psycopg
from psycopg import sql

from simulator import hotline
from simulator.truth import Array
from simulator.world import DAY, Columns, World, take, updated_at

TABLE = "order_wide"
COLUMNS = {
    "order_id": "bigint primary key",
    "order_no": "text not null",
    "call_time": "timestamp not null",
    "channel": "text",
    "call_type": "text",
    "urgency": "text",
    "type_code": "text",
    "type_name": "text",
    "is_secret": "text",
    "district_code": "text",
    "district_name": "text",
    "street_code": "text",
    "street_name": "text",
    "org_code": "text",
    "org_name": "text",
    "title": "text",
    "content": "text",
    "urge_order_no": "text",
    "old_order_no": "text",
    "deadline": "timestamp",
    "delayed_deadline": "timestamp",
    "delay_days": "integer",
    "first_assign_time": "timestamp",
    "finish_time": "timestamp",
    "status": "text",
    "return_count": "integer",
    "reopen_count": "integer",
    "visit_time": "timestamp",
    "is_solved": "text",
    "first_satisfaction": "text",
    "last_satisfaction": "text",
    "caller_name": "text",
    "caller_gender": "text",
    "caller_phone": "text",
    "del_flag": "smallint not null",
    "create_time": "timestamp not null",
    "update_time": "timestamp not null",
}
Report = Callable[[], None]


def _copy_text(lives: Columns, updated: Array) -> str:
    """Rows in PostgreSQL's COPY text format, in the order of COLUMNS."""
    rows = hotline.render(lives, updated)
    texts = [[r"\N" if value is None else str(value) for value in rows[name].tolist()] for name in COLUMNS]
    return "".join(f"{line}\n" for line in map("\t".join, zip(*texts, strict=True)))


def _copy(cursor: psycopg.Cursor, table: str, lives: Columns, updated: Array) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    with cursor.copy(statement) as copy:
        copy.write(_copy_text(lives, updated))


def _named(statement: str, **names: sql.Identifier) -> sql.Composed:
    """The statement with the table's name and other identifiers filled in."""
    return sql.SQL(statement).format(table=sql.Identifier(TABLE), **names)


def _create(cursor: psycopg.Cursor) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    cursor.execute(_named(f"create table if not exists {{table}} ({columns})"))
    # Two builders at once would both see an empty table: the second waits here and finds nothing to do.
    cursor.execute(_named("lock table {table} in share row exclusive mode"))


def _reached(cursor: psycopg.Cursor) -> int | None:
    """Latest update in local seconds, None for an empty table."""
    row = cursor.execute(_named("select max(update_time) from {table}")).fetchone()
    latest = row[0] if row else None
    return None if latest is None else int(latest.replace(tzinfo=UTC).timestamp())


def _fill(cursor: psycopg.Cursor, world: World, clock: int, report: Report) -> int:
    """First build: month by month, each order as it stands at `clock`, then the index."""
    n_rows = 0
    for month in world.months(world.truth.start, clock // DAY):
        lives = world.month(hotline.KIND, month)
        updated = updated_at(hotline.KIND, lives, clock)
        born = updated >= 0
        if born.any():
            _copy(cursor, TABLE, take(lives, born), updated[born])
            n_rows += int(born.sum())
        report()
    cursor.execute(_named("create index if not exists order_wide_update_time on {table} (update_time)"))
    return n_rows


def _advance(cursor: psycopg.Cursor, world: World, since: int, clock: int) -> int:
    """Upsert the orders that changed in (since, clock]."""
    lives = world.changed(hotline.KIND, since + 1, clock + 1)
    if not len(lives["day"]):
        return 0
    cursor.execute(_named("create temp table incoming (like {table}) on commit drop"))
    _copy(cursor, "incoming", lives, lives["updated"])
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "order_id")
    upsert = "insert into {table} select * from incoming on conflict (order_id) do update set "
    cursor.execute(_named(upsert + updates))
    return len(lives["day"])


def bring(url: str, reader: str, world: World, clock: int, report: Report = lambda: None) -> int:
    """Bring the table to `clock` in one transaction and let `reader` select from it. Returns how many rows it wrote.

    A clock earlier than the table's changes nothing. Raises psycopg.Error when the database or the role is missing.
    """
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        _create(cursor)
        reached = _reached(cursor)
        if reached is None:
            n_rows = _fill(cursor, world, clock, report)
        else:
            n_rows = _advance(cursor, world, reached, clock) if reached < clock else 0
        cursor.execute(_named("grant select on {table} to {reader}", reader=sql.Identifier(reader)))
    return n_rows


def months_to_fill(world: World, clock: int) -> int:
    """How often `report` is called on a first build."""
    return len(world.months(world.truth.start, clock // DAY))
