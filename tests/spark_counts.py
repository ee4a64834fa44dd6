"""What a piece of work costs in jobs, SQL executions and commits: counts are stable where seconds are not."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx
from pyspark.sql import SparkSession

from tests.conftest import COUNTS


@dataclass
class Cost:
    """Of the work inside `counted`, once it has ended."""

    n_jobs: int = 0
    n_executions: int = 0
    n_commits: int = 0


@contextmanager
def counted(spark: SparkSession, first_port: int, lake: Path) -> Iterator[Cost]:
    """Count what the tests' Spark server runs meanwhile, and the commits in the lake's folder."""
    cost, before, stood = Cost(), _mark(spark, first_port), _commits(lake)
    yield cost
    after = _mark(spark, first_port)
    cost.n_jobs, cost.n_executions = after.first_job - before.last_job - 1, after.execution - before.execution - 1
    cost.n_commits = _commits(lake) - stood


class Mark(NamedTuple):
    """Numbers of a query of the count's own. Spark numbers jobs and executions one after the other."""

    first_job: int
    last_job: int
    execution: int


def _mark(spark: SparkSession, first_port: int) -> Mark:
    """Run a query under a tag, and wait until Spark's page knows it: it then knows all that was before."""
    tag = uuid.uuid4().hex
    spark.addTag(tag)
    spark.range(1).collect()
    spark.removeTag(tag)
    deadline = time.monotonic() + 60
    with httpx.Client(base_url=f"http://127.0.0.1:{first_port + COUNTS}/api/v1/applications", timeout=60) as client:
        (application,) = client.get("").json()
        while time.monotonic() < deadline:
            jobs = client.get(f"/{application['id']}/jobs").json()
            own = [job["jobId"] for job in jobs if any(tag in each for each in job["jobTags"])]
            asked = {"details": "false", "planDescription": "false", "length": "100000"}
            executions = client.get(f"/{application['id']}/sql", params=asked).json()
            of_tag = [each["id"] for each in executions if own and own[-1] in each["successJobIds"]]
            if of_tag:
                return Mark(min(own), max(own), max(of_tag))
            time.sleep(0.2)
    raise AssertionError(f"Spark's page does not know the query {tag}")


def _commits(lake: Path) -> int:
    return sum(1 for _ in lake.glob("*/*/_delta_log/*.json"))
