"""Runs of the DAGs by `dag.test()` against the stand-in: every exit code becomes its outcome."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from expectations.models import City
from tests.dags.surroundings import PASSWORD, Stub

pytestmark = [pytest.mark.dags, pytest.mark.usefixtures("migrated")]
DAY = "2026-01-15"


@pytest.fixture
def feed_dag(city: City, dags: dict[str, Any]) -> Any:
    return once(dags[f"feed_{city.city_code}_{city.feeds[0].feed_code}"])


@pytest.fixture
def publish_dag(city: City, dags: dict[str, Any]) -> Any:
    return once(dags[f"publish_{city.city_code}"])


def once(dag: Any) -> Any:
    """A copy of the DAG (a run leaves its parameters in it), its retries without waiting so that they are seen."""
    dag = deepcopy(dag)
    for task in dag.tasks:
        task.params = deepcopy(task.params)  # a copied task would share them
        task.retries = min(task.retries, 1)
        task.retry_delay, task.retry_exponential_backoff = timedelta(0), 0
    return dag


def outcome(dag: Any, **conf: Any) -> tuple[str, dict[str, str | None]]:
    """State of the run and of each of its tasks."""
    run = dag.test(run_conf={"business_date": DAY, **conf})
    states = {ti.task_id: ti.state and str(ti.state) for ti in run.get_task_instances()}
    others = [states.pop(task_id, None) for task_id in ("other_days", "wake")]
    assert others in ([None, None], ["success", "skipped"])  # a run by hand is about one day
    return str(run.state), states


def test_a_feed_that_comes_through(feed_dag: Any, city: City, stub: Stub) -> None:
    feed = city.feeds[0]
    assert outcome(feed_dag) == ("success", {"land": "success", "refine": "success"})
    asked = [{name: call[name] for name in ("module", "step", "city", "feed", "date")} for call in stub.calls()]
    common = {"module": "spark_jobs", "city": city.city_code, "feed": feed.feed_code, "date": DAY}
    assert asked == [common | {"step": "land"}, common | {"step": "refine"}]


def test_only_land_gets_the_connection_and_no_step_gets_airflows_secrets(feed_dag: Any, stub: Stub) -> None:
    outcome(feed_dag)
    land, refine = stub.calls()
    assert json.loads(land["connection"]) == {
        "conn_type": "http",
        "host": "127.0.0.1",
        "port": 9,
        "login": "reader",
        "password": PASSWORD,
        "extra": {"path": "/drop"},
    }
    assert refine["connection"] is None
    assert [name for call in stub.calls() for name in call["names"] if "AIRFLOW" in name] == []


@pytest.mark.parametrize(
    ("step", "code", "tries"),
    [
        ("land", 2, 1),
        ("land", 4, 2),  # source unavailable: again, later
        ("land", 7, 2),
        ("land", 70, 2),
        ("refine", 5, 1),  # contract breach: the same bytes would breach it again
        ("refine", 3, 1),
        ("refine", 7, 2),
    ],
)
def test_what_fails_and_what_is_tried_again(step: str, code: int, tries: int, feed_dag: Any, stub: Stub) -> None:
    stub.plan({step: code})
    state, tasks = outcome(feed_dag)
    assert (state, tasks[step]) == ("failed", "failed")
    assert stub.steps().count(step) == tries


def test_a_feed_that_fails_tells_nobody_that_it_arrived(feed_dag: Any, stub: Stub) -> None:
    before = arrivals()
    stub.plan({"refine": 5})
    outcome(feed_dag)
    assert arrivals() == before
    stub.plan({})
    outcome(feed_dag)
    assert arrivals() == [*before, {"business_date": DAY}]


def arrivals() -> list[dict[str, Any]]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return list(session.scalars(select(AssetEvent.extra).order_by(AssetEvent.id)))


ALL = ("gate", "conform", "index", "flags", "release", "complete")


def tasks(*states: str) -> dict[str, str]:
    return dict(zip(ALL, states, strict=True))


def test_a_full_publication(publish_dag: Any, stub: Stub) -> None:
    assert outcome(publish_dag, now=True) == ("success", tasks(*["success"] * 6))
    assert stub.steps() == ["conform", "index", "flags", "release"]


def test_published_without_a_feed_is_up_and_red(publish_dag: Any, stub: Stub) -> None:
    stub.plan({"release": 3})
    assert outcome(publish_dag, now=True) == ("failed", tasks(*["success"] * 5, "failed"))
    assert stub.steps().count("release") == 1


def test_a_failed_gate_is_red_and_not_tried_again(publish_dag: Any, stub: Stub) -> None:
    stub.plan({"release": 6})
    assert outcome(publish_dag, now=True) == ("failed", tasks(*["success"] * 4, "failed", "upstream_failed"))
    assert stub.steps().count("release") == 1


def test_a_premature_run_is_skipped(publish_dag: Any, stub: Stub) -> None:
    stub.plan({"delivered": 3})
    assert outcome(publish_dag) == ("success", tasks(*["skipped"] * 6))
    assert stub.steps() == ["delivered"]


def test_a_run_with_all_feeds_goes_ahead(publish_dag: Any, stub: Stub) -> None:
    stub.plan({"delivered": 0})
    assert outcome(publish_dag)[0] == "success"
    assert stub.steps() == ["delivered", "conform", "index", "flags", "release"]


def test_after_the_deadline_run_a_late_feed_is_published_at_once(publish_dag: Any, city: City, stub: Stub) -> None:
    assert city.publication
    day = datetime(2026, 1, 20)
    deadline = datetime.combine(day + timedelta(days=1), city.publication.deadline, ZoneInfo(city.time_zone))
    publish_dag.test(logical_date=deadline, run_conf={"now": True})
    assert {call["date"] for call in stub.calls()} == {f"{day:%Y-%m-%d}"}
    stub.plan({"delivered": 3})
    assert outcome(publish_dag, business_date=f"{day:%Y-%m-%d}")[0] == "success"
    assert stub.steps() == ["conform", "index", "flags", "release"] * 2


def test_the_deadline_waits_for_feeds_that_are_running(
    publish_dag: Any, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = publish_dag.get_task("gate")
    monkeypatch.setitem(type(gate)._wait_for_running_feeds.__globals__, "POLL_SECONDS", 0)
    rounds = iter([2, 1, 0])
    running = {"now": 0}

    def get_dr_count(dag_id: str, states: list[str]) -> int:
        assert states == ["queued", "running"]
        if dag_id == f"feed_{city.city_code}_{city.feeds[0].feed_code}":
            running["now"] = next(rounds)
        return running["now"]

    gate._wait_for_running_feeds(SimpleNamespace(get_dr_count=get_dr_count))
    assert next(rounds, "all rounds were needed") == "all rounds were needed"
