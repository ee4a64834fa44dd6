"""The real scheduler, API server and DAG processor: feeds triggered through the API, the publication by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest

from expectations.contract import City
from stack.airflow_home import AirflowHome
from tests.dags.surroundings import PASSWORD, Stub

pytestmark = [pytest.mark.dags, pytest.mark.e2e]
DAY = "2026-01-15"
SECONDS = 120


@dataclass(frozen=True)
class Airflow:
    """Running components, and a client for each user."""

    home: AirflowHome
    processes: tuple[subprocess.Popen[bytes], ...]

    def as_user(self, user: str) -> httpx.Client:
        login = {"username": user, "password": self.home.passwords()[user]}
        token = httpx.post(f"{self.home.url}/auth/token", json=login).raise_for_status().json()["access_token"]
        return httpx.Client(base_url=f"{self.home.url}/api/v2", headers={"Authorization": f"Bearer {token}"})

    def listening(self) -> set[str]:
        """Addresses that these processes and their children listen on."""
        family = [psutil.Process(process.pid) for process in self.processes]
        family += [child for process in family for child in process.children(recursive=True)]
        connections = [connection for process in family for connection in process.net_connections("inet")]
        return {f"{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == psutil.CONN_LISTEN}


@pytest.fixture
def airflow(fresh_home: AirflowHome, stub: Stub) -> Iterator[Airflow]:
    """The components in their order, each with its log in the state folder; stopped by SIGTERM."""
    fresh_home.layout.logs.mkdir(parents=True)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in fresh_home.components().items():
            with (fresh_home.layout.logs / f"{name}.log").open("wb") as log:
                environment = {**os.environ, **fresh_home.environment()}
                where = fresh_home.layout.repository
                processes.append(subprocess.Popen(command, cwd=where, env=environment, stdout=log, stderr=log))
            if len(processes) == 1:
                wait_until(lambda: answers(fresh_home.health_url), "the API server")
        yield Airflow(fresh_home, tuple(processes))
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_true: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
    give_up = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < give_up, f"waited {seconds} s for {what}"
        time.sleep(0.5)


def trigger(client: httpx.Client, dag_id: str, day: str = DAY) -> httpx.Response:
    return client.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": {"business_date": day}})


def test_a_night_under_the_scheduler(airflow: Airflow, city: City, stub: Stub) -> None:
    feeds = [f"feed_{city.city_code}_{feed.feed_code}" for feed in city.feeds]
    publication = f"publish_{city.city_code}"
    ops, ro = airflow.as_user("ops"), airflow.as_user("ro")
    wait_until(lambda: ops.get(f"/dags/{publication}").status_code == 200, "the DAGs to be read")
    wait_until(lambda: all(ops.get(f"/dags/{dag_id}").status_code == 200 for dag_id in feeds), "the feeds")
    assert ops.get(f"/dags/{publication}").json()["is_paused"] is False

    assert httpx.get(f"{airflow.home.url}/api/v2/dags").status_code == 401
    assert trigger(ro, feeds[0]).status_code == 403
    assert trigger(ops, feeds[0], "tomorrow").status_code == 400
    assert airflow.listening() == {f"127.0.0.1:{airflow.home.layout.port('airflow')}"}

    for dag_id in feeds:
        assert trigger(ops, dag_id).status_code == 200
    released = lambda: [call for call in stub.calls() if call["step"] == "release" and call["date"] == DAY]  # noqa: E731
    wait_until(released, "the release")
    wait_until(lambda: "success" in states(ops, publication), "the publication to end")

    steps = [(call["step"], call["feed"]) for call in stub.calls() if call["date"] == DAY]
    refined = [steps.index(("refine", feed.feed_code)) for feed in city.feeds]
    assert max(refined) < steps.index(("conform", None))  # no publication before the last feed
    assert "asset_triggered" in {run["run_type"] for run in runs(ops, publication)}
    shown = log_of(ops, feeds[0], "land")
    assert "a careless step prints" in shown
    assert PASSWORD not in shown
    assert PASSWORD not in everything_logged(airflow.home)


def runs(client: httpx.Client, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/dags/{dag_id}/dagRuns").raise_for_status().json()["dag_runs"]
    return found


def log_of(client: httpx.Client, dag_id: str, task_id: str) -> str:
    """What a person sees of a task in the browser."""
    run_id = runs(client, dag_id)[-1]["dag_run_id"]
    return client.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1").raise_for_status().text


def states(client: httpx.Client, dag_id: str) -> set[str]:
    """States of the runs that published (a premature run is skipped task by task)."""
    published = set()
    for run in runs(client, dag_id):
        tasks = client.get(f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances").json()["task_instances"]
        if any(task["task_id"] == "release" and task["state"] == "success" for task in tasks):
            published.add(run["state"])
    return published


def everything_logged(home: AirflowHome) -> str:
    files = [path for path in (*home.folder.rglob("*.log"), *home.layout.logs.iterdir()) if path.is_file()]
    text = "".join(path.read_text(errors="replace") for path in files)
    text += (home.layout.state / "airflow.db").read_bytes().decode(errors="replace")
    assert "a careless step prints" in text
    return text
