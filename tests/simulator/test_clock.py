"""The city's clock: forward only, silences, commands that refuse nonsense."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.__main__ import app
from simulator.clock import Clock, seconds, stop
from simulator.truth import day_number

pytestmark = pytest.mark.unit

MONDAY = seconds("2026-11-23T01:30")
SILENT = {"disputes": day_number(date(2026, 11, 20))}


@pytest.mark.parametrize(
    ("before", "clock", "silences", "after"),
    [
        (Clock(), MONDAY, {}, Clock(MONDAY, MONDAY)),
        (Clock(MONDAY, MONDAY), MONDAY - 1, {}, Clock(MONDAY, MONDAY)),
        (Clock(), MONDAY, SILENT, Clock(MONDAY, seconds("2026-11-19T23:59:59"))),
        (Clock(MONDAY, MONDAY), MONDAY + 1, SILENT, Clock(MONDAY + 1, MONDAY)),
    ],
    ids=["first", "never back", "silenced", "what was shown stays shown"],
)
def test_advance(before: Clock, clock: int, silences: dict[str, int], after: Clock) -> None:
    assert before.advance(clock, silences) == after


def test_another_feed_is_not_silenced() -> None:
    assert stop(MONDAY, "hotline", SILENT) == MONDAY


def test_it_is_kept(tmp_path: Path) -> None:
    clock = Clock(MONDAY, MONDAY - 86_400)
    clock.write(tmp_path / "state")
    assert Clock.read(tmp_path / "state") == clock
    assert Clock.read(tmp_path / "elsewhere") == Clock()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--clock", "2026-13-01T00:00:00"], "--clock"),
        (["--clock", "2020-01-01T00:00:00"], "history begins on 2021-11-01"),
        (["--clock", "2026-11-23T01:30:00", "--silence", "radio=2026-11-20"], "feed must be one of"),
        (["--clock", "2026-11-23T01:30:00", "--silence", "cases=soon"], "FEED=YYYY-MM-DD"),
    ],
)
def test_nonsense_is_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    where = ["--drops", str(tmp_path), "--state", str(tmp_path), "--reader", "r", "--database-url", "postgresql://x"]
    result = CliRunner(env={"COLUMNS": "300", "TERM": "dumb"}).invoke(app, ["bring", *where, *arguments])
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []
