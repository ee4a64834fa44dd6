"""All tests in two lanes, one a core: whole nights first, which take longest, beside those of what comes in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from stack.layout import Layout

NO_TESTS = 5  # pytest: the arguments selected nothing


class Group(NamedTuple):
    """Tests that one pytest runs in one environment."""

    environment: str
    selection: tuple[str, ...]


NIGHTS = Group("pipeline", ("tests/e2e",))
RECEIVED = Group("pipeline", ("tests/feeds", "tests/bad_input", "tests/privacy"))
RELEASED = Group("pipeline", ("tests/release", "tests/disclosure", "tests/superset"))
AIRFLOW = Group("airflow", ("tests/dags",))
PORTAL = Group("portal", ("tests/portal",))
APART = (NIGHTS, RECEIVED, RELEASED, AIRFLOW, PORTAL)
OTHERS = Group("pipeline", ("tests", *(f"--ignore={folder}" for group in APART for folder in group.selection)))
TURNS = (NIGHTS, RECEIVED, RELEASED, OTHERS, AIRFLOW, PORTAL)  # the longest first; a lane that is free takes the next


def run_tests(layout: Layout, arguments: Sequence[str]) -> int:
    """Run pytest with `arguments` on all tests, or on the files and folders named among them. Returns an exit code.

    The lanes' lines stand among each other as they come; each names its file.
    """
    named = [argument for argument in arguments if argument.startswith("tests/")]
    options = [argument for argument in arguments if argument not in named]
    if named:
        apart = [
            Group(group.environment, tuple(path for path in named if path.startswith(group.selection)))
            for group in (AIRFLOW, PORTAL)
        ]
        others = [path for path in named if not path.startswith((*AIRFLOW.selection, *PORTAL.selection))]
        groups = [Group("pipeline", tuple(others)), *apart]
        return _worst([_run(layout, group, options) for group in groups if group.selection])
    with ThreadPoolExecutor(2) as lanes:
        runs = [lanes.submit(_run, layout, group, options) for group in TURNS]
        try:
            return _worst([run.result() for run in runs])
        finally:
            lanes.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nothing else begins


def _run(layout: Layout, group: Group, options: Sequence[str]) -> int:
    command = [str(layout.python(group.environment)), "-m", "pytest", *group.selection, *options]
    environment = {**os.environ, "PYTHONPATH": str(layout.repository)}
    with subprocess.Popen(
        command, cwd=layout.repository, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as run:  # fmt: skip
        assert run.stdout
        for line in run.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
    return run.returncode


def _worst(codes: Sequence[int]) -> int:
    return max((code for code in codes if code != NO_TESTS), default=NO_TESTS)
