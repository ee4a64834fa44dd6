"""The status code of a value that is missing says why, whatever the state of its indicator."""

from __future__ import annotations

from typing import get_args

import pytest

from spark_jobs.index.engine.results import StateCode
from spark_jobs.released.obs_status import OBS_STATUS, obs_status

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("state", [state for state in get_args(StateCode) if state != "live"])
def test_a_missing_value_has_a_status_of_its_own_in_every_state(state: str) -> None:
    found = obs_status(None, "final", state)
    assert found in OBS_STATUS
    assert found != obs_status(None, "final", "a state that nobody declared")
