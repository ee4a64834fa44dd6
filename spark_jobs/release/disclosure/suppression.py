"""Which cells of a month's public tables are hidden, and the pattern that the next month reuses. Pure.

Primary: a cell is hidden if it is small, if one event dominates its harm-days, or if it would tell a sensitive kind of
harm.
Complementary: a total minus its shown parts is what is hidden. So a row (city = counties) hides at least two cells,
with as many events as the protection asks for, and an index hides two parts or none.
Reuse: a cell stays hidden until its year no longer overlaps one that had to be hidden. So the files of two months
differ in their figures, and hardly ever in what they hide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from spark_jobs.index.methodology import Methodology
from spark_jobs.release.disclosure.rules import DisclosureRules

Key = tuple[str, str, str]  # table, indicator or domain, area
Reason = Literal["small", "dominance", "stratum", "complement", "narrow", "coarser"]
DOMAINS = "domains"  # the table of domain values
YEAR = "indicators"  # the table of rolling years
COUNTIES = "counties"  # in place of an area: the table has this indicator for the city alone


@dataclass(frozen=True)
class Cell:
    """Events of one indicator, area and table. `rest`: the trials of a proportion without the event, else None.

    `strata`: events by kind of harm where their harm-days are shown, else empty. `shown_amount`: the harm-days that
    follow from the rounded rate beside the count.
    """

    table: str
    indicator_id: str
    area_code: str
    count: float
    rest: float | None = None
    strata: Mapping[str, float] = field(default_factory=dict)
    shown_amount: float | None = None

    @property
    def key(self) -> Key:
        return self.table, self.indicator_id, self.area_code


@dataclass(frozen=True)
class Hidden:
    """Why a cell is hidden, since which month, and the last month in which it had to be (first days of months)."""

    reason: Reason
    since: date
    needed: date


@dataclass(frozen=True)
class Pattern:
    """What the public tables of a month hide. It is kept with the release, and the next month starts from it."""

    month: date
    hidden: Mapping[Key, Hidden]

    def hides(self, table: str, part: str, area_code: str) -> bool:
        return (table, part, area_code) in self.hidden

    def is_city_only(self, table: str, indicator_id: str) -> bool:
        return (table, indicator_id, COUNTIES) in self.hidden

    def kept_of(self, before: Pattern) -> float:
        """Share of an earlier pattern that this one keeps."""
        return len(before.hidden.keys() & self.hidden.keys()) / len(before.hidden) if before.hidden else 1.0


@dataclass(frozen=True)
class Control:
    """Chooses the pattern of a month. `coarser`: tables that may fall back to the city alone."""

    rules: DisclosureRules
    methodology: Methodology
    city_code: str
    coarser: tuple[str, ...] = ()

    def choose(
        self, month: date, cells: Sequence[Cell], before: Pattern | None = None, narrow: Iterable[Key] = ()
    ) -> Pattern:
        """The pattern of `month`. `narrow`: cells that an attack on this month's files placed too well."""
        needed: dict[Key, Reason] = dict.fromkeys(narrow, "narrow")
        needed |= {cell.key: reason for cell in cells if (reason := self._primary(cell))}
        kept = {key: was for key, was in before.hidden.items() if self._is_kept(key, was, month)} if before else {}
        rows: dict[tuple[str, str], list[Cell]] = {}
        for cell in cells:
            rows.setdefault(cell.key[:2], []).append(cell)
        found: dict[Key, Hidden] = {key: was for key, was in kept.items() if key[:2] not in rows and key[0] != DOMAINS}
        for row in rows.values():
            found |= self._row(row, needed, kept, month)
        return Pattern(month, found | self._domains(found, cells, kept, month))

    def _primary(self, cell: Cell) -> Reason | None:
        rule = self.rules.of(next(i for i in self.methodology.indicators if i.id == cell.indicator_id))
        if cell.count < rule.threshold or (cell.rest is not None and cell.rest < rule.threshold):
            return "small"
        days = {stratum: self.methodology.severity[stratum].days for stratum in cell.strata}
        if len(days) < 2:
            return None
        amount = sum(days[stratum] * count for stratum, count in cell.strata.items())
        if max(days[s] for s, count in cell.strata.items() if count > 0) > self.rules.amounts.largest_share * amount:
            return "dominance"
        known = {amount, amount if cell.shown_amount is None else cell.shown_amount}
        narrowest = min((narrowest_stratum(cell.count, each, days, self.rules) for each in known), default=math.inf)
        return "stratum" if narrowest < self.rules.sensitive.stratum_protection else None

    def _is_kept(self, key: Key, was: Hidden, month: date) -> bool:
        is_stock = any(i.id == key[1] and i.flow_or_stock == "stock" for i in self.methodology.indicators)
        reuse = self.rules.reuse_months
        return _months(was.needed, month) < (reuse.stock if is_stock else reuse.flow)

    def _row(
        self, row: Sequence[Cell], needed: Mapping[Key, Reason], kept: Mapping[Key, Hidden], month: date
    ) -> dict[Key, Hidden]:
        """Hidden cells of one indicator in one table. The row is the city and its counties, which add up to it."""
        counts = {cell.key: cell.count for cell in row}
        table, indicator_id, _ = row[0].key
        counties = [key for key in counts if key[2] != self.city_code]
        now = {key for key in counts if key in needed}
        now |= set(self._complement(counts, now, kept))
        now |= set(self._complement(counts, now | (kept.keys() & counts.keys()), kept))
        reasons: dict[Key, Reason] = dict.fromkeys(now, "complement")
        reasons |= {key: needed.get(key) or kept[key].reason for key in counts if key in needed or key in kept}
        whole: Key = (table, indicator_id, COUNTIES)
        too_many = sum(key in reasons for key in counties) > self.rules.max_hidden_share * len(counties)
        if table in self.coarser and (too_many or whole in kept):
            reasons = {key: why for key, why in reasons.items() if key not in counties} | {whole: "coarser"}
            now |= {whole} if too_many else set()
        return {
            key: Hidden(reason, kept[key].since if key in kept else month, month if key in now else kept[key].needed)
            for key, reason in reasons.items()
        }

    def _complement(self, counts: Mapping[Key, float], hidden: set[Key], kept: Mapping[Key, Hidden]) -> Iterator[Key]:
        """Counties to hide as well, so that subtraction does not give `hidden`: kept ones first, then the smallest."""
        if not hidden or any(key[2] == self.city_code for key in hidden):
            return
        rule = self.rules.of(next(i for i in self.methodology.indicators if i.id == next(iter(counts))[1]))
        others = [key for key in counts if key not in hidden and key[2] != self.city_code]
        n, events = len(hidden), sum(counts[key] for key in hidden)
        for key in sorted(others, key=lambda key: (key not in kept, counts[key], key)):
            if n >= 2 and events >= rule.protection:
                return
            n, events = n + 1, events + counts[key]
            yield key

    def _domains(
        self, found: Mapping[Key, Hidden], cells: Sequence[Cell], kept: Mapping[Key, Hidden], month: date
    ) -> dict[Key, Hidden]:
        """Domain values to hide. A shown domain with one hidden indicator tells that score; one domain hidden alone can
        be had from the index.

        They stay hidden as long as that indicator does.
        """
        hidden = {key: was for key, was in kept.items() if key[0] == DOMAINS}
        live = {(cell.indicator_id, cell.area_code) for cell in cells if cell.table == YEAR}
        for area in sorted({area for _, area in live}):
            parts = {
                d: [found.get((YEAR, i.id, area)) for i in d.indicators if (i.id, area) in live]
                for d in self.methodology.domains
            }
            n_hidden = {d: sum(each is not None for each in own) for d, own in parts.items() if own}
            needed = {d: max(each.needed for each in parts[d] if each) for d, n in n_hidden.items() if n == 1}
            for domain in needed:
                hidden.setdefault((DOMAINS, domain.id, area), Hidden("narrow", month, month))
            chosen = [d for d in n_hidden if (DOMAINS, d.id, area) in hidden]
            if len(chosen) == 1 and len(n_hidden) > 1:
                second = min((d for d in n_hidden if d not in chosen), key=lambda d: (-n_hidden[d], d.weight, d.id))
                until = hidden[DOMAINS, chosen[0].id, area].needed
                hidden[DOMAINS, second.id, area] = Hidden("complement", month, until)
            for key in [key for key in hidden if key[2] == area and needed]:
                hidden[key] = replace(hidden[key], needed=max(needed.values()))
        return hidden


