"""The real scheduler, API server and DAG processor on PostgreSQL: feeds triggered through the API, the publication by itself.

Only the steps are played by a stand-in, one of which prints the password that it was given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import httpx
import psutil
import pytest

from stack import serve
from stack.layout import Layout
from stack.machine import Machine
from tests.dags.surroundings import PASSWORD, Stub, connections, publishing_city
from tests.e2e.place import Place, new_place

pytestmark = pytest.mark.e2e
DAY, LATE_DAY, DAY_AFTER = "2026-01-15", "2026-01-17", "2026-01-18"
SECONDS = 300


@dataclass(frozen=True)
class Airflow:
    """Running components, and a client for each user."""

    place: Place
    machine: Machine
    stub: Stub

    def as_user(self, user: str) -> httpx.Client:
        home = self.machine.airflow
        login = {"username": user, "password": home.passwords()[user]}
        answer = httpx.post(f"{home.url}/auth/token", json=login, timeout=SECONDS).raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.Client(base_url=f"{home.url}/api/v2", headers=headers, timeout=SECONDS)

    @property
    def feeds(self) -> list[str]:
        """DAGs of the feeds."""
        city = self.stub.city
        return [f"feed_{city.city_code}_{feed.feed_code}" for feed in city.feeds]

    @property
    def publication(self) -> str:
        return f"publish_{self.stub.city.city_code}"

    def called(self, step: str, day: str) -> list[str | None]:
        """Feeds for which the step was called, one entry a call."""
        return [call["feed"] for call in self.stub.calls() if (call["step"], call["date"]) == (step, day)]

    def listening(self) -> set[str]:
        """Addresses that these processes and their children listen on."""
        records = (self.machine.layout.state / "run").glob("airflow-*.json")
        family = [psutil.Process(json.loads(record.read_text())["pid"]) for record in records]
        family += [child for process in family for child in process.children(recursive=True)]
        connections = [connection for process in family for connection in process.net_connections("inet")]
        return {f"{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def airflow(free_ports: int) -> Iterator[Airflow]:
    """PostgreSQL and Airflow's components, begun and stopped as `make serve` does."""
    with new_place(free_ports + 20) as place, ExitStack() as running:
        machine = Machine(Layout(place.folder / "state", place.folder / "published", place.port_base))
        machine.airflow.write_connections(connections())
        stub = Stub(place.folder, publishing_city())
        found = stub.put()
        running.callback(machine.postgres.service.stop)
        machine.postgres.start()
        machine.airflow.bootstrap()
        for service in serve.airflow(machine):
            with_stub = replace(service, environment={**service.environment, **found})
            running.callback(with_stub.stop)
            with_stub.start()
        airflow = Airflow(place, machine, stub)
        with airflow.as_user("ops") as ops:
            for dag_id in (airflow.publication, *airflow.feeds):
                wait_until(lambda dag_id=dag_id: ops.get(f"/dags/{dag_id}").status_code == 200, dag_id)
        yield airflow


def wait_until(is_true: Callable[[], Any], what: str) -> None:
    give_up = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < give_up, f"waited {SECONDS} s for {what}"
        time.sleep(0.5)


def trigger(client: httpx.Client, dag_id: str, day: str = DAY) -> httpx.Response:
    return client.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": {"business_date": day}})


def test_a_night_under_the_scheduler(airflow: Airflow) -> None:
    feeds, publication, stub = airflow.feeds, airflow.publication, airflow.stub
    ops, ro = airflow.as_user("ops"), airflow.as_user("ro")
    assert ops.get(f"/dags/{publication}").json()["is_paused"] is False

    layout = airflow.machine.layout
    assert httpx.get(f"{airflow.machine.airflow.url}/api/v2/dags", timeout=SECONDS).status_code == 401
    assert trigger(ro, feeds[0]).status_code == 403
    assert trigger(ops, feeds[0], "tomorrow").status_code == 400
    assert airflow.listening() == {f"127.0.0.1:{layout.port('airflow')}"}

    for dag_id in feeds:
        assert trigger(ops, dag_id).status_code == 200
    wait_until(lambda: airflow.called("release", DAY), "the release")
    wait_until(lambda: "success" in states(ops, publication), "the publication to end")

    steps = [(call["step"], call["feed"]) for call in stub.calls() if call["date"] == DAY]
    refined = [steps.index(("refine", feed.feed_code)) for feed in stub.city.feeds]
    assert max(refined) < steps.index(("conform", None))  # no publication before the last feed
    assert "asset_triggered" in {run["run_type"] for run in runs(ops, publication)}
    shown = log_of(ops, feeds[0], "land")
    assert "a careless step prints" in shown
    assert PASSWORD not in shown
    logs = (airflow.machine.airflow.folder, layout.logs)
    logged = [path for folder in logs for path in folder.rglob("*.log")]
    assert {path.name for path in logged if PASSWORD in path.read_text(errors="replace")} == set()
    tables = dict(airflow.place.tables())
    assert b"asset_triggered" in tables['airflow."public"."dag_run"']
    assert {table for table, rows in tables.items() if PASSWORD.encode() in rows} == set()


def test_feeds_of_several_days_that_arrive_together_publish_each_of_them(airflow: Airflow) -> None:
    """While a run is active arrivals wait, and one run is woken by all of them."""
    stub, busy_day = airflow.stub, "2026-01-16"
    with airflow.as_user("ops") as ops:
        stub.plan({"delivered": "hang"})
        busy = trigger(ops, airflow.publication, busy_day).raise_for_status().json()["dag_run_id"]
        wait_until(lambda: airflow.called("delivered", busy_day), "a run that goes on and on")
        stub.plan({})
        for day in (LATE_DAY, DAY_AFTER):
            for dag_id in airflow.feeds:
                assert trigger(ops, dag_id, day).status_code == 200
        for day in (LATE_DAY, DAY_AFTER):
            wait_until(lambda day=day: len(airflow.called("refine", day)) == len(airflow.feeds), f"feeds of {day}")
        assert not airflow.called("conform", LATE_DAY) + airflow.called("conform", DAY_AFTER)
        ops.patch(f"/dags/{airflow.publication}/dagRuns/{busy}", json={"state": "failed"}).raise_for_status()
        for day in (LATE_DAY, DAY_AFTER):
            wait_until(lambda day=day: airflow.called("release", day), f"the release of {day}")


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
