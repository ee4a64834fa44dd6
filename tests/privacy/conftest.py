"""A city with disputes, whose files hold people in clear; the trial city of the ingestion tests with another feed."""

from __future__ import annotations

from tests.feeds.conftest import new_trial

__all__ = ["new_trial"]
