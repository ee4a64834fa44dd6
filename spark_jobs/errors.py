"""Faults of a step. One class an exit code, so that Airflow, make and people act on the same word."""

from __future__ import annotations

import errno

from expectations.outcomes import Outcome

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)  # of an OSError: ours, and no source's


class StepError(Exception):
    """A fault with an error report to the next person: what, where, expected, found, what to do."""

    exit_code: Outcome = Outcome.INTERNAL_ERROR


class UsageError(StepError):
    """A bad argument: date, city, feed."""

    exit_code = Outcome.USAGE


class SourceUnavailable(StepError):
    """A source did not answer or did not deliver; the feed is missing, not zero."""

    exit_code = Outcome.SOURCE_UNAVAILABLE


class ContractBreach(StepError):
    """What arrived breaks its contract beyond tolerance; the feed stops, the last release stays."""

    exit_code = Outcome.CONTRACT_BREACH


class EnvironmentFault(StepError):
    """The machine lacks something: Spark does not answer, a key file is gone, the disk is full."""

    exit_code = Outcome.ENVIRONMENT_FAULT
