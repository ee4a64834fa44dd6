"""How a step of the pipeline runs under Airflow: as a process of its own whose exit code is the outcome.

| code  | what the step says          | outcome of the task                                             |
|-------|-----------------------------|-----------------------------------------------------------------|
| 0     | done                        | success; outlets carry the business date                        |
| 2     | bad argument                | failed, never retried                                           |
| 3     | done, but a feed is missing | what `if_incomplete` says: succeed, skip, or failed             |
| 4     | source unavailable          | failed, retried                                                 |
| 5     | contract breach             | failed, never retried                                           |
| 6     | gate failed                 | failed, never retried                                           |
| 7     | environment                 | failed, retried                                                 |
| other | internal error, or a signal | failed, retried                                                 |

The code is left as XCom `exit_code` and the step's last line as XCom `said`, whatever the outcome.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from airflow.sdk import BaseOperator, Connection, Context
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)
from airflow.sdk.log import mask_secret, redact

from dags.business_day import business_date
from expectations.models import City
from expectations.outcomes import Outcome

REPOSITORY = Path(__file__).resolve().parents[1]
NEVER_RETRIED = {Outcome.USAGE, Outcome.INCOMPLETE, Outcome.CONTRACT_BREACH, Outcome.GATE_FAILED}
MEANING = {int(outcome): outcome.meaning for outcome in Outcome}
REPORT_LINES = 12
LAKE = "peace-index"  # OpenLineage namespace of our data sets
SECONDS_TO_END = 3.0  # less than the five after which Airflow kills the task itself
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StepStopped(AirflowException):
    """The step was ended from outside: a run marked failed, a scheduler shutting down, Ctrl-C."""


class StepOperator(BaseOperator):
    """Runs `python -m spark_jobs <step> --city C [--feed F] --date D` with the pipeline's own python.

    :param city: the city of the contract; its calendar decides the business date
    :param feed_code: for steps about one feed
    :param connection: id of the Airflow Connection that the step gets as JSON in PINGAN_CONNECTION. It is
        read when the step starts and goes nowhere else: no template field, no argument, no XCom.
    :param if_incomplete: what exit code 3 means for this step
    :param takes: parameters of the run that the step gets as options of the same name, where they are given
    """

    def __init__(
        self,
        *,
        step: str,
        city: City,
        feed_code: str | None = None,
        connection: str | None = None,
        if_incomplete: Literal["succeed", "skip", "fail"] = "fail",
        takes: tuple[str, ...] = (),
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.step = step
        self.city = city
        self.feed_code = feed_code
        self.connection = connection
        self.if_incomplete = if_incomplete
        self.takes = takes
        self._process: subprocess.Popen[str] | None = None
        self._is_stopped = False
        self._lineage: dict[str, list[str]] = {"inputs": [], "outputs": []}

    def execute(self, context: Context) -> None:
        """Run the step to its end. Raises as the table above says, the step's last lines as its error report."""
        day, options = self.day(context), self.options(context)
        with TemporaryDirectory() as folder:
            told = Path(folder, "lineage.json")
            environment = {**self._environment(), "PINGAN_LINEAGE": str(told)}
            code, lines = self._run([*self._command(), *self.period(day), *options], environment)
            if told.exists():
                self._lineage = json.loads(told.read_text(encoding="utf-8"))
        context["ti"].xcom_push("exit_code", code)
        context["ti"].xcom_push("said", lines[-1] if lines else "")
        self._settle(code, lines)
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = {"business_date": day}

    def day(self, context: Context) -> str:
        """The business date that the step is about, ISO."""
        return business_date(context, self.city)

    def period(self, day: str) -> list[str]:
        """How the step is told what it is about."""
        return ["--date", day]

    def options(self, context: Context) -> list[str]:
        """What the step is told beside city, feed and date."""
        given = {name: context["params"].get(name) for name in self.takes}
        return [part for name, value in given.items() if value for part in (f"--{name}", str(value))]

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> Any:
        """What the step read and wrote, as it said itself. Asked by the OpenLineage provider, and only by it."""
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import Dataset

        named = {way: [Dataset(LAKE, name) for name in names] for way, names in self._lineage.items()}
        return OperatorLineage(**named)

    def on_kill(self) -> None:
        self._is_stopped = True
        self._end_group()

    def _command(self) -> list[str]:
        default = REPOSITORY / ".venv" / "pipeline" / "bin" / "python"
        python = os.environ.get("PINGAN_PIPELINE_PYTHON", str(default))
        feed = ["--feed", self.feed_code] if self.feed_code else []
        return [python, "-m", "spark_jobs", self.step, "--city", self.city.city_code, *feed]

    def _environment(self) -> dict[str, str]:
        """Our environment without anything of Airflow's (its database, its keys), plus the connection."""
        environment = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
        environment["PYTHONUNBUFFERED"] = "1"
        if self.connection:
            environment["PINGAN_CONNECTION"] = _connection_json(self.connection)
        return environment

    def _run(self, command: list[str], environment: dict[str, str]) -> tuple[int, list[str]]:
        """Exit code (negative: the signal that ended it) and the last lines; every line goes to the log."""
        if self._is_stopped:
            raise StepStopped(f"step {self.step} was stopped before it began")
        self.log.info("Running: %s", " ".join(command))
        last_lines: deque[str] = deque(maxlen=REPORT_LINES)
        self._process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that a whole group can be ended without ending ourselves
            preexec_fn=_die_with_parent if _LIBC else None,
        )
        assert self._process.stdout
        try:
            for raw_line in self._process.stdout:
                line = str(redact(raw_line.rstrip()))
                self.log.info("%s", line)
                last_lines.append(line)
            return self._process.wait(), [line for line in last_lines if line]
        finally:
            self._end_group()

    def _end_group(self) -> None:
        """End the step and all it started; nothing happens if it has ended already."""
        if self._process is None:
            return
        for sent in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, sent)
                self._process.wait(SECONDS_TO_END)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def _settle(self, code: int, lines: list[str]) -> None:
        if self._is_stopped:
            raise StepStopped(f"step {self.step} was stopped from outside")
        if code == 0 or (code == Outcome.INCOMPLETE and self.if_incomplete == "succeed"):
            return
        subject = f"{self.city.city_code}.{self.feed_code}" if self.feed_code else self.city.city_code
        meaning = MEANING.get(code, f"ended by signal {-code}" if code < 0 else "unknown exit code")
        report = "\n".join([f"step {self.step} of {subject}: {meaning} (exit {code})", *lines])
        if code == Outcome.INCOMPLETE and self.if_incomplete == "skip":
            raise AirflowSkipException(report)
        raise (AirflowFailException if code in NEVER_RETRIED else AirflowException)(report)


def _connection_json(connection_id: str) -> str:
    """The Connection as JSON. From here on `redact` knows its password and the secrets in its `extra`."""
    try:
        connection = Connection.get(connection_id)
    except AirflowNotFoundException as error:
        raise AirflowFailException(
            f"Airflow has no connection {connection_id!r}. Expected it in the connections file of the "
            "secrets backend; add it there, or under Admin > Connections, with address and account."
        ) from error
    fields = ("conn_type", "host", "port", "schema", "login", "password")
    mask_secret(connection.extra_dejson)
    given = {field: getattr(connection, field) for field in fields if getattr(connection, field) is not None}
    return json.dumps({**given, "extra": connection.extra_dejson})


def _die_with_parent() -> None:
    """Linux only. A step must not outlive a task that was killed outright: it would write beside its own retry."""
    assert _LIBC
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
