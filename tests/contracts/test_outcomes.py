"""Exit codes are declared once; the READMEs list them, and what runs without our packages says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.outcomes import Outcome
from spark_jobs import errors
from spark_jobs.release.gates import GateFailed
from spark_jobs.release.monthly_gates import MonthlyGateFailed

pytestmark = pytest.mark.unit
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_readme_lists_every_exit_code(page: str) -> None:
    codes = re.findall(r"^\| (\d+) \| ", (REPOSITORY / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(code) for code in codes] == list(Outcome)


@pytest.mark.parametrize("script", ["stack/bootstrap.py", "superset/setup.py"])
def test_scripts_that_stand_alone_end_with_the_same_code(script: str) -> None:
    (code,) = re.findall(
        r"^\w*ENVIRONMENT\w* = (\d+)$", (REPOSITORY / script).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert int(code) == Outcome.ENVIRONMENT_FAULT


def test_each_fault_of_a_step_has_a_code_of_its_own_and_all_gates_have_one() -> None:
    faults = [fault for fault in (errors.StepError, *errors.StepError.__subclasses__()) if "exit_code" in vars(fault)]
    gates = {fault for fault in faults if fault.exit_code == Outcome.GATE_FAILED}
    assert gates >= {GateFailed, MonthlyGateFailed}
    codes = [fault.exit_code for fault in faults if fault not in gates]
    assert len(set(codes)) == len(codes) >= 5
    assert all(isinstance(code, Outcome) for code in codes)
