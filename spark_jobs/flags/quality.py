"""F9 data quality: a feed that is late, brought far less than usual, or whose records name no known county.

Such a feed greys its indicators: silence must not look like peace. One finding a feed, the gravest: not
delivered, then unknown county, then low count. Nothing is confirmed over nights: a missing feed is a fact
of tonight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from spark_jobs.flags.detectors.lifecycle import run_start
from spark_jobs.index.methodology import DataQualityFlag

FloatArray = npt.NDArray[np.float64]
Reason = Literal["missing", "breached", "unknown_area", "low_count"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a feed.

    observed, expected, threshold: records (low_count) or share (unknown_area), else NaN.
    through: last day delivered. explanation: the reason that the check of the batch gave (breached).
    """

    feed_code: str
    reason: Reason
    since: date
    through: date | None = None
    observed: float = np.nan
    expected: float = np.nan
    threshold: float = np.nan
    explanation: str = ""


def feed_faults(
    status: pd.DataFrame,
    batches: pd.DataFrame,
    volumes: pd.DataFrame,
    rule: DataQualityFlag,
    business_date: date,
) -> list[Fault]:
    """The gravest fault of each feed that has one, in order of feed.

    `status`: feed_code, delivered_through, missing_since, state_code (delivered | missing | breached), reason.
    `batches`: feed_code, window_to, n_received, n_unknown_area; checked batches only.
    `volumes`: feed_code, day, n_records: record versions by the local day on which the source recorded them.
    """
    found = []
    for _, feed in status.sort_values("feed_code").iterrows():
        code = str(feed["feed_code"])
        fault = (
            _not_delivered(feed)
            or _unknown_area(code, batches[batches["feed_code"] == code], rule, business_date)
            or _low_count(code, volumes[volumes["feed_code"] == code], rule, business_date)
        )
        found += [fault] if fault else []
    return found


def _not_delivered(feed: pd.Series) -> Fault | None:
    state, since, through = feed["state_code"], feed["missing_since"], feed["delivered_through"]
    if state == "delivered":
        return None
    assert isinstance(since, date)
    return Fault(
        str(feed["feed_code"]),
        "breached" if state == "breached" else "missing",
        since,
        through if isinstance(through, date) else None,
        explanation=str(feed["reason"] or ""),
    )


def _unknown_area(code: str, batches: pd.DataFrame, rule: DataQualityFlag, business_date: date) -> Fault | None:
    """Share of records without a known county over `share_days`, strictly above the limit."""
    ends = [day for day in batches["window_to"] if day <= business_date]
    if not ends:
        return None
    nights = (business_date - min(ends)).days + 1
    offsets = np.array([(business_date - day).days for day in batches["window_to"]])
    shares = np.full(nights, np.nan)
    for night in range(nights):  # counted back from the business date
        window = (offsets >= night) & (offsets < night + rule.share_days)
        n_received = int(batches["n_received"][window].sum())
        if n_received >= rule.min_received:
            shares[night] = batches["n_unknown_area"][window].sum() / n_received
    limit = rule.max_null_county_share
    start = run_start(shares[::-1] > limit)
    if start is None:
        return None
    since = business_date - timedelta(days=nights - 1 - start)
    return Fault(code, "unknown_area", since, observed=float(shares[0]), threshold=limit)


def _low_count(code: str, volumes: pd.DataFrame, rule: DataQualityFlag, business_date: date) -> Fault | None:
    """Records of the business date under the bound of its weekday; since the first such day in a row."""
    n_days, weeks = days_looked_at(rule), rule.baseline_weeks
    counts = np.zeros(n_days)
    for day, n_records in zip(volumes["day"], volumes["n_records"], strict=True):
        back = (business_date - day).days
        if 0 <= back < n_days:
            counts[n_days - 1 - back] += n_records
    days = np.arange(7 * weeks, n_days)
    past = counts[days[:, None] - 7 * np.arange(1, weeks + 1)]
    bounds = lower_bounds(past, rule.count_alpha)
    start = run_start(counts[days] < bounds)
    if start is None:
        return None
    since = business_date - timedelta(days=rule.history_days - 1 - start)
    return Fault(code, "low_count", since, None, counts[-1], float(past[-1].mean()), float(bounds[-1]))


def days_looked_at(rule: DataQualityFlag) -> int:
    """Days of record counts that the rule needs, the business date included."""
    return rule.history_days + 7 * rule.baseline_weeks


def lower_bounds(past: npt.ArrayLike, alpha: float) -> FloatArray:
    """Smallest counts not exceptionally low: P(count < bound) < alpha. `past`: (days, comparable days).

    Negative binomial with the mean of the past and its dispersion (at least Poisson), widened by (1 + 1/n)
    for the error of the mean. A feed too small to be missed has the bound 0.
    """
    y = np.asarray(past, dtype=np.float64)
    n, mean = y.shape[1], y.mean(axis=1)
    dispersion = np.maximum(1.0, y.var(axis=1, ddof=1) / np.where(mean > 0, mean, 1.0)) * (1 + 1 / n)
    size = np.where(mean > 0, mean, 1.0) / (dispersion - 1)
    bounds: FloatArray = np.where(mean > 0, stats.nbinom.ppf(alpha, size, 1 / dispersion), 0.0)
    return bounds
