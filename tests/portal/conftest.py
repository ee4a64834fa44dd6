"""These tests run in the portal's environment: `PYTHONPATH=. .venv/portal/bin/python -m pytest tests/portal`.

The main run of pytest uses the pipeline environment, which has no Django: it collects nothing here. One real PostgreSQL
with the product's roles serves all of them; each test's writes are rolled back at its end.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.own_postgres import own_postgres

if TYPE_CHECKING:
    from django.test import Client

    from portal.desk.models import Officer
    from stack.postgres import Postgres

HAS_DJANGO = importlib.util.find_spec("django") is not None
collect_ignore_glob = [] if HAS_DJANGO else ["test_*.py"]

CITY, CITY_AREA, COUNTY, OTHER = "demo", "230600", "230602", "230623"
NAMES = {CITY_AREA: ("样例市", "Sampleton"), COUNTY: ("萨尔图区", "Sartu"), OTHER: ("林甸县", "Lindian")}
DAY = date(2026, 11, 21)
PASSWORD = "a-password-of-the-tests"
SAY_MART = """
import json
from spark_jobs.release.mart import MART
print(json.dumps({name: {c: d.type for c, d in table.columns.items()} for name, table in MART.items()}))
"""


def served() -> str:
    """The serving database's tables as mart.yml declares them; this environment cannot read it, the pipeline's can."""
    from stack.layout import Layout

    python = Layout.from_environment().python("pipeline")
    said = subprocess.run([python, "-c", SAY_MART], check=True, capture_output=True, text=True).stdout
    tables = {
        name: ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        for name, columns in json.loads(said).items()
    }
    return "\n".join([
        "create schema mart_demo;",
        *(f"create table mart_demo.{name} ({columns});" for name, columns in tables.items()),
        "grant usage on schema mart_demo to mart_reader;",
        "grant select on all tables in schema mart_demo to mart_reader;",
    ])  # fmt: skip


@pytest.fixture(scope="session")
def postgres(free_ports: int) -> Iterator[Postgres]:
    """The product's PostgreSQL with an empty mart and the portal's tables; Django is set up on it."""
    from stack.postgres import PORTAL

    with own_postgres(free_ports + 20) as postgres:
        try:
            postgres.make_portal_schema(CITY)
            with psycopg.connect(postgres.url("mart", "mart_owner")) as connection:
                connection.execute(served())
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "PORTAL_URL": postgres.url("mart", PORTAL),
                "PORTAL_CITY": CITY,
                "PORTAL_CITY_AREA": CITY_AREA,
                "PORTAL_CITY_NAME_ZH": "样例市",
                "PORTAL_CITY_NAME_EN": "Sampleton",
                "PORTAL_SECRET_KEY": "a-key-of-the-tests-" * 3,
                "PORTAL_HOSTS": "testserver",
            }
            import django
            from django.conf import settings
            from django.core.management import call_command

            settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests sign in often
            django.setup()
            call_command("prepare")
            yield postgres
        finally:
            from django.db import connections

            connections.close_all()


@pytest.fixture(scope="session")
def mart(postgres: Postgres) -> str:
    """URL of the serving database as its owner."""
    return postgres.url("mart", "mart_owner")


@pytest.fixture
def db(mart: str) -> Iterator[None]:
    """Whatever a test writes through Django is gone after it."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def publish(mart: str, db: None) -> Iterator[Callable[..., None]]:
    """Serve a release with these flags, as its writer does: readers see it from the commit on."""

    def serve(flags: list[dict[str, Any]], day: date = DAY, release_id: str | None = None) -> None:
        with psycopg.connect(mart) as connection:
            for table in ("release_info", "flag", "county_index", "indicator_value", "trend", "weekly", "feed_status"):
                connection.execute(f"delete from mart_demo.{table}")
            _insert(connection, "release_info", [{
                "release_id": release_id or f"{day:%Y%m%d}-0123456789", "business_date": day, "is_stale": False,
            }])  # fmt: skip
            _insert(connection, "flag", flags)
            _insert(connection, "county_index", [
                {"area_code": code, "area_name_zh": zh, "area_name_en": en, "index": 98.0 + n,
                 "level_code": "city" if code == CITY_AREA else "county"}
                for n, (code, (zh, en)) in enumerate(NAMES.items())
            ])  # fmt: skip
            rates = [{"area_code": code, "indicator_id": "b1", "rate": 1.5 + n} for n, code in enumerate(NAMES)]
            _insert(connection, "indicator_value", rates)
            weeks = [DAY - timedelta(days=7 * n) for n in range(30)]
            _insert(connection, "weekly", [
                {"area_code": code, "indicator_id": "b1", "week_on": week, "n_events": 9.0 if week == DAY else 3.0}
                for code in NAMES for week in weeks
            ])  # fmt: skip
            feeds = [{"feed_code": "hotline", "feed_name_zh": "热线工单", "state_code": "missing"}]
            _insert(connection, "feed_status", feeds)

    yield serve
    with psycopg.connect(mart) as connection:
        connection.execute("delete from mart_demo.release_info; delete from mart_demo.flag")


def _insert(connection: psycopg.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        columns, holes = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
        connection.execute(f"insert into mart_demo.{table} ({columns}) values ({holes})", list(row.values()))


def flag(number: int, area_code: str = COUNTY, colour: str = "amber", **other: Any) -> dict[str, Any]:
    """A released flag; `number` makes its id."""
    zh, en = NAMES[area_code]
    return {
        "flag_id": f"{number:016x}", "rule_code": "F1", "rule_name_zh": "超常", "rule_name_en": "Exceedance",
        "area_code": area_code, "area_name_zh": zh, "area_name_en": en, "indicator_id": "b1",
        "indicator_name_zh": "伤人交通事故", "indicator_name_en": "Road injuries", "feed_code": None, "colour_code": colour,
        "observed": 9.0, "expected": 3.4, "threshold": 7.0, "since": DAY - timedelta(days=5),
        "detail_zh": f"{zh}：上周9起，预期约3.4起", "detail_en": f"{en}: 9 last week, about 3.4 expected", **other,
    }  # fmt: skip


@pytest.fixture
def officer(db: None) -> Callable[..., Officer]:
    """Make an account with a role and an area."""
    from django.contrib.auth.models import Group, User

    from portal.desk.models import Officer

    def make(role: str | None, area_code: str = CITY_AREA, name: str | None = None) -> Officer:
        user = User.objects.create_user(name or f"{role}-{area_code}", password=PASSWORD)
        if role:
            user.groups.add(Group.objects.get(name=role))
        return Officer.objects.create(user=user, area_code=area_code)

    return make


@pytest.fixture
def browser(db: None) -> Callable[[Officer], Client]:
    """A browser in which the officer has signed in by the form; its forms carry no CSRF token by themselves."""
    from django.test import Client

    def sign_in(officer: Officer) -> Client:
        client = Client()
        answer = client.post("/login/", {"username": officer.user.username, "password": PASSWORD})
        assert answer.status_code == 302, "signed in"
        return client

    return sign_in
