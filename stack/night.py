"""One night in one process: each feed of a city, then its publication, by the same DAGs as the scheduler's.

Run with the Airflow environment's python: `python -m stack.night --city C --date D [--only FEED] [--since S] [--when-told]`. With
`--since` the feeds bring the days from there to D once more, and each of these days is published, in order.
Airflow starts once, each DAG runs by `dag.test()`, each task once (a person is waiting and may run it again).
Feeds are brought AT_ONCE at a time; a failed one does not stop the others. Progress goes to stdout, failures to
stderr, and all that Airflow and the steps say to `logs/airflow-night.log` in the state folder.

With `--when-told` it reads Airflow at once, and begins when it is given a line on its standard input.

Exit code: that of `release` (0 done, 3 a feed is missing, 6 gate failed), else of the step that failed before
it; 2 no such city or feed, 70 internal error, 130 and 143 stopped by SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import functools
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import date, timedelta
from multiprocessing.context import ForkProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, TextIO

from pluggy import HookimplMarker

from expectations.contract import load_city
from expectations.located_yaml import ContractError
from expectations.outcomes import Outcome
from stack.service import die_with_parent

REPOSITORY = Path(__file__).resolve().parents[1]
AT_ONCE = 2  # feeds: one's step is mostly a chain of small Spark jobs, which leaves half of two cores idle
hookimpl = HookimplMarker("airflow")


class Terminal:
    """The two streams people read, kept while everything else that this process prints goes to the log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._out, self._err = self._keep(1), self._keep(2)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)

    @staticmethod
    def _keep(descriptor: int) -> TextIO:
        return os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="replace", buffering=1)

    def say(self, line: str) -> None:
        self._out.write(f"{line}\n")

    def complain(self, text: str) -> None:
        self._err.write(f"{text}\n")


