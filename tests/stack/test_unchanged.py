"""A night is told as unchanged only where nothing that it is made from, and nothing that it made, has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from expectations.contract import load_city
from expectations.outcomes import Outcome
from stack import unchanged
from stack.layout import Layout
from stack.machine import Machine

pytestmark = pytest.mark.unit
CITY = load_city("daqing")
DAY = date(2026, 11, 20)
FILES = {  # what a night leaves
    "repository/spark_jobs/conform.py": "code",
    "repository/expectations/cities/daqing/city.yml": "city: daqing",
    "repository/dbt/models/daily.sql": "select 1",
    "repository/requirements/pipeline.txt": "pyspark",
    "state/secrets/hash_keys.json": '{"1": "00"}',
    "state/landing/daqing/hotline/20261120-1/manifest.json": "{}",
    "state/lake/silver.db/case/_delta_log/00000000000000000001.json": '{"commitInfo": 1}',
    "state/postgres/PG_VERSION": "17",
    "published/daqing/latest.json": '{"release_id": "a"}',
    "published/daqing/journal.jsonl": "{}",
    "published/daqing/releases/a/index.csv": "area_code",
    "public/daqing/latest.json": '{"release_id": "a"}',
}
CHANGES: dict[str, Callable[[Path], object]] = {
    **{
        f"another {path}": lambda root, path=path: (root / path).write_text("another")
        for path in FILES
        if "PG" not in path
    },
    "another cluster": lambda root: (root / "state/postgres/PG_VERSION").unlink(),
    "a batch that has landed": lambda root: _add(root, "state/landing/daqing/police/20261120-2/manifest.json"),
    "a newer version of a table": lambda root: _add(
        root, "state/lake/silver.db/case/_delta_log/00000000000000000002.json"
    ),
    "a table more": lambda root: _add(root, "state/lake/silver.db/incident/_delta_log/00000000000000000000.json"),
    "a module more": lambda root: _add(root, "repository/spark_jobs/flags/rules/new.py"),
    "a file of the release that is gone": lambda root: (root / "published/daqing/releases/a/index.csv").unlink(),
    "a release more": lambda root: _add(root, "published/daqing/releases/b/index.csv"),
}


def _add(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("new")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that has had its night; its sources, which the whole night's test asks, have nothing new here."""
    for path, text in FILES.items():
        _add(tmp_path, path)
        (tmp_path / path).write_text(text)
    monkeypatch.setenv("PINGAN_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(unchanged, "scheduler_is_up", lambda _: False)
    layout = Layout(tmp_path / "state", tmp_path / "published", 1, repository=tmp_path / "repository")
    made = Machine(layout)
    unchanged.note(made, CITY, DAY, Outcome.DONE)
    return made


def _noted(machine: Machine) -> bool:
    record = json.loads((machine.layout.state / "nights" / "daqing.json").read_text())
    return bool(record["seal"] == unchanged._seal(machine.layout, CITY, DAY))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_brings_the_whole_night(machine: Machine, tmp_path: Path, change: Callable[[Path], object]) -> None:
    assert _noted(machine)
    change(tmp_path)
    assert not _noted(machine)


def test_another_day_and_another_city_are_other_nights(machine: Machine) -> None:
    seal = unchanged._seal(machine.layout, CITY, DAY)
    assert unchanged._seal(machine.layout, CITY, date(2026, 11, 21)) != seal
    assert unchanged._seal(replace(machine.layout, published=machine.layout.state), CITY, DAY) != seal


def test_what_tools_leave_beside_the_code_is_no_change(machine: Machine, tmp_path: Path) -> None:
    _add(tmp_path, "repository/spark_jobs/__pycache__/conform.pyc")
    _add(tmp_path, "repository/dbt/target/manifest.json")
    assert _noted(machine)


@pytest.mark.parametrize("code", set(Outcome) - {Outcome.DONE, Outcome.INCOMPLETE})
def test_a_night_that_did_not_publish_is_done_again(machine: Machine, code: Outcome) -> None:
    unchanged.note(machine, CITY, DAY, code)
    assert not (machine.layout.state / "nights" / "daqing.json").exists()


def test_a_scheduler_at_work_leaves_no_note(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "scheduler_is_up", lambda _: True)
    unchanged.note(machine, CITY, DAY, Outcome.DONE)
    assert not (machine.layout.state / "nights" / "daqing.json").exists()
