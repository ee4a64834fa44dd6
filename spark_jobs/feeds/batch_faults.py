"""A library's exception over a batch becomes the breach of that batch, in our words, unless the machine is at fault.

Nobody can list what Spark, Arrow, pandas and Great Expectations find wrong with values that nobody has thought of. So
such an error costs its own batch and no other. A server that is gone, a full disk or a lake that cannot be read would
meet every batch: that stops the run.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from expectations.models import Feed
from spark_jobs.errors import ContractBreach, EnvironmentFault, StepError
from spark_jobs.settings import REPOSITORY

OF_DATA = ("21", "22", "23")  # classes of SQLSTATE: cardinality, data, integrity
# connection, transaction, resources, operator, files; not 58, as Spark calls any fault of a row that it writes
OF_THE_MACHINE = ("08", "2D", "53", "57", "KD")
GONE = ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")  # what gRPC says of a server that does not answer
SAID_BY_THE_MACHINE = (
    "No space left on device", "Disk quota exceeded", "Read-only file system", "Input/output error",
    "Too many open files", "Permission denied", "OutOfMemoryError", "Cannot allocate memory", "SparkContext was shut down",
    "SESSION_CLOSED", "SESSION_NOT_FOUND", "SESSION_CHANGED", "OPERATION_CANCELED",
)  # fmt: skip


@contextmanager
def costs_its_batch(feed: Feed, batch_id: str) -> Iterator[None]:
    """Whatever a library raises inside is a StepError about the batch."""
    try:
        yield
    except StepError:
        raise
    except Exception as error:
        raise as_step_error(feed, batch_id, error) from error


def as_step_error(feed: Feed, batch_id: str, error: Exception) -> StepError:
    """The error report that an exception becomes. It quotes nothing of what the library says, which may be a value."""
    where = f"feed {feed.code}: batch {batch_id}"
    if _is_of_the_machine(error):
        return EnvironmentFault(
            f"{where}: the machine failed: {_name(error)}\n"
            "  what to do: look at disk, memory and the log of the Spark server, then run the feed again"
        )
    return ContractBreach(
        f"{where} cannot be read by its contract: {_name(error)}; silver stays as it was\n"
        "  what to do: look at its rows in landing, correct the contract or ask the source, then run the feed again; "
        "if both are right it is an error of ours: report it with these words"
    )


def _is_of_the_machine(error: Exception) -> bool:
    if isinstance(error, OSError | MemoryError):
        return True
    if not isinstance(error, PySparkException):
        return False
    state = (error.getSqlState() or "")[:2]
    if state in OF_DATA:
        return False
    told, status = str(error), ""
    if isinstance(error, SparkConnectGrpcException):
        told += f"\n{error.getStackTrace()}"  # which says what it was caused by
        status = error.getGrpcStatusCode().name
    is_said = any(words in told for words in SAID_BY_THE_MACHINE)
    return is_said or status in GONE or state in OF_THE_MACHINE


def _name(error: Exception) -> str:
    """Kind of the exception, Spark's name for its condition, and the last line of ours that it passed."""
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    told = type(error).__name__ + (f" {condition}" if condition else "")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    return f"{told} at {Path(own[-1].filename).relative_to(REPOSITORY)}:{own[-1].lineno}" if own else told


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(REPOSITORY / "spark_jobs")
