"""F7 escalation: more of a county's closed disputes than before went on to the police, a court or a petition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from expectations.models import Text
from spark_jobs.flags.detectors.shares import share_above_base_p
from spark_jobs.flags.rule import BY_PROBABILITY, Rule, Said, of_weeks
from spark_jobs.flags.weekly import Judgement, Weekly, windows
from spark_jobs.flags.words import day_zh, sunday_of

INDICATOR = "c1_escalated"


def judge_week(given: Weekly, at: int, rows: Sequence[int]) -> list[Judgement]:
    """Counties with at least `min_events` escalated disputes in the window, against the weeks before it."""
    rule = given.methodology.flags.f7_escalation
    own = given.rows_of(INDICATOR, rows)
    before = at - rule.window_weeks
    if not own or before < 0:
        return []
    n_base = min(rule.base_weeks, before + 1)
    count, size = (windows(a[own], at, rule.window_weeks) for a in (given.numerators, given.denominators))
    base, base_size = (windows(a[own], before, n_base) for a in (given.numerators, given.denominators))
    p_values = share_above_base_p(count, size, base, base_size)
    found = []
    for i, row in enumerate(own):
        if np.isnan(p_values[i]) or count[i] < rule.min_events or not base_size[i] > 0:
            continue
        above = 1 - float(p_values[i])
        numbers = (count[i] / size[i], base[i] / base_size[i], np.nan)
        is_red = above > rule.red_probability
        found.append(
            Judgement(row, above > rule.amber_probability, 1 - above, *numbers, is_red, n_weeks=rule.window_weeks)
        )
    return found


def say(said: Said) -> Text:
    found, sunday = said.judgement, sunday_of(said.monday)
    return Text(
        f"{said.area.zh}：截至{day_zh(sunday)}的{found.n_weeks}周，已结纠纷中{found.observed:.1%}转为警情、诉讼或信访，此前一年为{found.expected:.1%}。",
        f"{said.area.en}: {found.observed:.1%} of the disputes closed in the {found.n_weeks} weeks to {sunday} went on to the "
        f"police, a court or a petition, {found.expected:.1%} in the year before.",
    )


RULE = Rule(
    code="F7",
    name=Text("矛盾升级", "Escalation"),
    when=Text(
        "{{ t.window_weeks }} 周内已结纠纷转为警情、诉讼或信访的比例（至少 {{ t.min_events }} 件）"
        "高于本县区此前 {{ t.base_weeks }} 周的概率超过界限",
        "Share of the disputes closed in {{ t.window_weeks }} weeks that went on to the police, a court or a petition (at "
        "least {{ t.min_events }}) probably above the county's own {{ t.base_weeks }} weeks before",
    ),
    colours=BY_PROBABILITY,
    needs=of_weeks,
    judge=judge_week,
    say=say,
)
