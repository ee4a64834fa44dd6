"""Which data sets a step read and wrote, for whoever started it: Airflow tells them on as OpenLineage (dags/step.py)."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

VARIABLE = "PINGAN_LINEAGE"  # the file to leave them in
READ: set[str] = set()
WRITTEN: set[str] = set()


def read(name: str) -> None:
    """A table as schema.name, or what lies outside of the lake (landing.…, source.…)."""
    READ.add(name.replace("`", ""))


def wrote(name: str) -> None:
    WRITTEN.add(name.replace("`", ""))


def queried(query: str) -> None:
    """The tables of a query that is not made of `tables.read`."""
    READ.update(re.findall(r"(?:from|join)\s+(\w+\.\w+)", query.replace("`", "")))


def hand_over() -> None:
    """Leave what this process has read and written in the file that PINGAN_LINEAGE names; nothing without it."""
    path = os.environ.get(VARIABLE)
    if path:
        Path(path).write_text(json.dumps({"inputs": sorted(READ), "outputs": sorted(WRITTEN)}), encoding="utf-8")
