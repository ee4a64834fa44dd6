"""The rules of disclosure.yml as frozen models, and the loader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from expectations.located_yaml import ContractFault, load, one_of
from expectations.models import Frozen
from spark_jobs.index.methodology import Indicator, Methodology

RULES_PATH = Path(__file__).with_name("disclosure.yml")
Events = Annotated[int, Field(gt=0)]
Months = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class ClassRule(Frozen):
    """`threshold`: fewest events of a shown cell. `protection`: least width, in events, of a hidden cell's interval."""

    threshold: Events
    protection: Events


class SensitiveRule(ClassRule):
    strata: Annotated[tuple[str, ...], Field(min_length=1)]
    stratum_protection: Events


class AmountRule(Frozen):
    largest_share: Share


class ScoreRule(Frozen):
    protection: Annotated[float, Field(gt=0.0)]


class ReuseRule(Frozen):
    """For how many months a cell stays hidden: of a flow over a year, or of a stock of one day."""

    flow: Months
    stock: Months


class DisclosureRules(Frozen):
    """The whole of disclosure.yml."""

    version: str
    counts: ClassRule
    sensitive: SensitiveRule
    amounts: AmountRule
    scores: ScoreRule
    reuse_months: ReuseRule
    max_hidden_share: Share

    def of(self, indicator: Indicator) -> ClassRule:
        """The class of an indicator: sensitive if any of its kinds of harm is."""
        return self.sensitive if set(indicator.strata) & set(self.sensitive.strata) else self.counts


def load_rules(methodology: Methodology, path: Path = RULES_PATH) -> DisclosureRules:
    """Read and check disclosure.yml. Raises ContractError with every fault: file, line, expected, found."""
    return load(path, DisclosureRules, check=lambda rules: _faults(rules, methodology))


def _faults(rules: DisclosureRules, methodology: Methodology) -> Iterator[ContractFault]:
    """Kinds of harm that the methodology does not have, and a sensitive class that protects less than the other."""
    for n, stratum in enumerate(rules.sensitive.strata):
        if stratum not in methodology.severity:
            yield ContractFault(("sensitive", "strata", n), one_of(methodology.severity, stratum), repr(stratum))
    for field in ("threshold", "protection"):
        least, found = getattr(rules.counts, field), getattr(rules.sensitive, field)
        if found < least:
            yield ContractFault(("sensitive", field), f"at least {least}, as for other counts", str(found))
