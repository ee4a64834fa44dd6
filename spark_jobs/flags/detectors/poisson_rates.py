"""Two Poisson rates compared: is the recent one above that of the past?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from spark_jobs.index.engine.arrays import LARGEST_COUNT, require_number, require_numbers

IntArray = npt.NDArray[np.int64]


def rate_ratio_p(
    recent: IntArray, recent_days: int, past: IntArray, past_days: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """P(this many recent events or more) if the Poisson rate is that of the past; exact, given their sum.

    Given n = recent + past events, the recent ones are binomial(n, recent_days / all days): Przyborowski
    and Wilenski (1940), Biometrika 31:313. The error of the past rate is part of it, and a past without
    events is no special case.
    """
    for name, counts in (("recent", recent), ("past", past)):
        require_numbers(f"Poisson rates: {name}", counts, least=0.0, most=LARGEST_COUNT, has_gaps=False)
    require_number("Poisson rates: recent_days", recent_days, 1.0)
    require_numbers("Poisson rates: past_days", past_days, least=1.0, has_gaps=False)
    share = recent_days / (recent_days + np.asarray(past_days))
    p: npt.NDArray[np.float64] = stats.binom.sf(recent - 1, recent + past, share)
    return p
