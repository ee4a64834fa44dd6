"""Releases to test with, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from expectations.models import Text
from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.model import Gate, Release, ReleaseInput
from stack.layout import Layout
from stack.postgres import ADMINISTRATOR, Postgres
from tests.release import made_up

GATES = (Gate("publication", True, Text("通过", "passed")),)


@pytest.fixture(scope="session")
def make_release() -> Callable[[ReleaseInput], Release]:
    return lambda given: build(given, canonical_tables(given), GATES)


@pytest.fixture
def release(make_release: Callable[[ReleaseInput], Release]) -> Release:
    return make_release(made_up.release_input())


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, free_ports: int) -> Iterator[Postgres]:
    """The product's own server, in a folder of the tests."""
    state = tmp_path_factory.mktemp("mart")
    server = Postgres(Layout(state=state, published=state / "published", port_base=free_ports))
    server.start()
    yield server
    server.service.stop()


@pytest.fixture
def mart(postgres: Postgres) -> str:
    """URL of the serving database without the demo city's schema, for one who may take the reader's role."""
    url = postgres.url("mart", ADMINISTRATOR)
    try:
        with psycopg.connect(url) as connection:
            connection.execute("drop schema if exists mart_demo cascade")
    except psycopg.OperationalError as error:
        pytest.fail(f"{error}\n{postgres.service.log.read_text()[-2000:]}")
    return url
