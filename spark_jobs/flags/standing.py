"""Which judgements of weeks are flags tonight: one control of false discoveries, and hysteresis over nights. Pure.

Nothing is remembered from night to night: tonight's flags follow from the counts. So a night that is repeated or
repaired, or a lake that is built again, gives the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from spark_jobs.flags.detectors.daily_counts import last_complete_sunday
from spark_jobs.flags.detectors.lifecycle import discoveries, nights_on
from spark_jobs.flags.rule import Finding, Rule, RuleInput, Said
from spark_jobs.flags.weekly import DAYS_A_WEEK, Judgement, Weekly
from spark_jobs.index.flag_thresholds import FlagLifecycle

Subject = tuple[str, int]  # code of the rule, row of the series


@dataclass(frozen=True)
class JudgedWeek:
    """One week: what every rule says of every series that it can judge, and which of it are signals."""

    judgements: Mapping[Subject, Judgement]
    signals: frozenset[Subject]


def judged_week(given: Weekly, rules: Iterable[Rule], at: int) -> JudgedWeek:
    """A signal passes its rule's own bound and is also a discovery among all tests of the week, of all rules.

    A limit without a p-value is no test: whatever passes it is a signal.
    """
    rows = range(len(given.series))
    found = {(rule.code, j.row): j for rule in rules if rule.judge for j in rule.judge(given, at, rows)}
    p_values = np.array([each.p_value for each in found.values()])
    is_discovery = discoveries(p_values, given.methodology.flags.lifecycle.false_discovery_rate) | np.isnan(p_values)
    signals = (
        subject
        for (subject, each), is_found in zip(found.items(), is_discovery, strict=True)
        if each.is_alarm and is_found
    )
    return JudgedWeek(found, frozenset(signals))


def stands(signals: Sequence[bool], n_nights: int, life: FlagLifecycle) -> bool:
    """Whether a flag is on. `signals`: of the week before and of the last one, which `n_nights` have judged so far."""
    before, last = signals
    nights = nights_on(
        [before] * DAYS_A_WEEK + [last] * n_nights,
        on_count=life.nights_on,
        on_window=life.nights_observed,
        off_after=life.nights_off,
    )
    return bool(nights[-1])


def standing(given: RuleInput, rules: Sequence[Rule]) -> tuple[list[tuple[Rule, Finding]], dict[str, int]]:
    """The flags of the rules that judge weeks; and for each rule, how many series it could judge in the last week."""
    weeks, life = given.weekly, given.methodology.flags.lifecycle
    last = len(weeks.mondays) - 1
    n_nights = (given.business_date - last_complete_sunday(given.business_date)).days + 1
    before, now = (judged_week(weeks, rules, at) for at in (last - 1, last))
    found = []
    for rule in rules:
        for subject in sorted(each for each in before.signals | now.signals if each[0] == rule.code):
            if stands([subject in before.signals, subject in now.signals], n_nights, life):
                at, week = (last, now) if subject in now.signals else (last - 1, before)
                found.append((rule, _finding(given, rule, week.judgements[subject], at)))
    n_judged = {rule.code: sum(code == rule.code for code, _ in now.judgements) for rule in rules if rule.judge}
    return found, n_judged


def run_since(given: Weekly, rule: Rule, row: int, at: int) -> int:
    """First week of the unbroken run of the rule's own alarms up to week `at`; at most `history_weeks` back."""
    assert rule.judge is not None
    first = max(0, at - given.methodology.flags.lifecycle.history_weeks)
    while at > first and any(each.is_alarm for each in rule.judge(given, at - 1, [row])):
        at -= 1
    return at


def _finding(given: RuleInput, rule: Rule, found: Judgement, at: int) -> Finding:
    assert rule.say is not None
    weeks = given.weekly
    area_code, indicator_id = weeks.series[found.row]
    area, indicator = given.place.counties[area_code], given.indicators[indicator_id]
    since: date = weeks.mondays[run_since(weeks, rule, found.row, at)]
    return Finding(
        "red" if found.is_red else "amber",
        area_code,
        since,
        rule.say(Said(found, area, indicator, weeks.mondays[at])),
        found.observed,
        found.expected,
        found.threshold,
        indicator_id=indicator_id,
    )
