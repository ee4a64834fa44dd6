"""Airflow's home: secrets are private, nothing but loopback, the database is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.airflow_home import AirflowHome
from tests.dags.surroundings import home_in

pytestmark = pytest.mark.dags


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    assert home.environment() == home.environment()
    files = list((tmp_path / "secrets").iterdir())
    assert {path.name for path in files} == {"airflow.json", "airflow_passwords.json", "connections.json"}
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert len(home.environment()["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert set(home.passwords()) == {"ops", "ro"}


def test_two_homes_share_no_secret(tmp_path: Path) -> None:
    one, other = home_in(tmp_path / "one"), home_in(tmp_path / "other")
    secret = [name for name in one.environment() if name.endswith(("_KEY", "_SECRET"))]
    assert len(secret) == 3
    assert [name for name in secret if one.environment()[name] == other.environment()[name]] == []


def test_the_api_server_is_on_loopback(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    assert home.environment()["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert "--skip-serve-logs" in home.components()["airflow-scheduler"]
    assert next(iter(home.components())) == "airflow-api-server"


@pytest.mark.usefixtures("migrated")
def test_the_second_bootstrap_starts_no_airflow(home: AirflowHome) -> None:
    log = home.layout.logs / "airflow-bootstrap.log"
    said = log.read_bytes()
    assert b"spark" in said
    assert home.bootstrap() is False
    assert log.read_bytes() == said  # no Airflow was started
