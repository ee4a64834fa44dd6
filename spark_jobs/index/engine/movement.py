"""Why the index moved between two releases: by cause and indicator, and it adds up exactly (methodology, section 6).

The figures of the earlier release are led to those of the later one in stages. Each stage puts counterfactual inputs
through the same engine with the same random streams, so that the differences of neighbouring stages telescope:

    published before
      -> method       its own inputs under today's methodology and goalposts
      -> late_data    the same days, counts as known today; indicators whose feeds stopped or came back
      -> denominator  the same days, denominators as known today
      -> real_change  new days in, old days out: the published figures of today

Method comes first, because then only the published figures of the earlier release are needed, not its methodology.
Inside a stage the indicators are changed one after the other, once in the order of the methodology and once in reverse;
an indicator gets the mean of its two steps. These two "polar" decompositions are exact and do not need 2^n runs. Their
mean is close to that of all n! orders (Dietzenbacher and Los 1998, Econ. Syst. Res. 10, 307-324); it equals the Shapley
value where indicators interact only in pairs. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from spark_jobs.index.engine.arrays import BoolArray, EngineInputError, FloatArray, require_numbers
from spark_jobs.index.engine.composite_index import indicator_result
from spark_jobs.index.engine.inputs import IndicatorWindow, windows_in_order
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.scores import Scores
from spark_jobs.index.engine.window_draws import draw_window
from spark_jobs.index.methodology import Methodology

CauseCode = Literal["method", "late_data", "denominator", "real_change"]
CAUSES: tuple[CauseCode, ...] = ("method", "late_data", "denominator", "real_change")
NO_INDICATOR = "all"  # name of the row for what belongs to no single indicator


@dataclass(frozen=True)
class Before:
    """What the earlier release published, for the areas of today (the units: these, then the city).

    index (n_units,): NaN without an index. score (n_indicators, n_units): NaN unless live.
    headline: its aggregated inputs, without indicators whose feed had not delivered.
    is_described (n_indicators, n_areas): False for indicators, strata and areas that it did not have yet. For these
    today's counts are used, and the effect counts as one of method.
    """

    index: FloatArray
    score: FloatArray
    headline: tuple[IndicatorWindow, ...]
    is_described: BoolArray


@dataclass(frozen=True)
class Movement:
    """points (n_causes, n_indicators + 1, n_units): index points by cause and indicator, in the order of CAUSES.

    Over causes and indicators they add up to after - before. The last indicator row is for weights and aggregation,
    which belong to no indicator. NaN for units without an index before or after.
    """

    before: FloatArray
    after: FloatArray
    points: FloatArray


def movement(
    before: Before,
    known_now: Sequence[IndicatorWindow],
    headline: Sequence[IndicatorWindow],
    goalposts: Goalposts,
    methodology: Methodology,
    seed: int,
    area_codes: Sequence[str],
) -> Movement:
    """The movement from `before` to the index of `headline`.

    known_now: the days of the earlier release's window, with counts and denominators as known today.
    goalposts, methodology, seed, area_codes: those with which today's published index was computed.
    """
    n_areas = len(area_codes)
    _require_before(before, len(methodology.indicators), n_areas)
    stages = _stages(before, known_now, headline, methodology, n_areas)
    drawn = draw_window(stages[0], goalposts, methodology, seed, "headline", area_codes)
    redrawn = Scores(drawn.scores, drawn.is_live)
    start = _published(before, redrawn, indicator_result(drawn, goalposts, methodology).score)
    paths = _Paths(methodology, before.index)
    paths.follow_whole(start)
    paths.follow(0, start, redrawn)
    for cause, (past, windows) in enumerate(pairwise(stages), start=1):
        start, redrawn = redrawn, _redrawn(redrawn, past, windows, goalposts, methodology, seed, area_codes)
        paths.follow(cause, start, redrawn)
    return paths.movement()


def _require_before(before: Before, n_indicators: int, n_areas: int) -> None:
    require_numbers("before: index", before.index, (n_areas + 1,))
    require_numbers("before: score", before.score, (n_indicators, n_areas + 1))
    if n_areas < 1 or before.is_described.shape != (n_indicators, n_areas):
        raise EngineInputError(
            f"before: is_described must be ({n_indicators}, {n_areas}) of one area or more; "
            f"found {before.is_described.shape}"
        )


def _stages(
    before: Before,
    known_now: Sequence[IndicatorWindow],
    headline: Sequence[IndicatorWindow],
    methodology: Methodology,
    n_areas: int,
) -> list[tuple[IndicatorWindow, ...]]:
    """The windows of every indicator at the end of each stage, in the order of CAUSES."""
    then, now, new = (windows_in_order(given, methodology, n_areas) for given in (before.headline, known_now, headline))
    is_rate = [indicator.kind == "rate" for indicator in methodology.indicators]
    rows = map(_indicator_stages, then, now, new, before.is_described, is_rate)
    return list(zip(*rows, strict=True))


def _indicator_stages(
    then: IndicatorWindow, now: IndicatorWindow, new: IndicatorWindow, described: BoolArray, is_rate: bool
) -> tuple[IndicatorWindow, IndicatorWindow, IndicatorWindow, IndicatorWindow]:
    """One indicator's windows by stage. The denominators of a proportion are counts, so they are late data."""
    revised = replace(now, is_live=now.is_live and new.is_live)
    if not described.any():
        return now, revised, revised, new
    if not then.is_live:
        return then, revised, revised, new
    denominator = np.where(described, then.denominator, now.denominator)
    restated = replace(
        then, counts=np.where(described, then.counts, now.counts), denominator=denominator, weights=now.weights
    )
    return (
        restated,
        replace(revised, denominator=denominator, rest_denominator=then.rest_denominator) if is_rate else revised,
        revised,
        new,
    )


