"""Numbers, dates and codes as words, in one language.

Words are in words.yml, names of domains and indicators in methodology.yml, names of flag rules in the rules' modules
(spark_jobs/flags/rules).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from spark_jobs.flags.rules import RULES
from spark_jobs.index.methodology import Methodology

LanguageCode = Literal["zh", "en"]
LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True)
class Wording:
    """One language of a release."""

    code: LanguageCode
    methodology: Methodology

    def say(self, key: str, **values: object) -> str:
        """The sentence words.yml `text.<key>` with its braces filled in."""
        return self._pick(_table()["text"][key]).format(**values)

    def say_variant(self, key: str, variant: str) -> str:
        return self._pick(_table()["text"][key][variant])

    def name(self, group: str, code: str) -> str:
        """Name of a code in words.yml. A code that is not listed is shown as it is, so that nothing is hidden."""
        names: Mapping[str, Mapping[str, str]] = _table()["codes"][group]
        return self._pick(names[code]) if code in names else code

    def pick(self, text: Any) -> str:
        """One language of anything that has .zh and .en (names in contracts and the methodology, Text)."""
        chosen: str = getattr(text, self.code)
        return chosen

    def band(self, code: str) -> str:
        return self.pick(self.methodology.bands.names[code])  # type: ignore[index]

    def domain(self, domain_id: str) -> str:
        return next((self.pick(d.name) for d in self.methodology.domains if d.id == domain_id), domain_id)

    def indicator(self, indicator_id: str) -> str:
        return next((self.pick(i.name) for i in self.methodology.indicators if i.id == indicator_id), indicator_id)

    def rule(self, rule_code: str) -> str:
        """Name of a rule of the flags, as its module declares it."""
        return next((self.pick(rule.name) for rule in RULES.values() if rule.code == rule_code), rule_code)

    def index(self, value: float | None) -> str:
        """101: an index or a score. A missing one is put into words and never looks like a number."""
        return self.say("no_index") if value is None else points(value)

    def interval(self, lower: float | None, upper: float | None) -> str:
        """96–104: the ends of an index's interval"""
        return self.say("nothing") if lower is None or upper is None else "–".join(bounds(lower, upper))

    def ranks(self, low: float | None, high: float | None) -> str:
        """3–6: the ranks that an interval allows; a single one only where it is certain."""
        if low is None or high is None:
            return self.say("nothing")
        return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"

    def bands_counted(self, codes: Sequence[str], order: Iterable[str]) -> str:
        """How many counties stand better, level or worse; `codes`: one a county, `order`: in which they are named."""
        parts = [
            self.say("bands_part", n=codes.count(code), band=self.say_variant("area_band", code))
            for code in order
            if code in codes
        ]
        return self.say("bands_counted", n=len(codes), list=self.listed(parts))

    def counts(self, lower: float | None, upper: float | None) -> str:
        """12–31: an interval of counts."""
        return self.say("nothing") if lower is None or upper is None else f"{lower:,.0f}–{upper:,.0f}"

    def relative_change(self, value: float | None) -> str:
        """+12% or −4%"""
        if value is None:
            return self.say("nothing")
        percent = f"{100 * value:+.0f}".replace("-", "−")
        return self.say("percent", value="0" if percent[1:] == "0" else percent)

    def change_1y(self, value: float | None) -> str:
        """+1 or −4: an index's change on the year before"""
        if value is None:
            return self.say("nothing")
        return points(value) if points(value) == "0" else f"{'+' if value > 0 else ''}{points(value)}"

    def change(self, value: float | None) -> str:
        """+1.2 or −0.4 (true minus sign): between results from the same random numbers, whose tenths mean something."""
        if value is None:
            return self.say("nothing")
        return number(value) if number(value) == "0.0" else f"{'+' if value > 0 else ''}{number(value)}"

    def percent(self, share: float | None) -> str:
        """98.00 %"""
        return self.say("nothing") if share is None else self.say("percent", value=f"{100 * share:.2f}")

    def percent_interval(self, lower: float | None, upper: float | None) -> str:
        """97.9–98.1"""
        if lower is None or upper is None:
            return self.say("nothing")
        return f"{number(100 * lower)}–{number(100 * upper)}"

    def month(self, value: date) -> str:
        return self.say("month", d=value)

    def day(self, value: date | None) -> str:
        return self.say("nothing") if value is None else self.say("day", d=value)

    def instant(self, local: datetime) -> str:
        return self.say("instant", d=local)

    def listed(self, names: Iterable[str]) -> str:
        return self.say("comma").join(names)

    def missing(self, missing_domains: Iterable[str], grey_indicators: Iterable[str], shown: int = 3) -> str:
        """What an area lacks: whole domains first, then single indicators of the other domains."""
        domains = list(missing_domains)
        inside = {i.id for d in self.methodology.domains if d.id in domains for i in d.indicators}
        names = [self.domain(d) for d in domains] + [self.indicator(i) for i in grey_indicators if i not in inside]
        if not names:
            return self.say("none_missing")
        if len(names) <= shown:
            return self.listed(names)
        return self.say("and_more", names=self.listed(names[:shown]), n=len(names))

    def _pick(self, pair: Mapping[str, str]) -> str:
        return pair[self.code]


def number(value: float) -> str:
    """One decimal, true minus sign, never minus zero."""
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def whole_points(value: float) -> int:
    """Index points as pages show them: other random numbers move a county's index by 0.15 (methodology, section 6)."""
    return round(value)


def whole_bounds(lower: float, upper: float) -> tuple[int, int]:
    """The ends of an interval in whole points, rounded outwards: it is never printed narrower than it was computed."""
    return math.floor(lower), math.ceil(upper)


def points(value: float) -> str:
    """Whole points with a true minus sign: all that pages print of an index, a score or a change on the year before."""
    return str(whole_points(value)).replace("-", "−")


def bounds(lower: float, upper: float) -> tuple[str, str]:
    """The ends of an interval as pages print them."""
    low, high = (str(end).replace("-", "−") for end in whole_bounds(lower, upper))
    return low, high
