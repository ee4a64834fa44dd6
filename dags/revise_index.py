"""One DAG a city that publishes its months again, revised, and its years, final: when the calendar says, and a person does.

Every morning after the night it asks what is due. Then it computes the month's last day as it is known by now, shows what
would change, and waits for somebody to approve. Nobody answers: the run fails, the former release stays up, and the next
morning asks again. Who approved, and when, goes into the city's journal with the release.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Context, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException

from dags.business_day import business_date_param
from dags.step import StepOperator
from expectations.contract import load_cities
from expectations.models import City

MORNING = "0 9 * * *"  # local time; the night's release is up, and people are at work
ANSWER_WITHIN = timedelta(hours=23)  # the next morning asks again


class RevisionStep(StepOperator):
    """A step about the business date that `due` has found, as known when its figures become revised."""

    def day(self, context: Context) -> str:
        return str(context["ti"].xcom_pull(task_ids="due", key="said"))

    def options(self, context: Context) -> list[str]:
        return ["--revised"]


class Publish(RevisionStep):
    """The release, with the person who approved it. Without one it fails."""

    def options(self, context: Context) -> list[str]:
        answer: dict[str, Any] = context["ti"].xcom_pull(task_ids="approve") or {}
        person = answer.get("responded_by_user")
        if answer.get("chosen_options") != [ApprovalOperator.APPROVE] or not person:
            raise AirflowFailException("nobody has approved this revision: the former release stays up")
        at = answer["responded_at"]
        instant = at if isinstance(at, str) else at.isoformat()
        return ["--revised", "--approved-by", str(person["name"]), "--approved-at", instant]


class Approve(ApprovalOperator):
    """Waits for a person, with what would change in view. Nothing of it is rendered: a figure is no template."""

    template_fields = ()

    def execute(self, context: Context) -> Any:
        day, said = (context["ti"].xcom_pull(task_ids=task, key="said") for task in ("due", "preview"))
        self.subject = f"{day} · {self.subject}"
        self.body = str(said)
        return super().execute(context)


def revise_dag(city: City) -> DAG:
    with DAG(
        dag_id=f"revise_{city.city_code}",
        dag_display_name=f"{city.name.zh} · 月度修订发布",
        description=f"The revised months and final years of {city.name.en}: compute, show what changes, approve, release",
        schedule=CronTriggerTimetable(MORNING, timezone=city.time_zone) if city.publication else None,
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
        params={"business_date": business_date_param()},
        tags=["publish", city.city_code],
    ) as dag:
        due = StepOperator(task_id="due", step="due_revision", city=city, if_incomplete="skip")
        index, preview = (
            RevisionStep(task_id=task, step=step, city=city, pool="spark")
            for task, step in (("index", "index"), ("preview", "preview_revision"))
        )
        approve = Approve(
            task_id="approve",
            subject="发布修订数据？ · Publish the revised figures?",
            response_timeout=ANSWER_WITHIN,
            retries=0,
        )
        release = Publish(task_id="release", step="release", city=city, pool="spark", if_incomplete="succeed")
        due >> index >> preview >> approve >> release
    return dag


for _city in load_cities():
    if _city.feeds:
        revise_dag(_city)
