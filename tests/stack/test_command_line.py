"""Wrong input to the commands: one clear line, the exit code of its class, no traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = [pytest.mark.unit, pytest.mark.bad_input]


def call(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PINGAN_STATE": str(tmp_path / "state"), "PINGAN_PUBLISHED": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


WRONG = {
    "no such city": (("--city", "atlantis"), 2, "there is no city 'atlantis'; the cities are: "),
    "no date": (("--city", "daqing", "--date", "yesterday"), 2, "date: expected YYYY-MM-DD, found 'yesterday'"),
    "no such day": (("--city", "daqing", "--date", "2026-02-30"), 2, "found '2026-02-30'"),
    "future": (("--city", "daqing", "--date", "2999-01-01"), 2, "is not over in Daqing; the latest business date is "),
    "before all feeds": (("--city", "daqing", "--date", "1999-01-01"), 2, "lies before 2021-11-01"),
    "unknown option": (("--city", "daqing", "--dates", "2026-01-01"), 2, "No such option"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("program", ["stack run", "spark_jobs index"])
def test_wrong_arguments(tmp_path: Path, program: str, arguments: tuple[str, ...], code: int, message: str) -> None:
    module, step = program.split()
    if module == "spark_jobs" and "--date" not in arguments and "--dates" not in arguments:
        arguments = (*arguments, "--date", "2026-01-01")
    done = call(tmp_path, "-m", module, step, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "daqing").exists()


@pytest.mark.parametrize("step", ["conform", "index", "flags", "release"])
def test_a_wrong_argument_is_told_before_large_libraries_are_read(tmp_path: Path, step: str) -> None:
    arguments = ("--city", "daqing", "--date", "yesterday")
    done = call(tmp_path, "-m", "spark_jobs", step, *arguments, PYTHONPROFILEIMPORTTIME="1")
    read = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 2
    assert "typer" in read
    assert not read & {"pyspark", "pandas", "scipy", "dbt"}


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    from expectations.contract import load_city
    from spark_jobs.errors import UsageError
    from stack.sources import folder_connections

    with pytest.raises(UsageError, match="DATA: expected a folder"):
        folder_connections(load_city("pittsburgh"), tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"feeds \['disputes', 'hotline'\] of daqing do not come as files"):
        folder_connections(load_city("daqing"), tmp_path)


def test_the_flags_desk_without_its_database_is_told_how_to_get_there(tmp_path: Path) -> None:
    done = call(tmp_path, "-m", "spark_jobs", "flag", "--city", "daqing", "--by", "chief", "list", PORTAL_URL="")
    assert (done.returncode, "Traceback" in done.stderr) == (7, False)
    assert "stack step flag" in done.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.e2e
def test_port_in_use(tmp_path: Path, taken_port: int) -> None:
    from stack.layout import PORTS, Layout
    from stack.service import Service, ServiceError

    layout = Layout(tmp_path, tmp_path, taken_port - PORTS.index("spark"))
    service = Service(layout, "spark", layout.port("spark"), ["sleep", "60"])
    with pytest.raises(ServiceError, match=f"port {taken_port} \\(spark\\) is in use by another program"):
        service.start()


@pytest.mark.e2e
def test_spark_that_is_away_is_told_at_once(tmp_path: Path) -> None:
    done = call(
        tmp_path,
        "-m",
        "spark_jobs",
        "index",
        "--city",
        "daqing",
        "--date",
        "2026-01-01",
        SPARK_REMOTE="sc://localhost:9",
    )
    assert done.returncode == 7
    assert "nothing answers at localhost:9" in done.stderr


def test_no_java(tmp_path: Path) -> None:
    done = call(tmp_path, "stack/bootstrap.py", JAVA_HOME=str(tmp_path))
    assert done.returncode == 7
    assert "Java 17 or 21 is needed, none was found" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_java(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    program.chmod(0o755)
    done = call(tmp_path, "stack/bootstrap.py", JAVA_HOME=str(tmp_path))
    assert done.returncode == 7
    assert 'found openjdk version "11.0.2"' in done.stderr


def test_commands_explain_themselves(tmp_path: Path) -> None:
    for program in (("stack",), ("stack", "run"), ("spark_jobs",), ("spark_jobs", "land"), ("simulator",)):
        done = call(tmp_path, "-m", *program, "--help")
        assert done.returncode == 0, program
        assert "Usage:" in done.stdout


def test_a_step_by_hand_gets_the_connection_that_was_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from expectations.contract import load_city
    from stack.__main__ import connection_for
    from stack.layout import Layout
    from stack.machine import Machine

    connection = {"conn_type": "fs", "extra": {"path": "/data/drops"}}
    configured = tmp_path / "connections.json"
    configured.write_text(json.dumps({"pittsburgh_files": connection}))
    monkeypatch.setenv("PINGAN_CONNECTIONS", str(configured))
    machine = Machine(Layout(tmp_path / "state", tmp_path / "published", 1))
    given = connection_for(machine, ["land", "--city", "pittsburgh", "--feed", "fires", "--date", "2024-12-31"])
    assert json.loads(given["PINGAN_CONNECTION"]) == connection
    assert connection_for(machine, ["land", "--city", "atlantis", "--feed", "fires"]) == {}
    assert connection_for(machine, ["maintain", "--city", "pittsburgh"]) == {}
    told = load_city("pittsburgh").model_copy(update={"digest": "pittsburgh_files"})
    monkeypatch.setattr("stack.__main__.load_city", lambda _: told)
    for step in ("digest", "remind"):
        given = connection_for(machine, [step, "--city", "pittsburgh", "--date", "2024-12-31"])
        assert json.loads(given["PINGAN_CONNECTION"]) == connection
