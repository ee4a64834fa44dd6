"""A whole portal for the tests: the product's PostgreSQL with its readers' limits, Superset set up by setup.py, gunicorn on loopback."""

import os
import pathlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from stack.layout import Layout
from stack.methodology_page import write_html
from stack.postgres import ADMINISTRATOR, Postgres
from tests.superset import mart

REPOSITORY = pathlib.Path(__file__).parents[2]
SUPERSET = REPOSITORY / ".venv" / "superset" / "bin"
PIPELINE = REPOSITORY / ".venv" / "pipeline" / "bin"
ADMIN, LEADER = ("admin", "an-admin-of-the-test"), ("leader", "a-leader-of-the-test")
WITH_MAP, WITHOUT_MAP = "sample", "other"
STATE_OF_SUPERSET = {  # what a second set-up must not change
    "dashboards": "select uuid, slug, position_json, json_metadata, css, published from dashboards",
    "charts": "select uuid, slice_name, params from slices",
    "datasets": "select t.uuid, schema, table_name,"
    " (select count(*) from table_columns c where c.table_id = t.id),"
    " (select count(*) from sql_metrics m where m.table_id = t.id) from tables t",
    "databases": "select uuid, database_name, sqlalchemy_uri from dbs",
    "users": "select u.username, r.name from ab_user u join ab_user_role ur on ur.user_id = u.id"
    " join ab_role r on r.id = ur.role_id",
    "permissions": "select r.name, count(*) from ab_permission_view_role p join ab_role r on r.id = p.role_id"
    " group by r.name",
    "dashboard roles": "select dashboard_id, role_id from dashboard_roles",
}


@dataclass
class Portal:
    """A running portal. `states`: Superset's content after the first and the second set-up of one city."""

    url: str
    database: str
    setup_seconds: list[float] = field(default_factory=list)
    states: list[dict[str, list[Any]]] = field(default_factory=list)

    def login(self, user: tuple[str, str]) -> httpx.Client:
        """A client with a JWT and a CSRF token, as programs use it."""
        client = httpx.Client(base_url=self.url, timeout=60, follow_redirects=False)
        answer = client.post(
            "/api/v1/security/login",
            json={"username": user[0], "password": user[1], "provider": "db", "refresh": True},
        )
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.headers["X-CSRFToken"] = client.get("/api/v1/security/csrf_token/").json()["result"]
        return client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(state: pathlib.Path, postgres: Postgres) -> dict[str, str]:
    return {
        **os.environ,
        "PINGAN_STATE": str(state),
        "SUPERSET_CONFIG_PATH": "superset/config.py",
        "SUPERSET_SECRET_KEY": "only-for-tests" * 4,
        "SUPERSET_METADATA_URL": postgres.url("superset", "superset"),
        "MART_READER_URL": postgres.url("mart", "mart_reader"),
        "SUPERSET_ADMIN_PASSWORD": ADMIN[1],
        "SUPERSET_LEADER_PASSWORD": LEADER[1],
    }


def _boundaries(state: pathlib.Path) -> None:
    areas = state / "areas.csv"
    lines = [f"{code},{mart.level(code)},{name}," for code, name, *_ in mart.AREAS]
    areas.write_text("\n".join(["area_code,level,name_zh,valid_to", *lines]) + "\n", encoding="utf-8")
    out = state / "superset" / f"counties_{WITH_MAP}.geojson"
    command: list[str | pathlib.Path] = [
        PIPELINE / "python",
        "superset/boundaries.py",
        "--areas",
        areas,
        "--out",
        out,
    ]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=30)


def set_up(city: str, environment: dict[str, str]) -> float:
    """Run superset/setup.py for one city; seconds it took."""
    started = time.monotonic()
    command: list[str | pathlib.Path] = [
        SUPERSET / "python",
        "superset/setup.py",
        "--city",
        city,
        "--city-name",
        mart.CITY_NAME,
    ]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, timeout=300)
    return time.monotonic() - started


def _content(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        return {
            what: sorted(connection.execute(query).fetchall(), key=str) for what, query in STATE_OF_SUPERSET.items()
        }


@contextmanager
def _served(environment: dict[str, str]) -> Iterator[str]:
    port = _free_port()
    command: list[str | pathlib.Path] = [
        SUPERSET / "gunicorn",
        "-w",
        "1",
        "-k",
        "gthread",
        "--threads",
        "8",
        "--timeout",
        "120",
    ]
    command += ["--no-control-socket", "-b", f"127.0.0.1:{port}", "superset.app:create_app()"]
    server = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 240
        while True:
            try:
                if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert server.poll() is None, "gunicorn ended before it answered"
            assert time.monotonic() < deadline, "gunicorn did not answer within four minutes"
            time.sleep(0.3)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


@contextmanager
def running_portal(folder: pathlib.Path, port_base: int) -> Iterator[Portal]:
    """Two cities side by side: `sample` (map, usual day, set up twice) and `other` (no map, bad day)."""
    state = folder / "state"
    (state / "superset").mkdir(parents=True)
    postgres = Postgres(Layout(state=state, published=state / "published", port_base=port_base))
    postgres.start()
    try:
        environment = _environment(state, postgres)
        own = environment["SUPERSET_METADATA_URL"]
        serving = postgres.url("mart", ADMINISTRATOR)
        mart.fill(serving, WITH_MAP)
        mart.fill(serving, WITHOUT_MAP, bad_day=True)
        _boundaries(state)
        write_html(state / "superset")
        portal = Portal(url="", database=own)
        for _ in range(2):
            portal.setup_seconds.append(set_up(WITH_MAP, environment))
            portal.states.append(_content(own))
        portal.setup_seconds.append(set_up(WITHOUT_MAP, environment))
        with _served(environment) as portal.url:
            yield portal
    finally:
        postgres.service.stop()
