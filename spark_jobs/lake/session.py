"""The only place where a Spark session is made: a light client of the one Spark server."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from spark_jobs.errors import EnvironmentFault
from spark_jobs.lake.catalogue import attach
from spark_jobs.lake.tables import interpret
from spark_jobs.settings import settings


def _require_server(remote: str) -> None:
    """Fail at once: a Connect client whose server is gone would retry in silence for ten minutes."""
    address = urlsplit(remote.split(";")[0])
    try:
        socket.create_connection((address.hostname or "localhost", address.port or 15002), timeout=5).close()
    except OSError as error:
        raise EnvironmentFault(
            f"Spark: nothing answers at {address.hostname}:{address.port} ({error}). Start it with: make run"
        ) from error


def connect() -> SparkSession:
    """Session, in UTC, on the server that SPARK_REMOTE names, which knows the lake's tables.

    Raises EnvironmentFault if the server is not there.
    """
    remote = settings().spark_remote
    if not remote:
        raise EnvironmentFault("Spark: SPARK_REMOTE is not set; `make run` sets it, by hand use sc://localhost:PORT")
    _require_server(remote)
    session = SparkSession.builder.remote(remote).getOrCreate()
    session.conf.set("spark.sql.variable.substitute", "false")  # on any server: what is a literal here is one there
    attach(session)
    interpret(session)
    return session
