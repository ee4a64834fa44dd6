"""A machine of the test's own: state, published files and ports apart from everything else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql

REPOSITORY = Path(__file__).parents[2]
CITY = "daqing"
FIRST, SECOND, THIRD = "2026-11-20", "2026-11-21", "2026-11-22"


@dataclass
class Place:
    folder: Path
    port_base: int

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PINGAN_", "SPARK_"))}
        return {
            **clean,
            "PINGAN_STATE": str(self.folder / "state"),
            "PINGAN_PUBLISHED": str(self.folder / "published"),
            "PORT_BASE": str(self.port_base),
            "COLUMNS": "120",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "stack", "run", "--city", CITY, *arguments]

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=REPOSITORY,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )

    def latest(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "published" / CITY / "latest.json").read_text())
        return content

    def release_hashes(self) -> dict[str, str]:
        return self.hashes(self.folder / "published" / CITY / "releases" / self.latest()["release_id"])

    @staticmethod
    def hashes(folder: Path) -> dict[str, str]:
        return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}

    def landed(self) -> set[Path]:
        return set((self.folder / "state" / "landing").rglob("manifest.json"))

    def secret(self, name: str) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.folder / "state" / "secrets" / f"{name}.json").read_text())
        return content

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """Every table of the databases that are not a source: marts, Airflow's and Superset's metadata. Name, content."""
        password = self.secret("postgres")["postgres"]
        for database in ("mart", "airflow", "superset"):
            address = {"host": "127.0.0.1", "port": self.port_base + 4, "dbname": database}
            with psycopg.connect(**address, user="postgres", password=password) as connection:
                listed = (
                    "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
                )
                found = connection.execute(f"{listed} and table_schema not in ('pg_catalog', 'information_schema')")
                for name in [psycopg.sql.Identifier(*row) for row in found.fetchall()]:
                    query = psycopg.sql.SQL("copy {} to stdout").format(name)
                    with connection.cursor().copy(query) as rows:
                        yield f"{database}.{name.as_string(connection)}", b"".join(bytes(block) for block in rows)


@contextmanager
def new_place(port_base: int) -> Iterator[Place]:
    """Outside pytest's own folder, which pytest closes to the account that PostgreSQL runs under."""
    folder = Path(tempfile.mkdtemp(prefix="peace-index-"))
    folder.chmod(0o755)
    yield Place(folder, port_base)
    shutil.rmtree(folder, ignore_errors=True)
