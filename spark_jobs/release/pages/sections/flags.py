"""4 Risk flags: one row each, those of one cause together; then which rules ran, and why others did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spark_jobs.release.pages.sections.page import Page
from spark_jobs.released.columns import rows

COLOURS = ("red", "amber", "grey")


def by_cause(flags: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Flags of one cause together, by the rule of the desk (cause_id); a flag without a cause stands alone.

    Causes, and flags within each: the gravest first, then the oldest.
    """
    causes: dict[str, list[Mapping[str, Any]]] = {}
    for flag in sorted(flags, key=lambda f: (COLOURS.index(f["colour_code"]), f["since"], f["flag_id"])):
        causes.setdefault(flag["cause_id"] or flag["flag_id"], []).append(flag)
    return list(causes.values())


def flag_causes(page: Page) -> list[list[dict[str, str]]]:
    """The flags of each cause as rows of the table."""
    return [[_row(page, flag) for flag in cause] for cause in by_cause(rows(page.release.tables["flag"]))]


def _row(page: Page, flag: Mapping[str, Any]) -> dict[str, str]:
    return {
        "colour": flag["colour_code"],
        "colour_name": page.words.name("colour", flag["colour_code"]),
        "rule": page.words.rule(flag["rule_code"]),
        "area": page.names.get(flag["area_code"], flag["area_code"]),
        "since": page.words.day(flag["since"]),
        "detail": flag[f"detail_{page.words.code}"] or page.words.say("nothing"),
        "status": page.words.name("flag_status", flag["status_code"]),
    }


def rule_sentences(page: Page) -> list[str]:
    """Which rules ran that night; and those that did not, each with its reason."""
    words, found = page.words, list(rows(page.release.tables["flag_rule"]))
    names = {rule["rule_code"]: f"{rule['rule_code']} {words.rule(rule['rule_code'])}" for rule in found}
    ran = [names[rule["rule_code"]] for rule in found if rule["has_run"]]
    idle = [
        words.say("scored", name=names[rule["rule_code"]], score=rule[f"reason_{words.code}"])
        for rule in found
        if not rule["has_run"]
    ]
    said = (("rules_ran", ran), ("rules_idle", idle))
    return [words.say(key, rules=words.say("between_rules").join(rules)) for key, rules in said if rules]
