"""F2 drift: many weeks a little above the same weeks of earlier years, which no single week shows (CUSUM)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from expectations.models import Text
from spark_jobs.flags.detectors.cusum import exceedance_probability, rossi_cusum
from spark_jobs.flags.detectors.daily_counts import FloatArray
from spark_jobs.flags.detectors.dispersion import learnt_dispersion
from spark_jobs.flags.detectors.farrington import WEEKS_A_YEAR
from spark_jobs.flags.rule import Rule, Said, of_weeks
from spark_jobs.flags.weekly import Judgement, Weekly
from spark_jobs.flags.words import counted, week_zh
from spark_jobs.index.flag_thresholds import DriftFlag


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Series that are known in all weeks of the sum, and for a year and a window before them.

    In weeks of the festival the sum stays as it is; they are no reference weeks either.
    """
    rule = given.methodology.flags.f2_drift
    if at + 1 < rule.weeks or given.is_festival[at]:
        return []
    own, ordinary = given.flows(rows), np.where(given.is_festival, np.nan, given.numerators)
    learnt = {
        indicator: learnt_dispersion(reference_counts(ordinary[given.rows_of(indicator)], at, rule)[:, -1])
        for indicator in dict.fromkeys(given.series[row][1] for row in own)
    }
    references = reference_counts(ordinary[own], at, rule)
    return [
        found
        for row, past in zip(own, references, strict=True)
        if (found := _judged(given, at, row, past, learnt[given.series[row][1]], rule))
    ]


def reference_counts(counts: FloatArray, at: int, rule: DriftFlag) -> FloatArray:
    """(series, weeks of the sum, years back, weeks of a window): the same weeks of earlier years; NaN before the first."""
    ends = np.arange(at + 1 - rule.weeks, at + 1)[:, None, None]
    back = WEEKS_A_YEAR * np.arange(1, rule.reference_years + 1)[None, :, None]
    around = np.arange(-rule.half_window_weeks, rule.half_window_weeks + 1)[None, None, :]
    at_week: npt.NDArray[np.int64] = ends - back + around
    found: FloatArray = np.where(at_week >= 0, counts[:, np.maximum(at_week, 0)], np.nan)
    return found


def _judged(given: Weekly, at: int, row: int, past: FloatArray, learnt: float, rule: DriftFlag) -> Judgement | None:
    summed = slice(at + 1 - rule.weeks, at + 1)
    counts = np.where(given.is_festival[summed], np.nan, given.numerators[row, summed])
    n_known = (~np.isnan(past)).sum(axis=(1, 2))
    if np.isnan(given.numerators[row, summed]).any() or n_known.min() < past.shape[2]:
        return None
    mean = np.nansum(past, axis=(1, 2)) / n_known * given.usual_rises[row, summed]
    if mean.min() < rule.min_mean:
        return None
    found = rossi_cusum(
        counts,
        mean,
        k=rule.k,
        h=rule.h,
        resets_after_alarm=False,
        ceiling=2 * rule.h,
        dispersion=learnt * (1 + 1 / float(n_known.min())),  # the mean has an error too
    )
    at_zero = np.flatnonzero(found.statistic == 0.0)
    n_weeks = max(1, rule.weeks - 1 - int(at_zero[-1]) if at_zero.size else rule.weeks)  # since the sum last was 0
    return Judgement(
        row,
        bool(found.is_alarm[-1]),
        float(exceedance_probability(found.statistic[-1], rule.k)),
        float(np.nanmean(counts[-n_weeks:])),
        float(mean[-n_weeks:].mean()),
        float("nan"),
        n_weeks=n_weeks,
    )


def say(said: Said) -> Text:
    found, monday = said.judgement, said.monday
    return Text(
        f"{said.area.zh}“{said.indicator.zh}”：截至{week_zh(monday)}的{found.n_weeks}周周均{found.observed:.1f}起（人），"
        f"往年同期周均{found.expected:.1f}，持续偏高。",
        f"{said.area.en}, {said.indicator.en}: {found.observed:.1f} a week on average in {counted(found.n_weeks, 'week')} through "
        f"that from {monday}, {found.expected:.1f} in the same weeks of earlier years: above it for longer than chance allows.",
    )


RULE = Rule(
    code="F2",
    name=Text("持续上升", "Drift"),
    when=Text(
        "以前 {{ t.reference_years }} 年同周前后 {{ t.half_window_weeks }} 周的均值（至少 {{ t.min_mean | n }} 件）为期望，"
        "Rossi z 除以习得的离散度后作累积和（CUSUM），自 {{ t.weeks }} 周前的 0 起，k = {{ t.k }}，h = {{ t.h }}，"
        "报警后不归零，封顶于 2h，偏高结束后数周内即灭；春节前后的周不计，其他节假日和调休上班的周同 F1 放宽",
        "CUSUM of Rossi's z against the mean of the same week ± {{ t.half_window_weeks }} of {{ t.reference_years }} years "
        "before (at least {{ t.min_mean | n }} events), scaled by the learnt variance, from 0 {{ t.weeks }} weeks before; "
        "k = {{ t.k }}, h = {{ t.h }}, not reset after an alarm but capped at 2h, so that it ends within weeks of the rise; "
        "weeks of a holiday that moves (Spring Festival) are left out; those of other "
        "holidays are expected to rise as in F1",
    ),
    colours=Text("橙", "amber"),
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
