"""The draft of a contract as YAML, for a person to finish: every TODO is a decision, every `# ?` a guess to confirm.

Never shown: a value of a column that looks personal. Values are shown only where codes have to be mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from expectations.draft import Draft
from expectations.facts import MAX_CODES, Facts, is_printable
from expectations.located_yaml import TODO
from expectations.models import EVENTS, TRUE_WORDS, KindColumn
from expectations.suggest import DELETED

GUESS = "?"  # how the comment on a guess begins
MAX_SHOWN = 30
_DAY = r"\d{4}[-_年]\d{1,2}[-_月]\d{1,2}日?"
DAY_IN_NAME = re.compile(rf"(?<!\d)(\d{{8}}|\d{{6}}|{_DAY}|\d{{4}}-\d{{2}})(?!\d)")


def quoted(value: str) -> str:
    """A text as YAML writes it on one line, inside lists and mappings too."""
    return yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6)[1:-2]


def _dated_like(said: str) -> str:
    """A pattern of days written as this one: with all their digits, or with those that they need."""
    is_padded = "年" not in said and all(len(part) % 2 == 0 for part in re.findall(r"\d+", said))
    return re.sub(r"\d+", lambda part: f"\\d{{{len(part[0])}}}" if is_padded or len(part[0]) > 2 else r"\d{1,2}", said)


def pattern_of(name: str) -> str:
    """The pattern of all names that differ from this one in their day."""
    dated = DAY_IN_NAME.search(name)
    return name[: dated.start()] + "*" + name[dated.end() :] if dated else name


def listed(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


@dataclass(frozen=True)
class DraftText:
    """A draft in words. `pattern`: of the files' names below the folder of the data; by the sample's name without it."""

    draft: Draft
    pattern: str | None = None
    remarks: tuple[str, ...] = ()  # what else a person should know of the files

    def text(self) -> str:
        """The draft as YAML."""
        return "\n".join([*self._head(), *self._source(), *self._identity(), *self._mapping(), *self._dropped()]) + "\n"

    def _head(self) -> Iterator[str]:
        draft, sample = self.draft, self.draft.sample
        n = len(sample.rows)
        rows = f"{n:,} rows" if n == sample.n_rows else f"{n:,} of {sample.n_rows:,} rows, from all over it"
        older = f" and {len(draft.older)} older files" if draft.older else ""
        yield f"# Drafted from {sample.path.name} ({rows}){older}. Every TODO is a decision, every # {GUESS} a guess to confirm."
        yield from (f"# {remark}" for remark in self.remarks)
        yield f"feed: {draft.feed_code}"
        yield f"kind: {draft.kind.kind}  # {draft.kind.grain.en}"
        yield f"name: {{zh: {draft.kind.name.zh}, en: {quoted(draft.kind.name.en)}}}  # {GUESS} that of its kind"

    def _source(self) -> Iterator[str]:
        sample, name = self.draft.sample, self.draft.sample.path.name
        dated = DAY_IN_NAME.search(name)
        yield "source:"
        yield "  type: files"
        yield f"  connection: {self.draft.city_code}_{self.draft.feed_code}  # its path is the folder"
        yield f"  pattern: {quoted(self.pattern or pattern_of(name))}"
        yield f"  format: {sample.format}"
        if sample.encoding:
            trial = "" if sample.encoding.startswith("utf") else "  # by trial: look whether the names read well"
            yield f"  encoding: {sample.encoding}{trial}"
        if sample.delimiter not in (None, ","):
            yield f"  delimiter: {yaml.safe_dump(sample.delimiter, default_style=chr(34)).strip()}"
        if sample.sheet:
            others = [sheet for sheet in sample.sheets if sheet != sample.sheet]
            yield f"  sheet: {quoted(sample.sheet)}" + (f"  # there are also: {', '.join(others)}" if others else "")
        if dated:
            looks = f"{re.escape(name[: dated.start()])}({_dated_like(dated[0])}){re.escape(name[dated.end() :])}"
            yield f"  delivered: '{looks.replace(chr(39), chr(39) * 2)}'"
        else:
            yield f"  delivered_on: {TODO}  # the name does not say; or `delivered` with one group around day or month"

    def _identity(self) -> Iterator[str]:
        draft = self.draft
        if draft.mode:
            why = (
                "two files share more than half of their records"
                if draft.mode == "snapshot"
                else "files share few records"
            )
            yield f"mode: {draft.mode}  # {GUESS} {why}"
        else:
            yield f"mode: changes  # {GUESS} or snapshot: the whole table each time"
        event = draft.columns.get(draft.event)
        begins = draft.facts[event].earliest if event and draft.facts[event].pattern else None
        yield f"starts_on: {begins or TODO}" + (
            f"  # {GUESS} the earliest day of {event} in the sample" if begins else ""
        )
        yield from self._supports()
        names, why = draft.record_id
        yield f"record_id: {listed(names)}  # {GUESS} {why}"
        known = draft.known_at
        dated = ", ".join(f"{name} ({draft.facts[name].writes_days})" for name in draft.dated) or "none"
        yield (
            f"known_at: {{{self._with_format(known)}}}  # {GUESS}"
            if known
            else f"known_at: {{}}  # {GUESS} the day of delivery"
        )
        yield f"  # columns with days or times: {dated}"
        yield from self._deleted()
        areas, found = draft.area
        yield f"area: {listed(areas or [TODO])}  # {GUESS} tried in this order"
        yield from (f"  # {line}" for line in found)
        if draft.outside_area:
            yield f"outside_area: {listed(draft.outside_area)}  # {GUESS} places that are not in the city"

    def _supports(self) -> Iterator[str]:
        """The indicators that the guessed columns can bring, and what the others lack."""
        supports = self.draft.supports
        can = [name for name, missing in supports.items() if missing is None]
        yield f"supports: {listed(can)}  # {GUESS} [] = context only, never scored"
        yield from (f"  # not {name}: it {missing}" for name, missing in supports.items() if missing)

    def _deleted(self) -> Iterator[str]:
        draft = self.draft
        if draft.deleted:
            seen = [value for value in draft.facts[draft.deleted].values if value.lower() in TRUE_WORDS] or [TODO]
            yield f"deleted: {{column: {quoted(draft.deleted)}, values: {listed(seen)}}}  # {GUESS} values that mean: deleted"
        elif draft.no_events:
            name, values = draft.no_events
            yield f"deleted: {{column: {quoted(name)}, values: {listed(values)}, others: any}}  # {GUESS} no events at all"

    def _with_format(self, name: str) -> str:
        pattern = self.draft.facts[name].pattern
        spark = pattern.spark if pattern else None
        return f"column: {quoted(name)}" + (f", format: {quoted(spark)}" if spark else "")

    def _mapping(self) -> Iterator[str]:
        draft = self.draft
        yield "columns:"
        for canonical, column in draft.kind.columns.items():
            source = draft.columns.get(canonical)
            if column.day_of or (canonical == EVENTS and not draft.counted):
                continue
            if source:
                yield from self._guessed(canonical, column, draft.facts[source])
            else:
                yield self._open(canonical, column)

    def _open(self, canonical: str, column: KindColumn) -> str:
        meaning = f"{column.zh} / {column.en}: {' | '.join(column.codes) or column.type}"
        if constant := self.draft.constants.get(canonical):
            return f"  {canonical}: {{constant: {constant}}}  # {GUESS} by the file's name. {meaning}"
        if candidates := self.draft.candidates.get(canonical):
            return f"  {canonical}: {TODO}  # {' or '.join(candidates)}? {meaning}"
        if column.required:
            return f"  {canonical}: {TODO}  # required. {meaning}"
        if column.type == "pseudonym":
            return f"  # {canonical}: {TODO}  # {meaning}, from personal columns; they are hashed and stay dropped"
        return f"  # {canonical}: {TODO}  # {meaning}"

    def _guessed(self, canonical: str, column: KindColumn, facts: Facts) -> Iterator[str]:
        about = f"  # {GUESS} {facts.in_words()}"
        clock = self.draft.clocks.get(canonical)
        with_clock = f", clock: {{column: {quoted(clock)}}}" if clock else ""
        if column.type == "code" or (column.type == "flag" and facts.fits("flag") < 1):
            yield f"  {canonical}:{about}"
            yield f"    from: {quoted(facts.name)}"
            yield from self._map(canonical, column, facts)
        elif column.type in ("instant", "date") and facts.pattern and facts.pattern.spark:
            swap = "; or day and month the other way round" if "M/d" in facts.pattern.spark[:3] else ""
            said = f"from: {quoted(facts.name)}, format: {quoted(facts.pattern.spark)}{with_clock}"
            yield f"  {canonical}: {{{said}}}{about}{swap}"
        elif clock:
            yield f"  {canonical}: {{from: {quoted(facts.name)}{with_clock}}}{about}"
        else:
            yield f"  {canonical}: {quoted(facts.name)}{about}"

    def _map(self, canonical: str, column: KindColumn, facts: Facts) -> Iterator[str]:
        """The values seen, each with how often, led to the kind's codes as their words suggest."""
        yield f"    map:  # to {' | '.join(column.codes or ('true', 'false'))}"
        shown = facts.values.most_common(None if facts.is_code or len(facts.values) <= MAX_CODES else MAX_SHOWN)
        printable = [(value, n) for value, n in shown if is_printable(value)]
        said = self.draft.suggestions(canonical, facts.values)
        gone = self.draft.no_events
        for value, n in printable:
            often = f"{n:,} {'row' if n == 1 else 'rows'}"
            code = said[value]
            if code == DELETED and gone and gone[0] == facts.name and not self.draft.deleted:
                yield f"      # {quoted(value)}: deleted, {often}"
            elif code and code != DELETED:
                yield f"      {quoted(value)}: {code}  # {GUESS} {often}"
            else:
                yield f"      {quoted(value)}: {TODO}  # {often}"
        rest = len(facts.values) - len(printable)
        if rest or not printable:
            yield f"    otherwise: {TODO}  # {rest} more values; `prefixes` maps by how a value begins"

    def _dropped(self) -> Iterator[str]:
        draft = self.draft
        used = {*draft.record_id[0], *draft.area[0], draft.known_at, draft.deleted, *draft.columns.values()}
        used |= set(draft.clocks.values())
        unused = [facts for name, facts in draft.facts.items() if name not in used]
        yield "dropped:" if unused else "dropped: {}"
        for facts in unused:
            if facts.personal:
                yield f"  {quoted(facts.name)}: personal  # {GUESS} {facts.personal}"
            else:
                yield f"  {quoted(facts.name)}: internal  # {GUESS} {facts.in_words()}"
