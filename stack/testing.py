"""All tests in two lanes: whole nights, which wait a good deal, and the tests of DAGs, beside all others."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, NamedTuple

from stack.layout import Layout

NO_TESTS = 5  # pytest: the arguments selected nothing


class Group(NamedTuple):
    """Tests that one pytest runs in one environment."""

    environment: str
    selection: tuple[str, ...]


NIGHTS = Group("pipeline", ("tests/e2e",))
PIPELINE = Group("pipeline", ("tests", "--ignore=tests/dags", "--ignore=tests/e2e"))
AIRFLOW = Group("airflow", ("tests/dags",))


def run_tests(layout: Layout, arguments: Sequence[str]) -> int:
    """Run pytest with `arguments` on all tests, or on the files and folders named among them. Returns an exit code.

    What the nights and the DAGs say is shown when the others are done.
    """
    named = [argument for argument in arguments if argument.startswith("tests/")]
    options = [argument for argument in arguments if argument not in named]
    if named:
        of_airflow = [path for path in named if path.startswith(AIRFLOW.selection)]
        others = [path for path in named if path not in of_airflow]
        groups = [Group("pipeline", tuple(others)), Group("airflow", tuple(of_airflow))]
        return _worst([_run(layout, group, options) for group in groups if group.selection])
    with tempfile.TemporaryFile() as said, ThreadPoolExecutor(1) as beside:
        lane = [beside.submit(_run, layout, group, options, said) for group in (NIGHTS, AIRFLOW)]
        try:
            codes = [_run(layout, PIPELINE, options), *(run.result() for run in lane)]
        finally:
            beside.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nothing else begins
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return _worst(codes)


def _run(layout: Layout, group: Group, options: Sequence[str], output: IO[bytes] | None = None) -> int:
    command = [str(layout.python(group.environment)), "-m", "pytest", *group.selection, *options]
    environment = {**os.environ, "PYTHONPATH": str(layout.repository)}
    return subprocess.run(
        command, cwd=layout.repository, env=environment, stdout=output, stderr=output, check=False
    ).returncode


def _worst(codes: Sequence[int]) -> int:
    return max((code for code in codes if code != NO_TESTS), default=NO_TESTS)
