"""The scores of all indicators, and the steps from one state of them to another, one indicator after the other. Pure.

Taken once in the order of the methodology and once in reverse, the steps are the two "polar" decompositions, whose mean
is used (engine/movement.py says why these two are enough).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spark_jobs.index.engine.arrays import BoolArray, FloatArray
from spark_jobs.index.engine.composite_index import domain_draws, domain_rows, index_draws
from spark_jobs.index.methodology import Methodology


@dataclass
class Scores:
    """Draws (n_indicators, n_units, n_draws) of scores, and which of them are live."""

    scores: FloatArray
    is_live: BoolArray

    def rows_unlike(self, other: Scores) -> list[int]:
        """Rows of the indicators that differ between the two."""
        return [
            row
            for row in range(len(self.scores))
            if not np.array_equal(self.is_live[row], other.is_live[row])
            or not np.array_equal(self.scores[row], other.scores[row], equal_nan=True)
        ]

    def domains(self, methodology: Methodology) -> FloatArray:
        """Draws (n_domains, n_units, n_draws) of every domain."""
        return np.stack([self._domain(position, methodology) for position in range(len(methodology.domains))])

    def index(self, methodology: Methodology) -> FloatArray:
        """Draws (n_units, n_draws) of the index."""
        return index_draws(self.domains(methodology), methodology)

    def led_to(self, end: Scores, order: Sequence[int], methodology: Methodology) -> Iterator[tuple[int, FloatArray]]:
        """Each indicator of `order` with the draws (n_units, n_draws) of the index once it is as in `end`."""
        now = Scores(self.scores.copy(), self.is_live.copy())
        domains, rows_of = now.domains(methodology), domain_rows(methodology)
        for row in order:
            now.scores[row], now.is_live[row] = end.scores[row], end.is_live[row]
            position = next(n for n, rows in enumerate(rows_of) if row < rows.stop)
            domains[position] = now._domain(position, methodology)
            yield row, index_draws(domains, methodology)

    def _domain(self, position: int, methodology: Methodology) -> FloatArray:
        rows = domain_rows(methodology)[position]
        return domain_draws(position, self.scores[rows], self.is_live[rows], methodology)
