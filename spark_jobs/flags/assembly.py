"""The flags of a city on a business date: what the rules in force find, as one frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from spark_jobs.flags.detectors.lifecycle import flag_id
from spark_jobs.flags.rule import Finding, Rule, RuleInput
from spark_jobs.flags.rules import IN_FORCE
from spark_jobs.released.columns import TABLES
from spark_jobs.released.schemas import spark_types

COLUMNS = {"city_code": "string", "business_date": "date", **spark_types(TABLES["flag"].lake_columns)}


def flags_for(given: RuleInput, rules: Sequence[Rule] = IN_FORCE) -> pd.DataFrame:
    """All flags of the night, columns and order of COLUMNS, sorted by rule, area, indicator, feed, since."""
    found = _found(given, (rule for rule in rules if rule.is_first))
    silenced = frozenset(indicator for _, finding in found for indicator in finding.silences)
    found += _found(replace(given, silenced=silenced), (rule for rule in rules if not rule.is_first))
    frame = pd.DataFrame([_row(given, rule, finding) for rule, finding in found], columns=list(COLUMNS))
    order = ["rule_code", "area_code", "indicator_id", "feed_code", "since"]
    return frame.sort_values(order, na_position="first", ignore_index=True, kind="stable")


def _found(given: RuleInput, rules: Iterable[Rule]) -> list[tuple[Rule, Finding]]:
    return [(rule, finding) for rule in rules if rule.find for finding in rule.find(given)]


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
