"""A revision is shown, approved by a person who is named, and published; or it is not, and nothing is released."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from expectations.models import City
from tests.dags.surroundings import Stub
from tests.dags.test_runs import once

pytestmark = [pytest.mark.dags, pytest.mark.usefixtures("migrated")]
DAY, MONTH_END = "2026-01-15", "2025-11-30"
PREVIEW = "全市 101.3 → 101.1 {{ 1 + 1 }}"


class Officer:
    def get_id(self) -> str:
        return "7"

    def get_name(self) -> str:
        return "officer"


@pytest.fixture
def revise_dag(city: City, dags: dict[str, Any], stub: Stub) -> Any:
    stub.plan({"due_revision says": MONTH_END, "preview_revision says": PREVIEW})
    return once(dags[f"revise_{city.city_code}"])


class Answer(logging.Handler):
    """Answers the question for which Airflow says that it waits, through the function behind its page, and keeps what
    was asked. Whoever looked at the task's state instead could answer while it is being put there, and be forgotten.
    """

    def __init__(self, option: str) -> None:
        super().__init__()
        self.option, self.asked = option, ("", "")

    def emit(self, record: logging.LogRecord) -> None:
        from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
        from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
        from airflow.models.hitl import HITLDetail
        from airflow.utils.session import create_session
        from sqlalchemy import select

        if "Waiting for Human-in-the-loop input" not in record.getMessage():
            return
        with create_session(scoped=False) as session:
            found = session.scalars(select(HITLDetail).where(HITLDetail.responded_at.is_(None))).one()
            ti = found.task_instance
            payload = UpdateHITLDetailPayload(chosen_options=[self.option], params_input={})
            update_hitl_detail(ti.dag_id, ti.run_id, ti.task_id, payload, Officer(), session)
            self.asked = (found.subject, found.body)


def outcome(dag: Any, answer: Answer | None = None) -> tuple[str, dict[str, str | None]]:
    said_by_airflow = logging.getLogger("airflow.sdk.definitions.dag")
    said_by_airflow.setLevel(logging.INFO)
    if answer:
        said_by_airflow.addHandler(answer)
    try:
        run = dag.test(run_conf={"business_date": DAY})
    finally:
        if answer:
            said_by_airflow.removeHandler(answer)
    return str(run.state), {ti.task_id: ti.state and str(ti.state) for ti in run.get_task_instances()}


def test_what_is_approved_is_published_with_the_name_of_who_approved(revise_dag: Any, stub: Stub) -> None:
    answer = Answer("Approve")
    state, states = outcome(revise_dag, answer)
    assert (state, set(states.values())) == ("success", {"success"})
    assert answer.asked == (f"{MONTH_END} · 发布修订数据？ · Publish the revised figures?", PREVIEW)
    due, *others = stub.calls()
    assert (due["date"], due["revised"]) == (DAY, False)
    *revised, month = others
    assert [(call["step"], call["date"], call["revised"]) for call in revised] == [
        ("index", MONTH_END, True),
        ("preview_revision", MONTH_END, True),
        ("release", MONTH_END, True),
    ]
    assert revised[-1]["approved_by"] == "officer"
    assert revised[-1]["approved_at"][:2] == "20"
    assert (month["step"], month["month"], month["date"], month["revised"]) == ("monthly", MONTH_END[:7], None, False)


def test_what_is_rejected_is_not_published(revise_dag: Any, stub: Stub) -> None:
    state, states = outcome(revise_dag, Answer("Reject"))
    assert (state, states["approve"], states["release"], states["month"]) == (
        "success",
        "success",
        "skipped",
        "skipped",
    )
    assert not {"release", "monthly"} & set(stub.steps())


def test_silence_leaves_the_former_release_up(revise_dag: Any) -> None:
    from airflow.providers.standard.exceptions import HITLTimeoutError

    late = {"error": "no answer", "error_type": "timeout"}
    with pytest.raises(HITLTimeoutError):
        revise_dag.get_task("approve").execute_complete(context={}, event=late)


def test_without_an_answer_nothing_is_released_whatever_the_run_says(revise_dag: Any, stub: Stub) -> None:
    """Somebody marks the question as done: that is no approval."""
    run = revise_dag.test(run_conf={"business_date": DAY}, mark_success_pattern="approve")
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert (str(run.state), states["release"]) == ("failed", "failed")
    assert "release" not in stub.steps()


def test_a_morning_on_which_nothing_is_due_is_skipped(revise_dag: Any, stub: Stub) -> None:
    stub.plan({"due_revision": 3})
    state, states = outcome(revise_dag)
    assert (state, set(states.values())) == ("success", {"skipped"})
    assert stub.steps() == ["due_revision"]


class Waiting:
    """A task instance beside a run of the asking DAG whose `approve` is in the given state."""

    def __init__(self, asking: str, state: str | None) -> None:
        self.asking, self.state = asking, state

    def get_task_states(self, dag_id: str, task_ids: list[str]) -> dict[str, dict[str, str | None]]:
        assert (dag_id, task_ids) == (self.asking, ["approve"])
        return {"older": {"approve": "failed"}, "today": {"approve": self.state} if self.state else {}}

    def xcom_pull(self, dag_id: str, run_id: str, task_ids: str, key: str) -> str:
        assert (dag_id, run_id, key) == (self.asking, "today", "said")
        return {"due": MONTH_END, "preview": PREVIEW}[task_ids]


@pytest.mark.parametrize("state", ["awaiting_input", "success", "failed", "skipped", "queued", None])
def test_a_reminder_is_red_only_while_a_question_waits_and_says_what_it_is_about(
    city: City, dags: dict[str, Any], state: str | None
) -> None:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    asking, task = f"revise_{city.city_code}", dags[f"remind_{city.city_code}"].get_task("remind")
    is_waiting = state == "awaiting_input"
    with pytest.raises(AirflowFailException if is_waiting else AirflowSkipException) as told:
        task.execute({"ti": Waiting(asking, state)})
    assert is_waiting == (MONTH_END in str(told.value)) == (PREVIEW in str(told.value)) == (asking in str(told.value))