def _published(before: Before, redrawn: Scores, points: FloatArray) -> Scores:
    """The earlier scores as draws: today's draws from the same counts, moved to the published points.

    `points` (n_indicators, n_units): today's points from the same counts. Where today has none, e.g. because the
    indicator has lost its goalposts, every draw is the published point.
    """
    was_live = ~np.isnan(before.score)
    shift = np.where(redrawn.is_live, before.score - points, 0.0)[:, :, None]
    draws = np.where(redrawn.is_live[:, :, None], redrawn.scores + shift, before.score[:, :, None])
    return Scores(np.where(was_live[:, :, None], draws, np.nan), was_live)


def _redrawn(
    start: Scores,
    past: Sequence[IndicatorWindow],
    windows: Sequence[IndicatorWindow],
    goalposts: Goalposts,
    methodology: Methodology,
    seed: int,
    area_codes: Sequence[str],
) -> Scores:
    """The scores of `windows`. Indicators with the same window as in `past` keep the scores of `start`."""
    rows = [row for row, (then, now) in enumerate(zip(past, windows, strict=True)) if not _is_same(then, now)]
    drawn = draw_window([windows[row] for row in rows], goalposts, methodology, seed, "headline", area_codes)
    end = Scores(start.scores.copy(), start.is_live.copy())
    end.scores[rows], end.is_live[rows] = drawn.scores[rows], drawn.is_live[rows]
    return end


def _is_same(one: IndicatorWindow, other: IndicatorWindow) -> bool:
    if not (one.is_live and other.is_live):
        return one.is_live == other.is_live
    pairs = (
        (one.counts, other.counts), (one.denominator, other.denominator), (one.weights, other.weights),
        (one.city_counts, other.city_counts), (one.city_denominator, other.city_denominator),
    )  # fmt: skip
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@dataclass(frozen=True)
class _Step:
    cause: int
    row: int
    index: FloatArray  # (n_units,) after the step, NaN where there is none


class _Paths:
    """Two ways from the earlier index to the later one: the indicators in order, and in reverse order."""

    def __init__(self, methodology: Methodology, before: FloatArray) -> None:
        self._methodology, self._before = methodology, before
        self._paths: tuple[list[_Step], list[_Step]] = ([], [])

    def follow_whole(self, start: Scores) -> None:
        """From the published index to the index of the published scores: the part that belongs to no indicator."""
        index = start.index(self._methodology)
        for path in self._paths:
            path.append(_Step(0, len(start.scores), _point(index)))

    def follow(self, cause: int, start: Scores, end: Scores) -> None:
        rows = start.rows_unlike(end)
        for path, order in zip(self._paths, (rows, rows[::-1]), strict=True):
            path += (_Step(cause, row, _point(index)) for row, index in start.led_to(end, order, self._methodology))

    def movement(self) -> Movement:
        after = self._paths[0][-1].index
        points = np.zeros((len(CAUSES), sum(len(d.indicators) for d in self._methodology.domains) + 1, after.size))
        for path in self._paths:
            index = _carried(np.stack([self._before, *(step.index for step in path)]))
            for step, change in zip(path, np.diff(index, axis=0), strict=True):
                points[step.cause, step.row] += change / len(self._paths)
        points[:, :, np.isnan(self._before) | np.isnan(after)] = np.nan
        return Movement(self._before, after, points)


def _point(draws: FloatArray) -> FloatArray:
    """The published point: the median of the draws, (n_units,)."""
    return np.asarray(np.quantile(draws, 0.5, axis=-1))


def _carried(index: FloatArray) -> FloatArray:
    """(n_steps, n_units) with each NaN replaced by the last number above it.

    Between two steps an area can be without an index, e.g. when one indicator of a domain is exchanged for another.
    Such a step moves nothing, and the whole move falls to the step that brings the index back.
    """
    kept = index.copy()
    for step in range(1, len(kept)):
        kept[step] = np.where(np.isnan(kept[step]), kept[step - 1], kept[step])
    return kept
