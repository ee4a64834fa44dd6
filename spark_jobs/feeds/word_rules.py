"""The rules about words and numbers for rows in memory: keys, codes, flags, places, counts. Without Spark, in seconds.

What a contract says of words is compared in one normal form (expectations/normal_form.py), so Python judges them as
`casting` and `silver` do, and a test holds both against the same rows. Numbers: number_rules.py. Times are not judged here:
reading them is Spark's, and a second reading of its own would differ some day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from expectations.contract import load_kinds
from expectations.models import EVENTS, FALSE_WORDS, TRUE_WORDS, Condition, Feed, FeedColumn, KindColumn, Scalar
from expectations.normal_form import is_null_word, is_number_like, normal
from expectations.places import Meaning
from expectations.source_columns import bronze_name
from spark_jobs.feeds.casting import measures
from spark_jobs.feeds.decoding import FAULT, hashed_sources
from spark_jobs.feeds.number_rules import NUMBERS, count_of, narrow, number_faults
from spark_jobs.feeds.row_faults import LONGEST_KEY, OUTSIDE, UNKNOWN

Texts = npt.NDArray[np.object_]  # normal forms, of numbers and times half width; None where there is nothing
Rows = npt.NDArray[np.bool_]
Fault = tuple[str, str]  # rule, canonical column
UNJUDGED = ("instant", "date", "pseudonym")  # types of which only Spark knows whether a value is one
JUDGED = (
    "required", "null_word", "number_like", "too_long", "unknown_value", "unknown_code", "not_a_flag", "not_a_count",
    "not_an_amount", "negative", "ambiguous_number", "too_large", "too_precise",
)  # fmt: skip


def each(texts: Texts, ask: Callable[[str | None], object]) -> npt.NDArray[np.generic]:
    """What `ask` says of every text; each different one is asked once."""
    places, different = pd.factorize(texts, use_na_sentinel=False)
    return np.array([ask(text if isinstance(text, str) else None) for text in different])[places]


def is_so(texts: Texts, ask: Callable[[str], bool]) -> Rows:
    """Where a text is given and `ask` holds of it."""
    found: Rows = each(texts, lambda text: text is not None and ask(text)).astype(bool)
    return found


class Words:
    """The words of a table of bronze rows, read by a feed's contract. `places`: expectations.places.places_of."""

    def __init__(self, rows: pa.Table, feed: Feed, places: Mapping[str, tuple[Meaning, ...]]) -> None:
        self.feed, self.kind, self.rows = feed, load_kinds()[feed.kind], rows
        self._places = places
        personal, measured = hashed_sources(feed), measures(feed)
        self._texts = {
            name: self._plain(rows[bronze_name(name)], narrow if name in measured else normal)
            for name in feed.mapped_columns
            if name not in personal
        }

    @staticmethod
    def _plain(column: pa.ChunkedArray, form: Callable[[str], str]) -> Texts:
        texts = column.to_pandas().to_numpy(dtype=object)
        return _object(each(texts, lambda text: (form(text) or None) if text else None))

    def faults(self) -> dict[Fault, Rows]:
        """The rows that break each rule. Of a row that takes its record away only key and place are asked."""
        fault = self.rows[FAULT].to_pylist() if self.rows[FAULT].null_count < len(self.rows) else []
        unread = np.array([each is not None for each in fault] or [False] * len(self.rows))
        goes = self.is_deleted | self.is_elsewhere
        found = {("unknown_value", "is_deleted"): self._unnamed(self.feed.deleted)} if self.feed.deleted else {}
        found |= self._key_faults() | {(OUTSIDE, "area_code"): self.is_elsewhere & ~self.is_deleted}
        for rule, rows in self._content_faults().items():
            found[rule] = found.get(rule, False) | (rows & ~goes)
        found = {rule: rows & ~unread for rule, rows in found.items()}
        for said in {(each["rule"], each["column_name"]) for each in fault if each}:
            same = np.array([each is not None and (each["rule"], each["column_name"]) == said for each in fault])
            found[said] = found.get(said, False) | same
        return {rule: rows for rule, rows in found.items() if rows.any()}

    @property
    def is_deleted(self) -> Rows:
        """Rows of which the source says that the record is deleted, or of a sort that is not counted."""
        return self._meets(self.feed.deleted) if self.feed.deleted else self._none

    @property
    def is_elsewhere(self) -> Rows:
        """Rows of which the source says that the place is not in the city."""
        said = self._none
        for source in self.feed.area:
            texts = self._texts[source]
            said = said | is_so(texts, lambda text: text in self.feed.outside_area)
            said = said | (_is_empty(texts) if "" in self.feed.outside_area else self._none)
        found: Rows = said & np.asarray(self._area_faults() != "", dtype=bool)
        return found

    def said(self, name: str) -> Texts:
        """What a row says for a canonical column before it is cast: mapped where the contract maps."""
        column = self.feed.columns[name]
        if column.constant is not None:
            given = self._meets(column.when) if column.when else ~self._none
            return _chosen(given, _object(np.full(len(self.rows), _word(column.constant))))
        return _object(each(self.text(name), lambda text: mapped(column, text)))

    def text(self, name: str) -> Texts:
        """The source's own text for a canonical column, the first that is not empty; none where `when` does not hold."""
        column = self.feed.columns[name]
        empty = {word.lower() for word in column.empty}
        found = _object(np.full(len(self.rows), None))
        for source in column.source:
            own = _object(
                each(self._texts[source], lambda text: None if text and normal(text).lower() in empty else text)
            )
            found = _object(np.where(_is_empty(found), own, found))
        return _chosen(self._meets(column.when), found) if column.when else found

    def left_to_otherwise(self, name: str) -> Texts:
        """The texts of a column that neither its map nor its prefixes name."""
        column = self.feed.columns[name]
        return _object(each(self.text(name), lambda text: text if text and not _is_named(column, text) else None))

    @property
    def record_id(self) -> Texts:
        """The key as one text, its parts joined."""
        parts = [self._texts[name] for name in self.feed.record_id]
        return parts[0] if len(parts) == 1 else _object(np.array(["|".join(filter(None, p)) for p in zip(*parts)]))  # noqa: B905

    @property
    def is_ambiguous_key(self) -> Rows:
        """Rows whose key another row of the table has too, with other words; rows that are alike are one row."""
        words = pd.DataFrame({**self._texts, FAULT: self.record_id})
        different = ~words.duplicated()
        several = different & words[different].duplicated([FAULT], keep=False).reindex(words.index, fill_value=False)
        found: Rows = several.to_numpy(dtype=bool) & ~_is_empty(self.record_id)
        return found

    @property
    def n_events(self) -> npt.NDArray[np.int64]:
        """Of how many events each row tells; of one, unless the feed is a source of counts."""
        if (column := self.feed.columns.get(EVENTS)) is None:
            return np.ones(len(self.rows), dtype=np.int64)
        return each(self.said(EVENTS), lambda text: count_of(column, text or "") or 0).astype(np.int64)

    @property
    def _none(self) -> Rows:
        return np.zeros(len(self.rows), dtype=bool)

    def _meets(self, condition: Condition) -> Rows:
        values = {value.lower() for value in condition.values}
        return is_so(self._texts[condition.column], lambda text: text.lower() in values)

    def _unnamed(self, condition: Condition) -> Rows:
        named = self.feed.named_values(condition)
        said = self._texts[condition.column]
        return self._none if named is None else is_so(said, lambda text: text.lower() not in named)

    def _key_faults(self) -> dict[Fault, Rows]:
        parts = [self._texts[name] for name in self.feed.record_id]
        return {
            ("required", "record_id"): reduce(or_, map(_is_empty, parts)),
            ("null_word", "record_id"): reduce(or_, (is_so(part, is_null_word) for part in parts)),
            ("number_like", "record_id"): reduce(or_, (is_so(part, is_number_like) for part in parts)),
            ("too_long", "record_id"): is_so(self.record_id, lambda key: len(key) > LONGEST_KEY),
        }

    def _area_faults(self) -> Texts:
        """Rule by which a row has no place; an empty text where a column names one, on one day at least."""
        is_known, rules = self._none, _object(np.full(len(self.rows), None))
        for source in self.feed.area:
            own = _object(each(self._texts[source], self._place_fault))
            is_known = is_known | np.asarray(own == "", dtype=bool)
            rules = _object(np.where(_is_empty(rules), own, rules))
        return _object(np.where(is_known, "", np.where(_is_empty(rules), UNKNOWN, rules)))

    def _place_fault(self, text: str | None) -> str | None:
        meanings = self._places.get(text.lower(), ()) if text else ()
        if any(meaning.place.area_code for meaning in meanings):
            return ""
        return meanings[0].place.fault if meanings else None

    def _content_faults(self) -> dict[Fault, Rows]:
        area = self._area_faults()
        found: dict[Fault, Rows] = {(rule, "area_code"): area == rule for rule in set(area) - {""}}
        for name, column in self.feed.columns.items():
            for rule, rows in self._column_faults(name, column, self.kind.columns[name]).items():
                found[rule, name] = rows
        return found

    def _column_faults(self, name: str, column: FeedColumn, kind: KindColumn) -> dict[str, Rows]:
        found = {"unknown_value": self._unnamed(column.when)} if column.when else {}
        if column.constant is not None or kind.type == "pseudonym":
            return found
        text = self.text(name)
        if kind.is_needed and not column.keep:
            found["required"] = _is_empty(text)
        if kind.type in NUMBERS:
            rules = each(text, lambda said: _number_rules(kind, column, said))
            found |= {rule: np.array([rule in own for own in rules]) for rule in frozenset().union(*rules)}
        if kind.type in (*UNJUDGED, *NUMBERS):
            return found
        if kind.type == "code":
            found["unknown_code"] = is_so(text, lambda said: not fits(column, said, kind.codes))
        if kind.type == "flag":
            words = (*TRUE_WORDS, *FALSE_WORDS)
            found["not_a_flag"] = is_so(text, lambda said: not fits(column, said, words, in_any_case=True))
        widths = (column.width,) if column.width else kind.widths
        if widths or name.endswith("record_id"):
            found["number_like"] = is_so(self.said(name), is_number_like)
        if widths:
            found["too_long"] = is_so(self.said(name), lambda said: said.isdecimal() and len(said) > max(widths))
        return found


