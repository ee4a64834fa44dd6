"""Outcomes of a step. One class an exit code, so that Airflow, make and people act on the same word."""

from __future__ import annotations


class StepError(Exception):
    """A fault with a letter to the next person: what, where, expected, found, what to do."""

    exit_code = 70


class UsageError(StepError):
    """A bad argument: date, city, feed."""

    exit_code = 2


class SourceUnavailable(StepError):
    """A source did not answer or did not deliver; the feed is missing, not zero."""

    exit_code = 4


class ContractBreach(StepError):
    """What arrived breaks its contract beyond tolerance; the feed stops, the last release stays."""

    exit_code = 5


class EnvironmentFault(StepError):
    """The machine lacks something: Spark does not answer, a key file is gone, the disk is full."""

    exit_code = 7