class Watch:
    """Listens to Airflow: a line at the start and the end of each task, the error report of each that failed.

    Also ends the task at hand on SIGINT or SIGTERM, and those of its `forks`. Nothing is raised into Airflow for
    that: the step's end fails the task, the rest of its DAG is not run, and `stopped_by` says why.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.stopped_by: signal.Signals | None = None
        self.forks: list[ForkProcess] = []
        self._terminal = terminal
        self._task: Any = None
        self._started = 0.0

    def listen_to_signals(self) -> None:
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, _frame: object) -> None:
        self.stopped_by = self.stopped_by or signal.Signals(number)
        self.pass_on()
        if self._task:
            self._task.on_kill()

    def pass_on(self) -> None:
        """Stop the forks if this process was stopped; they may have been made while the signal came."""
        for fork in self.forks:
            if self.stopped_by and fork.is_alive() and fork.pid:
                os.kill(fork.pid, self.stopped_by)

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        self.listen_to_signals()  # Airflow has just put its own handler in place
        self._task, self._started = task_instance.task, time.monotonic()
        self._terminal.say(f"  … {_subject(self._task)}")
        if self.stopped_by:
            self._task.on_kill()

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        said = task_instance.xcom_pull(task_ids=task_instance.task_id, key="said")
        self._end("✓", f" · {said}" if said else "")

    @hookimpl
    def on_task_instance_skipped(self) -> None:
        self._end("-", " · skipped")

    @hookimpl
    def on_task_instance_failed(self, error: object) -> None:
        self._end("✗", "")
        self._terminal.complain(str(error))

    def _end(self, mark: str, said: str) -> None:
        seconds = time.monotonic() - self._started
        self._terminal.say(f"  {mark} {_subject(self._task)} {seconds:.1f} s{said}")
        self._task = None


def _subject(task: Any) -> str:
    return f"{getattr(task, 'feed_code', None) or 'publication'} {task.task_id}"


class Records:
    """Airflow's own tables: only one process of a night writes there at a time, or they would race for the rows of the
    assets.

    The lock is given up while a step is at work. It belongs to one process and is not shared by its forks.
    """

    def __init__(self, lock: Path) -> None:
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._file = lock.open("w")

    def __enter__(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def given_up_for(self, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def worked(*arguments: Any, **named: Any) -> Any:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
            try:
                return work(*arguments, **named)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_EX)

        return worked


class Night:
    """Runs the DAGs of one city for one business date, or for each of a range."""

    def __init__(self, city_code: str, state: Path, watch: Watch, terminal: Terminal) -> None:
        from airflow.dag_processing.dagbag import DagBag
        from airflow.sdk.execution_time.supervisor import in_process_api_server
        from airflow.sdk.listener import get_listener_manager

        self._city_code = city_code
        self._records = Records(state / "run" / "airflow.lock")
        self._watch = watch
        self._terminal = terminal
        get_listener_manager().add_listener(watch)
        self._dags = DagBag(dag_folder=REPOSITORY / "dags").dags
        tasks = [task for dag in self._dags.values() for task in dag.tasks]
        for operator in {getattr(task, "operator_class", type(task)) for task in tasks}:  # a mapped one names its own
            operator.execute = self._records.given_up_for(operator.execute)
        asyncio.run(_first_request(in_process_api_server().app))

    def run(self, feed_codes: list[str], days: list[date], since: date | None) -> int:
        """Feeds, AT_ONCE at a time, then the publication of each day. Returns the worst exit code of a publication."""
        conf = {"business_date": days[-1].isoformat(), "since": since and since.isoformat()}
        are_brought = self._bring(feed_codes, conf)
        if self._watch.stopped_by:
            return 128 + self._watch.stopped_by
        return max(*map(self._publish, days), 0 if are_brought else Outcome.INTERNAL_ERROR)

    def _bring(self, feed_codes: list[str], conf: dict[str, Any]) -> bool:
        """Bring the feeds, here and in forks that share what this process has read; False if Airflow failed in one.

        Whatever became of the feeds, the publication goes on with what has arrived.
        """
        context = multiprocessing.get_context("fork")
        queue: SimpleQueue[str | None] = context.SimpleQueue()
        for entry in [*feed_codes, *[None] * AT_ONCE]:
            queue.put(entry)
        for _ in feed_codes[1:AT_ONCE]:
            fork = context.Process(target=self._bring_in_fork, args=(queue, conf))
            fork.start()
            self._watch.forks.append(fork)
        is_sound = self._bring_from(queue, conf)
        self._watch.pass_on()
        for fork in self._watch.forks:
            fork.join()
        codes = [fork.exitcode for fork in self._watch.forks]
        self._watch.forks.clear()
        return is_sound and not any(codes)

    def _bring_from(self, queue: SimpleQueue[str | None], conf: dict[str, Any]) -> bool:
        is_sound = True
        while (feed_code := queue.get()) and not self._watch.stopped_by:
            dag_id = f"feed_{self._city_code}_{feed_code}"
            try:
                self._run_dag(dag_id, conf)
            except Exception as error:  # noqa: BLE001 -- one feed's accident is not the night's
                traceback.print_exc()
                self._terminal.complain(f"internal error in Airflow, DAG {dag_id}: {error}; see {self._terminal.log}")
                is_sound = False
        return is_sound

    def _bring_in_fork(self, queue: SimpleQueue[str | None], conf: dict[str, Any]) -> None:
        self._watch.forks.clear()  # they are its siblings
        is_sound = self._bring_from(queue, conf)
        self.end()
        sys.exit(0 if is_sound else Outcome.INTERNAL_ERROR)

    def end(self) -> None:
        """What every process of Airflow does: OpenLineage keeps a process, for whose end this one would wait."""
        from airflow.sdk.listener import get_listener_manager

        get_listener_manager().hook.before_stopping(component=self)

    def _publish(self, day: date) -> int:
        """Publish a day with whatever has arrived, unless this night was stopped. Returns the exit code."""
        publication = f"publish_{self._city_code}"
        codes: dict[str, int] = {}
        if not self._watch.stopped_by:
            codes = self._run_dag(publication, {"business_date": day.isoformat(), "now": True})
            _forget_arrivals(publication)
        if self._watch.stopped_by:
            return 128 + self._watch.stopped_by
        return codes.get("release", max(codes.values(), default=0) or Outcome.INTERNAL_ERROR)

    def _run_dag(self, dag_id: str, conf: dict[str, Any]) -> dict[str, int]:
        """Run one DAG to its end. Returns the exit codes of its steps by task id."""
        dag = self._dags[dag_id]
        for task in dag.tasks:
            task.retries = 0
        with self._records:
            _close_abandoned_runs(dag_id)
            return _exit_codes(dag_id, dag.test(run_conf=conf).run_id)


async def _first_request(api: Any) -> None:
    """Let the API that the tasks of this process talk to build what it needs: seconds that its forks are spared."""
    from httpx import ASGITransport, AsyncClient

    async with AsyncClient(transport=ASGITransport(api), base_url="http://in-process") as client:
        (await client.get("/health")).raise_for_status()


def _exit_codes(dag_id: str, run_id: str) -> dict[str, int]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.scalars(XComModel.get_many(run_id=run_id, dag_ids=dag_id, key="exit_code"))
        return {row.task_id: int(XComModel.deserialize_value(row)) for row in found}


def _close_abandoned_runs(dag_id: str) -> None:
    """Fail the runs of a night that was killed outright: a scheduler started later would take them up."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy import or_, select, update

    with create_session() as session:
        unfinished = select(DagRun.run_id).where(
            DagRun.dag_id == dag_id,
            DagRun.triggered_by == DagRunTriggeredByType.TEST,
            DagRun.state == DagRunState.RUNNING,
        )
        run_ids = list(session.scalars(unfinished))
        of_this_dag = TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(run_ids)
        open_task = or_(TaskInstance.state.is_(None), TaskInstance.state.not_in(("success", "failed")))
        session.execute(update(TaskInstance).where(*of_this_dag, open_task).values(state=TaskInstanceState.FAILED))
        of_these_runs = DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids)
        session.execute(update(DagRun).where(*of_these_runs).values(state=DagRunState.FAILED))


