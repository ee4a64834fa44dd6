"""Where the feeds of a city come from on this machine: real connections, a folder of files, or the simulator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from expectations.models import City
from spark_jobs.errors import UsageError
from stack.layout import Layout
from stack.postgres import Postgres
from stack.private_files import passwords
from stack.service import Service

Connections = dict[str, dict[str, Any]]
CLIENT = "peace-index"
DECISIONS = "decision"  # kind of the feeds that the portal of this machine answers
PLAIN = {"transport": "plain"}  # simulator and portal answer on loopback, where nobody is on the way


def configured_connections() -> Connections:
    """Connections to real systems, from the file that PINGAN_CONNECTIONS names; none without it."""
    path = os.environ.get("PINGAN_CONNECTIONS")
    if not path:
        return {}
    try:
        content: Connections = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"PINGAN_CONNECTIONS: {path} cannot be read as a JSON object of connections: {error}"
        ) from None
    return content


def folder_connections(city: City, folder: Path) -> Connections:
    """Every file feed of the city from one folder. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"DATA: expected a folder, found nothing at {folder}")
    asked = [feed for feed in city.feeds if feed.kind != DECISIONS]
    others = [feed.feed_code for feed in asked if feed.source.type != "files"]
    if others:
        raise UsageError(f"DATA: feeds {others} of {city.city_code} do not come as files; a folder cannot serve them")
    return {feed.source.connection: {"conn_type": "fs", "extra": {"path": str(folder.resolve())}} for feed in asked}


def portal_connections(city: City, postgres: Postgres, port: int) -> Connections:
    """What people decide about the city's flags, from the portal's schema, as the account that may read its views."""
    secret = postgres.passwords["mart_reader"]
    address = {"host": "127.0.0.1", "port": port, "schema": "mart", "login": "mart_reader", "password": secret}
    extra = {**PLAIN, "search_path": f"portal_{city.city_code}"}
    asked = (feed for feed in city.feeds if feed.kind == DECISIONS)
    return {feed.source.connection: {"conn_type": "postgres", **address, "extra": extra} for feed in asked}


@dataclass
class Simulator:
    """The synthetic sources. Reached over the same connections as real ones; run as a program of its own."""

    layout: Layout
    postgres: Postgres

    @property
    def _drops(self) -> Path:
        return self.layout.state / "simulator" / "drops"

    @property
    def _secret(self) -> str:
        return passwords(self.layout.secrets / "simulator.json", [CLIENT])[CLIENT]

    def offers(self) -> Mapping[str, Mapping[str, str]]:
        """Connection id -> how the simulator serves it."""
        path = self.layout.repository / "simulator" / "offers.json"
        content: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return content

    def connections(self) -> Connections:
        return {name: self._connection(offer) for name, offer in self.offers().items()}

    def _connection(self, offer: Mapping[str, str]) -> dict[str, Any]:
        if offer["serves"] == "database":
            port, reader = self.layout.port("postgres"), "hotline_reader"
            secret = self.postgres.passwords[reader]
            address = {"host": "127.0.0.1", "port": port, "schema": "hotline", "login": reader, "password": secret}
            return {"conn_type": "postgres", **address, "extra": PLAIN}
        if offer["serves"] == "api":
            address = {"host": "127.0.0.1", "port": self.layout.port("simulator")}
            return {"conn_type": "http", **address, "login": CLIENT, "password": self._secret, "extra": PLAIN}
        return {"conn_type": "fs", "extra": {"path": str(self._drops / offer["folder"])}}

    def _command(self, verb: str, city: City, now: datetime) -> list[str | Path]:
        clock = now.astimezone(ZoneInfo(city.time_zone)).strftime("%Y-%m-%dT%H:%M:%S")
        places: list[str | Path] = ["--drops", self._drops, "--state", self._drops.parent, "--reader", "hotline_reader"]
        return [self.layout.python("pipeline"), "-m", "simulator", verb, "--clock", clock, *places]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "SIMULATOR_DATABASE_URL": self.postgres.url("hotline", "hotline_owner"),
            "SIMULATOR_CLIENT_ID": CLIENT,
            "SIMULATOR_CLIENT_SECRET": self._secret,
        }

    def bring(self, city: City, now: datetime, *silences: str) -> None:
        """Let the sources live until the instant `now`. Prints what was new."""
        options = [part for silence in silences for part in ("--silence", silence)]
        subprocess.run(
            [*map(str, self._command("bring", city, now)), *options],
            check=True,
            cwd=self.layout.repository,
            env={**os.environ, **self._environment},
        )

    def service(self, city: City, now: datetime) -> Service:
        port = self.layout.port("simulator")
        command = [*self._command("serve", city, now), "--port", str(port)]
        return Service(self.layout, "simulator", port, command, environment=self._environment)
