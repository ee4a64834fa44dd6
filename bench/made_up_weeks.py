"""Weeks of a made-up city as the rules see them: counts are given as arrays, without Spark and without days."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from spark_jobs.flags.weekly import BoolArray, Weekly
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.methodology import load_methodology

METHODOLOGY = load_methodology()
LAST_MONDAY = date(2026, 11, 16)
N_COUNTIES = 9
COUNTIES = tuple(str(n) for n in range(1, N_COUNTIES + 1))


def made_up_weeks(
    counts: FloatArray,
    indicators: tuple[str, ...] | None = None,
    denominators: FloatArray | None = None,
    is_festival: BoolArray | None = None,
    kinds: tuple[str, ...] = (),
) -> Weekly:
    """The weeks. `counts`: (indicators × 9 counties, weeks), an indicator's counties together; the last week begins on
    LAST_MONDAY.

    `indicators`: if not given, those of the method in its order. All counties have the same size.
    is_festival, kinds: as in Weekly; without them every week is an ordinary one.
    """
    ids = indicators or tuple(each.id for each in METHODOLOGY.indicators)
    n_weeks = counts.shape[1]
    return Weekly(
        series=tuple((county, indicator) for indicator in ids for county in COUNTIES),
        mondays=tuple(LAST_MONDAY - timedelta(weeks=back) for back in range(n_weeks - 1, -1, -1)),
        numerators=counts,
        denominators=np.full(counts.shape, np.nan) if denominators is None else denominators,
        exposures=np.ones(counts.shape[0]),
        is_festival=np.zeros(n_weeks, dtype=np.bool_) if is_festival is None else is_festival,
        methodology=METHODOLOGY,
        kinds=kinds,
    )
