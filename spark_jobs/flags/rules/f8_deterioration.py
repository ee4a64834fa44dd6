"""F8 deterioration: the index of a county lies clearly below its own of a year before, month after month.

Three ends of months running are its confirmation: it waits for no nights, and it is no test of many weeks.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy import stats

from expectations.models import Text
from spark_jobs.flags.rule import TREND, Finding, Rule, RuleInput
from spark_jobs.flags.words import day_zh
from spark_jobs.index.engine.windows import month_ends
from spark_jobs.index.methodology import DeteriorationFlag

MONTHS = 24  # of the trend
LEAST_SPREAD = 1e-9  # points; an interval of no width is certainty
NORMAL_90 = float(stats.norm.isf(0.05))  # half a 90 % interval in standard deviations


def month_ends_below(trend: pd.DataFrame, rule: DeteriorationFlag, business_date: date) -> list[tuple[date, float]]:
    """Of one area: the ends of months that are below, newest first, without a gap; each with P(that much below).

    `trend`: day, index, lower, upper. Both indices are known by their intervals: the side of this year's that looks up
    and the side of last year's that looks down. They share most of their random numbers, so this errs to the safe side.
    """
    by_day: dict[date, tuple[float, float, float]] = dict(
        zip(trend["day"], zip(trend["index"], trend["lower"], trend["upper"], strict=True), strict=True)
    )
    found = []
    for day in reversed(month_ends(business_date + timedelta(days=1), MONTHS)[:-1]):
        now, before = by_day.get(day), by_day.get(_year_before(day))
        if now is None or before is None:
            break
        (index, _, upper), (index_before, lower_before, _) = now, before
        spread = float(np.hypot(upper - index, index_before - lower_before)) / NORMAL_90
        p = float(stats.norm.cdf(index_before - rule.drop_points, index, max(spread, LEAST_SPREAD)))
        if not p > rule.probability:
            break
        found.append((day, p))
    return found


def _year_before(day: date) -> date:
    """Same end of month: 28 or 29 February too."""
    first_of_next = (day + timedelta(days=1)).replace(year=(day + timedelta(days=1)).year - 1)
    return first_of_next - timedelta(days=1)


def find(given: RuleInput) -> list[Finding]:
    rule = given.methodology.flags.f8_deterioration
    trend = given.evidence["trend"].dropna(subset=["index", "lower", "upper"])
    found = []
    for area_code, area in sorted(given.place.counties.items()):
        own = trend[trend["area_code"] == area_code]
        below = month_ends_below(own, rule, given.business_date)
        if len(below) >= rule.months:
            by_day = dict(zip(own["day"], own["index"], strict=True))
            newest, first = below[0][0], below[-1][0]
            now, before = float(by_day[newest]), float(by_day[_year_before(newest)])
            said = _detail(area, newest, now, before, len(below))
            found.append(Finding("amber", area_code, first, said, now, before, before - rule.drop_points))
    return found


def _detail(area: Text, day: date, now: float, before: float, n_months: int) -> Text:
    return Text(
        f"{area.zh}：{day_zh(day)}指数{now:.0f}，一年前{before:.0f}，已连续{n_months}个月末明显下降。",
        f"{area.en}: index {now:.0f} on {day}, {before:.0f} a year before; clearly lower at {n_months} ends of months running.",
    )


RULE = Rule(
    code="F8",
    name=Text("指数恶化", "Deterioration"),
    when=Text(
        "指数比上年同期低 {{ t.drop_points | n }} 分以上的概率连续 {{ t.months }} 个月末超过 {{ t.probability | pct }}",
        "More than {{ t.drop_points | n }} points below the county's own last year with a probability above "
        "{{ t.probability | pct }}, {{ t.months }} ends of months running",
    ),
    colours=Text("橙", "amber"),
    needs=lambda _: {TREND: 0},
    n_looked_at=lambda given: given.evidence["trend"].dropna(subset=["index"])["area_code"].nunique(),
    find=find,
    is_fact=True,
)
