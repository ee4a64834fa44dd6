"""The analysts' entrance: working copies of the notebooks, and `from peace_index import connect` without Spark."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType

import httpx
import pandas as pd
import pytest

from spark_jobs.errors import UsageError
from stack.layout import Layout
from stack.machine import Machine
from stack.response_headers import RESPONSE_HEADERS
from stack.serve import jupyter, working_copies

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def peace_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, in an installation whose published files lie in tmp_path."""
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.setenv("PINGAN_PUBLISHED", str(tmp_path))
    monkeypatch.delenv("CITY", raising=False)
    import peace_index

    return peace_index


def publish(folder: Path, release_id: str) -> None:
    folder.mkdir()
    latest = {"release_id": release_id, "period": "2026-03-03", "as_of": "2026-03-03T17:30:00Z"}
    (folder / "latest.json").write_text(json.dumps(latest))


def test_the_only_city_needs_no_name(peace_index: ModuleType, tmp_path: Path) -> None:
    publish(tmp_path / "daqing", "20260303-aa")
    city = peace_index.connect()
    assert (city.contract.city_code, city.release_id, city.business_date) == ("daqing", "20260303-aa", date(2026, 3, 3))
    assert city.as_of == datetime(2026, 3, 3, 17, 30, tzinfo=UTC)
    assert "20260303-aa" in repr(city)


@pytest.mark.parametrize("asked", [None, "pittsburg", "../daqing"])
def test_a_city_that_is_not_clear_is_asked_for_by_name(
    peace_index: ModuleType, tmp_path: Path, asked: str | None
) -> None:
    for name in ("daqing", "pittsburgh"):
        publish(tmp_path / name, "20260303-aa")
    with pytest.raises(UsageError, match="expected one of daqing, pittsburgh"):
        peace_index.connect(asked)


def test_before_the_first_release_it_says_what_makes_one(peace_index: ModuleType) -> None:
    with pytest.raises(UsageError, match="make run"):
        peace_index.connect()


def test_what_is_not_there_is_named(peace_index: ModuleType, tmp_path: Path) -> None:
    publish(tmp_path / "daqing", "20260303-aa")
    city = peace_index.connect()
    with pytest.raises(UsageError, match="there are county_index"):
        city.release("county")
    with pytest.raises(UsageError, match="is not there; releases:"):
        city.release("county_index", "20200101-zz")
    with pytest.raises(UsageError, match="there are case"):
        city.silver("persons")


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("2026-03-02", []),  # a day is meant to its end in the city's own time, eight hours before UTC's
        ("2026-03-03", [1.0]),
        (date(2026, 3, 4), [1.0]),
        (datetime(2026, 3, 3, 0, 0), []),  # an instant is that instant
        (datetime(2026, 3, 4, 17, 0, tzinfo=UTC), [2.0]),
        ("2026-03-05 12:00", [2.0]),
    ],
)
def test_what_was_said_on_a_day(peace_index: ModuleType, tmp_path: Path, on: date | str, said: list[float]) -> None:
    publish(tmp_path / "daqing", "20260303-aa")
    first, second = pd.Timestamp("2026-03-03 01:00Z"), pd.Timestamp("2026-03-04 17:00Z")
    spans = {"value": [1.0, 2.0], "realtime_start": [first, second], "realtime_end": [second, pd.NaT]}
    pd.DataFrame(spans).to_parquet(tmp_path / "daqing" / "vintages.parquet")
    assert list(peace_index.connect().as_known(on)["value"]) == said


def test_a_copy_follows_its_original_until_somebody_changes_it(tmp_path: Path) -> None:
    originals, folder = tmp_path / "originals", tmp_path / "copies"
    originals.mkdir()
    for name in ("mine.ipynb", "untouched.ipynb"):
        (originals / name).write_text("first")
    working_copies(originals, folder)
    (folder / "mine.ipynb").write_text("my own")
    (folder / "own.ipynb").write_text("new")
    for name in ("mine.ipynb", "untouched.ipynb"):
        (originals / name).write_text("second")
    for _ in range(2):
        assert working_copies(originals, folder) == folder
        found = {path.name: path.read_text() for path in folder.glob("*.ipynb")}
        assert found == {"mine.ipynb": "my own", "untouched.ipynb": "second", "own.ipynb": "new"}


def test_the_originals_stand_without_outputs() -> None:
    """What a notebook shows is made on the reader's own data; a stored output would be somebody else's."""
    cells = [
        cell for path in NOTEBOOKS.glob("*.ipynb") for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]
    assert cells
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.unit
def test_a_notebook_is_told_no_key_of_another_service(tmp_path: Path) -> None:
    machine = Machine(Layout(tmp_path / "state", tmp_path / "published", port_base=1))
    told = jupyter(machine).environment
    own = {"JUPYTER_TOKEN", "SPARK_CONNECT_AUTHENTICATE_TOKEN"}
    kept = [path.read_text() for path in machine.layout.secrets.iterdir()]
    made = {value for text in kept for value in json.loads(text).values()} - {told[name] for name in own}
    assert len(made) > 5
    assert [name for name, value in told.items() for secret in made if secret in value] == []
    assert [name for name in told if name.startswith(("AIRFLOW", "MART", "PORTAL", "SUPERSET"))] == []
    assert {"SPARK_REMOTE", "PINGAN_PUBLISHED"} < told.keys()


@pytest.mark.e2e
def test_the_server_answers_with_the_headers_of_every_service(tmp_path: Path, free_ports: int) -> None:
    """Beside the policy that JupyterLab sets itself; whatever is asked, with the token or without."""
    service = jupyter(Machine(Layout(tmp_path / "state", tmp_path / "published", free_ports + 20)))
    service.start()
    try:
        address, token = f"http://127.0.0.1:{service.port}", service.environment["JUPYTER_TOKEN"]
        for path in ("/lab", "/login", "/api", "/api/contents", "/files/none", "/no/such", "/static/favicon.ico"):
            for known in ({}, {"Authorization": f"token {token}"}):
                answer = httpx.get(f"{address}{path}", headers=known, timeout=60)
                told = {name: answer.headers.get_list(name) for name in RESPONSE_HEADERS}
                assert told == {name: [value] for name, value in RESPONSE_HEADERS.items()}, path
                assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"], path
        assert httpx.get(f"{address}/lab?token={token}", timeout=60).status_code == 200
    finally:
        service.stop()
