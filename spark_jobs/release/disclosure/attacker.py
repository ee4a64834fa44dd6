"""What somebody who has every public file of a city can work out: linear programs over all of them together. Pure.

Counts. The days of an indicator are cut wherever a printed window begins or ends. A county's events in a segment are a
variable >= 0, a printed count is an equation over its segments, and the city is the sum of its counties. The programs
(HiGHS) find the interval of each hidden cell, and of each segment that no file shows, such as the month by which two
rolling years differ. It is exposed if the interval is narrower than its protection and reaches below the threshold.
Harm-days. A printed rate is taken as its harm-days to the last digit, which places each kind of harm.
Scores. A whole with one part that is not printed is solved for that part.
All figures are taken together. Where revisions make them contradict each other, the equations are widened by no more
than is needed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse import csgraph

from spark_jobs.index.engine.aggregate import ampi
from spark_jobs.index.engine.arrays import FloatArray, IntArray
from spark_jobs.index.methodology import Methodology
from spark_jobs.release.disclosure import published
from spark_jobs.release.disclosure.published import Count, Files, Parts
from spark_jobs.release.disclosure.rules import ClassRule, DisclosureRules
from spark_jobs.release.disclosure.suppression import narrowest_stratum

MOST = 1e7  # events of a county in a segment: the bound where no equation gives one
EXACT = 1e-6
DAY = timedelta(days=1)
POINTS = np.linspace(0.0, 200.0, 401)  # scores that are tried for a hidden part


@dataclass(frozen=True)
class Disclosed:
    """A cell that the public files place too well. `first`, `last`: its days. Bounds are in events, or in points."""

    table: str
    part: str
    area_code: str
    first: date | None
    last: date | None
    lower: float
    upper: float


def attack(files: Files, methodology: Methodology, rules: DisclosureRules, city_code: str) -> list[Disclosed]:
    """Every cell that somebody who has all of `files` can place too well."""
    found = [*_counts(files, methodology, rules, city_code), *_strata(files, methodology, rules)]
    return [*found, *_scores(files, methodology, rules), *_settled(files, rules)]


def _counts(files: Files, methodology: Methodology, rules: DisclosureRules, city_code: str) -> Iterator[Disclosed]:
    readings = list(published.counts(files))
    classes = {indicator.id: rules.of(indicator) for indicator in methodology.indicators}
    for each in readings:
        if each.value is not None and each.value < classes[each.indicator_id].threshold:
            yield Disclosed(
                each.table, each.indicator_id, each.area_code, each.first, each.last, each.value, each.value
            )
    hidden = system(readings, city_code)
    for n, (lower, upper) in hidden.placed(classes).items():
        rule, target = classes[hidden.targets[n].indicator_id], hidden.targets[n]
        if upper - lower < rule.protection - EXACT and lower < rule.threshold - EXACT:
            yield Disclosed(
                target.table, target.indicator_id, target.area_code, target.first, target.last, lower, upper
            )


@dataclass(frozen=True, eq=False)
class System:
    """All equations of all indicators at once: A x = b, x >= 0. Rows of `sums` are the targets, unknown sums of x.

    `block`: for every variable, its block, which is a connected component of the equations; `of_row` and `of_target`
    say the same of rows and targets. Blocks do not touch each other, so one program serves one target of each block.
    """

    equations: sparse.csr_matrix
    values: FloatArray
    sums: sparse.csr_matrix
    targets: Sequence[Count]
    block: IntArray
    of_row: IntArray
    of_target: IntArray

    def placed(self, classes: Mapping[str, ClassRule]) -> dict[int, tuple[float, float]]:
        """The interval of every target that is narrower than its protection: index of the target -> bounds.

        Two solutions show that a target's interval is at least as wide as they differ. So most targets need no program
        of their own.
        """
        protection = np.array([classes[target.indicator_id].protection for target in self.targets], dtype=float)
        slack = self._contradiction()
        low, high = np.full(len(self.targets), np.inf), np.full(len(self.targets), -np.inf)
        blocks = np.unique(self.of_target)
        signs = np.random.default_rng(0).choice([-1.0, 1.0], self.block.size)
        for objective in (signs, -signs):
            self._note(self._solve(objective, blocks, slack), low, high)
        found = self._determined(slack)
        protection[list(found)] = 0.0
        narrow = np.flatnonzero(high - low < protection)
        before = len(low) + 1
        while 0 < narrow.size < before:
            before = narrow.size
            self._note(self._raised(narrow, low[narrow], protection[narrow], slack), low, high)
            narrow = np.flatnonzero(high - low < protection)
        while narrow.size:
            chosen = self._one_a_block(narrow)
            ends = self._ends(chosen, slack, low, high)
            found |= {int(n): (float(lower), float(upper)) for n, lower, upper in zip(chosen, *ends, strict=True)}
            protection[chosen] = 0.0
            narrow = np.flatnonzero(high - low < protection)
        return found

    def _one_a_block(self, narrow: IntArray) -> IntArray:
        """The first of these targets in each block."""
        first: IntArray = np.unique(self.of_target[narrow], return_index=True)[1]
        return narrow[first]

    def _determined(self, slack: FloatArray) -> dict[int, tuple[float, float]]:
        """Targets that are sums and differences of the equations, and so are known exactly."""
        found: dict[int, tuple[float, float]] = {}
        for block in np.unique(self.of_target):
            rows, targets = np.flatnonzero(self.of_row == block), np.flatnonzero(self.of_target == block)
            if slack[rows].any():
                continue
            variables = np.flatnonzero(self.block == block)
            equations, sums = (m[:, variables].toarray() for m in (self.equations[rows], self.sums[targets]))
            shares = np.linalg.pinv(equations @ equations.T) @ (equations @ sums.T)
            is_known = np.abs(equations.T @ shares - sums.T).max(axis=0) < EXACT
            values = shares.T @ self.values[rows]
            found |= {int(n): (float(v), float(v)) for n, v in zip(targets[is_known], values[is_known], strict=True)}
        return found

    def _ends(
        self, chosen: IntArray, slack: FloatArray, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Least and greatest value of one target of each block."""
        objective, blocks = np.asarray(self.sums[chosen].sum(axis=0)).ravel(), self.of_target[chosen]
        solutions = (self._solve(objective, blocks, slack), self._solve(-objective, blocks, slack))
        for solution in solutions:
            self._note(solution, low, high)
        least, greatest = (self.sums[chosen] @ np.nan_to_num(solution) for solution in solutions)
        return least, greatest

    def _note(self, solution: FloatArray, low: FloatArray, high: FloatArray) -> None:
        """Widen the known bounds of the targets in the blocks that were solved.

        Variables of the same equations (counties that are hidden together) can be exchanged. All events of such a group
        may lie in the target; or none, unless the target is the whole group.
        """
        solved = ~np.isnan(solution)[self.sums.indices[self.sums.indptr[:-1]]]
        group, touched, filled = self._groups
        totals = np.bincount(group, weights=np.nan_to_num(solution))
        low[solved] = np.minimum(low, filled @ totals)[solved]
        high[solved] = np.maximum(high, touched @ totals)[solved]

    @cached_property
    def _groups(self) -> tuple[IntArray, sparse.csr_matrix, sparse.csr_matrix]:
        """Group of every variable; the groups that each target touches; the groups that it fills."""
        mark = self.equations.T @ np.random.default_rng(0).random(self.values.size)
        _, group = np.unique(np.round(mark, 9), return_inverse=True)
        size = np.bincount(group)
        member = sparse.csr_matrix((np.ones(group.size), (np.arange(group.size), group)))
        held = (self.sums @ member).tocoo()
        is_full = held.data >= size[held.col]
        touched = sparse.csr_matrix((np.ones(held.nnz), (held.row, held.col)), shape=held.shape)
        filled = sparse.csr_matrix((is_full * 1.0, (held.row, held.col)), shape=held.shape)
        return group, touched, filled

    def _contradiction(self) -> FloatArray:
        """By row, how far the equations of its block must be widened to agree with each other; 0 without revisions."""
        n_rows, n = self.equations.shape
        wide = sparse.hstack([self.equations, sparse.identity(n_rows), -sparse.identity(n_rows)], format="csr")
        cost = np.concatenate([np.zeros(n), np.ones(2 * n_rows)])
        done = linprog(cost, A_eq=wide, b_eq=self.values, bounds=(0.0, MOST), method="highs")
        off = np.abs(self.values - self.equations @ done.x[:n])
        worst = np.zeros(self.block.max(initial=0) + 1)
        np.maximum.at(worst, self.of_row, np.where(off > EXACT, np.ceil(off), 0.0))
        return worst[self.of_row]

    def _raised(self, narrow: IntArray, low: FloatArray, protection: FloatArray, slack: FloatArray) -> FloatArray:
        """A solution in which as many targets as possible exceed their lowest value so far by their protection."""
        program = self._program(np.unique(self.of_target[narrow]), slack)
        sums = self.sums[narrow][:, program.variables]
        n_free = program.equations.shape[1]
        beside = sparse.csr_matrix((narrow.size, n_free - program.variables.size))
        done = linprog(
            np.concatenate([np.zeros(n_free), -np.ones(narrow.size)]),
            A_eq=sparse.hstack(
                [program.equations, sparse.csr_matrix((program.values.size, narrow.size))], format="csr"
            ),
            b_eq=program.values,
            A_ub=sparse.hstack([-sums, beside, sparse.identity(narrow.size)], format="csr"),
            b_ub=-low,
            bounds=np.vstack([program.bounds, np.column_stack([np.zeros(narrow.size), protection])]),
            method="highs",
        )
        return self._on_all(done.x, program)

    def _solve(self, objective: FloatArray, blocks: IntArray, slack: FloatArray) -> FloatArray:
        """A solution of least objective; NaN outside `blocks`."""
        program = self._program(blocks, slack)
        beside = np.zeros(program.equations.shape[1] - program.variables.size)
        cost = np.concatenate([objective[program.variables], beside])
        done = linprog(cost, A_eq=program.equations, b_eq=program.values, bounds=program.bounds, method="highs")
        return self._on_all(done.x, program)

    def _program(self, blocks: IntArray, slack: FloatArray) -> Program:
        """The equations of some blocks; each one that is widened has one more variable."""
        variables = np.flatnonzero(np.isin(self.block, blocks))
        own = np.flatnonzero(np.isin(self.of_row, blocks))
        wide = own[slack[own] > 0.0]
        at = (np.searchsorted(own, wide), np.arange(wide.size))
        widening = sparse.csr_matrix((np.ones(wide.size), at), shape=(own.size, wide.size))
        low = np.concatenate([np.zeros(variables.size), -slack[wide]])
        high = np.concatenate([np.full(variables.size, MOST), slack[wide]])
        equations = sparse.hstack([self.equations[own][:, variables], widening], format="csr")
        return Program(variables, equations, self.values[own], np.column_stack([low, high]))

    def _on_all(self, found: FloatArray, program: Program) -> FloatArray:
        solution = np.full(self.block.size, np.nan)
        solution[program.variables] = found[: program.variables.size]
        return solution


