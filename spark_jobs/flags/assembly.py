"""The flags of a city on a business date: two frames, what the rules find and whether each rule ran. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import pandas as pd

from spark_jobs.flags.detectors.lifecycle import flag_id
from spark_jobs.flags.rule import Finding, Rule, RuleInput
from spark_jobs.flags.rules import RULES
from spark_jobs.flags.standing import standing
from spark_jobs.released.columns import TABLES
from spark_jobs.released.schemas import spark_types

KEYS = {"city_code": "string", "business_date": "date"}
COLUMNS = {**KEYS, **spark_types(TABLES["flag"].lake_columns)}
RULE_COLUMNS = {**KEYS, **spark_types(TABLES["flag_rule"].lake_columns)}


class Raised(NamedTuple):
    """flags: columns of COLUMNS, sorted by rule, area, indicator, feed, since. rules: RULE_COLUMNS, in order of RULES."""

    flags: pd.DataFrame
    rules: pd.DataFrame


def flags_for(given: RuleInput, rules: Sequence[Rule] = tuple(RULES.values())) -> Raised:
    """All flags of the night, and for each rule whether it ran."""
    found = _found(given, (rule for rule in rules if rule.is_first))
    silenced = frozenset(indicator for _, finding in found for indicator in finding.silences)
    rest = replace(given, silenced=silenced)
    found += _found(rest, (rule for rule in rules if not rule.is_first))
    of_weeks, n_judged = standing(rest, rules)
    found += of_weeks
    looked_at = n_judged | {rule.code: rule.n_looked_at(rest) for rule in rules if rule.n_looked_at}
    frame = pd.DataFrame([_row(given, rule, finding) for rule, finding in found], columns=list(COLUMNS))
    frame["cause_id"] = _causes(frame, given.methodology.flags.lifecycle.cause_days)
    order = ["rule_code", "area_code", "indicator_id", "feed_code", "since"]
    flags = frame.sort_values(order, na_position="first", ignore_index=True, kind="stable")
    ran = [
        _ran(given, rule, looked_at.get(rule.code, 0), int((flags["rule_code"] == rule.code).sum())) for rule in rules
    ]
    return Raised(flags, pd.DataFrame(ran, columns=list(RULE_COLUMNS)))


def _found(given: RuleInput, rules: Iterable[Rule]) -> list[tuple[Rule, Finding]]:
    return [(rule, finding) for rule in rules if rule.find for finding in rule.find(given)]


def _causes(flags: pd.DataFrame, cause_days: int) -> list[str]:
    """For each flag, the first flag of its cause.

    Flags of a county that begin within `cause_days` of the first one are one cause: a flood raises crashes, fires and
    calls. Flags of the same indicator are one cause whenever they began. Grey ones are about feeds and stand alone.
    """
    causes: list[_Cause] = []
    head_of: dict[str, str] = {}
    columns = flags[["since", "flag_id", "area_code", "indicator_id", "colour_code"]]
    for since, own_id, area_code, indicator_id, colour_code in sorted(columns.to_numpy().tolist(), key=lambda f: f[:2]):
        cause = next((each for each in causes if each.holds(area_code, indicator_id, since, cause_days)), None)
        if cause is None or colour_code == "grey":
            cause = _Cause(own_id, area_code, since)
            causes += [cause] if colour_code != "grey" else []
        cause.indicators.add(indicator_id)
        head_of[own_id] = cause.head_id
    return [head_of[own_id] for own_id in flags["flag_id"]]


@dataclass
class _Cause:
    head_id: str
    area_code: str
    since: date
    indicators: set[str | None] = field(default_factory=set)

    def holds(self, area_code: str, indicator_id: str | None, since: date, cause_days: int) -> bool:
        is_close = (since - self.since).days <= cause_days
        return area_code == self.area_code and (is_close or (indicator_id or "") in self.indicators)


def _row(given: RuleInput, rule: Rule, found: Finding) -> dict[str, object]:
    city_code = given.place.city_code
    subject = "/".join(filter(None, (found.indicator_id or found.feed_code, found.part)))
    return {
        "city_code": city_code,
        "business_date": given.business_date,
        "flag_id": flag_id(city_code, rule.code, found.area_code, subject, found.since),
        "rule_code": rule.code,
        "area_code": found.area_code,
        "indicator_id": found.indicator_id,
        "feed_code": found.feed_code,
        "colour_code": found.colour_code,
        "status_code": "raised",
        "observed": float(found.observed),
        "expected": float(found.expected),
        "threshold": float(found.threshold),
        "since": found.since,
        "detail_zh": found.detail.zh,
        "detail_en": found.detail.en,
    }


def _ran(given: RuleInput, rule: Rule, n_series: int, n_flags: int) -> dict[str, object]:
    reason = rule.because or (None if n_series else rule.nothing)
    return {
        "city_code": given.place.city_code,
        "business_date": given.business_date,
        "rule_code": rule.code,
        "has_run": n_series > 0,
        "reason_zh": reason and reason.zh,
        "reason_en": reason and reason.en,
        "n_series": float(n_series),
        "n_flags": float(n_flags),
    }
