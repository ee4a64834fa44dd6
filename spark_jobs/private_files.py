"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

ONLY_OWNER = 0o077  # umask


def private_by_default() -> None:
    """From now on nobody but their owner can read the files that this process and its children write: landing holds
    persons.
    """
    os.umask(ONLY_OWNER)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one go, readable by its owner only from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
