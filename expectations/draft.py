"""A sample of a source -> what can be guessed of its contract, for a person to confirm.

Columns are told by their names, by what they hold, and by the words of their values. Columns that look personal are
never looked at for values.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations

import pandas as pd

from expectations.contract import city_folder, read_table
from expectations.facts import Facts, parsed
from expectations.guess import ENOUGH, assigned, likeness, speaks_of
from expectations.indicators import counted_records, lacking, needs
from expectations.located_yaml import TODO
from expectations.models import EVENTS, Kind, Mode
from expectations.sample import Sample
from expectations.suggest import DELETED, is_outside, suggested

OFFENCE = "offence_code"
MOSTLY_KNOWN = 0.5  # so many rows must say known words for a column to be told by its values
LOOKED_AT = 500  # rows, to see whether two columns say the same
NEARLY = 0.05  # where the likeness of two columns differs by less, a person decides
AREA_SHARE = 0.5  # so many rows must name an area of the city for a column to count as its area


@dataclass(frozen=True)
class Draft:
    """What can be said about a feed of `city_code` from a sample of its newest file, and from `older` ones."""

    sample: Sample
    kind: Kind
    city_code: str
    feed_code: str
    older: tuple[Sample, ...] = ()
    mode: Mode | None = None  # None: nobody knows
    lasting: str | None = None  # the one of several unique columns by which files agree most

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """Facts of all files. Of snapshots, which repeat their rows, of the newest."""
        repeats = self.mode == "snapshot"
        rows = self.sample.rows if repeats else pd.concat([self.sample.rows, *(each.rows for each in self.older)])
        return {name: Facts.of(rows, name) for name in self.sample.rows.columns}

    @cached_property
    def open_facts(self) -> dict[str, Facts]:
        """Columns that do not look personal."""
        return {name: facts for name, facts in self.facts.items() if not facts.personal}

    @cached_property
    def known_at(self) -> str | None:
        """The column that says when the source recorded a version; of a snapshot its delivery does."""
        return (
            None if self.mode == "snapshot" else next((name for name in self.dated if speaks_of(name, "update")), None)
        )

    @cached_property
    def deleted(self) -> str | None:
        return next((name for name in self.open_facts if speaks_of(name, "delete")), None)

    @cached_property
    def dated(self) -> list[str]:
        """Columns with days or times."""
        return [name for name, facts in self.open_facts.items() if facts.pattern]

    @cached_property
    def keys(self) -> list[str]:
        """Columns that may be part of a key, those that are named so first."""
        full = [
            name
            for name, facts in self.open_facts.items()
            if not (facts.empty_share or facts.pattern or facts.is_clock or facts.is_measure)
            and not Facts.of(self.sample.rows, name).is_row_number
        ]
        named = [name for name in full if speaks_of(name, "key")]
        return list(dict.fromkeys([*sorted(named, key=lambda name: -len(self.facts[name].values)), *full]))

    @cached_property
    def unique(self) -> list[str]:
        """Columns that are different in every row."""
        return [name for name in self.keys if self._tell_rows_apart((name,))]

    @cached_property
    def record_id(self) -> tuple[tuple[str, ...], str]:
        """Columns that identify a record, and why it is they."""
        if self.counted:
            n = next(n for n in range(1, len(self._sorts) + 1) if self._tell_rows_apart(self._sorts[:n]))
            return self._sorts[:n], f"a table of counts: together different in every row, beside {self.counted}"
        if self.unique:
            first = self.lasting or self.unique[0]
            others = [name for name in self.unique if name != first]
            return (first,), "different in every row" + (f"; so are: {', '.join(others)}" if others else "")
        named = [name for name in self.keys if speaks_of(name, "key")]
        for name in named[:1]:
            if self.known_at and self._tell_rows_apart((name, self.known_at)):
                return (name,), f"with {self.known_at} different in every row: several versions of a record"
        for pair in combinations(self.keys[:12], 2):
            if self._tell_rows_apart(pair):
                return pair, "together different in every row"
        for name in named[:1]:
            return (name,), f"{len(self.facts[name].values):,} different: which of a record's rows is the newest?"
        return (TODO,), "no column and no two columns are different in every row"

    @cached_property
    def counted(self) -> str | None:
        """The column that says of how many events a row tells, if the source looks like a table of counts.

        Such a table has one column of whole numbers, no id, and its days, areas and sorts tell its rows apart.
        """
        if EVENTS not in self.kind.columns or not self.dated or not self.area[0]:
            return None
        numbers = [
            name
            for name, facts in self.open_facts.items()
            if name not in self._sorts and facts.fits("count") == 1 and not facts.empty_share
        ]
        number = numbers[0] if len(numbers) == 1 else None
        is_id = not number or speaks_of(number, "key") or any(name != number for name in self.unique)
        return None if is_id or self._is_of_one(str(number)) or not self._tell_rows_apart(self._sorts) else number

    @cached_property
    def _sorts(self) -> tuple[str, ...]:
        """What the rows of a table of counts are told apart by: the first of its days, then areas, then lists of codes."""
        lists = [name for name, facts in self.open_facts.items() if facts.is_code and facts.fits("count") != 1]
        days = [name for name in self.dated if name != self.known_at]
        return tuple(dict.fromkeys([*days[:1], *self.area[0], *(name for name in lists if name not in self.dated)]))

    def _is_of_one(self, name: str) -> bool:
        """Whether a column is named like a number that is said of one event, such as its dead."""
        numbers = {c: k.zh for c, k in self.kind.columns.items() if k.type in ("count", "amount") and c != EVENTS}
        return any(likeness(name, canonical, zh) >= ENOUGH for canonical, zh in numbers.items())

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
        of_key = () if self.counted else self.record_id[0]  # the key of a count is made of its properties
        taken = {*of_key, *self.area[0], self.known_at, self.deleted, self.counted}
        free = [name for name, facts in self.open_facts.items() if name not in taken and not facts.is_clock]
        dated = [name for name in self.dated if name in free]
        event = {self.event: dated[0]} if len(dated) == 1 else {}  # the only day there is
        scores = {
            (canonical, name): self._score(canonical, name)
            for canonical, column in self.kind.columns.items()
            if not column.day_of and column.type != "pseudonym" and canonical != EVENTS
            for name in free
            if name not in event.values()
        }
        found = assigned(scores)
        found |= self._told_by_used(found, free, scores)
        left = [name for name in free if name not in {*found.values(), *event.values()}]
        rivals = {
            canonical: [
                name
                for name in left
                if scores[canonical, name] >= scores[canonical, source] - NEARLY and not self._same_days(name, source)
            ]
            for canonical, source in found.items()
        }
        told = event | ({EVENTS: self.counted} if self.counted else {})
        return {canonical: (source, *rivals[canonical]) for canonical, source in found.items()} | {
            canonical: (source,) for canonical, source in told.items()
        }

    def _same_days(self, one: str, other: str) -> bool:
        """Whether two columns say the same days, one perhaps with the time: then there is nothing to decide."""
        patterns = [self.facts[name].pattern for name in (one, other)]
        if None in patterns:
            return False
        rows = self.sample.rows[[one, other]].dropna().head(LOOKED_AT)
        days = [
            [said and said.date() for said in (parsed(pattern, text) for text in rows[name])]
            for name, pattern in zip((one, other), patterns, strict=True)
            if pattern
        ]
        return bool(days[0]) and days[0] == days[1]

    def _told_by_used(
        self, found: dict[str, str], names: list[str], scores: dict[tuple[str, str], float]
    ) -> dict[str, str]:
        """What sort of event it is, where no column of its own says it: by the column whose words say it too."""
        more = {}
        for canonical, column in self.kind.columns.items():
            told = {name: self._told_share(canonical, name) for name in names if (canonical, name) in scores}
            best = max(told, key=lambda name: told[name], default=None)
            is_open = canonical not in found and canonical not in self._said_by_file
            if best is None or not is_open or told[best] < MOSTLY_KNOWN:
                continue
            codes = set(self.suggestions(canonical, self.facts[best].values).values()) - {None, DELETED}
            if column.required or (canonical == OFFENCE and len(codes) > 1):  # one code for all is no list of sorts
                more[canonical] = best
        return more

    def _score(self, canonical: str, name: str) -> float:
        """How well a source column fits a canonical one: by name and type, or by the words of its values."""
        column, facts = self.kind.columns[canonical], self.facts[name]
        fit: float = facts.fits(column.type, column.widths) ** 0.5
        by_name = likeness(name, canonical, column.zh) * fit
        told = 0.0 if canonical in self._said_by_file else self._told_share(canonical, name)
        return max(by_name, told * (1 + by_name) / 2) if told >= MOSTLY_KNOWN else by_name

    def _told_share(self, canonical: str, name: str) -> float:
        """Share of the rows of a source column whose words mean a code of the canonical one."""
        facts = self.facts[name]
        if not self.kind.columns[canonical].codes or not facts.is_code:
            return 0.0
        told: int = sum(n for value, n in facts.values.items() if suggested(self.kind.kind, canonical, value))
        return told / max(facts.n_filled, 1)

    def suggestions(self, canonical: str, values: Counter[str]) -> dict[str, str | None]:
        """Value -> the code that it probably means, or None, for a person to say. A code of the kind is itself."""
        codes = self.kind.columns[canonical].codes
        return {
            value: value.lower() if value.lower() in codes else suggested(self.kind.kind, canonical, value)
            for value in values
        }

    @cached_property
    def no_events(self) -> tuple[str, list[str]] | None:
        """The column that says what sort of event a row is, and its values that look like none at all."""
        for canonical in (self.kind.family, OFFENCE):
            source = self.columns.get(canonical or "")
            if source and canonical and self.kind.columns[canonical].codes:
                said = self.suggestions(canonical, self.facts[source].values)
                if values := [value for value, code in said.items() if code == DELETED]:
                    return source, values
        return None

    @cached_property
    def outside_area(self) -> list[str]:
        """Words of the area columns that say that the place is not in the city."""
        return sorted({value for name in self.area[0] for value in self.facts[name].values if is_outside(value)})

    @cached_property
    def _said_by_file(self) -> dict[str, str]:
        """Required code that the file's name says of all its rows."""
        said = {
            name: suggested(self.kind.kind, name, self.sample.path.name)
            for name, column in self.kind.columns.items()
            if column.required and column.codes
        }
        return {name: code for name, code in said.items() if code and code != DELETED}

    @property
    def constants(self) -> dict[str, str]:
        """Required code that no column says, and the file's name does."""
        return {name: code for name, code in self._said_by_file.items() if name not in self.candidates}

    @property
    def brought(self) -> dict[str, set[str] | None]:
        """Canonical column -> the codes that it may say as guessed, None: whatever the source says."""
        found: dict[str, set[str] | None] = dict.fromkeys(self.columns)
        for name, source in self.columns.items():
            if self.kind.columns[name].codes:
                found[name] = {code for code in self.suggestions(name, self.facts[source].values).values() if code}
        return found | {name: {code} for name, code in self.constants.items()}

    @property
    def supports(self) -> dict[str, str | None]:
        """Indicator that counts such records -> what it lacks, None if it can come."""
        counted = [name for name, (kind, _) in counted_records().items() if kind == self.kind.kind]
        return {name: lacking(name, self.brought) for name in counted if name in needs()}

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
