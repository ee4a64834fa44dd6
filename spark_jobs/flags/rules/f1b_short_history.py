"""F1b short history: a week's events of a county and indicator against the weeks before (EARS C2).

Why ISO weeks and not days: a day of a county has too few events, weekdays differ, and the same week judged
on seven nights is one decision, so that looking every night does not multiply false alarms. A week is
judged once complete; by the rule of two nights its flag stands from the Monday night after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from expectations.models import Text
from spark_jobs.flags.detectors import ears
from spark_jobs.flags.detectors.daily_counts import FloatArray, Series, last_complete_sunday, weekly_counts
from spark_jobs.flags.detectors.lifecycle import discoveries, nights_on
from spark_jobs.flags.rule import DAILY, Finding, Rule, RuleInput
from spark_jobs.flags.words import day_zh
from spark_jobs.index.methodology import Flags

BoolArray = npt.NDArray[np.bool_]
WEEK = timedelta(days=6)  # from a Monday to its Sunday


@dataclass(frozen=True)
class Exceedance:
    """A standing signal. monday: of its latest week in excess; since: of its first. Counts are a week's."""

    area_code: str
    indicator_id: str
    since: date
    monday: date
    observed: float
    expected: float
    upper: float


def standing_exceedances(
    daily: pd.DataFrame,
    series: Sequence[Series],
    covered: Mapping[str, tuple[date, date]],
    rules: Flags,
    business_date: date,
) -> list[Exceedance]:
    """Series whose flag stands on `business_date`, in the order of `series`.

    `daily`: indicators.daily. `covered`: indicator -> first and last day that its feeds cover; weeks that reach
    beyond are unknown, not 0. False discoveries are controlled each week over all of `series`: give all that are
    looked at.
    """
    sunday, n_weeks = last_complete_sunday(business_date), rules.f1b_short_history.history_weeks
    counts = weekly_counts(daily, series, sunday, n_weeks)
    mondays = [sunday - timedelta(days=7 * back + 6) for back in range(n_weeks - 1, -1, -1)]
    for row, (_, indicator_id) in enumerate(series):
        first, last = covered[indicator_id]
        counts[row, [monday < first or monday + WEEK > last for monday in mondays]] = np.nan
    result, signals = weekly_signals(counts, rules)
    nights = np.repeat(np.arange(n_weeks), 7)[: 7 * n_weeks - 6 + (business_date - sunday).days]
    standing = ((row, _episode(signals[row], nights, rules)) for row in range(len(series)))
    return [
        Exceedance(
            *series[row],
            since=mondays[weeks[0]],
            monday=mondays[weeks[-1]],
            observed=float(counts[row, weeks[-1]]),
            expected=float(result.expected[row, weeks[-1]]),
            upper=float(result.upper[row, weeks[-1]]),
        )
        for row, weeks in standing
        if weeks is not None
    ]


def weekly_signals(counts: FloatArray, rules: Flags) -> tuple[ears.Ears, BoolArray]:
    """EARS C2 of (series, weeks), and which signal: enough events, above the bound, a discovery."""
    rule, enough = rules.f1b_short_history, rules.f1_exceedance
    result = ears.c2(
        counts,
        alpha=rule.alpha,
        baseline=rule.baseline,
        lag=rule.lag,
        min_sigma=rule.min_sigma,
        floor_at_poisson=True,
    )
    known = np.nan_to_num(counts)  # a week that is not known adds no event, and does not hide those that are
    last_weeks = np.lib.stride_tricks.sliding_window_view(known, enough.recent_weeks, axis=1).sum(axis=2)
    is_tested = np.zeros(counts.shape, dtype=np.bool_)
    is_tested[:, enough.recent_weeks - 1 :] = last_weeks >= enough.min_recent_events
    # The mean of the baseline has an error of its own: without it BH would believe p-values that are too small.
    p_values = np.where(is_tested, stats.norm.sf(result.z / np.sqrt(1 + 1 / rule.baseline)), np.nan)
    found = [discoveries(week, rules.lifecycle.false_discovery_rate) for week in p_values.T]
    return result, result.is_alarm & np.column_stack(found)


def _episode(signals: BoolArray, nights: npt.NDArray[np.int64], rules: Flags) -> list[int] | None:
    """Weeks that signal in the episode that stands on the last night; None if none stands.

    `signals`: one a week; `nights`: the week that each night judges.
    """
    life = rules.lifecycle
    nightly = signals[nights]
    on = nights_on(nightly, on_count=life.nights_on, on_window=life.nights_observed, off_after=life.nights_off)
    if not on[-1]:
        return None
    off_nights = np.flatnonzero(~on)
    begin = int(off_nights[-1]) + 1 if off_nights.size else 0
    first = max(0, begin - life.nights_observed + 1)  # the signals that switched it on may be so much older
    return sorted(set(nights[first:][nightly[first:]].tolist()))


def find(given: RuleInput) -> list[Finding]:
    """Amber, never red: seven weeks know no season, and a season is no danger."""
    judged = given.covered_since.keys() - given.silenced
    rates = [i.id for i in given.methodology.indicators if i.kind == "rate" and i.id in judged]
    series = [(area, indicator) for area in sorted(given.place.counties) for indicator in rates]
    covered = {indicator: (given.covered_since[indicator], given.covered_through[indicator]) for indicator in rates}
    standing = standing_exceedances(
        given.evidence["daily"], series, covered, given.methodology.flags, given.business_date
    )
    return [
        Finding(
            "amber",
            found.area_code,
            found.since,
            _detail(found, given.place.counties[found.area_code], given.indicators[found.indicator_id]),
            found.observed,
            found.expected,
            found.upper,
            indicator_id=found.indicator_id,
        )
        for found in standing
    ]


def _detail(found: Exceedance, area: Text, indicator: Text) -> Text:
    sunday = found.monday + timedelta(days=6)
    return Text(
        f"{area.zh}“{indicator.zh}”：{day_zh(found.monday)}至{day_zh(sunday)}一周{found.observed:.0f}起（人），"
        f"此前基线周均{found.expected:.1f}，预警线{found.upper:.1f}。",
        f"{area.en}, {indicator.en}: {found.observed:.0f} in the week {found.monday} to {sunday}, "
        f"{found.expected:.1f} a week before, alert above {found.upper:.1f}.",
    )


RULE = Rule(
    code="F1b",
    name=Text("短期异常增多", "Short-term exceedance"),
    when=Text(
        "历史不足时用 EARS C2：一周件数与此前 {{ t.baseline }} 周（中间隔开 {{ t.lag }} 周）相比，"
        "超过均值 + z(1 − {{ t.alpha }}) × 标准差（标准差不小于均值的平方根和 {{ t.min_sigma | n }}）；"
        "近 {{ flags.f1_exceedance.recent_weeks }} 周至少 {{ flags.f1_exceedance.min_recent_events }} 件；"
        "一次过程最多回溯 {{ t.history_weeks }} 周",
        "Short history, EARS C2: a week's count against {{ t.baseline }} weeks before, with {{ t.lag }} weeks left out "
        "between, above mean + z(1 − {{ t.alpha }}) × spread (at least the square root of the mean and "
        "{{ t.min_sigma | n }}); at least {{ flags.f1_exceedance.min_recent_events }} events in "
        "{{ flags.f1_exceedance.recent_weeks }} weeks; an episode is followed back {{ t.history_weeks }} weeks at most",
    ),
    colours=Text("橙", "amber"),
    needs=lambda flags: {DAILY: 7 * (flags.f1b_short_history.history_weeks + 1)},  # a week for the one not yet over
    find=find,
)
