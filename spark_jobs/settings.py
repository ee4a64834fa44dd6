"""Where things are on this machine, as its environment says.

Settings of a single step are read where they are used: the connection of a source (feeds/connection.py), the file for
its lineage (lineage.py), and the portal's Python and database (flags/desk.py). The step server gives each step the
environment of whoever asks for it (step_server.py).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """Folders and addresses. `mart_url` and `hash_keys` hold or lead to secrets and are never printed."""

    state: Path
    published: Path
    spark_remote: str
    mart_url: str
    hash_keys: Path

    @property
    def landing(self) -> Path:
        return self.state / "landing"

    @property
    def lake(self) -> Path:
        return self.state / "lake"


def settings() -> Settings:
    """Read PINGAN_STATE, PINGAN_PUBLISHED, SPARK_REMOTE, MART_URL, PINGAN_HASH_KEYS."""
    state = Path(os.environ.get("PINGAN_STATE", REPOSITORY / ".state")).resolve()
    return Settings(
        state=state,
        published=Path(os.environ.get("PINGAN_PUBLISHED", REPOSITORY / "published")).resolve(),
        spark_remote=os.environ.get("SPARK_REMOTE", ""),
        mart_url=os.environ.get("MART_URL", ""),
        hash_keys=Path(os.environ.get("PINGAN_HASH_KEYS", state / "secrets" / "hash_keys.json")),
    )