@dataclass(frozen=True, eq=False)
class Program:
    """Equations of some blocks over their `variables` and, after these, the variables that widen them."""

    variables: IntArray
    equations: sparse.csr_matrix
    values: FloatArray
    bounds: FloatArray


def system(readings: Sequence[Count], city_code: str) -> System:
    """The equations of all indicators, one below the other."""
    by_indicator: dict[str, list[Count]] = {}
    for reading in readings:
        by_indicator.setdefault(reading.indicator_id, []).append(reading)
    rows: list[tuple[list[int], float]] = []
    sums: list[tuple[list[int], Count]] = []
    size = 0
    for own in by_indicator.values():
        layout = Layout.of(own, city_code, size)
        rows += layout.rows(own)
        sums += layout.sums(own)
        size += layout.size
    equations = _matrix([columns for columns, _ in rows], size)
    _, block = csgraph.connected_components(equations.T @ equations, directed=False)
    of_row = block[[columns[0] for columns, _ in rows]]
    # a sum over several blocks is at least as uncertain as its parts, and one without equations is free
    is_told = np.bincount(of_row, minlength=block.max(initial=0) + 1) > 0
    told = [each for each in sums if is_told[block[each[0][0]]] and np.ptp(block[each[0]]) == 0]
    return System(
        equations, np.array([value for _, value in rows]), _matrix([columns for columns, _ in told], size),
        [target for _, target in told], block, of_row, block[[columns[0] for columns, _ in told]],
    )  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Variables of one indicator: counties by segments of days. `days`: where segments begin, and the end of the last."""

    city_code: str
    counties: tuple[str, ...]
    days: tuple[date, ...]
    offset: int

    @classmethod
    def of(cls, readings: Sequence[Count], city_code: str, offset: int) -> Layout:
        days = {r.first for r in readings} | {r.last + DAY for r in readings}
        counties = sorted({reading.area_code for reading in readings} - {city_code})
        return cls(city_code, tuple(counties), tuple(sorted(days)), offset)

    @property
    def size(self) -> int:
        return len(self.counties) * len(self.days)

    def columns(self, area: str, first: date, last: date) -> list[int]:
        """Variables that add up to the events of an area from `first` to `last`."""
        span = range(bisect_left(self.days, first), bisect_left(self.days, last + DAY))
        areas = range(len(self.counties)) if area == self.city_code else [self.counties.index(area)]
        return [self.offset + n * len(self.days) + each for n in areas for each in span]

    def rows(self, readings: Sequence[Count]) -> list[tuple[list[int], float]]:
        """Printed counts. Of a window that is printed again the last figure counts; where a correction hides a cell that
        was printed, every figure of its window does. The city's is left out where all its counties are printed once for
        all: it says nothing more.
        """
        said: dict[tuple[str, date, date], list[float]] = {}
        for r in readings:
            said.setdefault((r.area_code, r.first, r.last), []).extend([] if r.value is None else [r.value])
        printed = {key for key, values in said.items() if values}
        hidden = {(r.area_code, r.first, r.last) for r in readings if r.value is None}
        corrected = {(first, last) for _, first, last in printed & hidden}
        return [
            (self.columns(area, first, last), value)
            for (area, first, last), values in said.items()
            if area != self.city_code
            or (first, last) in corrected
            or not all((county, first, last) in printed for county in self.counties)
            for value in (sorted(set(values)) if (first, last) in corrected else values[-1:])
        ]

    def sums(self, readings: Sequence[Count]) -> list[tuple[list[int], Count]]:
        """What is to stay unknown: cells that are hidden, were they printed before a correction, and every segment that is
        not printed itself.
        """
        printed = {(r.area_code, r.first, r.last) for r in readings if r.value is not None}
        named = {(r.area_code, r.first, r.last): r for r in readings if r.value is None}
        indicator_id = readings[0].indicator_id
        windows = {(r.first, r.last) for r in readings}
        segments = [(first, end - DAY) for first, end in pairwise(self.days)]
        segments = [each for each in segments if any(w[0] <= each[0] and each[1] <= w[1] for w in windows)]
        for area in (self.city_code, *self.counties):
            for first, last in segments:
                if (area, first, last) not in printed:
                    named.setdefault((area, first, last), Count("segment", indicator_id, area, first, last, None))
        return [(self.columns(*key), target) for key, target in named.items()]


def _matrix(rows: Sequence[list[int]], n: int) -> sparse.csr_matrix:
    """A row of ones for each list of columns."""
    starts = np.cumsum([0, *(len(columns) for columns in rows)])
    columns = np.concatenate([np.array(columns, dtype=int) for columns in rows]) if rows else np.zeros(0, dtype=int)
    return sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(rows), n))


def _strata(files: Files, methodology: Methodology, rules: DisclosureRules) -> Iterator[Disclosed]:
    """Kinds of harm that a printed count and rate place too well."""
    indicators = {indicator.id: indicator for indicator in methodology.indicators}
    for read in published.rates(files):
        indicator = indicators[read.indicator_id]
        days = dict(zip(indicator.strata, methodology.harm_days(indicator), strict=True))
        if len(days) < 2:
            continue
        width = narrowest_stratum(read.count, read.rate * read.denominator / indicator.rate_per, days, rules)
        if width < rules.sensitive.stratum_protection - EXACT:
            yield Disclosed("stratum", read.indicator_id, read.area_code, None, read.last, 0.0, width)


def _scores(files: Files, methodology: Methodology, rules: DisclosureRules) -> Iterator[Disclosed]:
    """Hidden scores and domains that are the one missing part of a printed whole."""
    domain_of = {i.id: domain.id for domain in methodology.domains for i in domain.indicators}
    weights = {domain.id: domain.weight for domain in methodology.domains}
    weights |= {indicator.id: indicator.weight for indicator in methodology.indicators}
    pinned = published.n_nights(files) > 0  # a series of nights tells where an index lies between two whole points
    for whole in published.parts(files, domain_of):
        if len(whole.hidden) == 1:
            slack = 0.0 if whole.whole == "index" and pinned else 0.5
            possible = _possible(whole, weights, slack, methodology.scale.floor)
            if possible.size and np.ptp(possible) < rules.scores.protection:
                yield Disclosed(
                    f"score in {whole.whole} of {whole.month}", whole.hidden[0], whole.area_code, None, None,
                    float(possible.min()), float(possible.max()),
                )  # fmt: skip


def _possible(whole: Parts, weights: Mapping[str, float], slack: float, floor: float) -> FloatArray:
    """The values of the missing part that agree with the printed whole and parts, which are in whole points."""
    names = [*whole.shown, whole.hidden[0]]
    weighing = np.array([weights[name] for name in names])
    shown = np.array(list(whole.shown.values()))[:, None] + np.zeros_like(POINTS)
    ends = [ampi(np.maximum(np.vstack([shown + off, POINTS]), floor), weighing) for off in (-0.5, 0.5)]
    return POINTS[(np.minimum(*ends) <= whole.value + slack) & (np.maximum(*ends) >= whole.value - slack)]


def _settled(files: Files, rules: DisclosureRules) -> Iterator[Disclosed]:
    """Settlement rates of which one percent is too few disputes."""
    for month, area, view, n_accepted in published.settled(files):
        if n_accepted / 100 < rules.counts.protection:
            yield Disclosed(f"settlement of {month}", view, area, None, None, 0.0, n_accepted / 100)
