"""What a city's contracts make of a folder of deliveries, before anything runs: the newest file of each feed, all rows.

Files are found, dated and decoded as `land` and `refine` do it, and words and numbers are judged by the same declarations
(word_rules.py). Times are not cast here: a row that breaks no rule that is asked may still be rejected for one.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from expectations.facts import PATTERNS, is_printable, parsed
from expectations.indicators import brought_by, counted_records, lacking, min_events, needs
from expectations.models import EVENTS, City, Feed, FilesSource
from expectations.places import Meaning, places_of
from spark_jobs.errors import StepError
from spark_jobs.feeds.decoding import FILE, ROW, decode
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.feeds.row_faults import OUTSIDE
from spark_jobs.feeds.sources.files import CHECKSUM, delivered_on
from spark_jobs.feeds.sources.folder import LocalFolder
from spark_jobs.feeds.word_rules import Rows, Words
from spark_jobs.masking import LEGEND, masked, without_persons

MOST_SHOWN = 10  # values of a list
CLOSE = 0.8  # likeness from which a value of the map is probably meant to be one that the data have


@dataclass(frozen=True)
class Look:
    """The newest file of a feed as its contract reads it, and the one before."""

    feed: Feed
    path: Path
    day: date
    n_files: int
    places: Mapping[str, tuple[Meaning, ...]]
    before: Path | None = None

    @cached_property
    def words(self) -> Words:
        return self._words_of(self.path)

    def _words_of(self, path: Path) -> Words:
        once = Pseudonymiser({"1": secrets.token_hex(32)})  # nothing is kept, so no key is asked for
        return Words(decode(self.feed, path, once).table, self.feed, self.places)

    @cached_property
    def faults(self) -> dict[tuple[str, str], Rows]:
        return self.words.faults()

    @cached_property
    def is_left(self) -> Rows:
        """Rows that break no rule about words or numbers and take no record away."""
        broken = np.any(list(self.faults.values()), axis=0) if self.faults else np.zeros(self.n_rows, dtype=bool)
        return ~broken & ~self.words.is_deleted

    @property
    def n_rows(self) -> int:
        return int(self.words.rows.num_rows)

    def said(self) -> Iterator[str]:
        """The account of the file, line by line."""
        feed, name = self.feed, without_persons(self.path.name)
        yield f"{feed.code}: {name} of {self.day}, the newest of {self.n_files}: {self.n_rows:,} rows"
        n_deleted = int((self.words.is_deleted & ~self._is_broken(but=OUTSIDE)).sum())
        n_left = int(self.is_left.sum())
        n_outside = int(self.faults[OUTSIDE, "area_code"].sum()) if (OUTSIDE, "area_code") in self.faults else 0
        outside = f" ({n_outside:,} of them of other places)" if n_outside else ""
        yield (
            f"  {self.n_rows:,} rows = {n_left:,} right but for times + "
            f"{self.n_rows - n_left - n_deleted:,} rejected{outside} + {n_deleted:,} that take their record away"
        )
        for (rule, column), rows in sorted(self.faults.items(), key=lambda item: -item[1].sum()):
            yield f"  {rule} in {column}: {int(rows.sum()):,} rows, {self._first(column, rows)}"
        if EVENTS in feed.columns:
            n_zero = int((self.words.n_events[self.is_left] == 0).sum())
            yield f"  they tell of {self._n_events(self.is_left):,} events; {n_zero:,} rows say zero"
        for column in feed.open_columns:
            counted = self._counted(self.words.left_to_otherwise(column)[self.is_left])
            if counted:
                yield f"  otherwise of {column}: {counted.total():,} rows: {_listed(counted)}"
        n_ambiguous = int((self.words.is_ambiguous_key & self.is_left).sum())
        if n_ambiguous and not self.feed.known_at.column:
            yield f"  {n_ambiguous:,} rows share their key with others of the file that say something else: one of each counts"
        yield from self._newest_days()
        if self.before:
            yield from self._difference(self._words_of(self.before))

    def _newest_days(self) -> Iterator[str]:
        """How far the events reach, beside the day that the file is of. Days are seen as a draft sees them, for this line."""
        for name in self.words.kind.events:
            if (column := self.feed.columns.get(name)) is None:
                continue
            ways = [pattern for pattern in PATTERNS if pattern.spark == column.format]
            texts = set(self._counted(self.words.text(name)[self.is_left]))
            days = {said.date() for text in texts for way in ways if (said := parsed(way, text))}
            if known := [day for day in days if day <= self.day]:
                n_after = len(days) - len(known)
                beyond = f"; {n_after:,} days lie after it" if n_after else ""
                yield f"  newest day of {name}: {max(known)}, {(self.day - max(known)).days} days before the file's{beyond}"

    def _is_broken(self, but: str) -> Rows:
        rules = [rows for (rule, _), rows in self.faults.items() if rule != but]
        return np.any(rules, axis=0) if rules else np.zeros(self.n_rows, dtype=bool)

    def _first(self, column: str, rows: Rows) -> str:
        """Where a rule is broken first, and of a column of codes by which values."""
        place = int(np.argmax(rows))
        table = self.words.rows
        where = f"first in row {table[ROW][place]} of {table[FILE][place]}"
        if column not in self.feed.columns or self.words.kind.columns[column].type not in ("code", "flag"):
            return where
        counted = self._counted(self.words.text(column)[rows])
        return f"{where}: {_listed(counted)}" if counted else where

    @staticmethod
    def _counted(texts: np.ndarray) -> Counter[str]:
        return Counter(text for text in texts.tolist() if text is not None)

    def _difference(self, before: Words) -> Iterator[str]:
        """Rows and records against the file before."""
        now, then = (set(words.record_id.tolist()) - {None} for words in (self.words, before))
        yield (
            f"  against {without_persons(str(self.before and self.before.name))}: "
            f"{self.n_rows - before.rows.num_rows:+,} rows; {len(now - then):,} records are new, "
            f"{len(then - now):,} are in it no more, {len(now & then):,} in both"
        )

    def misspelt(self) -> Iterator[str]:
        """Values of a map that never come while a close one, which no map names, does."""
        for name, column in self.feed.columns.items():
            seen = self._counted(self.words.text(name)) if column.values else Counter[str]()
            free = (
                [text for text in self._counted(self.words.left_to_otherwise(name)) if is_printable(text)]
                if seen
                else []
            )
            for value in column.values or {}:
                near = get_close_matches(value, free, 1, CLOSE) if value not in seen else []
                if near:
                    yield (
                        f"{self.feed.code}: columns.{name}.map: expected a value that the source has, found {value!r}, "
                        f"which never comes; {near[0]!r} comes {seen[near[0]]:,} times and is not in the map"
                    )

    def n_counting(self, indicator: str) -> int:
        """Events of the rows that say all that the indicator needs, in one of the columns of each need."""
        rows = self.is_left
        for alternatives in needs()[indicator]:
            able = [(name, codes) for name, codes in alternatives.items() if name in self.feed.columns]
            is_met = np.zeros(self.n_rows, dtype=bool)
            for name, codes in able:
                said = self.words.said(name) if self.words.kind.columns[name].type != "pseudonym" else None
                if said is None:
                    return self._n_events(rows)
                is_met = is_met | np.array([text in codes if codes else text is not None for text in said.tolist()])
            rows = rows & is_met
        return self._n_events(rows)

    def _n_events(self, rows: Rows) -> int:
        return int(self.words.n_events[rows].sum())


def _listed(counted: Counter[str]) -> str:
    """The commonest values with their counts; what may be a person's is masked."""
    shown = [f"{text if is_printable(text) else masked(text)!r} {n:,}" for text, n in counted.most_common(MOST_SHOWN)]
    rest = len(counted) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more values" if rest > 0 else "")


