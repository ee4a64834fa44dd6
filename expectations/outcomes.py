"""What a step or a command ends with: the exit codes on which Airflow, make and people act. README.md lists them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Outcome(IntEnum):
    """An exit code and what it means, in words."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        outcome = int.__new__(cls, code)
        outcome._value_ = code
        outcome.meaning = meaning
        return outcome

    DONE = 0, "done"
    USAGE = 2, "bad argument"
    INCOMPLETE = 3, "a feed is missing"
    SOURCE_UNAVAILABLE = 4, "source unavailable"
    CONTRACT_BREACH = 5, "contract breach"
    GATE_FAILED = 6, "gate failed"
    ENVIRONMENT_FAULT = 7, "environment"
    INTERNAL_ERROR = 70, "internal error"
