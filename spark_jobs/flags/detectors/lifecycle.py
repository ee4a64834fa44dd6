"""What makes a flag the same flag on two nights, and when a signal becomes one.

Everything is computed again from the data each night. No flag depends on what an earlier night wrote, so a repeated or
repaired night gives the same flags.
"""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy import stats

from spark_jobs.index.engine.arrays import require_number, require_whole

BoolArray = npt.NDArray[np.bool_]


def flag_id(city_code: str, rule_code: str, area_code: str, subject: str, since: date) -> str:
    """Sixteen hex digits made from what the flag is about; `subject` is the indicator or feed."""
    parts = (city_code, rule_code, area_code, subject, since.isoformat())
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def discoveries(p_values: npt.ArrayLike, q: float) -> BoolArray:
    """Benjamini–Hochberg at false discovery rate q over the p-values; NaN = not tested, never a discovery."""
    p = np.asarray(p_values, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1) | np.isnan(p)):
        raise ValueError("discoveries: expected p_values from 0 to 1, or NaN for what was not tested")
    require_number("discoveries: q", q, 0.0, 1.0)
    found = np.zeros(p.shape, dtype=np.bool_)
    is_tested = ~np.isnan(p)
    if is_tested.any():
        found[is_tested] = stats.false_discovery_control(p[is_tested], method="bh") <= q
    return found


def nights_on(signals: npt.ArrayLike, *, on_count: int, on_window: int, off_after: int) -> BoolArray:
    """On which nights a flag stands, from the signals of consecutive nights (oldest first).

    It goes on when `on_count` of the last `on_window` nights have a signal, and off after `off_after` nights without
    one.
    """
    signal = np.asarray(signals, dtype=np.bool_)
    if signal.ndim != 1:
        raise ValueError(f"nights_on: expected one signal a night, found {signal.shape}")
    for name, count in (("on_count", on_count), ("on_window", on_window), ("off_after", off_after)):
        require_whole(f"nights_on: {name}", count)
    on = np.zeros(signal.size, dtype=np.bool_)
    for night in range(signal.size):
        was_on = night > 0 and on[night - 1]
        window = off_after if was_on else on_window
        needed = 1 if was_on else on_count
        on[night] = signal[max(0, night - window + 1) : night + 1].sum() >= needed
    return on


def run_start(is_true: npt.ArrayLike) -> int | None:
    """Where the run of true values that reaches the last position began; None if the last is false."""
    values = np.asarray(is_true, dtype=np.bool_)
    if values.ndim != 1:
        raise ValueError(f"run_start: expected one value a position, found {values.shape}")
    if not values.size or not values[-1]:
        return None
    false_at = np.flatnonzero(~values)
    return int(false_at[-1]) + 1 if false_at.size else 0
