"""F1b short history: a week's events of a county and indicator against the weeks before (EARS C2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from expectations.models import Text
from spark_jobs.flags.detectors import ears
from spark_jobs.flags.detectors.daily_counts import FloatArray
from spark_jobs.flags.detectors.dispersion import learnt_dispersion
from spark_jobs.flags.rule import Rule, Said, of_weeks
from spark_jobs.flags.rules.f1_exceedance import years_of_past
from spark_jobs.flags.weekly import Judgement, Weekly
from spark_jobs.flags.words import sunday_of, week_zh
from spark_jobs.index.engine.count_quantiles import negative_binomial_tail
from spark_jobs.index.flag_thresholds import Flags, ShortHistoryFlag


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Series whose past is too short for F1. Amber, never red: seven weeks do not show whether a rise is seasonal.

    Festival weeks are not judged, and the baseline passes over them.
    """
    flags = given.methodology.flags
    if given.is_festival[at]:
        return []
    long = flags.f1_exceedance
    short = [r for r in given.flows(rows) if years_of_past(given, r, at, long) < long.min_history_years]
    return [
        found
        for indicator in dict.fromkeys(given.series[row][1] for row in short)
        for found in _of_indicator(given, at, [row for row in short if given.series[row][1] == indicator], flags)
    ]


def _of_indicator(given: Weekly, at: int, rows: Sequence[int], flags: Flags) -> list[Judgement]:
    rule, enough = flags.f1b_short_history, flags.f1_exceedance
    ordinary = given.numerators[:, : at + 1][:, ~given.is_festival[: at + 1]]
    siblings = ordinary[given.rows_of(given.series[rows[0]][1])]
    learnt = least_dispersion(siblings, rule)
    counts = ordinary[list(rows), -(rule.baseline + rule.lag + enough.recent_weeks + 1) :]
    result = c2(counts, learnt, rule)
    # An unknown week adds no event, and does not hide the events of the known ones.
    is_tested = np.nansum(counts[:, -enough.recent_weeks :], axis=1) >= enough.min_recent_events
    expected, upper, z = result.expected[:, -1], result.upper[:, -1], result.z[:, -1]
    p_values = excess_p(counts[:, -1], expected, z, learnt, rule)
    return [
        Judgement(row, bool(result.is_alarm[i, -1]), float(p_values[i]), counts[i, -1], expected[i], upper[i])
        for i, row in enumerate(rows)
        if is_tested[i] and not np.isnan(z[i])
    ]


def least_dispersion(siblings: FloatArray, rule: ShortHistoryFlag) -> float:
    """Variance over mean of an indicator's series (counties, weeks), the last week left out."""
    past = siblings[:, -rule.variance_weeks - 1 : -1]
    if past.shape[1] < rule.baseline:
        return 1.0
    return learnt_dispersion(np.lib.stride_tricks.sliding_window_view(past, rule.baseline, axis=1))


def c2(counts: FloatArray, dispersion: float, rule: ShortHistoryFlag) -> ears.Ears:
    """The detector at the rule's numbers."""
    return ears.c2(
        counts,
        alpha=rule.alpha,
        baseline=rule.baseline,
        lag=rule.lag,
        min_sigma=rule.min_sigma,
        dispersion=np.full(counts.shape[0], dispersion),
    )


def excess_p(
    counts: FloatArray, mean: FloatArray, z: FloatArray, dispersion: float, rule: ShortHistoryFlag
) -> FloatArray:
    """The larger of two p-values: a normal one, and one of a count with the learnt variance, whose tail is longer.

    The mean of the baseline has an error too, 1/baseline of the variance. Without it, p would be too small.
    """
    more = 1 + 1 / rule.baseline
    least_mean = np.maximum(mean, 1 / (2 * rule.baseline))  # a baseline without events does not mean a rate of 0
    spread = np.maximum(dispersion * more, rule.min_sigma**2 / least_mean)
    counted = negative_binomial_tail(counts, least_mean, spread)
    larger: FloatArray = np.maximum(stats.norm.sf(z / np.sqrt(more)), counted)
    return larger


def say(said: Said) -> Text:
    found, monday = said.judgement, said.monday
    return Text(
        f"{said.area.zh}“{said.indicator.zh}”：{week_zh(monday)}一周{found.observed:.0f}起（人），"
        f"此前基线周均{found.expected:.1f}，预警线{found.threshold:.1f}。",
        f"{said.area.en}, {said.indicator.en}: {found.observed:.0f} in the week {monday} to {sunday_of(monday)}, "
        f"{found.expected:.1f} a week before, alert above {found.threshold:.1f}.",
    )


RULE = Rule(
    code="F1b",
    name=Text("短期异常增多", "Short-term exceedance"),
    when=Text(
        "历史不足 {{ flags.f1_exceedance.min_history_years }} 年时用 EARS C2：一周件数与此前 {{ t.baseline }} 周"
        "（中间隔开 {{ t.lag }} 周）相比，超过均值 + z(1 − {{ t.alpha }}) × 标准差（标准差不小于 {{ t.min_sigma | n }}，"
        "也不小于由该指标各县区此前 {{ t.variance_weeks }} 周习得的离散度所要求的值）；"
        "近 {{ flags.f1_exceedance.recent_weeks }} 周至少 {{ flags.f1_exceedance.min_recent_events }} 件；春节前后的周不检验，也不作基线",
        "Fewer than {{ flags.f1_exceedance.min_history_years }} years of history, EARS C2: a week's count against "
        "{{ t.baseline }} weeks before, with {{ t.lag }} weeks left out between, above mean + z(1 − {{ t.alpha }}) × spread "
        "(at least {{ t.min_sigma | n }}, and what the variance asks that is learnt from {{ t.variance_weeks }} weeks of "
        "the indicator's counties); at least {{ flags.f1_exceedance.min_recent_events }} events in "
        "{{ flags.f1_exceedance.recent_weeks }} weeks; weeks of a holiday that moves (Spring Festival) are neither judged nor "
        "learnt from",
    ),
    colours=Text("橙", "amber"),
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
