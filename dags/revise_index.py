"""One DAG a city that publishes its months again, revised, and its years, final: when the calendar says, and a person does.

Every morning after the night it asks what is due. Then it computes the month's last day as it is known by now, shows what
would change, and waits for somebody to approve. What was approved is released, and the month is made for everybody. Nobody
answers: the run fails, the former release stays up, and the next morning asks again. Who approved, and when, goes into the
city's journal with the release.

A second DAG a city reminds, at set hours before that: while a question waits its run is red, and says which.
After `remind_after_days` of a city the first DAG also sends a reminder each morning, over the channel of the city's digest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, BaseOperator, Context, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.business_day import business_date_param
from dags.step import StepOperator
from expectations.contract import load_cities
from expectations.models import City

MORNING = "0 9 * * *"  # local time; the night's release is up, and people are at work
ANSWER_WITHIN = timedelta(hours=23)  # the next morning asks again
REMINDERS = "0 7,12,16,20 * * *"  # local time; the last is an hour before the question expires


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


class PublicMonth(RevisionStep):
    """The month for everybody, after disclosure control, from the release that was approved."""

    def period(self, day: str) -> list[str]:
        return ["--month", day[:7]]

    def options(self, context: Context) -> list[str]:
        return []


class Remind(BaseOperator):
    """Fails, with what would change, while a revision waits for a person; is skipped when none does."""

    def __init__(self, *, asking: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.asking = asking  # id of the DAG whose task `approve` asks

    def execute(self, context: Context) -> None:
        ti = context["ti"]
        states = ti.get_task_states(dag_id=self.asking, task_ids=["approve"])
        waiting = sorted(run for run, tasks in states.items() if tasks.get("approve") == "awaiting_input")
        if not waiting:
            raise AirflowSkipException("no revision waits for an approval")
        said = {
            task: ti.xcom_pull(dag_id=self.asking, run_id=waiting[-1], task_ids=task, key="said")
            for task in ("due", "preview")
        }
        hours = ANSWER_WITHIN // timedelta(hours=1)
        raise AirflowFailException(
            f"the revision of {said['due']} waits for somebody to approve or reject it (Required Actions, {self.asking}); "
            f"{hours} hours after it asked it expires, and the former release stays up. It changes: {said['preview']}"
        )


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
        month = PublicMonth(task_id="month", step="monthly", city=city)
        due >> index >> preview >> approve >> release >> month
        if city.remind_after_days:  # beside `approve`: nothing waits for it
            preview >> StepOperator(task_id="tell", step="remind", city=city, connection=city.digest)
    return dag


def remind_dag(city: City) -> DAG:
    with DAG(
        dag_id=f"remind_{city.city_code}",
        dag_display_name=f"{city.name.zh} · 修订待批提醒",
        description=f"Red while a revision of {city.name.en} waits for somebody to approve it",
        schedule=CronTriggerTimetable(REMINDERS, timezone=city.time_zone) if city.publication else None,
        catchup=False,
        max_active_runs=1,
        tags=["publish", city.city_code],
    ) as dag:
        Remind(task_id="remind", asking=f"revise_{city.city_code}")
    return dag


for _city in load_cities():
    if _city.feeds:
        revise_dag(_city)
        remind_dag(_city)
