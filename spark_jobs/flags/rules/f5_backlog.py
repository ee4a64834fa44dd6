"""F5 backlog: the share of old ones among open disputes is higher than before and rises; or closures cannot keep up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from expectations.models import Text
from spark_jobs.flags.detectors.shares import share_above_base_p
from spark_jobs.flags.rule import BY_PROBABILITY, Rule, Said, of_weeks
from spark_jobs.flags.weekly import DAYS_A_WEEK, Judgement, Weekly, windows
from spark_jobs.flags.words import day_zh, sunday_of

OPEN_INDICATOR, CLOSED_INDICATOR = "c3_open_over_30_days", "c1_escalated"


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Counties with at least `min_open` open disputes, on average over the week."""
    rule = given.methodology.flags.f5_backlog
    first = at - rule.rising_weeks
    own = given.rows_of(OPEN_INDICATOR, rows)
    if not own or first < 0:
        return []
    old, n_open = given.numerators[own] / DAYS_A_WEEK, given.denominators[own] / DAYS_A_WEEK
    with np.errstate(invalid="ignore", divide="ignore"):
        rises = np.diff(old[:, first : at + 1] / n_open[:, first : at + 1], axis=1) > 0
    base = [windows(counts, first, min(rule.base_weeks, first + 1)) for counts in (old, n_open)]
    p_values = share_above_base_p(old[:, at], n_open[:, at], *base)
    too_many = _weeks_of_closures(given, at, own, n_open[:, at])
    found = []
    for i, row in enumerate(own):
        if np.isnan(p_values[i]) or n_open[i, at] < rule.min_open:
            continue
        if too_many[i] > rule.max_weeks_of_closures:
            found.append(Judgement(row, True, np.nan, too_many[i], np.nan, rule.max_weeks_of_closures))
            continue
        share, usual = old[i, at] / n_open[i, at], base[0][i] / base[1][i]
        above = 1 - p_values[i]
        is_alarm = bool(rises[i].all() and above > rule.amber_probability)
        is_red = is_alarm and bool(above > rule.red_probability)
        found.append(Judgement(row, is_alarm, float(p_values[i]), share, usual, np.nan, is_red))
    return found


def _weeks_of_closures(given: Weekly, at: int, rows: Sequence[int], n_open: np.ndarray) -> np.ndarray:
    """How many weeks it takes to close all that is open, at the pace of the last weeks; NaN if that is not known."""
    n_weeks = given.methodology.flags.f5_backlog.rising_weeks
    place = {given.series[row][0]: row for row in given.rows_of(CLOSED_INDICATOR)}
    closed = windows(given.denominators, at, n_weeks) / n_weeks
    pace = np.array([closed[place[given.series[row][0]]] if given.series[row][0] in place else np.nan for row in rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = n_open / pace
    return found


def say(said: Said) -> Text:
    found, sunday = said.judgement, sunday_of(said.monday)
    if np.isnan(found.p_value):
        return Text(
            f"{said.area.zh}：截至{day_zh(sunday)}，未结纠纷相当于{found.observed:.1f}周的办结量，超过{found.threshold:g}周。",
            f"{said.area.en}: on {sunday} open disputes were {found.observed:.1f} weeks of closures, the limit is "
            f"{found.threshold:g}.",
        )
    return Text(
        f"{said.area.zh}：截至{day_zh(sunday)}，未结纠纷中超30日的占{found.observed:.0%}，此前一年为{found.expected:.0%}，并逐周上升。",
        f"{said.area.en}: on {sunday} {found.observed:.0%} of open disputes were older than 30 days, {found.expected:.0%} in "
        "the year before, and the share has risen week after week.",
    )


RULE = Rule(
    code="F5",
    name=Text("积压", "Backlog"),
    when=Text(
        "未结纠纷（至少 {{ t.min_open }} 件）中超 {{ t.open_days }} 天的比例高于本县区此前 {{ t.base_weeks }} 周的概率超过界限"
        "且连升 {{ t.rising_weeks }} 周；或未结件数超过 {{ t.max_weeks_of_closures }} 周的办结量",
        "Share of open disputes (at least {{ t.min_open }}) over {{ t.open_days }} days probably above the county's own "
        "{{ t.base_weeks }} weeks before, and rising for {{ t.rising_weeks }} weeks; or more open "
        "than {{ t.max_weeks_of_closures }} weeks of closures",
    ),
    colours=BY_PROBABILITY,
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
