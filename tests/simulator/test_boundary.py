"""Nothing else in the product knows that its city is simulated, and the simulator knows nothing of the product."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
OURS = {"expectations", "spark_jobs", "dags", "stack", "dbt", "superset", "bench"}


def imported(path: Path) -> Iterator[str]:
    """First part of every module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


def test_no_other_module_imports_the_simulator() -> None:
    files = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    assert files
    assert [str(path) for path in files if "simulator" in set(imported(path))] == []


def test_the_simulator_imports_nothing_of_ours() -> None:
    files = list((ROOT / "simulator").glob("*.py"))
    assert files
    assert {name for path in files for name in imported(path)} & OURS == set()
