"""How far a reader of the serving database gets: its tables, for half a minute a query, and nothing of the server.

A dashboard's reader can smuggle an expression into a chart's request. Superset refuses those (superset/readers.py); what
passes all the same runs with these limits.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "30min",
    "temp_file_limit": "256MB",
    "default_transaction_read_only": "on",
}
CONNECTIONS = 40
# Functions that everybody may call by default and no reader needs, as patterns of their names: they run SQL given as
# text, hold publication's lock, sleep, change the limits above, end other sessions, or store what readers may not.
CLOSED_FUNCTIONS = (
    r"query\_to\_xml%", r"table\_to\_xml%", r"schema\_to\_xml%", r"database\_to\_xml%", r"cursor\_to\_xml%", "ts\\_stat",
    "ts\\_rewrite", r"pg\_advisory%", r"pg\_try\_advisory%", r"pg\_sleep%", r"set\_config", r"pg\_cancel\_backend",
    r"pg\_terminate\_backend", r"pg\_notify", r"lo\_%", "loread", "lowrite", r"pg\_export\_snapshot", r"pg\_log%",
)  # fmt: skip
CLOSED_VIEWS = (
    "pg_stat_activity", "pg_roles", "pg_user", "pg_group", "pg_settings", "pg_locks", "pg_database", "pg_tablespace",
    "pg_prepared_statements", "pg_cursors", "pg_stat_database", "pg_shdescription", "pg_db_role_setting",
)  # fmt: skip


def limit_reader(database: psycopg.Connection, reader: str, owner: str) -> None:
    """Give `reader` the limits above; `owner` keeps the functions. `database`: an administrator's connection to it."""
    role, its_owner = sql.Identifier(reader), sql.Identifier(owner)
    database.execute(sql.SQL("alter role {} connection limit {}").format(role, sql.Literal(CONNECTIONS)))
    for name, value in SETTINGS.items():
        database.execute(sql.SQL("alter role {} set {} = {}").format(role, sql.Identifier(name), sql.Literal(value)))
    found = database.execute(
        "select oid::regprocedure::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname like any(%s)",
        (list(CLOSED_FUNCTIONS),),
    )
    names = [sql.SQL(row[0]) for row in found.fetchall()]  # PostgreSQL's own spelling of its own functions
    functions = sql.SQL(", ").join(names)
    database.execute(sql.SQL("revoke execute on function {} from public").format(functions))
    database.execute(sql.SQL("grant execute on function {} to {}").format(functions, its_owner))
    views = sql.SQL(", ").join(sql.Identifier("pg_catalog", name) for name in CLOSED_VIEWS)
    database.execute(sql.SQL("revoke select on {} from public").format(views))