def _object(array: npt.NDArray[np.generic]) -> Texts:
    return np.asarray(array, dtype=object)


def _chosen(rows: Rows, texts: Texts) -> Texts:
    """The texts of these rows, nothing in the others."""
    return _object(np.where(rows, texts, np.full(len(texts), None, dtype=object)))


def _is_empty(texts: Texts) -> Rows:
    return np.asarray(pd.isna(texts), dtype=bool)


def _word(value: Scalar) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _prefix(column: FeedColumn, text: str) -> str | None:
    return max((p for p in column.prefixes or {} if text.startswith(p)), key=len, default=None)


def _is_named(column: FeedColumn, text: str) -> bool:
    return text in (column.values or {}) or _prefix(column, text) is not None


def mapped(column: FeedColumn, text: str | None) -> str | None:
    """What the contract makes of a text: by the whole value, by its beginning, else `otherwise`."""
    if text is None or not (column.values or column.prefixes):
        return text
    if text in (column.values or {}):
        return _word((column.values or {})[text])
    prefix = _prefix(column, text)
    return _word((column.prefixes or {})[prefix] if prefix is not None else column.otherwise)


def _means_nothing(column: FeedColumn, text: str) -> bool:
    """Whether the contract itself maps a text to nothing, which is no fault."""
    values, is_mapped = column.values or {}, bool(column.values or column.prefixes)
    to_nothing = text in values and values[text] is None
    return is_mapped and ((column.has_otherwise and column.otherwise is None) or to_nothing)


def _number_rules(kind: KindColumn, column: FeedColumn, text: str | None) -> frozenset[str]:
    if text is None or _means_nothing(column, text):
        return frozenset()
    return number_faults(kind, column, text, mapped(column, text))


def fits(column: FeedColumn, text: str, words: Sequence[str], in_any_case: bool = False) -> bool:
    """Whether a text becomes one of the words, or the contract itself maps it to nothing."""
    if _means_nothing(column, text):
        return True
    said = mapped(column, text)
    return said is not None and (said.lower() if in_any_case else said) in words
