"""What a piece of work costs in jobs, SQL executions and commits: counts are stable where seconds are not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.conftest import COUNTS


@dataclass
class Cost:
    """Of the work inside `counted`, once it has ended."""

    n_jobs: int = 0
    n_executions: int = 0
    n_commits: int = 0


@contextmanager
def counted(first_port: int, lake: Path) -> Iterator[Cost]:
    """Count what the tests' Spark server runs meanwhile, and the commits in the lake's folder."""
    cost, before = Cost(), _so_far(first_port, lake)
    yield cost
    cost.n_jobs, cost.n_executions, cost.n_commits = (
        after - former for after, former in zip(_so_far(first_port, lake), before, strict=True)
    )


def _so_far(first_port: int, lake: Path) -> tuple[int, int, int]:
    """Ended jobs, executions and commits. Spark hears of its work a little later: ask until it says the same twice."""
    found, former = _told(first_port), None
    while found != former:
        time.sleep(0.3)
        found, former = _told(first_port), found
    return *found, sum(1 for _ in lake.glob("*/*/_delta_log/*.json"))


def _told(first_port: int) -> tuple[int, int]:
    """Spark numbers its jobs and executions one after the other, and keeps the newest thousand."""
    with httpx.Client(base_url=f"http://127.0.0.1:{first_port + COUNTS}/api/v1/applications", timeout=60) as client:
        (application,) = client.get("").json()
        jobs = client.get(f"/{application['id']}/jobs").json()
        asked = {"details": "false", "planDescription": "false", "length": "100000"}
        executions = client.get(f"/{application['id']}/sql", params=asked).json()
    return tuple(
        max((each[key] for each in found), default=-1) + 1 for found, key in ((jobs, "jobId"), (executions, "id"))
    )
