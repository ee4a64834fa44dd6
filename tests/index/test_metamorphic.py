"""The relations hold in a thousand random cities, and each of twelve planted errors breaks one of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spark_jobs.index.engine.aggregate import ampi
from spark_jobs.index.engine.metamorphic import metamorphic
from spark_jobs.settings import REPOSITORY
from tests.index.planted_errors import ENGINE, ERRORS, plant
from tests.index.random_worlds import world

pytestmark = pytest.mark.unit
N_WORLDS, PARTS = 1000, 20


@pytest.mark.parametrize("part", range(PARTS))
def test_the_relations_hold_in_a_thousand_worlds(part: int) -> None:
    found = {seed: metamorphic(*world(seed)).faults for seed in range(part, N_WORLDS, PARTS)}
    assert {seed: faults for seed, faults in found.items() if faults} == {}


def test_the_worlds_are_not_empty() -> None:
    """Indices in most of them, counties of other sizes, feeds that are silent, and the region where the AMPI turns."""
    worlds = [world(seed) for seed in range(100)]
    n_windows = [len(inputs.headline) for inputs, _, _ in worlds]
    assert {len(inputs.area_codes) for inputs, _, _ in worlds} == set(range(2, 10))
    assert 0.7 < sum(n == 3 for n in n_windows) / len(worlds) < 1.0
    assert sum(bool(np.isfinite(goalposts.centre).all()) for _, goalposts, _ in worlds) > 70
    assert sum(metamorphic(*each).n_turned for each in worlds) > 0


def test_the_region_is_where_a_higher_score_lowers_the_mean() -> None:
    """s > 1.5 M + S^2/(2 M), by the difference quotient."""
    chance = np.random.default_rng(5)
    for _ in range(200):
        values, weights = chance.uniform(5.0, 200.0, 4), np.full(4, 0.25)
        mean, variance = values.mean(), values.var()
        edge = 1.5 * mean + variance / (2.0 * mean)
        for n, value in enumerate(values):
            if abs(value - edge) > 1e-2:
                raised = np.where(np.arange(4) == n, value + 1e-6, values)
                assert (ampi(raised, weights) < ampi(values, weights)) == (value > edge)


def test_an_input_without_anything_live_has_nothing_to_judge() -> None:
    inputs, goalposts, methodology = world(0)
    found = metamorphic(replace(inputs, headline=()), goalposts, methodology)
    assert (found.faults, found.n_turned) == ((), 0)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of each planted error, what the gate says of it."""
    copy = tmp_path_factory.mktemp("engine")
    left_out = shutil.ignore_patterns("__pycache__")
    for package in ("spark_jobs", "expectations"):
        shutil.copytree(REPOSITORY / package, copy / package, ignore=left_out)
    (copy / "tests" / "index").mkdir(parents=True)
    for name in ("random_worlds.py", "planted_errors.py"):
        shutil.copy(REPOSITORY / "tests" / "index" / name, copy / "tests" / "index" / name)
    program = [sys.executable, str(copy / "tests" / "index" / "planted_errors.py"), str(copy)]
    done = subprocess.run(program, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_engine_without_an_error_passes(said: dict[str, list[str]]) -> None:
    assert said["none"] == []


@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_caught(said: dict[str, list[str]], error: str) -> None:
    assert said[error]


def test_there_are_twelve_and_none_is_planted_twice() -> None:
    assert len(ERRORS) == len(set(ERRORS.values())) == 12


def test_an_error_that_does_not_apply_is_refused(tmp_path: Path) -> None:
    (tmp_path / ENGINE).mkdir(parents=True)
    for error in ERRORS.values():
        (tmp_path / ENGINE / error.file).write_text("nothing of it\n", encoding="utf-8")
        with pytest.raises(ValueError, match="once"):
            plant(tmp_path, error)