def look(city: City, data: Path) -> tuple[list[str], list[str]]:
    """What is to be told of a city's data, and what is wrong: a file or column that lacks, a value that is misspelt."""
    places, told, faults = places_of(city.city_code), list[str](), list[str]()
    looks: list[Look] = []
    for feed in city.feeds:
        if not isinstance(feed.source, FilesSource):
            told.append(f"{feed.code}: a {feed.source.type}, which no folder holds: not looked at")
            continue
        try:
            own = _look_at(feed, feed.source, data, places)
            told += own.said()
            faults += own.misspelt()
            looks.append(own)
        except StepError as error:
            faults.append(str(error))
    told += _indicators(city, looks)
    told.append(f"Times were not read: refine does. ({LEGEND})")
    return told, faults


def _look_at(feed: Feed, source: FilesSource, data: Path, places: Mapping[str, tuple[Meaning, ...]]) -> Look:
    """Raises StepError: no file of that name, a name without its day, a file or column that cannot be read."""
    drops = [drop.name for drop in LocalFolder(data).drops(source.pattern) if not drop.name.endswith(CHECKSUM)]
    if not drops:
        there = [path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()]
        near = get_close_matches(source.pattern, there, 3, 0.5)
        found = f"none; there are {', '.join(map(without_persons, near))}" if near else f"none among {len(there)} files"
        raise StepError(f"{feed.code}: source.pattern: expected files {source.pattern!r} below {data}, found {found}")
    dated = sorted((delivered_on(source, PurePosixPath(name).name), name) for name in drops)
    before = data / dated[-2][1] if len(dated) > 1 else None
    return Look(feed, data / dated[-1][1], dated[-1][0], len(dated), places, before)


def _indicators(city: City, looks: list[Look]) -> Iterator[str]:
    """A line for each indicator: how many rows count for it, or why it cannot come."""
    for indicator, (kind, _) in counted_records().items():
        supporting = [each for each in looks if indicator in each.feed.supports]
        if supporting:
            n = sum(each.n_counting(indicator) for each in supporting)
            files = ", ".join(each.feed.feed_code for each in supporting)
            few = f"; fewer than {min_events()} in a year give no score" if n < min_events() else ""
            can = "too few" if few else "can come"
            what = "events" if any(EVENTS in each.feed.columns for each in supporting) else "rows"
            yield f"{indicator}: {can}: {n:,} {what} of the newest files count for it ({files}){few}"
            continue
        of_kind = [feed for feed in city.feeds if feed.kind == kind]
        missing = [f"{feed.feed_code} {lack}" for feed in of_kind if (lack := lacking(indicator, brought_by(feed)))]
        if not of_kind:
            why = f"no feed of kind {kind}"
        elif indicator in {each for feed in of_kind for each in feed.supports}:
            why = "its feed could not be looked at"
        else:
            why = (
                "; ".join(missing)
                or f"no feed supports it, though {', '.join(feed.feed_code for feed in of_kind)} could"
            )
        yield f"{indicator}: cannot come: {why}"
