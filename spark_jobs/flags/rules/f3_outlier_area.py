"""F3 outlier: a county whose rate of the last weeks is higher than chance and the usual spread of counties explain.

Only high rates count: a county far below its peers is no danger. F9 looks at its feeds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from expectations.models import Text
from spark_jobs.flags.detectors.daily_counts import FloatArray
from spark_jobs.flags.detectors.funnel import count_funnel
from spark_jobs.flags.rule import Rule, Said, of_weeks
from spark_jobs.flags.weekly import DAYS_A_WEEK, Judgement, Weekly, windows
from spark_jobs.flags.words import counted, day_zh, sunday_of
from spark_jobs.index.engine.count_quantiles import negative_binomial_tail


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Every indicator for which at least `min_units` counties are known and have a denominator."""
    found = []
    for indicator in dict.fromkeys(given.series[row][1] for row in rows):
        siblings = given.rows_of(indicator)
        judged = _of_indicator(given, at, siblings)
        found += [each for each in judged if each.row in set(rows)]
    return found


def counts_and_expected(given: Weekly, at: int, rows: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """By county of one indicator: events of the window, and those expected at the rate of all counties.

    A stock is that of one day.
    """
    rule, indicator = given.methodology.flags.f3_outlier_area, given.indicator(rows[0])
    n_weeks = 1 if indicator.flow_or_stock == "stock" else rule.window_weeks
    n_days = DAYS_A_WEEK if indicator.flow_or_stock == "stock" else 1
    counts = np.rint(windows(given.numerators[list(rows)], at, n_weeks) / n_days)
    if indicator.kind == "proportion":
        size = windows(given.denominators[list(rows)], at, n_weeks) / n_days
    else:
        size = given.exposures[list(rows)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts, counts.sum() * size / size.sum()


def _of_indicator(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    rule = given.methodology.flags.f3_outlier_area
    counts, expected = counts_and_expected(given, at, rows)
    if len(rows) < rule.min_units or np.isnan(counts).any() or not np.all(expected > 0):
        return []
    found = count_funnel(counts, expected, rule)
    p_values = negative_binomial_tail(counts, expected, 1 + expected * found.between_variance)
    amber, red = found.upper.T
    n_weeks = 1 if given.indicator(rows[0]).flow_or_stock == "stock" else rule.window_weeks
    return [
        Judgement(
            row,
            bool(found.ratio[i] > amber[i]),
            float(p_values[i]),
            counts[i],
            expected[i],
            amber[i] * expected[i],
            is_red=bool(found.ratio[i] > red[i]),
            n_weeks=n_weeks,
        )
        for i, row in enumerate(rows)
    ]


def say(said: Said) -> Text:
    found, sunday = said.judgement, sunday_of(said.monday)
    return Text(
        f"{said.area.zh}“{said.indicator.zh}”：截至{day_zh(sunday)}的{found.n_weeks}周共{found.observed:.0f}起（人），"
        f"按全市水平应为{found.expected:.1f}，界限{found.threshold:.1f}。",
        f"{said.area.en}, {said.indicator.en}: {found.observed:.0f} in {counted(found.n_weeks, 'week')} to {sunday}, "
        f"{found.expected:.1f} at the rate of the city, limit {found.threshold:.1f}.",
    )


RULE = Rule(
    code="F3",
    name=Text("偏离全市水平", "Outlier"),
    when=Text(
        "漏斗图：{{ t.window_weeks }} 周内县区与全市之比高于上限（存量取最近一周）；"
        "离散度用缩尾 {{ t.winsorised_share | pct }} 的 z 估计；至少 {{ t.min_units }} 个县区",
        "Funnel: a county's ratio to the city over {{ t.window_weeks }} weeks (a stock: the last week) above the upper "
        "limit, over-dispersion from z winsorised at {{ t.winsorised_share | pct }}; at least {{ t.min_units }} counties",
    ),
    colours=Text(
        "橙 {{ t.amber_limit | pct }}，红 {{ t.red_limit | pct }}",
        "amber {{ t.amber_limit | pct }}, red {{ t.red_limit | pct }}",
    ),
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
