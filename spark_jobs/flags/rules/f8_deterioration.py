"""F8 deterioration: the index of a county lies clearly below its own index of a year before, month after month.

Three month ends in a row confirm it. So it waits for no further nights, and it is not one of the tests of weeks.
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
from spark_jobs.index.flag_thresholds import DeteriorationFlag

MONTHS = 24  # of the trend
LEAST_SPREAD = 1e-9  # points; an interval of no width is certainty
NORMAL_90 = float(stats.norm.isf(0.05))  # half a 90 % interval in standard deviations


def month_ends_below(trend: pd.DataFrame, rule: DeteriorationFlag, business_date: date) -> list[tuple[date, float]]:
    """The month ends of one area that are below, newest first, up to the first one that is not.

    Each has the probability that its index is at least `drop_points` below that of a year before.
    `trend`: day, index, lower, upper. The spread of the difference comes from both intervals: the upper side of this
    year's and the lower side of last year's. As both share most of their random numbers, this errs on the safe side.
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
    """The same month end a year before, 28 or 29 February included."""
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
