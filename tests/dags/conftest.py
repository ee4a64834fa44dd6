"""These tests run in the Airflow environment: `.venv/airflow/bin/python -m pytest tests/dags`.

The main run of pytest uses the pipeline environment, which has no Airflow: it collects nothing here. Airflow
reads its settings when it is imported, so they are made before that, in a folder of this run only.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expectations.models import City
from stack.airflow_home import AirflowHome
from tests.dags.surroundings import Stub, home_in, publishing_city

HAS_AIRFLOW = importlib.util.find_spec("airflow") is not None
collect_ignore_glob = [] if HAS_AIRFLOW else ["test_*.py"]

if HAS_AIRFLOW:
    _folder = Path(tempfile.mkdtemp(prefix="airflow-tests-"))
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    HOME = home_in(_folder)
    os.environ.update(HOME.environment())


@pytest.fixture
def city() -> City:
    return publishing_city()


@pytest.fixture
def stub(tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch) -> Stub:
    stub = Stub(tmp_path, city)
    for name, value in stub.put().items():
        monkeypatch.setenv(name, value)
    return stub


@pytest.fixture(scope="session")
def home() -> AirflowHome:
    """The home of this process."""
    return HOME


@pytest.fixture(scope="session")
def migrated() -> Path:
    """The home of this process with its database made. Returns an untouched copy of that database."""
    HOME.bootstrap()
    untouched = HOME.layout.state / "untouched.db"
    shutil.copy(HOME.layout.state / "airflow.db", untouched)
    return untouched


@pytest.fixture
def fresh_home(migrated: Path, tmp_path: Path) -> AirflowHome:
    """A home of its own for a test that starts Airflow's processes."""
    state = tmp_path / "state"
    state.mkdir()
    shutil.copy(migrated, state / "airflow.db")
    return home_in(state)


@pytest.fixture(scope="session")
def dags() -> Iterator[dict[str, Any]]:
    """All DAGs by id, parsed once, without a database."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]))
    assert bag.import_errors == {}
    yield bag.dags
