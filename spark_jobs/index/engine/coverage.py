"""Through which day a feed's content reaches, from its events by day. Pure.

A file that is named for a day may say nothing about it: the source stands still, a table did not change, or the export
was made in the morning. So the last days of a feed count as known only if their events are not far below those of the
same weekdays before. This is judged by probability, so a quiet day does not cut a feed with few events.

A count that varies more than by chance is negative binomial with Pearson's dispersion (McCullagh and Nelder 1989, 4.5).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from scipy.stats import nbinom

from spark_jobs.index.engine.arrays import LARGEST_COUNT, BoolArray, FloatArray, IntArray, require_numbers

WEEKS = 8  # weeks before the days in question; their weekdays say what is usual
FEW = 1 / 3  # share of the usual count: with more, few events are a figure; with less, the day may not be whole
CHANCE = 0.001  # probability that whole days are taken for unknown ones
LONGEST = 120  # most days that are looked at together


def covered_through(events: FloatArray, delivered_through: date) -> date:
    """Newest day with its usual count. `events`: (n_days,) of one feed, the last one for the day `delivered_through`.

    It is `delivered_through` itself where too little is known about what is usual, or where nothing ever happened.
    """
    events = require_numbers("events", events, (None,), least=0.0, most=LARGEST_COUNT, has_gaps=False)
    found = np.flatnonzero(events)
    if found.size == 0:
        return delivered_through
    end = events.size
    silent = end - 1 - int(found[-1])
    if silent and bool(_are_short(events, end, np.array([silent]))[0]):  # of any length: what is usual lies before it
        end -= silent
    while (short := _are_short(events, end, np.arange(1, LONGEST + 1))).any():
        end -= 1 + int(np.argmax(short))
    return delivered_through - timedelta(days=events.size - end)


def _are_short(events: FloatArray, end: int, lengths: IntArray) -> BoolArray:
    """For each length, whether that many days before `end` bring less than chance explains: nothing, or below FEW."""
    known = lengths <= end - 7 * WEEKS
    starts = end - lengths[known]
    past = events[starts[:, None] - 7 * WEEKS + np.arange(7 * WEEKS)].reshape(-1, WEEKS, 7)
    usual = past.mean(axis=1)
    total = np.concatenate([[0.0], events.cumsum()])
    observed = total[end] - total[starts]
    weeks, days = np.divmod(lengths[known], 7)
    of_days = np.where(np.arange(7) < days[:, None], usual, 0.0).sum(axis=1)
    whole = weeks * usual.sum(axis=1) + of_days
    expected = whole * np.where(observed == 0.0, 1.0, FEW)
    is_usual = np.logical_or.accumulate((whole > 0.0) & (observed >= FEW * whole))  # a gap before usual days is over
    squares = np.divide((past - usual[:, None]) ** 2, usual[:, None], out=np.zeros_like(past), where=usual[:, None] > 0)
    freedom = np.maximum((WEEKS - 1) * (usual > 0.0).sum(axis=1), 1)
    scatter = np.maximum(squares.sum(axis=(1, 2)) / freedom, 1.0 + 1e-9)
    short = np.zeros(lengths.size, dtype=bool)
    size = np.where(expected > 0.0, expected, 1.0) / (scatter - 1.0)
    short[known] = (expected > 0.0) & ~is_usual & (nbinom.cdf(observed, size, 1.0 / scatter) < CHANCE)
    return short
