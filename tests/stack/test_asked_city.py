"""A measurement says in a line which city it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.asked_city import asked_city

pytestmark = pytest.mark.unit
BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize(("named", "found"), [(None, "nothing"), ("", "nothing"), ("nowhere", "nowhere")])
def test_a_city_that_is_not_there_is_a_bad_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: str | None, found: str
) -> None:
    monkeypatch.delenv("CITY", raising=False)
    if named is not None:
        monkeypatch.setenv("CITY", named)
    with pytest.raises(SystemExit) as ended:
        asked_city()
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith("CITY: expected a city (daqing, ")
    assert f"found {found!r}" in line


def test_a_city_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY", "pittsburgh")
    assert asked_city() == "pittsburgh"


def test_every_measurement_asks_in_this_way() -> None:
    asking = [path.name for path in BENCH.glob("*.py") if "CITY" in path.read_text(encoding="utf-8")]
    assert {"__main__.py", "hotline_rows.py", "public_reads.py", "vintages.py"} <= set(asking)
    assert [name for name in asking if 'environ["CITY"]' in (BENCH / name).read_text(encoding="utf-8")] == []
