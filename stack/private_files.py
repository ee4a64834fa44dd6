"""Secrets on disk: made once at set-up, readable by their owner only, never in the repository."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one go, readable by its owner only from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def made_once(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The secrets in `path`; the first call makes them."""
    if not path.exists():
        write_private(path, json.dumps(make(), indent=1))
    made: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return made


def passwords(path: Path, names: Iterable[str]) -> dict[str, str]:
    """A random password for each name."""
    return made_once(path, lambda: {name: secrets.token_urlsafe(18) for name in names})
