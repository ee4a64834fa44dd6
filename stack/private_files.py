"""Secrets on disk: made once at set-up, readable by their owner only, never in the repository."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from spark_jobs.private_files import write_private


def made_once(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The secrets in `path`; the first call makes them."""
    if not path.exists():
        write_private(path, json.dumps(make(), indent=1))
    made: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return made


def passwords(path: Path, names: Iterable[str]) -> dict[str, str]:
    """A random password for each name; a name that the file does not have yet gets one."""
    made = made_once(path, dict)
    new = {name: secrets.token_urlsafe(18) for name in names if name not in made}
    if new:
        write_private(path, json.dumps({**made, **new}, indent=1))
    return {**made, **new}
