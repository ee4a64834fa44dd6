"""What the tests of the DAGs put around them: an Airflow home, and the pipeline's stand-in."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations.contract import load_cities
from stack.airflow_home import AirflowHome
from stack.layout import PORTS, Layout

PASSWORD = "a-password-nobody-may-see"  # in the connection of every feed


def home_in(folder: Path) -> AirflowHome:
    """An Airflow home on SQLite with a free port and a connection for every feed of every city."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port_base = free.getsockname()[1] - PORTS.index("airflow")
    layout = Layout(state=folder, published=folder / "published", port_base=port_base)
    home = AirflowHome(layout, f"sqlite:///{folder}/airflow.db")
    connection = {"conn_type": "http", "host": "127.0.0.1", "port": 9, "login": "reader", "password": PASSWORD}
    feeds = [feed for city in load_cities() for feed in city.feeds]
    home.write_connections({feed.source.connection: connection | {"extra": {"path": "/drop"}} for feed in feeds})
    return home


@dataclass(frozen=True)
class Stub:
    """The pipeline's stand-in: what it was told to do, and how it was called."""

    folder: Path

    def plan(self, endings: dict[str, int | str]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(endings))

    def calls(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def steps(self) -> list[str]:
        return [call["step"] for call in self.calls()]
