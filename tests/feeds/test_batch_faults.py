"""Whatever a library raises over a batch is the breach of that batch; what the machine does is not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import functions as f

from expectations.outcomes import Outcome
from spark_jobs.errors import ContractBreach, EnvironmentFault
from spark_jobs.feeds import refine, silver, staging
from spark_jobs.feeds.batch_faults import as_step_error
from tests.bad_input import cases
from tests.feeds.conftest import Trial, row

grpc = pytest.importorskip("grpc")
SECRET = "13812345678"


def of_data(condition: str, state: str) -> Exception:
    return SparkConnectGrpcException(f"[{condition}] '{SECRET}'", errorClass=condition, sql_state=state)


def lost(status: str) -> Exception:
    return SparkConnectGrpcException("failed to connect", grpc_status_code=grpc.StatusCode[status])


RAISED: dict[str, tuple[Exception, Outcome]] = {
    "a value that Spark cannot cast": (of_data("CAST_INVALID_INPUT", "22018"), Outcome.CONTRACT_BREACH),
    "two rows for one in a merge": (
        of_data("DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE", "21506"),
        Outcome.CONTRACT_BREACH,
    ),
    "a task that failed for no reason that has a name": (
        SparkConnectGrpcException(f"Job aborted: java.lang.NullPointerException {SECRET}"),
        Outcome.CONTRACT_BREACH,
    ),
    "a value that pandas cannot take": (pd.errors.OutOfBoundsDatetime(SECRET), Outcome.CONTRACT_BREACH),
    "a value that Arrow cannot take": (pa.ArrowInvalid(SECRET), Outcome.CONTRACT_BREACH),
    "an arithmetic that overflows": (OverflowError(SECRET), Outcome.CONTRACT_BREACH),
    "a full disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), Outcome.ENVIRONMENT_FAULT),
    "a full disk of Spark's": (
        SparkConnectGrpcException("Job aborted: java.io.IOException: No space left on device"),
        Outcome.ENVIRONMENT_FAULT,
    ),
    "a row that could not be written": (of_data("TASK_WRITE_FAILED", "58030"), Outcome.CONTRACT_BREACH),
    "a row that could not be written on a full disk": (
        SparkConnectGrpcException(
            "Task failed while writing rows",
            errorClass="TASK_WRITE_FAILED",
            sql_state="58030",
            server_stacktrace="org.apache.spark.SparkException\nCaused by: java.io.IOException: No space left on device",
        ),
        Outcome.ENVIRONMENT_FAULT,
    ),
    "a memory that is full": (MemoryError(), Outcome.ENVIRONMENT_FAULT),
    "a memory of Spark's that is full": (
        SparkConnectGrpcException("java.lang.OutOfMemoryError: Java heap space"),
        Outcome.ENVIRONMENT_FAULT,
    ),
    "a server that is gone": (lost("UNAVAILABLE"), Outcome.ENVIRONMENT_FAULT),
    "a server that was stopped meanwhile": (lost("CANCELLED"), Outcome.ENVIRONMENT_FAULT),
    "a lake with a file that is gone": (of_data("FAILED_READ_FILE.FILE_NOT_EXIST", "KD001"), Outcome.ENVIRONMENT_FAULT),
}  # fmt: skip


@pytest.mark.unit
@pytest.mark.parametrize(("raised", "outcome"), RAISED.values(), ids=RAISED.keys())
def test_whose_fault_it_is(raised: Exception, outcome: Outcome) -> None:
    report = as_step_error(cases.feed(), "20260210-a", raised)
    assert report.exit_code == outcome
    assert "what to do: " in str(report)
    assert SECRET not in str(report)


def breaking(of: Callable[..., Any]) -> Callable[..., Any]:
    """The same rows, and Spark raises over one of them."""

    def broken(*arguments: Any, **named: Any) -> Any:
        rows = of(*arguments, **named)
        name = f.when(f.col("record_id").startswith("bad"), f.raise_error(f.lit(SECRET))).otherwise(f.col("record_id"))
        return rows.withColumn("record_id", name)

    return broken


def failing(of: Callable[..., Any]) -> Callable[..., Any]:
    """Fails in Python over the first batch."""
    asked: list[int] = []

    def failed(*arguments: Any, **named: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:
            raise pd.errors.OutOfBoundsDatetime(SECRET)
        return of(*arguments, **named)

    return failed


STEPS: dict[str, tuple[ModuleType, str, Callable[..., Any]]] = {
    "casting": (staging, "cast", breaking),
    "rejects": (silver, "rejects", breaking),
    "judging": (refine, "judge", failing),
}


@pytest.mark.spark
@pytest.mark.bad_input
@pytest.mark.parametrize("step", STEPS)
def test_the_batch_behind_it_goes_on_and_the_next_run_heals(
    step: str, new_trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, (owner, name, spoil) = new_trial(), STEPS[step]
    for day, id in ((10, "bad"), (11, "good")):
        trial.deliver(f"cases_202602{day}.csv", [row(id), row(f"{id}-rejected", day="never")])
        trial.land()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, spoil(getattr(owner, name)))
        with pytest.raises(
            ContractBreach, match=r"batch 20260210-\w+ cannot be read by its contract: .*at spark_jobs/"
        ) as breach:
            trial.refine()
    assert SECRET not in str(breach.value) + "".join(trial.batches().reason)
    assert trial.batches().status.tolist() == ["breached", "checked"]
    assert [id for (id,) in trial.silver("record_id")] == ["good"]
    assert len(trial.refine()) == 1
    assert trial.batches().status.tolist() == ["checked"] * 2
    assert [id for (id,) in trial.silver("record_id")] == ["bad", "good"]
    assert len(trial.rejects()) == 2
    if owner is refine:  # which judges one batch
        return
    before = trial.silver(), trial.rejects(), trial.batches().to_dict("records")
    named = r"20260210-\w+" if step == "casting" else r"20260210-\w+ to 20260211-\w+"
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, spoil(getattr(owner, name)))
        with pytest.raises(
            ContractBreach, match=rf"batch {named} cannot be read by its contract: .*silver stays"
        ) as breach:
            trial.rebuild()
    assert SECRET not in str(breach.value)
    assert (trial.silver(), trial.rejects(), trial.batches().to_dict("records")) == before


@pytest.mark.spark
def test_a_full_disk_is_no_batchs_fault(new_trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    trial = new_trial()
    trial.deliver("cases_20260210.csv", [row("a")])
    trial.land()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(EnvironmentFault, match="the machine failed: OSError"):
        patch.setattr(staging, "stage", full)
        trial.refine()
    assert trial.batches().empty
    assert len(trial.refine()) == 1
