"""The lanes of `make test`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stack import testing
from stack.layout import Layout

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.unit


def test_after_an_interruption_no_further_tests_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane that is at work ends what it is at; the groups that wait for a lane are given up."""
    both_began, begun = threading.Barrier(2), set()

    def run(_: Layout, group: testing.Group, *__: Any) -> int:
        begun.add(group)
        if both_began.wait(10) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.5)
        return 0

    monkeypatch.setattr(testing, "_run", run)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts deaf to it
    try:
        with pytest.raises(KeyboardInterrupt):
            testing.run_tests(Layout(state=tmp_path, published=tmp_path, port_base=0), [])
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun == {*testing.TURNS[:2]}


def test_each_folder_of_tests_is_run_by_one_group() -> None:
    """A new folder needs no word in the lanes, and none is run twice."""
    apart = [Path(folder) for group in testing.APART for folder in group.selection]
    assert all((REPOSITORY / folder).is_dir() for folder in apart) and len(set(apart)) == len(apart)
    assert {f"--ignore={folder}" for folder in apart} == {*testing.OTHERS.selection[1:]}
    assert {*testing.TURNS} == {*testing.APART, testing.OTHERS}


def test_another_pytest_does_not_close_the_folders_of_this_one(tmp_path: Path) -> None:
    """pytest makes the folder above its own private when it starts; PostgreSQL's account has to pass through it."""
    (tmp_path / "test_it.py").write_text("def test_it(tmp_path_factory):\n    print(tmp_path_factory.getbasetemp())\n")
    command = [sys.executable, "-m", "pytest", "-qs", "-p", "tests.conftest", tmp_path / "test_it.py"]
    folders = [Path(subprocess.check_output(command, cwd=REPOSITORY, text=True).split()[0]) for _ in range(2)]
    assert folders[0].parent != folders[1].parent
    assert not any(folder.exists() for folder in folders)
