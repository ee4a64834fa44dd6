"""A reader of the serving database: what hostile expressions reach, and that a chart's query still runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stack.postgres import Postgres
from tests.own_postgres import own_postgres

pytestmark = pytest.mark.e2e

HOSTILE = {
    "a text run as SQL": "select query_to_xml('select 1', true, true, '')",
    "a text run as SQL with its schema": "select query_to_xml_and_xmlschema('select 1', true, true, '')",
    "a text run as SQL for words": "select * from ts_stat('select to_tsvector(usename) from pg_stat_activity')",
    "a rewritten query": "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
    "a table as XML": "select table_to_xml('pg_class', true, true, '')",
    "a schema as XML": "select schema_to_xml('public', true, true, '')",
    "the database as XML": "select database_to_xml(true, true, '')",
    "a sleep": "select pg_sleep(600)",
    "a sleep until": "select pg_sleep_until('2100-01-01')",
    "publication's lock": "select pg_advisory_lock(hashtext('mart_daqing'))",
    "publication's lock, shared": "select pg_advisory_xact_lock_shared(1, 2)",
    "publication's lock, tried": "select pg_try_advisory_lock(1)",
    "its own limit": "select set_config('statement_timeout', '0', false)",
    "another session's end": "select pg_terminate_backend(pg_backend_pid())",
    "another session's query": "select pg_cancel_backend(1)",
    "other sessions": "select query from pg_stat_activity",
    "accounts": "select rolname from pg_roles",
    "passwords": "select rolpassword from pg_authid",
    "settings": "select setting from pg_settings where name = 'data_directory'",
    "other databases": "select datname from pg_database",
    "a file of the server": "select pg_read_file('/etc/passwd')",
    "a folder of the server": "select pg_ls_dir('/')",
    "a large object": "select lo_create(0)",
    "a large object with content": "select lo_from_bytea(0, 'x')",
    "a program": "copy (select 1) to program 'id'",
    "a notice to others": "select pg_notify('a', 'b')",
    "a table of its own": "create table mine (a int)",
    "a temporary table": "create temporary table mine (a int)",
    "rows of the mart": "update mart_demo.figure set value = 0",
    "a lock on the mart": "do $$ begin lock table mart_demo.figure in access exclusive mode; end $$",
}


@pytest.fixture(scope="module")
def postgres(free_ports: int) -> Iterator[Postgres]:
    with own_postgres(free_ports + 20) as postgres:
        with psycopg.connect(postgres.url("mart", "mart_owner")) as owner:
            owner.execute("create schema mart_demo")
            owner.execute("create table mart_demo.figure as select 'East' as name, 101.5 as value")
            owner.execute("grant usage on schema mart_demo to mart_reader")
            owner.execute("grant select on all tables in schema mart_demo to mart_reader")
        yield postgres


@pytest.fixture
def reader(postgres: Postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url("mart", "mart_reader"), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_expression_does_not_run(reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        reader.execute(statement)  # type: ignore[call-overload]


def test_a_chart_still_gets_its_figures(reader: psycopg.Connection) -> None:
    found = reader.execute(
        "select name, round(avg(value), 1), to_char(now(), 'YYYY'), count(*) from mart_demo.figure "
        "where name = 'East' and lower(name) like '%e%' group by name order by 2 limit 10"
    ).fetchone()
    assert found is not None
    assert (found[0], float(found[1])) == ("East", 101.5)


def test_a_query_without_end_is_ended(reader: psycopg.Connection) -> None:
    assert reader.execute("show statement_timeout").fetchone() == ("30s",)
    reader.execute("set statement_timeout = '200ms'")  # a statement of its own: no chart's request can be one
    with pytest.raises(psycopg.errors.QueryCanceled):
        reader.execute("select count(*) from generate_series(1, 1e12::bigint)")


def test_the_owner_keeps_what_publication_needs(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("mart", "mart_owner")) as owner:
        owner.execute("select set_config('lock_timeout', '60s', true), pg_advisory_xact_lock(1)")


def test_no_folder_above_postgres_can_be_read_by_others(postgres: Postgres) -> None:
    state = Path(str(postgres.service.log)).parents[1]
    passes = 0o011 if os.geteuid() == 0 else 0
    assert [folder.stat().st_mode & 0o077 for folder in (state, state.parent)] == [passes, passes]
