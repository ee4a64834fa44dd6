"""What the DAGs are, read without a database and without running them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import load_cities
from expectations.models import City

pytestmark = pytest.mark.dags
DAGS = Path(__file__).resolve().parents[2] / "dags"
CITIES = load_cities()


def upstream(dag: Any) -> dict[str, set[str]]:
    return {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}


def test_one_dag_a_feed_four_a_city_and_no_other(dags: dict[str, Any]) -> None:
    feeds = {f"feed_{city.city_code}_{feed.feed_code}" for city in CITIES for feed in city.feeds}
    publications = {f"publish_{city.city_code}" for city in CITIES if city.feeds}
    assert feeds
    upkeep = {f"maintain_{city.city_code}" for city in CITIES if city.feeds}
    revisions = {f"revise_{city.city_code}" for city in CITIES if city.feeds}
    reminders = {f"remind_{city.city_code}" for city in CITIES if city.feeds}
    assert set(dags) == feeds | publications | upkeep | revisions | reminders


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.city_code)
def test_a_feed_lands_then_refines_and_tells_the_publication(city: City, dags: dict[str, Any]) -> None:
    for feed in city.feeds:
        dag = dags[f"feed_{city.city_code}_{feed.feed_code}"]
        assert upstream(dag) == {"land": set(), "refine": {"land"}}
        assert [asset.name for asset in dag.get_task("refine").outlets] == [f"silver.{feed.code}"]
        assert dag.get_task("land").connection == feed.source.connection
        assert dag.get_task("refine").connection is None


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.city_code)
def test_a_publication_is_one_line_of_steps_and_wakes_runs_for_other_days(city: City, dags: dict[str, Any]) -> None:
    line = ["gate", "conform", "index", "flags", "release", "complete"]
    expected = {"gate": set(), **{task: {before} for before, task in pairwise(line)}}
    expected |= {"other_days": set(), "wake": {"other_days"}}
    dag = dags[f"publish_{city.city_code}"]
    assert upstream(dag) == expected
    assert [asset.name for asset in dag.get_task("release").outlets] == [f"published.{city.city_code}"]


def test_a_city_that_wants_to_be_told_is_told_beside_the_end_of_the_night() -> None:
    from dags.publish_index import publish_dag

    plain = publish_dag(CITIES[0].model_copy(update={"digest": None}))
    told = publish_dag(CITIES[0].model_copy(update={"digest": "trial_digest"}))
    assert {id: tasks for id, tasks in upstream(told).items() if id != "digest"} == upstream(plain)
    assert upstream(told)["digest"] == {"release"}  # and nothing waits for it
    assert told.get_task("digest").connection == "trial_digest"


def test_a_city_that_wants_reminders_is_told_beside_the_question() -> None:
    from dags.revise_index import revise_dag

    plain = revise_dag(CITIES[0].model_copy(update={"digest": "trial_digest", "remind_after_days": None}))
    told = revise_dag(CITIES[0].model_copy(update={"digest": "trial_digest", "remind_after_days": 3}))
    assert {id: tasks for id, tasks in upstream(told).items() if id != "tell"} == upstream(plain)
    assert upstream(told)["tell"] == {"preview"}  # and nothing waits for it
    assert told.get_task("tell").connection == "trial_digest"


def test_a_failure_anywhere_makes_its_run_red(dags: dict[str, Any]) -> None:
    """A leaf that runs in spite of a failure, or a teardown, would turn a failed gate into a green run."""
    tasks = [task for dag in dags.values() for task in dag.tasks]
    assert {task.trigger_rule.value for task in tasks} == {"all_success"}
    assert not [task for task in tasks if task.is_teardown or task.is_setup]
    leaves = {
        "refine",
        "complete",
        "wake",
        "maintain",
        "month",
        "remind",
    }  # no further end that could be green where the line is red
    assert {leaf.task_id for dag in dags.values() for leaf in dag.leaves} == leaves


@pytest.mark.parametrize("city", [city for city in CITIES if city.publication], ids=lambda city: city.city_code)
def test_a_nightly_city_starts_and_ends_by_its_own_clock(city: City, dags: dict[str, Any]) -> None:
    assert city.publication
    for feed in city.feeds:
        timetable = dags[f"feed_{city.city_code}_{feed.feed_code}"].timetable
        assert (timetable.expression, str(timetable.timezone)) == (cron(city.publication.starts), city.time_zone)
    deadline = dags[f"publish_{city.city_code}"].timetable.timetable
    assert (deadline.expression, str(deadline.timezone)) == (cron(city.publication.deadline), city.time_zone)


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.city_code)
def test_upkeep_is_weekly_by_the_citys_clock_and_gives_way_to_the_night(city: City, dags: dict[str, Any]) -> None:
    dag = dags[f"maintain_{city.city_code}"]
    (task,) = dag.tasks
    nightly = dags[f"publish_{city.city_code}"].get_task("release")
    assert (task.step, task.pool, nightly.pool) == ("maintain", "spark", "spark")
    assert task.priority_weight < nightly.priority_weight
    if city.publication:
        _, hour, *_, weekday = dag.timetable.expression.split()
        assert (str(dag.timetable.timezone), weekday) == (city.time_zone, "0")
        assert int(hour) > city.publication.deadline.hour
    else:
        assert not dag.timetable.can_be_scheduled


def cron(clock: Any) -> str:
    return f"{clock:%-M} {clock:%-H} * * *"


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.city_code)
def test_each_feed_wakes_the_publication(city: City, dags: dict[str, Any]) -> None:
    waking = {asset.name for asset in dags[f"publish_{city.city_code}"].timetable.asset_condition.objects}
    assert waking == {f"silver.{feed.code}" for feed in city.feeds}


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.city_code)
def test_a_revision_waits_for_a_person_and_not_for_ever(city: City, dags: dict[str, Any]) -> None:
    dag = dags[f"revise_{city.city_code}"]
    chain = ["due", "index", "preview", "approve", "release", "month"]
    assert upstream(dag) == {"due": set()} | {after: {before} for before, after in pairwise(chain)}
    approve = dag.get_task("approve")
    assert approve.options == ["Approve", "Reject"]
    assert approve.defaults is None  # silence is no approval
    assert approve.response_timeout.total_seconds() > 0
    assert dag.timetable.can_be_scheduled == bool(city.publication)


@pytest.mark.parametrize("city", [city for city in CITIES if city.publication], ids=lambda city: city.city_code)
def test_reminders_come_while_a_question_can_wait_the_last_before_it_expires(city: City, dags: dict[str, Any]) -> None:
    asks, reminds = (dags[f"{kind}_{city.city_code}"].timetable for kind in ("revise", "remind"))
    assert str(asks.timezone) == str(reminds.timezone) == city.time_zone
    asked = int(asks.expression.split()[1])
    waits = dags[f"revise_{city.city_code}"].get_task("approve").response_timeout.total_seconds() / 3600
    after = sorted((int(hour) - asked) % 24 for hour in reminds.expression.split()[1].split(","))
    assert len(after) > 1
    assert after[0] > 0 and waits - 2 <= after[-1] < waits


def test_one_spark_step_at_a_time_and_one_run_a_dag(dags: dict[str, Any]) -> None:
    spark = {"refine", "conform", "index", "flags", "release", "maintain", "preview"}
    for dag in dags.values():
        assert dag.max_active_runs == 1
        assert not dag.catchup
        assert {task.task_id for task in dag.tasks if task.pool == "spark"} == spark & set(dag.task_ids)


def test_no_dag_names_a_city() -> None:
    names = {name for city in CITIES for name in (city.city_code, city.name.zh, city.name.en)}
    texts = {path.name: path.read_text(encoding="utf-8").lower() for path in DAGS.glob("*.py")}
    assert texts
    assert [(file, name) for file, text in texts.items() for name in names if name.lower() in text] == []


def test_dags_never_import_the_pipeline() -> None:
    importing = re.compile(r"^\s*(from|import) spark_jobs", re.MULTILINE)
    assert [path.name for path in DAGS.glob("*.py") if importing.search(path.read_text(encoding="utf-8"))] == []


def test_nothing_is_rendered_so_nothing_secret_is_stored(dags: dict[str, Any]) -> None:
    assert {tuple(task.template_fields) for dag in dags.values() for task in dag.tasks} == {()}
