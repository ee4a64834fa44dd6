"""A sample of a source -> the draft of its contract, for a person to finish: every TODO is a decision.

Never shown: a value of a column that looks personal. Values are shown only where codes have to be mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations

import pandas as pd
import yaml

from expectations.contract import city_folder, read_table
from expectations.facts import MAX_CODES, Facts, is_printable
from expectations.guess import assigned, likeness, speaks_of
from expectations.located_yaml import TODO
from expectations.models import TRUE_WORDS, Kind, KindColumn
from expectations.sample import Sample

MAX_SHOWN = 30
DAY_IN_NAME = r"\d{4}[-_年]\d{1,2}[-_月]\d{1,2}日?"
NEARLY = 0.05  # where the likeness of two columns differs by less, a person decides
AREA_SHARE = 0.5  # so many rows must name an area of the city for a column to count as its area


def quoted(value: str) -> str:
    """A text as YAML writes it on one line, inside lists and mappings too."""
    return yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6)[1:-2]


def _dated_like(said: str) -> str:
    """A pattern of days written as this one: with all their digits, or with those that they need."""
    is_padded = "年" not in said and all(len(part) % 2 == 0 for part in re.findall(r"\d+", said))
    return re.sub(r"\d+", lambda part: f"\\d{{{len(part[0])}}}" if is_padded or len(part[0]) > 2 else r"\d{1,2}", said)


def listed(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


@dataclass(frozen=True)
class Draft:
    """What can be said about a feed of `city_code` from one sample."""

    sample: Sample
    kind: Kind
    city_code: str
    feed_code: str

    @cached_property
    def facts(self) -> dict[str, Facts]:
        return {name: Facts.of(self.sample.rows, name) for name in self.sample.rows.columns}

    @cached_property
    def open_facts(self) -> dict[str, Facts]:
        """Columns that do not look personal."""
        return {name: facts for name, facts in self.facts.items() if not facts.personal}

    @cached_property
    def known_at(self) -> str | None:
        """The column that says when the source recorded a version."""
        return next((name for name in self.dated if speaks_of(name, "update")), None)

    @cached_property
    def deleted(self) -> str | None:
        return next((name for name in self.open_facts if speaks_of(name, "delete")), None)

    @cached_property
    def dated(self) -> list[str]:
        """Columns with days or times."""
        return [name for name, facts in self.open_facts.items() if facts.pattern]

    @cached_property
    def record_id(self) -> tuple[tuple[str, ...], str]:
        """Columns that identify a record, and why it is they."""
        full = [
            name
            for name, facts in self.open_facts.items()
            if not (facts.empty_share or facts.pattern or facts.is_clock or facts.is_row_number or facts.is_measure)
        ]
        named = sorted((name for name in full if speaks_of(name, "key")), key=lambda n: -len(self.facts[n].values))
        unique = [name for name in dict.fromkeys([*named, *full]) if self._tell_rows_apart((name,))]
        if unique:
            others = f"; so are: {', '.join(unique[1:])}" if unique[1:] else ""
            return (unique[0],), f"different in every row{others}"
        for name in named[:1]:
            if self.known_at and self._tell_rows_apart((name, self.known_at)):
                return (name,), f"with {self.known_at} different in every row: several versions of a record"
        for pair in combinations([*named, *(name for name in full if name not in named)][:12], 2):
            if self._tell_rows_apart(pair):
                return pair, "together different in every row"
        for name in named[:1]:
            return (name,), f"{len(self.facts[name].values):,} different: which of a record's rows is the newest?"
        return (TODO,), "no column and no two columns are different in every row"

    def _tell_rows_apart(self, names: tuple[str, ...]) -> bool:
        return not self.different_rows.duplicated(list(names)).any()

    @cached_property
    def different_rows(self) -> pd.DataFrame:
        """A row that comes twice is one row."""
        return self.sample.rows.drop_duplicates()

    @cached_property
    def area(self) -> tuple[list[str], list[str]]:
        """Columns that say the area, and what has been found about the likely ones."""
        named = [name for name in self.open_facts if speaks_of(name, "area")]
        if not (city_folder(self.city_code) / "areas.csv").is_file():
            return named[:3], ["by name only: the city has no areas.csv yet"]
        looks = f"(?i:{'|'.join(map(re.escape, self._area_words()))})"
        shares = {name: facts.share(looks) for name, facts in self.open_facts.items()}
        likely = sorted((name for name in shares if shares[name] >= AREA_SHARE), key=lambda name: -shares[name])
        found = [
            f"{name}: {shares[name]:.0%} of its values are codes or names of areas.csv; {self.facts[name].in_words()}"
            for name in likely
        ]
        return [name for name in likely if name in named] or likely[:1], found or ["no column holds areas of areas.csv"]

    def _area_words(self) -> list[str]:
        areas = read_table(self.city_code, "areas")
        words = {area[key] for area in areas for key in ("area_code", "name_zh", "name_en") if area["level"] != "city"}
        if (city_folder(self.city_code) / "area_aliases.csv").is_file():
            words |= {alias["alias"] for alias in read_table(self.city_code, "area_aliases")}
        return sorted(words - {""})

    @property
    def columns(self) -> dict[str, str]:
        """Canonical column -> source column, as guessed."""
        return {canonical: source for canonical, (source, *rivals) in self.candidates.items() if not rivals}

    @cached_property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """Canonical column -> the source columns whose names fit it best; only one where no other fits nearly as well.

        Columns of the area and of the record's id are not looked at.
        """
        taken = {*self.record_id[0], *self.area[0], self.known_at, self.deleted}
        free = [name for name, facts in self.open_facts.items() if name not in taken and not facts.is_clock]
        dated = [name for name in self.dated if name in free]
        event = {self.event: dated[0]} if len(dated) == 1 else {}  # the only day there is
        scores = {
            (canonical, name): likeness(name, canonical, column.zh) * self.facts[name].fits(column.type) ** 0.5
            for canonical, column in self.kind.columns.items()
            if not column.day_of and column.type != "pseudonym"
            for name in free
            if name not in event.values()
        }
        found = assigned(scores)
        left = [name for name in free if name not in {*found.values(), *event.values()}]
        rivals = {
            canonical: [name for name in left if scores[canonical, name] >= scores[canonical, source] - NEARLY]
            for canonical, source in found.items()
        }
        return {canonical: (source, *rivals[canonical]) for canonical, source in found.items()} | {
            canonical: (source,) for canonical, source in event.items()
        }

    @cached_property
    def clocks(self) -> dict[str, str]:
        """Canonical instant -> the column with its time of day, where the source keeps that apart: the likest by name."""
        found: dict[str, str] = {}
        for canonical, source in self.columns.items():
            free = [name for name, facts in self.open_facts.items() if facts.is_clock and name not in found.values()]
            if free and self.kind.columns[canonical].type == "instant" and not self.facts[source].says_time:
                found[canonical] = max(free, key=lambda name: SequenceMatcher(None, name, source).ratio())
        return found

    @property
    def event(self) -> str:
        """The canonical column with the time of the event, which a source gives."""
        return self.kind.events[0]

    def text(self) -> str:
        """The draft as YAML."""
        return "\n".join([*self._head(), *self._source(), *self._identity(), *self._mapping(), *self._dropped()]) + "\n"

    def _head(self) -> Iterator[str]:
        sample = self.sample
        rows = f"{len(sample.rows):,} rows" + ("" if sample.is_whole else " at its beginning")
        yield f"# Drafted from {sample.path.name} ({rows}). Every TODO is a decision; the rest is a guess to confirm."
        yield f"feed: {self.feed_code}"
        yield f"kind: {self.kind.kind}  # {self.kind.grain.en}"
        yield f"name: {{zh: {TODO}, en: {TODO}}}"

    def _source(self) -> Iterator[str]:
        sample, name = self.sample, self.sample.path.name
        dated = re.search(rf"(?<!\d)(\d{{8}}|\d{{6}}|{DAY_IN_NAME}|\d{{4}}-\d{{2}})(?!\d)", name)
        yield "source:"
        yield "  type: files"
        yield f"  connection: {self.city_code}_{self.feed_code}  # its path is the folder"
        pattern = name[: dated.start()] + "*" + name[dated.end() :] if dated else name
        yield f"  pattern: {quoted(pattern)}"
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
        yield "mode: changes  # or snapshot: the whole table each time"
        event = self.columns.get(self.event)
        begins = self.facts[event].earliest if event and self.facts[event].pattern else None
        yield f"starts_on: {begins or TODO}" + (f"  # the earliest day of {event} in the sample" if begins else "")
        yield "supports: []  # context only, never scored; without this line: all indicators that count its kind"
        names, why = self.record_id
        yield f"record_id: {listed(names)}  # {why}"
        known = self.known_at
        dated = ", ".join(f"{name} ({self.facts[name].writes_days})" for name in self.dated) or "none"
        yield f"known_at: {{{self._with_format(known)}}}" if known else "known_at: {}  # the day of delivery"
        yield f"  # columns with days or times: {dated}"
        if self.deleted:
            seen = [value for value in self.facts[self.deleted].values if value.lower() in TRUE_WORDS] or [TODO]
            yield f"deleted: {{column: {quoted(self.deleted)}, values: {listed(seen)}}}  # values that mean: deleted"
        areas, found = self.area
        yield f"area: {listed(areas or [TODO])}  # tried in this order"
        yield from (f"  # {line}" for line in found)

    def _with_format(self, name: str) -> str:
        pattern = self.facts[name].pattern
        spark = pattern.spark if pattern else None
        return f"column: {quoted(name)}" + (f", format: {quoted(spark)}" if spark else "")

    def _mapping(self) -> Iterator[str]:
        yield "columns:"
        for canonical, column in self.kind.columns.items():
            source = self.columns.get(canonical)
            if column.day_of:
                continue
            if source:
                yield from self._guessed(canonical, column, self.facts[source])
            else:
                yield self._open(canonical, column)

    def _open(self, canonical: str, column: KindColumn) -> str:
        meaning = f"{column.zh} / {column.en}: {' | '.join(column.codes) or column.type}"
        if candidates := self.candidates.get(canonical):
            return f"  {canonical}: {TODO}  # {' or '.join(candidates)}? {meaning}"
        if column.required:
            return f"  {canonical}: {TODO}  # required. {meaning}"
        if column.type == "pseudonym":
            return f"  # {canonical}: {TODO}  # {meaning}, from personal columns; they are hashed and stay dropped"
        return f"  # {canonical}: {TODO}  # {meaning}"

    def _guessed(self, canonical: str, column: KindColumn, facts: Facts) -> Iterator[str]:
        about = f"  # {facts.in_words()}"
        needs_map = column.type == "code" or (column.type == "flag" and facts.fits("flag") < 1)
        if needs_map:
            yield f"  {canonical}:{about}"
            yield f"    from: {quoted(facts.name)}"
            yield from _map(column, facts)
        elif column.type in ("instant", "date") and facts.pattern and facts.pattern.spark:
            swap = "; or day and month the other way round" if "M/d" in facts.pattern.spark[:3] else ""
            said = f"from: {quoted(facts.name)}, format: {quoted(facts.pattern.spark)}{self._clock(canonical)}"
            yield f"  {canonical}: {{{said}}}{about}{swap}"
        elif canonical in self.clocks:
            yield f"  {canonical}: {{from: {quoted(facts.name)}{self._clock(canonical)}}}{about}"
        else:
            yield f"  {canonical}: {quoted(facts.name)}{about}"

    def _clock(self, canonical: str) -> str:
        return f", clock: {{column: {quoted(self.clocks[canonical])}}}" if canonical in self.clocks else ""

    def _dropped(self) -> Iterator[str]:
        used = {*self.record_id[0], *self.area[0], self.known_at, self.deleted, *self.columns.values()}
        used |= set(self.clocks.values())
        unused = [facts for name, facts in self.facts.items() if name not in used]
        yield "dropped:" if unused else "dropped: {}"
        for facts in unused:
            if facts.personal:
                yield f"  {quoted(facts.name)}: personal  # {facts.personal}"
            else:
                yield f"  {quoted(facts.name)}: internal  # to be decided: {facts.in_words()}"


def _map(column: KindColumn, facts: Facts) -> Iterator[str]:
    """The values seen, each with how often, to be led to the kind's codes."""
    codes = column.codes or ("true", "false")
    yield f"    map:  # to {' | '.join(codes)}"
    shown = facts.values.most_common(MAX_CODES if len(facts.values) <= MAX_CODES else MAX_SHOWN)
    printable = [(value, n) for value, n in shown if is_printable(value)]
    for value, n in printable:
        target = value.lower() if value.lower() in codes else TODO
        yield f"      {quoted(value)}: {target}  # {n} {'row' if n == 1 else 'rows'}"
    rest = len(facts.values) - len(printable)
    if rest or not printable:
        yield f"    otherwise: {TODO}  # {rest} more values; `prefixes` maps by how a value begins"