def narrowest_stratum(total: float, amount: float, days: Mapping[str, float], rules: DisclosureRules) -> float:
    """The least width among the sensitive kinds of harm; infinite if there is none."""
    sensitive = (stratum for stratum in rules.sensitive.strata if stratum in days)
    return min((stratum_width(stratum, total, amount, days) for stratum in sensitive), default=math.inf)


def stratum_width(stratum: str, total: float, amount: float, days: Mapping[str, float]) -> float:
    """Width, in events, of the interval of one kind of harm when total and harm-days are known.

    If t of the events are of this kind, the others are among the other kinds: days_s t + d (total - t) = amount, for
    some d between the least and the largest days of these.
    """
    others = [day for name, day in days.items() if name != stratum]
    amount = min(max(amount, min(days.values()) * total), max(days.values()) * total)  # a shrunken rate may lie outside
    lower, upper = 0.0, total
    for bound, is_least in ((min(others), True), (max(others), False)):
        slope, free = (
            days[stratum] - bound,
            amount - bound * total,
        )  # slope t <= free with the least, >= with the largest
        if slope == 0.0:
            continue
        if (slope > 0.0) == is_least:
            upper = min(upper, free / slope)
        else:
            lower = max(lower, free / slope)
    return max(0.0, upper - lower)


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month
