"""Two Poisson rates compared: is the recent one above that of the past?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

IntArray = npt.NDArray[np.int64]


def rate_ratio_p(
    recent: IntArray, recent_days: int, past: IntArray, past_days: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """P(this many recent events or more) if the Poisson rate is that of the past; exact, given their sum.

    Given n = recent + past events, the recent ones are binomial(n, recent_days / all days): Przyborowski
    and Wilenski (1940), Biometrika 31:313. The error of the past rate is part of it, and a past without
    events is no special case.
    """
    share = recent_days / (recent_days + np.asarray(past_days))
    p: npt.NDArray[np.float64] = stats.binom.sf(recent - 1, recent + past, share)
    return p
