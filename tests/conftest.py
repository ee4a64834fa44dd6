"""What all tests share: the reference folder, one Spark server of their own, and blocked sockets in unit tests."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

REPOSITORY = Path(__file__).parents[1]
pytest_plugins = ("tests.validation_page",)


def pytest_configure(config: pytest.Config) -> None:
    """Folders of this process only: another pytest closes `pytest-of-<user>` to the account of our PostgreSQL."""
    folder = tempfile.TemporaryDirectory(prefix="peace-index-tests-", ignore_cleanup_errors=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = folder.name
    config.add_cleanup(folder.cleanup)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that starts nothing must not reach the network either."""
    for item in items:
        if not {"spark", "e2e", "browser", "dags", "portal", "kill", "canary"} & {
            mark.name for mark in item.iter_markers()
        }:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture(scope="session")
def free_ports() -> int:
    """First of thirty consecutive loopback ports that are free now."""
    for base in range(20000 + os.getpid() % 100 * 100, 32000, 50):  # two runs side by side rarely meet
        try:
            for port in range(base, base + 30):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise RuntimeError("no thirty consecutive free ports")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference data beside the checkout; tests that need it skip where it is not."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("reference data: ../shared is not there")
    return folder


COUNTS = 20  # which of the free ports tells what Spark has run: tests/spark_counts.py
# sorts of this many rows spill to disk, as those of years of rows do
SPILLING = {"spark.shuffle.spill.numElementsForceSpillThreshold": "20000"}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory, free_ports: int) -> Iterator[object]:
    """A session on a Spark server of the tests' own, with a state folder of its own."""
    from stack.layout import Layout
    from stack.private_files import made_once
    from stack.spark_server import SETTINGS, spark_environment, spark_server

    state = tmp_path_factory.mktemp("state")
    layout = Layout(state=state, published=state / "published", port_base=free_ports)
    made_once(layout.secrets / "hash_keys.json", lambda: {"1": "ab" * 32})
    with patch.dict(SETTINGS, SPILLING | {"spark.ui.enabled": "true", "spark.ui.port": str(free_ports + COUNTS)}):
        server = spark_server(layout)
    server.start()
    os.environ.update(spark_environment(layout), PINGAN_STATE=str(state), PINGAN_PUBLISHED=str(layout.published))
    try:
        from spark_jobs.lake.session import connect

        session = connect()
        yield session
        session.stop()
    finally:
        server.stop()
