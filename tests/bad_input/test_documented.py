"""docs/bad-input.md says what the tests show, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.table import ALONE, PAGE, lines, page_with, rendered

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]


def test_the_page_holds_the_table_of_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with(rendered()), "write it: python -m tests.bad_input.table"


def test_there_are_at_least_sixty_kinds_of_bad_input_each_named_once() -> None:
    found = list(lines())
    assert len({kind for kind, _, _ in found}) == len(found)
    assert sum(level != "passes" for _, level, _ in found) >= 60


@pytest.mark.parametrize("test", [test for _, _, test in ALONE.values()])
def test_a_case_of_its_own_has_its_test(test: str) -> None:
    file, name = test.split("::")
    assert f"def {name}(" in (Path(__file__).parent / file).read_text(encoding="utf-8")
