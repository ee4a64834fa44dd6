"""What the measurements through Spark share: a server of their own, and a look at its processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import psutil
from pyspark.sql import SparkSession

from spark_jobs.lake.session import connect
from stack.layout import Layout
from stack.private_files import made_once
from stack.spark_server import spark_environment, spark_server

PORT_BASE = 27600


def layout_in(state: Path) -> Layout:
    return Layout(state=state, published=state / "published", port_base=PORT_BASE)


def hash_keys(layout: Layout) -> Path:
    """The key of pseudonyms, made once."""
    path = layout.secrets / "hash_keys.json"
    made_once(path, lambda: {"1": "ab" * 32})
    return path


@contextmanager
def own_server(layout: Layout) -> Iterator[SparkSession]:
    """A Spark server with an empty lake in a state folder of its own."""
    server = spark_server(layout)
    server.start()
    try:
        with patch.dict(os.environ, spark_environment(layout)):
            session = connect()
            try:
                yield session
            finally:
                session.stop()  # before its server; without the server it would try for minutes
    finally:
        server.stop()


def descendants(chosen: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    """Processes that this one started, as far as `chosen` takes them. The server and its workers are among them."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # one that has just ended
            if chosen(process):
                found.append(process)
    return found


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` five times a second, while something else runs."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
