"""Where things are on one machine: folders, ports, environments. Derived from the repository and two variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PORTS = ("portal", "superset", "airflow", "jupyter", "postgres", "spark", "simulator", "desk")


@dataclass(frozen=True)
class Layout:
    """Folders and loopback ports. Ports are consecutive from `port_base` in the order of PORTS."""

    state: Path
    published: Path
    port_base: int
    repository: Path = REPOSITORY

    @classmethod
    def from_environment(cls) -> Layout:
        """Read PINGAN_STATE, PINGAN_PUBLISHED and PORT_BASE."""
        return cls(
            state=Path(os.environ.get("PINGAN_STATE", REPOSITORY / ".state")).resolve(),
            published=Path(os.environ.get("PINGAN_PUBLISHED", REPOSITORY / "published")).resolve(),
            port_base=int(os.environ.get("PORT_BASE", "18600")),
        )

    def port(self, service: str) -> int:
        return self.port_base + PORTS.index(service)

    def python(self, environment: str) -> Path:
        return self.repository / ".venv" / environment / "bin" / "python"

    @property
    def public(self) -> Path:
        """What everybody may see, beside what is published for leaders and analysts."""
        return self.published.with_name("public")

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def jars(self) -> Path:
        return self.repository / ".venv" / "jars"


def close_to_others(state: Path) -> None:
    """Let no other account into the state folder, nor into folders inside it that an older version left open.

    Where root runs the stack, PostgreSQL has an account of its own. It must pass through to its data, and sees nothing
    else.
    """
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for folder in state.iterdir():
        if folder.is_dir() and folder.owner() == state.owner() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