def _forget_arrivals(dag_id: str) -> None:
    """Empty the publication's queue of asset events: this night has published them, and a scheduler need not do so
    again.
    """
    from airflow.models.asset import AssetDagRunQueue
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(AssetDagRunQueue).where(AssetDagRunQueue.target_dag_id == dag_id))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stack.night", description="one night of one city")
    parser.add_argument("--city", required=True)
    parser.add_argument("--date", required=True, type=date.fromisoformat, help="business date, YYYY-MM-DD")
    parser.add_argument("--only", metavar="FEED", help="fetch this feed only, then publish")
    parser.add_argument("--since", type=date.fromisoformat, help="bring and publish the days from here on once more")
    parser.add_argument("--when-told", action="store_true", help="begin when a line comes on standard input")
    return parser.parse_args()


def _days(arguments: argparse.Namespace) -> list[date]:
    first = arguments.since or arguments.date
    return [first + timedelta(days=number) for number in range((arguments.date - first).days + 1)]


def main() -> int:
    arguments = _arguments()
    try:
        city = load_city(arguments.city)
        feeds = [city.feed(arguments.only)] if arguments.only else city.feeds
    except ContractError as error:
        sys.stderr.write(f"{error}\n")
        return Outcome.USAGE
    state = Path(os.environ.get("PINGAN_STATE", REPOSITORY / ".state"))
    terminal = Terminal(state / "logs" / "airflow-night.log")
    watch = Watch(terminal)
    watch.listen_to_signals()
    # OpenLineage keeps a process of its own, which would wait for work for ever if this one were killed outright
    os.register_at_fork(after_in_child=lambda: die_with_parent(signal.SIGKILL))
    try:
        night = Night(city.city_code, state, watch, terminal)
        if arguments.when_told and not sys.stdin.readline():
            return Outcome.ENVIRONMENT_FAULT  # what the night needs did not come up
        try:
            return night.run([feed.feed_code for feed in feeds], _days(arguments), arguments.since)
        finally:
            night.end()
    except Exception as error:  # noqa: BLE001 -- the last line of defence: an error report instead of a traceback
        traceback.print_exc()
        terminal.complain(f"internal error in Airflow: {error}; the whole story is in {terminal.log}")
        return Outcome.INTERNAL_ERROR


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # to take apart what Airflow has imported would take two more seconds
