"""What stands before Airflow's own API server: its sign-in has a limit, its answers have headers, its tokens end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from stack.airflow_home import AirflowHome
from stack.response_headers import RESPONSE_HEADERS

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.dags
HERE, THERE = ("10.0.0.7", 1), ("10.0.0.8", 1)
WORKING_DAY = 8 * 3600


@pytest.fixture(scope="module")
def started(migrated: None) -> Iterator[Callable[[tuple[str, int]], TestClient]]:
    """Airflow's API server as its settings make it; a client at an address."""
    from airflow.api_fastapi.app import cached_app, purge_cached_app
    from starlette.testclient import TestClient

    app = cached_app(apps="core")
    yield lambda address: TestClient(app, client=address, follow_redirects=False)
    purge_cached_app()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds go by."""
    import stack.airflow_doors as doors

    now = doors.time.monotonic() + 1000  # whatever another test has failed is forgotten
    monkeypatch.setattr(doors, "time", type("Clock", (), {"monotonic": lambda: now + gone}))
    gone = 0.0

    def go(seconds: float) -> None:
        nonlocal gone
        gone += seconds

    return go


@pytest.mark.parametrize(
    "path", ["/", "/auth/login", "/api/v2/monitor/health", "/api/v2/dags", "/auth/token", "/no/such"]
)
def test_every_answer_has_the_headers(started: Callable[..., TestClient], path: str) -> None:
    answer = started(HERE).get(path)
    assert {name: answer.headers.get_list(name) for name in RESPONSE_HEADERS} == {
        name: [value] for name, value in RESPONSE_HEADERS.items()
    }


def test_a_token_lives_a_working_day_at_most(started: Callable[..., TestClient], home: AirflowHome) -> None:
    import jwt

    for user, password in home.passwords().items():
        for path in ("/auth/token", "/auth/token/cli"):
            answer = started(HERE).post(path, json={"username": user, "password": password})
            said = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
            assert 0 < said["exp"] - said["iat"] <= WORKING_DAY


@pytest.mark.parametrize("paths", [("/auth/token",), ("/auth/token/cli",), ("/auth/token", "/auth/token/cli")])
def test_failed_sign_ins_lock_an_address(
    started: Callable[..., TestClient],
    home: AirflowHome,
    later: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    paths: tuple[str, ...],
) -> None:
    from stack.airflow_doors import LIMIT, SECONDS

    right = {"username": "ops", "password": home.passwords()["ops"]}
    for _ in range(LIMIT + 2):  # programs that sign in rightly are never locked out
        assert started(HERE).post(paths[0], json=right).status_code == 201
    for n in range(LIMIT):
        wrong = right | {"password": f"guess {n}"}
        assert started(HERE).post(paths[n % len(paths)], json=wrong).status_code == 401
    later(SECONDS / 2)
    for path in paths:
        answer = started(HERE).post(path, json=right)
        assert (answer.status_code, answer.headers["x-frame-options"]) == (429, "SAMEORIGIN")
        seconds = int(answer.headers["retry-after"])
        assert SECONDS / 2 <= seconds <= SECONDS / 2 + 1
        assert f"请 {seconds} 秒后再试" in answer.json()["detail"] and f"in {seconds} s" in answer.json()["detail"]
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("sign-in locked" in line for line in said) == len(paths)
    assert not any(HERE[0] in line or "guess" in line for line in said)
    assert started(THERE).post(paths[0], json=right).status_code == 201
    assert started(HERE).get("/api/v2/monitor/health").status_code == 200
    later(SECONDS / 2)
    assert started(HERE).post(paths[0], json=right).status_code == 201
