"""F4 severe event: many dead or badly hurt in one event, or more homicides than a county's past explains.

Input is events by county, day and toll, without identity. Nothing here is confirmed over nights or held
back by a silent feed: what is known to have happened is said the same night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from spark_jobs.flags.detectors.daily_counts import daily_counts
from spark_jobs.flags.detectors.lifecycle import run_start
from spark_jobs.index.methodology import SevereEventFlag

DAYS_A_YEAR = 365
HOMICIDE_INDICATOR, HOMICIDE_STRATUM = "a1_violent_crime", "death"

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SevereEvents:
    """Events of one county, feed, family and day that each reach a limit. Tolls are summed over them.

    worst: the largest toll of a single event, of deaths if any event reaches that limit, else of serious
    injuries;
    limit: the limit it reaches.
    """

    area_code: str
    feed_code: str
    family_code: str
    occurred_on: date
    n_events: int
    n_deaths: int
    n_serious_injuries: int
    worst: int
    limit: int


@dataclass(frozen=True)
class Homicides:
    """A county whose homicides of `window_days` exceed its past. threshold: the first count that would."""

    area_code: str
    since: date
    count: int
    expected: float
    threshold: int


def severe_events(tolls: pd.DataFrame, rule: SevereEventFlag, business_date: date) -> list[SevereEvents]:
    """Events of the last `window_days` that reach a limit, in order of county, feed, family, day.

    `tolls`: area_code, feed_code, family_code, occurred_on, n_deaths, n_serious_injuries, n_events (events
    alike).
    """
    since = business_date - timedelta(days=rule.window_days - 1)
    is_recent = [since <= day <= business_date for day in tolls["occurred_on"]]
    by_deaths = tolls["n_deaths"] >= rule.min_deaths
    is_severe = by_deaths | (tolls["n_serious_injuries"] >= rule.min_serious_injuries)
    keys = ["area_code", "feed_code", "family_code", "occurred_on"]
    groups = tolls[is_severe & np.array(is_recent, dtype=np.bool_)].groupby(keys, sort=True)
    return [_summed(events, rule) for _, events in groups]


def _summed(events: pd.DataFrame, rule: SevereEventFlag) -> SevereEvents:
    first = events.iloc[0]
    n, deaths, injuries = events["n_events"], events["n_deaths"], events["n_serious_injuries"]
    by_deaths = int(deaths.max()) >= rule.min_deaths
    return SevereEvents(
        first["area_code"],
        first["feed_code"],
        first["family_code"],
        first["occurred_on"],
        n_events=int(n.sum()),
        n_deaths=int((n * deaths).sum()),
        n_serious_injuries=int((n * injuries).sum()),
        worst=int((deaths if by_deaths else injuries).max()),
        limit=rule.min_deaths if by_deaths else rule.min_serious_injuries,
    )


def exceptional_homicides(
    daily: pd.DataFrame, area_codes: Sequence[str], starts_on: date, rule: SevereEventFlag, business_date: date
) -> list[Homicides]:
    """Counties whose homicide count of the last `window_days` has p < homicide_alpha against their own past.

    `daily`: indicators.daily of the city. `starts_on`: first day the case feed covers. `since` is the day
    on which the count became exceptional. With less than `homicide_min_past_years` of past there is no test.
    """
    n_days = min(days_looked_at(rule), (business_date - starts_on).days + 1)
    if n_days < _min_past_days(rule) + rule.window_days:
        return []
    is_homicide = (daily["indicator_id"] == HOMICIDE_INDICATOR) & (daily["stratum"] == HOMICIDE_STRATUM)
    counts = daily_counts(daily[is_homicide], [(a, HOMICIDE_INDICATOR) for a in area_codes], business_date, n_days)
    found = (_homicides(a, own, rule, business_date) for a, own in zip(area_codes, counts, strict=True))
    return [homicides for homicides in found if homicides is not None]


def days_looked_at(rule: SevereEventFlag) -> int:
    """Days of homicide counts that the rule needs, the business date included."""
    return _past_days(rule) + rule.window_days + rule.history_nights


def _past_days(rule: SevereEventFlag) -> int:
    return DAYS_A_YEAR * rule.homicide_past_years


def _min_past_days(rule: SevereEventFlag) -> int:
    return DAYS_A_YEAR * rule.homicide_min_past_years


def _homicides(
    area_code: str, counts: npt.NDArray[np.float64], rule: SevereEventFlag, business_date: date
) -> Homicides | None:
    """One county; `counts` a day, the last is the business date."""
    window, alpha = rule.window_days, rule.homicide_alpha
    total = np.concatenate([[0.0], np.cumsum(counts)])
    ends = np.arange(max(_min_past_days(rule) + window, counts.size - rule.history_nights + 1), counts.size + 1)
    begins = ends - window
    past_begins = np.maximum(0, begins - _past_days(rule))
    recent, past = total[ends] - total[begins], total[begins] - total[past_begins]
    past_days = begins - past_begins
    p = rate_ratio_p(recent.astype(np.int64), window, past.astype(np.int64), past_days)
    start = run_start((p < alpha) & (recent > 0))
    if start is None:
        return None
    steps = np.arange(1, int(recent[-1]) + 1)
    p_of_step = rate_ratio_p(steps, window, np.full_like(steps, past[-1]), past_days[-1])
    threshold = int(steps[p_of_step < alpha][0])
    since = business_date - timedelta(days=int(ends.size - 1 - start))
    return Homicides(area_code, since, int(recent[-1]), past[-1] * window / past_days[-1], threshold)


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
