"""One machine's stack: PostgreSQL, the Spark server, the sources, Airflow. Up in order, down in reverse."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from expectations.models import City
from spark_jobs.lake.locks import locked
from stack.airflow_home import AirflowHome
from stack.layout import Layout, close_to_others
from stack.postgres import PORTAL, Postgres
from stack.private_files import made_once
from stack.service import Service, ServiceError
from stack.sources import (
    Connections,
    Simulator,
    configured_connections,
    folder_connections,
    portal_connections,
)
from stack.spark_server import spark_environment, spark_server


class Machine:
    """The services of one state folder."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        close_to_others(layout.state)
        self.postgres = Postgres(layout)
        self.simulator = Simulator(layout, self.postgres)
        self.steps = Service(
            layout,
            "steps",
            0,
            [layout.python("pipeline"), "-m", "spark_jobs.step_server", self._steps_address],
            {"PYTHONUNBUFFERED": "1"},
        )
        self.airflow = AirflowHome(layout, self.postgres.url("airflow", "airflow", "psycopg2"))
        made_once(layout.secrets / "hash_keys.json", lambda: {"1": secrets.token_hex(32)})

    @property
    def _steps_address(self) -> Path:
        return self.layout.state / "run" / "steps.socket"

    def environment(self) -> dict[str, str]:
        """What the steps need: folders, the Spark server, the serving database. Holds secrets; for child processes."""
        return {
            "PINGAN_STATE": str(self.layout.state),
            "PINGAN_PUBLISHED": str(self.layout.published),
            "PINGAN_PIPELINE_PYTHON": str(self.layout.python("pipeline")),
            "PINGAN_STEP_SERVER": str(self._steps_address),
            "MART_URL": self.postgres.url("mart", "mart_owner"),
            "PORTAL_URL": self.postgres.url("mart", PORTAL),
            "PINGAN_PORTAL_PYTHON": str(self.layout.python("portal")),
            **spark_environment(self.layout),
            **self.airflow.environment(),
        }

    @contextmanager
    def up(
        self, city: City, now: datetime, data: Path | None = None, beside: Callable[[], None] = lambda: None
    ) -> Iterator[list[Service]]:
        """Inside, everything that a night needs is running: the services. What this call started is stopped at its end.

        `beside` is called as soon as Airflow can be read, so that what it starts comes up beside the others.
        """
        with ExitStack() as running:
            if sys.platform == "linux":  # elsewhere a fork of a process with large libraries may crash
                self._start(running, self.steps, self.steps.begin)
            self._start(running, self.postgres.service, self.postgres.start)
            spark = spark_server(self.layout)
            self._start(running, spark, spark.begin)  # for seconds, while the others start: none of them asks it
            self.airflow.bootstrap()
            beside()
            sources = self._start_sources(running, city, now, data)
            spark.wait()
            attach = [str(self.layout.python("pipeline")), "-m", "spark_jobs", "attach"]
            tables = Service(self.layout, "attach", 0, attach, self.environment())
            self._start(running, tables, tables.begin)  # while Airflow is read: the first step finds it done or waits
            steps = [self.steps] if sys.platform == "linux" else []
            yield [*steps, self.postgres.service, spark, *sources]

    @contextmanager
    def sources_up(self, city: City, now: datetime, data: Path | None = None) -> Iterator[None]:
        """The sources alone, to be asked whether they have anything new."""
        with ExitStack() as running:
            self._start(running, self.postgres.service, self.postgres.start)
            self._start_sources(running, city, now, data)
            yield

    def _start_sources(self, running: ExitStack, city: City, now: datetime, data: Path | None) -> list[Service]:
        """Bring the sources to the present; returns those that are services of ours."""
        connections = self._connections(city, data)
        self.airflow.write_connections({**self.stored_connections(), **connections})
        if not self.is_simulated(city):
            return []
        self.simulator.bring(city, now)
        api = self.simulator.service(city, now)
        self._start(running, api, api.start)
        return [api]

    @contextmanager
    def spark_up(self) -> Iterator[None]:
        """The Spark server alone, for a step by hand; what this call started is stopped at its end."""
        with ExitStack() as running:
            spark = spark_server(self.layout)
            self._start(running, spark, spark.start)
            yield

    @staticmethod
    def _start(running: ExitStack, service: Service, start: Callable[[], None]) -> None:
        running.callback(service.stop)
        start()

    def _connections(self, city: City, data: Path | None) -> Connections:
        """The connections of a city's feeds. Raises ServiceError naming those that nobody configured."""
        own = portal_connections(city, self.postgres, self.layout.port("postgres"))
        offered = own | (
            folder_connections(city, data) if data else {**self.simulator.connections(), **configured_connections()}
        )
        needed = {feed.source.connection for feed in city.feeds}
        absent = sorted(needed - offered.keys() - self.stored_connections().keys())
        if absent:
            raise ServiceError(
                f"{city.city_code}: no connection {', '.join(absent)}; give the folder of its files (DATA=folder) or a file "
                "of connections (PINGAN_CONNECTIONS=file.json, see docs/operations.md)"
            )
        asked = needed | ({city.digest} if city.digest else set())
        return {name: offered[name] for name in asked & offered.keys()}

    def stored_connections(self) -> Connections:
        """Those that a night, or a person, has told Airflow."""
        path = self.airflow.connections_file
        stored: Connections = json.loads(path.read_text()) if path.exists() else {}
        return stored

    def is_simulated(self, city: City) -> bool:
        """True if a feed of the city is, as configured now, answered by the simulator."""
        offers, stored = self.simulator.connections(), self.stored_connections()
        used = {feed.source.connection for feed in city.feeds} & offers.keys()
        return any(stored.get(name) == offers[name] for name in used)

    @contextmanager
    def one_night_at_a_time(self) -> Iterator[None]:
        """Two nights at once would only wait for each other, so the second one is told so. Raises EnvironmentFault."""
        with locked(self.layout.state / "run" / "night.lock", "another `make run`", longest=0):
            yield
