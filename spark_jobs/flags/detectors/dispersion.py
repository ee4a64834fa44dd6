"""How much more than by chance the counts of similar series vary: variance over mean, learnt from short stretches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_numbers

FloatArray = npt.NDArray[np.float64]


def learnt_dispersion(stretches: npt.ArrayLike) -> float:
    """Variance over mean, at least 1 (Poisson), of similar series (the counties of one indicator).

    `stretches`: counts (series, stretches, periods). Each stretch is short enough to have one level, so that season and
    trend are not taken for variance; one with a gap is left out. A series has its mean variance over its mean. The
    result is the median of the series, so that a county in which something happens does not hide itself.
    """
    y = require_numbers("dispersion: stretches", stretches, (None, None, None), least=0.0, most=LARGEST_COUNT)
    if not y.size or y.shape[2] < 2:
        return 1.0
    is_known = ~np.isnan(y).any(axis=2, keepdims=True)
    counts = np.where(is_known, y, 0.0)
    variance, mean = counts.var(axis=2, ddof=1).sum(axis=1), counts.mean(axis=2).sum(axis=1)
    own = variance[mean > 0] / mean[mean > 0]
    return max(1.0, float(np.median(own))) if own.size else 1.0
