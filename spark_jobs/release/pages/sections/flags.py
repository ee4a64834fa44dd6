"""4 Risk flags: one row each, the gravest first; then which rules ran, and why others did not."""

from __future__ import annotations

from spark_jobs.release.pages.sections.page import Page
from spark_jobs.released.columns import rows


def flag_rows(page: Page) -> list[dict[str, str]]:
    order = {"red": 0, "amber": 1, "grey": 2}
    found = sorted(
        rows(page.release.tables["flag"]), key=lambda r: (order[r["colour_code"]], r["area_code"], r["flag_id"])
    )
    return [
        {
            "colour": flag["colour_code"],
            "colour_name": page.words.name("colour", flag["colour_code"]),
            "rule": page.words.rule(flag["rule_code"]),
            "area": page.names.get(flag["area_code"], flag["area_code"]),
            "since": page.words.day(flag["since"]),
            "detail": flag[f"detail_{page.words.code}"] or page.words.say("nothing"),
            "status": page.words.name("flag_status", flag["status_code"]),
        }
        for flag in found
    ]


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
