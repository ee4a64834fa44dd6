"""What one computation of the index returns. The unit axis: the areas in input order, then the city."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from spark_jobs.index.engine.arrays import BoolArray, FloatArray

StateCode = Literal["live", "missing_feed", "too_few", "no_denominator", "no_base", "narrow_base"]
StateArray = npt.NDArray[np.str_]
STATE = np.dtype(f"U{max(map(len, get_args(StateCode)))}")  # wide enough for any, or NumPy cuts one off

DOMAINS_MISSING = "domains_missing"


@dataclass(frozen=True)
class IndicatorResult:
    """Arrays (n_indicators, n_units). Rates are in the displayed unit of the methodology (rate_per).

    Missing figures are NaN. There is a rate if the state is live, no_base or narrow_base, a score only if it is live,
    and counts only of delivered feeds. Points are posterior medians, lower and upper the ends of the interval.
    """

    indicator_ids: tuple[str, ...]
    n_events: FloatArray
    denominator: FloatArray
    rate: FloatArray
    rate_lower: FloatArray
    rate_upper: FloatArray
    score: FloatArray
    score_lower: FloatArray
    score_upper: FloatArray
    state: StateArray


@dataclass(frozen=True)
class DomainResult:
    """Arrays (n_domains, n_units); value and interval are NaN where the domain is not live.

    change: this window minus the same window last year, on the indicators live in both; NaN where these are too few.
    """

    domain_ids: tuple[str, ...]
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    change: FloatArray
    is_live: BoolArray
    live_weight_share: FloatArray


@dataclass(frozen=True)
class OverallResult:
    """Arrays (n_units,); NaN without an index, and then `reason` and `missing_domains` say why.

    band: better | level | worse | none. Ranks are among the areas with an index; the city has none (NaN).
    change: this window minus the same window last year, on the indicators live in both.
    """

    index: FloatArray
    lower: FloatArray
    upper: FloatArray
    arithmetic: FloatArray
    geometric: FloatArray
    band: npt.NDArray[np.str_]
    rank_low: FloatArray
    rank_high: FloatArray
    p_top: FloatArray
    change: FloatArray
    change_lower: FloatArray
    change_upper: FloatArray
    p_below_last_year: FloatArray
    reason: tuple[str | None, ...]
    missing_domains: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class IndexResult:
    """The whole result; `draws` (n_units, n_draws) are the joint draws of the index itself."""

    area_codes: tuple[str, ...]
    indicators: IndicatorResult
    domains: DomainResult
    overall: OverallResult
    draws: FloatArray
