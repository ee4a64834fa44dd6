"""Airflow's home: its settings as environment variables, its secrets, its database schema, its processes.

Runs in the pipeline environment and never imports Airflow. Only the API server listens, on loopback: the
scheduler's own log server would bind every interface and is not started.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.private_files import write_private
from stack.layout import Layout
from stack.private_files import made_once, passwords

USERS = {"ops": "admin", "ro": "viewer"}
BOOTSTRAP_SECONDS = 180
REPORT_LINES = 8


class AirflowBootstrapError(Exception):
    """Airflow could not prepare its database; the message holds its last lines and the log's place."""


@dataclass(frozen=True)
class AirflowHome:
    """The Airflow of one repository on one machine.

    `database_url` is an SQLAlchemy URL (postgresql+psycopg2://… or sqlite:////…). `environment()` holds it and
    the keys, so it is for child processes and never printed.
    """

    layout: Layout
    database_url: str

    @property
    def folder(self) -> Path:
        return self.layout.state / "airflow"

    @property
    def connections_file(self) -> Path:
        return self.layout.secrets / "connections.json"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.layout.port('airflow')}"

    @property
    def health_url(self) -> str:
        """Answers 200 once the API server can be used; scheduler and DAG processor start after it."""
        return f"{self.url}/api/v2/monitor/health"

    def passwords(self) -> dict[str, str]:
        """Password of each user, made once."""
        return passwords(self._passwords_file, USERS)

    def write_connections(self, connections: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the Connections: id -> conn_type, host, port, schema, login, password, extra (object).

        Read at the start of every task, so a running Airflow takes a new address at once.
        """
        write_private(self.connections_file, json.dumps(connections, ensure_ascii=False, indent=1))

    def environment(self) -> dict[str, str]:
        """What to add to the environment of every Airflow process. Makes missing secrets."""
        keys = made_once(self.layout.secrets / "airflow.json", _new_keys)
        self.passwords()
        if not self.connections_file.exists():
            self.write_connections({})
        return {
            **{f"AIRFLOW__{name}": value for name, value in {**self._settings(), **keys}.items()},
            "AIRFLOW_HOME": str(self.folder),
            "PYTHONPATH": str(self.layout.repository),
        }

    def bootstrap(self) -> bool:
        """Bring the database to this Airflow's schema and make the pool `spark`. Returns whether anything had to be
        done.

        A task whose pool is missing would wait for ever. Raises AirflowBootstrapError.
        """
        stamp, wanted = self.folder / "bootstrapped.txt", self._bootstrap_version()
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return False
        self._airflow("db", "migrate")
        self._airflow("pools", "set", "spark", "1", "steps that share the one Spark server")
        stamp.write_text(wanted, encoding="utf-8")
        return True

    def components(self) -> dict[str, list[str]]:
        """Commands of the long-running processes in order of start; wait for `health_url` after the first.

        A task that reports to an API server that is not up yet burns a retry. SIGTERM stops each in seconds.
        """
        airflow = [str(self.layout.python("airflow")), "-m", "airflow"]
        return {
            "airflow-api-server": [*airflow, "api-server", "--workers", "1"],
            "airflow-scheduler": [*airflow, "scheduler", "--skip-serve-logs"],
            "airflow-dag-processor": [*airflow, "dag-processor"],
        }

    def night_command(
        self, city_code: str, business_date: str, only: str | None = None, since: str | None = None
    ) -> list[str]:
        """Command of one embedded night, or of a range from `since` on; run in the repository with `environment()`."""
        night = [str(self.layout.python("airflow")), "-m", "stack.night"]
        about = ["--city", city_code, "--date", business_date]
        return [*night, *about, *(["--only", only] if only else []), *(["--since", since] if since else [])]

    @property
    def _passwords_file(self) -> Path:
        return self.layout.secrets / "airflow_passwords.json"

    def _settings(self) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(self.layout.repository / "dags"),
            "CORE__PLUGINS_FOLDER": str(self.layout.repository / "stack" / "airflow_plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",  # the nightly publication fires by itself
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords_file),
            "DATABASE__SQL_ALCHEMY_CONN": self.database_url,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.layout.port("airflow")),
            "API__BASE_URL": self.url,
            "API_AUTH__JWT_EXPIRATION_TIME": str(8 * 3600),  # a working day; the default is a whole day
            "SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(self.connections_file)}),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "20",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # the default of 5 now and then stalls a finished task
            "LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "LOGGING__COLORED_CONSOLE_LOG": "False",
            **self._lineage_settings(),
        }

    def _lineage_settings(self) -> dict[str, str]:
        """OpenLineage events to a file, or to the service that OPENLINEAGE_URL names."""
        url, events = os.environ.get("OPENLINEAGE_URL"), self.layout.state / "lineage" / "events.jsonl"
        events.parent.mkdir(parents=True, exist_ok=True)
        to_file = {"type": "file", "log_file_path": str(events), "append": True}
        to = {"type": "http", "url": url} if url else to_file
        return {"OPENLINEAGE__NAMESPACE": "peace-index", "OPENLINEAGE__TRANSPORT": json.dumps(to)}

    def _bootstrap_version(self) -> str:
        """Changes with Airflow's version and with the database, and costs no start of Airflow to know."""
        environment = self.layout.python("airflow").parents[1]
        packages = environment.glob("lib/python3*/site-packages/apache_airflow_core-*.dist-info")
        version = ", ".join(sorted(path.name for path in packages))
        return f"{version} on {hashlib.sha256(self.database_url.encode()).hexdigest()}"

    def _airflow(self, *arguments: str) -> None:
        """Run one Airflow command to its end, its output in the bootstrap log."""
        log = self.layout.logs / "airflow-bootstrap.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            done = subprocess.run(
                [str(self.layout.python("airflow")), "-m", "airflow", *arguments],
                cwd=self.layout.repository,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BOOTSTRAP_SECONDS,
                check=False,
            )
        if done.returncode:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-REPORT_LINES:]
            failed = f"`airflow {' '.join(arguments)}` ended with code {done.returncode}; all of it is in {log}"
            raise AirflowBootstrapError("\n".join([failed, *lines]))


def _new_keys() -> dict[str, str]:
    """Airflow derives weak ones (24 bytes, new at each start) when it is given none."""
    return {
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "API_AUTH__JWT_SECRET": secrets.token_urlsafe(96),
        "API__SECRET_KEY": secrets.token_urlsafe(48),
    }
