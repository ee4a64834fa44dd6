"""The lanes of `make test`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from stack import testing
from stack.layout import Layout

pytestmark = pytest.mark.unit


def test_after_an_interruption_no_further_tests_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nights' lane ends what it is at; the DAGs' tests, which wait for it, are given up."""
    nights_began, begun = threading.Event(), []

    def run(_: Layout, group: testing.Group, *__: Any) -> int:
        begun.append(group)
        if group is testing.NIGHTS:
            nights_began.set()
            threading.Event().wait(0.5)
        if group is testing.PIPELINE:
            nights_began.wait()
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(testing, "_run", run)
    with pytest.raises(KeyboardInterrupt):
        testing.run_tests(Layout(state=tmp_path, published=tmp_path, port_base=0), [])
    assert {*begun} == {testing.NIGHTS, testing.PIPELINE}
