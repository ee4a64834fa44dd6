"""The change on a year before by domain and indicator, in index points. It adds up exactly (methodology, section 6).

Last year's scores are led to this year's, one indicator after the other, for indicators that are live in both. After
step k the index differs from last year's by draws D_k. The points of the step are median(D_k) - median(D_k-1), so the
steps telescope to the published change, median(D_n). An indicator gets the mean of its steps in two opposite orders, as
in the movement between releases (engine/movement.py). Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.composite_index import domain_rows
from spark_jobs.index.engine.inputs import IndexInput
from spark_jobs.index.engine.scale import Goalposts
from spark_jobs.index.engine.scores import Scores
from spark_jobs.index.engine.window_draws import draw_window
from spark_jobs.index.methodology import Methodology


@dataclass(frozen=True)
class Parts:
    """Arrays (n_parts, n_units). points: index points, with the ends of their interval. value_1y: the part's index or
    score a year before. NaN where there is nothing to compare."""

    points: FloatArray
    lower: FloatArray
    upper: FloatArray
    value_1y: FloatArray


@dataclass(frozen=True)
class YearChange:
    """The change as a whole (one part), by domain and by indicator, in the order of the methodology.

    Indicators add up to their domain and domains to the whole, which is the published change on a year before.
    """

    whole: Parts
    domains: Parts
    indicators: Parts


def year_change(inputs: IndexInput, goalposts: Goalposts, methodology: Methodology, seed: int) -> YearChange:
    """The change of the index of `inputs` on its last year. All arguments as the index was computed with."""
    now, then = (
        draw_window(windows, goalposts, methodology, seed, slot, inputs.area_codes)
        for windows, slot in ((inputs.headline, "headline"), (inputs.last_year, "last_year"))
    )
    both = now.is_live & then.is_live
    start, end = Scores(then.scores, both), Scores(now.scores, both)
    before = start.index(methodology)
    order = range(len(both))
    paths = [_path(before, start, end, way, methodology) for way in (order, order[::-1])]
    points, draws = (np.mean(each, axis=0) for each in zip(*paths, strict=True))
    points = np.where(both, points, np.nan)
    rows = domain_rows(methodology)
    of_domains = np.stack([np.nansum(points[of], axis=0) for of in rows])
    whole = end.index(methodology) - before
    of_domains[:, np.isnan(whole).any(axis=-1)] = np.nan
    return YearChange(
        _parts(_median(whole)[None], whole[None], _median(before)[None], methodology),
        _parts(
            of_domains,
            np.stack([draws[of].sum(axis=0) for of in rows]),
            _median(start.domains(methodology)),
            methodology,
        ),
        _parts(points, draws, np.where(both, _median(then.scores), np.nan), methodology),
    )


def _path(
    before: FloatArray, start: Scores, end: Scores, order: Sequence[int], methodology: Methodology
) -> tuple[FloatArray, FloatArray]:
    """What each indicator does to the index, changed in this order: points (n_indicators, n_units), and their draws."""
    points, draws = np.zeros(start.is_live.shape), np.zeros_like(start.scores)
    index, median = before, np.zeros(before.shape[0])
    for row, after in start.led_to(end, order, methodology):
        reached = _median(after - before)
        points[row], draws[row] = reached - median, after - index
        index, median = after, reached
    return points, draws


def _parts(points: FloatArray, draws: FloatArray, value_1y: FloatArray, methodology: Methodology) -> Parts:
    """The interval is that of the part's own draws, widened to hold the point: that is a difference
    of medians and need not be the median of a difference."""
    tail = (1.0 - methodology.posterior.interval) / 2.0
    lower, upper = np.quantile(draws, [tail, 1.0 - tail], axis=-1)
    return Parts(points, np.minimum(lower, points), np.maximum(upper, points), value_1y)


def _median(draws: FloatArray) -> FloatArray:
    return np.asarray(np.quantile(draws, 0.5, axis=-1))
