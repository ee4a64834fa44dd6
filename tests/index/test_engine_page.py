"""docs/engine.md names every function of the engine, none that is not there, and each explains itself."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "engine.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`((?:index|flags)(?:\.\w+){2,})`", PAGE))
PARTS_OF_THE_CHAIN = {
    "domain_draws",
    "domain_rows",
    "index_draws",
    "indicator_result",
}  # used by movement, not by people


def functions(module_name: str) -> set[str]:
    module = importlib.import_module(f"spark_jobs.{module_name}")
    own = inspect.getmembers(module, lambda f: inspect.isfunction(f) and f.__module__ == module.__name__)
    return {name for name, _ in own if not name.startswith("_")} - PARTS_OF_THE_CHAIN


@pytest.mark.parametrize("module", sorted({name.rsplit(".", 1)[0] for name in NAMED}))
def test_the_page_names_every_function_of_a_module(module: str) -> None:
    assert {name.rsplit(".", 1)[1] for name in NAMED if name.startswith(f"{module}.")} == functions(module)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_named_function_explains_itself(name: str) -> None:
    module, function = name.rsplit(".", 1)
    assert inspect.getdoc(getattr(importlib.import_module(f"spark_jobs.{module}"), function))


def test_the_tests_that_the_page_names_are_there() -> None:
    files = {path.stem for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert set(re.findall(r"\btest_\w+", PAGE)) <= files | {"test_edges"}
    published = (REPOSITORY / "docs" / "validation.md").read_text(encoding="utf-8")
    sets = set(re.findall(r"^\| (\w+) \| R package|^\| (\w+) \|", published, flags=re.MULTILINE))
    known = {name for pair in sets for name in pair if name}
    for reference in ("asem_coinr", "hdi_undp", "ampi_eu2020", "eb_smoothing", "rank_confidence_pisa", "sobol_analytic",
                      "chainladder_mack", "surveillance_salmonella"):  # fmt: skip
        assert reference in known and reference in PAGE
