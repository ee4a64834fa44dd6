"""A range of days handed to a scheduler that is running, one DAG run after another.

Only one run is asked for at a time, so a night that becomes due in between waits for one feed or one day, not for all.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

import httpx
from rich.console import Console

from expectations.models import City
from expectations.outcomes import Outcome
from stack.machine import Machine

POLL_SECONDS = 2.0


def scheduler_is_up(machine: Machine) -> bool:
    try:
        return httpx.get(machine.airflow.health_url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def by_scheduler(machine: Machine, city: City, since: date, until: date, console: Console) -> int:
    """All feeds for the range, then each day's publication. Returns the worst exit code of a publication."""
    codes = [0]
    with _api(machine) as api:
        for feed in city.feeds:
            wanted = {"business_date": until.isoformat(), "since": since.isoformat()}
            _run(api, f"feed_{city.city_code}_{feed.feed_code}", wanted, "refine", console)
        for number in range((until - since).days + 1):
            conf = {"business_date": (since + timedelta(days=number)).isoformat(), "now": True}
            codes.append(_run(api, f"publish_{city.city_code}", conf, "release", console))
    return max(codes)


def _api(machine: Machine) -> httpx.Client:
    """Airflow's API with the account of its operator."""
    login = {"username": "ops", "password": machine.airflow.passwords()["ops"]}
    token = httpx.post(f"{machine.airflow.url}/auth/token", json=login, timeout=30).raise_for_status().json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    return httpx.Client(base_url=f"{machine.airflow.url}/api/v2/dags/", headers=headers, timeout=60)


def _run(api: httpx.Client, dag_id: str, conf: dict[str, Any], step: str, console: Console) -> int:
    """One DAG run to its end, however long others make it wait. Returns the exit code of its `step`."""
    body = {"logical_date": None, "conf": conf}
    run = api.post(f"{dag_id}/dagRuns", json=body).raise_for_status().json()["dag_run_id"]
    state = "queued"
    while state in ("queued", "running"):
        time.sleep(POLL_SECONDS)
        state = api.get(f"{dag_id}/dagRuns/{run}").raise_for_status().json()["state"]
    told = api.get(f"{dag_id}/dagRuns/{run}/taskInstances/{step}/xcomEntries/exit_code")
    code = int(told.json()["value"]) if told.is_success else Outcome.INTERNAL_ERROR
    console.print(f"  {'✗' if code else '✓'} {dag_id} {conf['business_date']}: {state}")
    return code
