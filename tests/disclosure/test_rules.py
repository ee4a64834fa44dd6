"""disclosure.yml: what it cannot mean is refused with its line; an indicator's class follows from its kinds of harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.located_yaml import ContractError
from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.disclosure.rules import RULES_PATH, load_rules

pytestmark = pytest.mark.unit
METHODOLOGY = load_methodology()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("counts: {threshold: 10", "counts: {threshold: 0", "counts.threshold"),
        ("counts: {threshold: 10", "counts: {threshold: many", "counts.threshold"),
        ("counts: {threshold: 10", "counts: {treshold: 10", "one of threshold, protection"),
        ("threshold: 20\n", "threshold: 9\n", "sensitive.threshold: expected: at least 10"),
        ("protection: 20\n", "protection: 5\n", "sensitive.protection: expected: at least 10"),
        ("[death,", "[deth,", "(perhaps death)"),
        ("[death, robbery_rape, wounding_serious]", "[]", "sensitive.strata"),
        ("largest_share: 0.2", "largest_share: 1.2", "amounts.largest_share"),
        ("max_hidden_share: 0.15", "max_hidden_share: 0", "max_hidden_share"),
        ("reuse_months: {flow: 12", "reuse_months: {flow: -1", "reuse_months.flow"),
        ('version: "2026.1"\n', "", "version"),
    ],
)
def test_what_the_rules_cannot_mean_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = RULES_PATH.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "disclosure.yml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ContractError) as refused:
        load_rules(METHODOLOGY, path)
    assert said in str(refused.value)
    assert f"{path}:" in str(refused.value)


def test_an_indicator_is_sensitive_if_one_of_its_kinds_of_harm_is() -> None:
    rules = load_rules(METHODOLOGY)
    for indicator in METHODOLOGY.indicators:
        is_sensitive = any(stratum in rules.sensitive.strata for stratum in indicator.strata)
        assert rules.of(indicator) == (rules.sensitive if is_sensitive else rules.counts)
    assert {rules.of(i).threshold for i in METHODOLOGY.indicators} == {10, 20}
