"""docs/validation.md is what the reference tests of this session compared; the plugin runs the first test last."""

from pathlib import Path

import pytest

from tests.validation_page import SOURCES, Comparisons

pytestmark = pytest.mark.reference

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "validation.md"
COMPARING = {TESTS / "index" / "test_reference.py", TESTS / "flags" / "test_reference.py"}


def test_the_page_is_current(shared: Path, compared: Comparisons, request: pytest.FixtureRequest) -> None:
    given = request.config.option
    if given.validation_page is not None:
        pytest.skip("the page is being written")
    if given.keyword or not {item.path for item in request.session.items} >= COMPARING:
        pytest.skip("only a session with all reference tests can tell")
    assert PAGE.read_text(encoding="utf-8") == compared.page(), "write it anew; see tests/validation_page.py"


def test_every_reference_set_is_on_the_page(shared: Path) -> None:
    sets = {folder.name for folder in (shared / "reference").iterdir() if folder.is_dir()}
    rows = [line.split(" | ")[0] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert sets == set(SOURCES) == {row.removeprefix("| ") for row in rows} - {"set"}


@pytest.mark.unit
def test_a_difference_beyond_the_tolerance_fails_and_is_kept() -> None:
    comparisons = Comparisons()
    comparisons("sobol_analytic", "near", [1.0, 2.0], [1.0, 2.001], absolute=0.01)
    with pytest.raises(AssertionError, match="off by"):
        comparisons("sobol_analytic", "near", [1.0], [1.5], absolute=0.01)
    with pytest.raises(AssertionError):
        comparisons("sobol_analytic", "gaps", [1.0], [float("nan")])
    assert "| near | 3 | 0.01 absolute | 5e-01 |" in comparisons.page()
