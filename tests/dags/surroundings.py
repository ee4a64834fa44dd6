"""What tests of Airflow put around it: a home, connections, and the pipeline's stand-in."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations.contract import load_cities
from expectations.models import City
from stack.airflow_home import AirflowHome
from stack.layout import PORTS, Layout

HERE = Path(__file__).parent
PASSWORD = "a-password-nobody-may-see"  # in the connection of every feed


def publishing_city() -> City:
    """A city that publishes every night; which one does not matter."""
    return next(city for city in load_cities() if city.publication and city.feeds)


def connections() -> dict[str, dict[str, Any]]:
    """One for every feed of every city."""
    connection = {"conn_type": "http", "host": "127.0.0.1", "port": 9, "login": "reader", "password": PASSWORD}
    feeds = [feed for city in load_cities() for feed in city.feeds]
    return {feed.source.connection: connection | {"extra": {"path": "/drop"}} for feed in feeds}


def home_in(folder: Path) -> AirflowHome:
    """An Airflow home with a free port and all connections, on SQLite: enough for one process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port_base = free.getsockname()[1] - PORTS.index("airflow")
    layout = Layout(state=folder, published=folder / "published", port_base=port_base)
    home = AirflowHome(layout, f"sqlite:///{folder}/airflow.db")
    home.write_connections(connections())
    return home


@dataclass(frozen=True)
class Stub:
    """The pipeline's stand-in for the steps of one city: what it was told to do, and how it was called."""

    folder: Path
    city: City

    def put(self) -> dict[str, str]:
        """Put it where the pipeline's python is; everything succeeds until planned otherwise. Returns
        the environment in which it is found there."""
        python = self.folder / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "stub_pipeline.py"}" "$@"\n')
        python.chmod(0o755)
        self.plan({})
        feeds = ",".join(feed.feed_code for feed in self.city.feeds)
        return {"PINGAN_PIPELINE_PYTHON": str(python), "STUB_FOLDER": str(self.folder), "STUB_FEEDS": feeds}

    def plan(self, endings: dict[str, int | str]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(endings))

    def calls(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def steps(self) -> list[str]:
        return [call["step"] for call in self.calls()]
