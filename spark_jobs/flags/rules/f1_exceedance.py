"""F1 exceedance: a week's events of a county and indicator against the same weeks of years before (Farrington)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from expectations.models import Text
from spark_jobs.flags.detectors.farrington import Design, judge, negative_binomial_bound
from spark_jobs.flags.rule import Rule, Said, of_weeks
from spark_jobs.flags.weekly import DAYS_A_WEEK, Judgement, Weekly
from spark_jobs.flags.words import sunday_of, week_zh
from spark_jobs.index.engine.count_quantiles import negative_binomial_tail
from spark_jobs.index.flag_thresholds import ExceedanceFlag

DAYS_OF_A_LONG_YEAR = 366


def design(rule: ExceedanceFlag, n_years: int) -> Design:
    """The detector at the amber bound; red is read from the same prediction."""
    return Design(
        alpha=rule.amber_alpha,
        n_years=n_years,
        half_window=rule.half_window_weeks,
        n_seasons=rule.season_levels,
        n_recent_excluded=rule.excluded_recent_weeks,
        residual_limit=rule.residual_threshold,
        trend_p_limit=1.0,
        threshold="nbPlugin",
        min_events=rule.min_recent_events,
        min_events_weeks=rule.recent_weeks,
    )


def years_of_past(given: Weekly, row: int, at: int, rule: ExceedanceFlag) -> int:
    """How many whole years, with their windows, the series reaches back before week `at`; at most `history_years`."""
    n_before = given.n_known(row, at) - 1 - rule.half_window_weeks
    return max(0, min(rule.history_years, n_before * DAYS_A_WEEK // DAYS_OF_A_LONG_YEAR))


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Series with `min_history_years` of past; the others are F1b's. Festival weeks are not judged or learnt from.

    In another holiday's week the mean is raised as far as the city's count once rose in that holiday.

    The detector's p-value takes the fitted mean for the truth. Among the smallest of many p-values that is too bold, so
    here the error of the mean is part of the variance.
    """
    rule = given.methodology.flags.f1_exceedance
    found: list[Judgement] = []
    if given.is_festival[at]:
        return found
    counts = np.where(given.is_festival, np.nan, given.numerators)
    for row in given.flows(rows):
        n_years = years_of_past(given, row, at, rule)
        if n_years < rule.min_history_years:
            continue
        week = judge(counts[row, : at + 1], at, design(rule, n_years), given.mondays[: at + 1])
        if week.state != "judged":
            continue
        rise = float(given.usual_rises[row, at])
        mean = week.mean * rise
        p = float(negative_binomial_tail(week.observed, mean, week.phi + mean * week.log_se**2))
        upper = week.upper if rise == 1 else negative_binomial_bound(mean, week.phi, week.observed, rule.amber_alpha)[0]
        is_alarm = week.is_alarm and week.observed > upper
        is_red = is_alarm and p <= rule.red_alpha
        found.append(Judgement(row, is_alarm, p, week.observed, week.expected * rise, upper, is_red))
    return found


def say(said: Said) -> Text:
    found, monday = said.judgement, said.monday
    return Text(
        f"{said.area.zh}“{said.indicator.zh}”：{week_zh(monday)}一周{found.observed:.0f}起（人），"
        f"往年同期水平{found.expected:.1f}，预警线{found.threshold:.1f}。",
        f"{said.area.en}, {said.indicator.en}: {found.observed:.0f} in the week {monday} to {sunday_of(monday)}, "
        f"{found.expected:.1f} expected from the same weeks of earlier years, alert above {found.threshold:.1f}.",
    )


RULE = Rule(
    code="F1",
    name=Text("异常增多", "Exceedance"),
    when=Text(
        "周件数超过 Farrington（灵活版）预测上限：准泊松回归，含趋势和 {{ t.season_levels }} 级季节，"
        "回看 {{ t.min_history_years }}–{{ t.history_years }} 年、同周前后 {{ t.half_window_weeks }} 周，"
        "剔除最近 {{ t.excluded_recent_weeks }} 周，残差超过 {{ t.residual_threshold }} 的周降权；"
        "近 {{ t.recent_weeks }} 周至少 {{ t.min_recent_events }} 件；春节前后的周不检验，也不作基线；"
        "其他节假日和调休上班的周，按全市该指标在往年同一节日的最大升幅放宽",
        "A week's count above the upper bound of Farrington's flexible method: quasi-Poisson with trend and "
        "{{ t.season_levels }} levels of season, {{ t.min_history_years }} to {{ t.history_years }} years back, same week "
        "± {{ t.half_window_weeks }}, the last {{ t.excluded_recent_weeks }} weeks left out, weeks with a residual above "
        "{{ t.residual_threshold }} weigh less; at least {{ t.min_recent_events }} events in {{ t.recent_weeks }} weeks; "
        "weeks of a holiday that moves (Spring Festival) are neither judged nor learnt from; in weeks of another "
        "holiday or a worked weekend the bound is raised by the most that the city's count rose in one of these before",
    ),
    colours=Text(
        "橙 α {{ t.amber_alpha }}，红 α {{ t.red_alpha }}", "amber α {{ t.amber_alpha }}, red α {{ t.red_alpha }}"
    ),
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
