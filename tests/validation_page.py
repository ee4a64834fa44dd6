"""docs/validation.md: what the reference tests compared, and how far off the engine was.

The tests compare through the fixture `compared`, which asserts the tolerance and keeps a record; the page is that
record, so that it cannot say more than the tests do. Write it anew after a change of the reference tests:

    make test ARGS='-m reference --validation-page docs/validation.md'
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import numpy.typing as npt

SOURCES = {
    "ampi_eu2020": "R package Compind 3.4, EU-2020 indicators (Eurostat)",
    "asem_coinr": "R package COINr 1.1.14, ASEM Sustainable Connectivity (JRC): 51 countries, 49 indicators",
    "chainladder_mack": "Taylor and Ashe (1983); RAA; standard errors of Mack (1993)",
    "eb_smoothing": "R packages spdep 1.2.7 and MASS: Auckland (Marshall 1991), North Carolina, Scottish lip cancer",
    "hdi_undp": "UNDP Human Development Report 2023-24",
    "rank_confidence_pisa": "R package csranks 1.2.2, PISA 2018 mathematics: 38 countries",
    "sobol_analytic": "Ishigami function, closed form",
    "surveillance_salmonella": "R package surveillance 1.20.3, Salmonella Newport, Germany, 52 weeks of 2011",
}
HEAD = """<!-- Written by the reference tests. Do not edit. -->
# Validation

What the engine gives beside what others published, as compared by the tests marked `reference`; a difference beyond
its tolerance fails them. The data and their sources lie in `../shared/reference`, outside this repository. This page
is written by these tests, and tested to be current:

    make test ARGS='-m reference --validation-page docs/validation.md'

"""
LEAST_SHOWN = 1e-12  # smaller differences are rounding, which varies between machines


@dataclass
class Row:
    tolerance: str
    n_cases: int = 0
    largest: float = 0.0


@dataclass
class Comparisons:
    """Compares what was found with what is expected, and remembers it by set and subject."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def __call__(
        self,
        reference_set: str,
        what: str,
        found: npt.ArrayLike,
        expected: npt.ArrayLike,
        *,
        absolute: float | None = None,
        relative: float | None = None,
        of_column: float | None = None,
    ) -> None:
        """Assert that all values agree, exactly unless a tolerance is given; gaps and infinities always exactly.

        relative: to each expected value; of_column: to the largest of its column, for sums that pass through 0.
        """
        import numpy as np  # here, for the Airflow environment loads this plugin too and has no NumPy

        one, other = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
        assert one.shape == other.shape
        finite = np.isfinite(other)
        np.testing.assert_array_equal(one[~finite], other[~finite])
        gap = np.abs(np.where(finite, one, 0.0) - np.where(finite, other, 0.0))
        size = np.abs(np.where(finite, other, 0.0))
        if relative is not None:
            gap = np.divide(gap, size, out=gap, where=size > 0.0)
        if of_column is not None:
            scale = size.max(axis=0)
            gap = gap / np.where(scale > 0.0, scale, 1.0)
        limit = next((limit for limit in (absolute, relative, of_column) if limit is not None), 0.0)
        row = self.rows.setdefault((reference_set, what), Row(_tolerance(absolute, relative, of_column)))
        row.n_cases += one.size
        largest = float(np.max(gap, initial=0.0))
        row.largest = max(row.largest, largest)
        assert largest <= limit, f"{reference_set}, {what}: off by {largest}"

    def page(self) -> str:
        sets = ["| set | source | comparisons | cases |", "|---|---|---:|---:|"]
        for name in sorted({name for name, _ in self.rows}):
            rows = [row for (of, _), row in self.rows.items() if of == name]
            sets.append(f"| {name} | {SOURCES[name]} | {len(rows)} | {sum(row.n_cases for row in rows):,} |")
        details = ["| set | what is compared | cases | tolerance | largest difference |", "|---|---|---:|---|---|"]
        details += [
            f"| {name} | {what} | {row.n_cases:,} | {row.tolerance} | {_rounded_up(row.largest)} |"
            for (name, what), row in sorted(self.rows.items())
        ]
        return HEAD + "\n".join([*sets, "", *details]) + "\n"


def _tolerance(absolute: float | None, relative: float | None, of_column: float | None) -> str:
    kinds = {"absolute": absolute, "relative": relative, "of the column's largest": of_column}
    return next((f"{value:g} {kind}" for kind, value in kinds.items() if value is not None), "exact")


def _rounded_up(gap: float) -> str:
    """A whole number as it is, else one digit, rounded up."""
    if gap == round(gap):
        return f"{gap:.0f}"
    if gap < LEAST_SHOWN:
        return f"< {LEAST_SHOWN:g}"
    size = 10.0 ** math.floor(math.log10(gap))
    return f"{math.ceil(gap / size) * size:.0e}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--validation-page", type=Path, help="write what the reference tests compared to this file")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The page is judged when all has been compared, in whatever order folders were given."""
    items.sort(key=lambda item: item.name == "test_the_page_is_current")


_COMPARISONS = pytest.StashKey[Comparisons]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COMPARISONS] = Comparisons()


@pytest.fixture(scope="session")
def compared(request: pytest.FixtureRequest) -> Comparisons:
    """compared(set, what, found, expected, tolerance=...): asserts, and keeps the row for docs/validation.md."""
    return request.config.stash[_COMPARISONS]


def pytest_sessionfinish(session: pytest.Session) -> None:
    page, comparisons = session.config.getoption("--validation-page"), session.config.stash[_COMPARISONS]
    if page is not None and comparisons.rows:
        page.write_text(comparisons.page(), encoding="utf-8")
