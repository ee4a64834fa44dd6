"""Text -> canonical columns: one Spark expression a column, and a fault for each value that does not fit.

A value that is not empty and cannot be cast is never made null: its row is rejected with column, rule and value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.models import FALSE_WORDS, TRUE_WORDS, Condition, Feed, FeedColumn, Kind, KindColumn
from expectations.normal_form import APOSTROPHE, BLANKS, DASHES, IGNORABLE, NULL_WORDS, NUMBER_LIKE, PLAIN
from expectations.source_columns import bronze_name
from spark_jobs.feeds.decoding import FAULT_SQL
from spark_jobs.feeds.local_times import change_at, local_day, local_instant

SPARK_TYPES = {
    "text": "string",
    "code": "string",
    "instant": "timestamp",
    "date": "date",
    "flag": "boolean",
    "count": "int",
    "amount": "decimal(18,2)",
    "pseudonym": "string",
}
FAULTS = f"array<{FAULT_SQL}>"
# A number or a time in half width. NFKC would make 121 of a 12 with a note (12¹), so these have no normal form.
WIDE, NARROW = f"０１２３４５６７８９．，：／＋　\u00a0－{DASHES}", "0123456789.,:/+  -" + "-" * len(DASHES)
UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad"
EARLIEST, LATEST = "1990-01-01", "2100-01-01"
THREE_DIGITS = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"  # one source means a thousand, another a decimal; 0.500 is no thousand
FLOAT_NOISE = "0.000001"  # 12.3 as a binary fraction is 12.300000000000001; that is no third decimal


@dataclass(frozen=True)
class RejectRule:
    """A rule that a row may break: its name, the canonical column, the value that is found, and whether it is broken."""

    rule: str
    column: str
    found: Column
    broken: Column


@dataclass(frozen=True)
class Cast:
    """A canonical column: its typed value, and what can be wrong with it.

    `faults` and `change` read the value by the column's own name, so that Spark computes it once: select the values
    first. `change` says of an instant what the clocks do at the local time that the source gives (clock_changes.py).
    """

    value: Column
    faults: tuple[RejectRule, ...] = ()
    change: Column | None = None


def listed(faults: Sequence[RejectRule]) -> Column:
    """The faults that a row has, in order, as an array of FAULTS; empty for a row that fits.

    Nearly all rows fit. They are asked one question, whether anything is wrong, and no array is built for them.
    """
    found = f.array_compact(f.array(*(f.when(fault.broken, _entry(fault)) for fault in faults)))
    is_faulty = f.greatest(f.lit(False), *(fault.broken for fault in faults))
    return f.when(is_faulty, found).otherwise(f.array()).cast(FAULTS)


def _entry(fault: RejectRule) -> Column:
    return f.struct(
        f.lit(fault.rule).alias("rule"), f.lit(fault.column).alias("column_name"), fault.found.alias("found")
    )


def text_name(name: str) -> str:
    """Name under which `cleaned` leaves a source column."""
    return f"text_{bronze_name(name)}"


def text_of(name: str) -> Column:
    """A source column as `cleaned` leaves it."""
    return f.col(f"`{text_name(name)}`")


def cleaned(feed: Feed, name: str) -> Column:
    """A source column under the name that `text_of` looks for. Texts are in normal form, numbers and times in half
    width; empty becomes null.
    """
    text = narrow if name in measures(feed) else normal
    return f.nullif(text(f.col(f"`{bronze_name(name)}`")), f.lit("")).alias(text_name(name))


def said_by(column: FeedColumn, name: str) -> Column:
    """What a source column says for a canonical one; null also for the contract's words for nothing (`empty`)."""
    text = text_of(name)
    return f.when(~f.lower(normal(text)).isin(*map(str.lower, column.empty)), text) if column.empty else text


def raw_text(name: str) -> Column:
    """A source column as it is written, without surrounding blanks."""
    return f.btrim(f.col(f"`{bronze_name(name)}`"), f.lit(BLANKS))


def measures(feed: Feed) -> frozenset[str]:
    """Source columns that are read as numbers or times and as nothing else."""
    kind = load_kinds()[feed.kind]
    measured, other = set[str](), {*feed.record_id, *feed.area, *(each.column for each in feed.conditions)}
    for name, column in feed.columns.items():
        of_type = measured if kind.columns[name].type in ("instant", "date", "count", "amount") else other
        of_type.update(column.reads)
    return frozenset((measured | {feed.known_at.column or ""}) - other)


def normal(raw: Column) -> Column:
    """`expectations.normal_form.normal` of a text.

    Most text is ASCII or common ideographs, which only need their blanks off; Unicode's own library does the others.
    """
    is_ascii = f.octet_length(raw) == f.char_length(raw)
    is_simple = f.when(is_ascii, ~f.contains(raw, f.lit("'"))).otherwise(~raw.rlike(f"[^{PLAIN}]|'"))
    seen = f.regexp_replace(raw, f"[{IGNORABLE}]", "")
    nfkc = f.call_function("java_method", f.lit("com.ibm.icu.text.Normalizer"), f.lit("compose"), seen, f.lit(True))
    one_dash = f.translate(nfkc, DASHES, "-" * len(DASHES))
    folded = f.regexp_replace(f.btrim(one_dash, f.lit(BLANKS)), APOSTROPHE, "")
    return f.when(f.coalesce(is_simple, f.lit(True)), f.btrim(raw, f.lit(BLANKS))).otherwise(folded)


def narrow(raw: Column) -> Column:
    """A number or time without surrounding blanks and what cannot be seen, in half width."""
    is_ascii = f.octet_length(raw) == f.char_length(raw)
    half = f.when(is_ascii, raw).otherwise(f.translate(raw, WIDE + UNSEEN, NARROW))
    return f.btrim(half, f.lit(BLANKS))


def is_null_word(text: Column) -> Column:
    return f.lower(text).isin(*NULL_WORDS)


def is_number_like(text: Column) -> Column:
    return text.rlike(NUMBER_LIKE)


def clocked_instant(text: Column, column: FeedColumn, time_zone: str) -> Column:
    """The local day that `text` says at the time that the column's clock says; the day's midnight where that is empty."""
    assert column.clock
    day, clock = local_day(text, column.format, time_zone), said_by(column, column.clock.column)
    moment = local_instant(*_joined(text, column, time_zone), time_zone)
    return f.when(clock.isNull(), local_instant(day.cast("string"), None, time_zone)).when(day.isNotNull(), moment)


def _joined(text: Column, column: FeedColumn, time_zone: str) -> tuple[Column, str | None]:
    """Day and time of day as one text, and its pattern."""
    assert column.clock
    day, pattern = local_day(text, column.format, time_zone), column.clock.format
    joined = f.concat_ws(" ", day.cast("string"), said_by(column, column.clock.column))
    return joined, f"yyyy-MM-dd {pattern}" if pattern else None


def meets(condition: Condition) -> Column:
    """True where a row says one of the condition's values, in capitals or not."""
    return f.coalesce(f.lower(text_of(condition.column)).isin(*map(str.lower, condition.values)), f.lit(False))


def unnamed(feed: Feed, condition: Condition) -> Column:
    """True where a row says what the contract names neither as a value of the condition nor as another one."""
    named = feed.named_values(condition)
    said = text_of(condition.column)
    return f.lit(False) if named is None else said.isNotNull() & ~f.lower(said).isin(*sorted(named))


def falls_into_otherwise(column: FeedColumn) -> Column:
    """True where a column's text is neither in its map nor begins as its prefixes do."""
    text = f.coalesce(*(said_by(column, name) for name in column.source))
    is_named = [text.startswith(prefix) for prefix in column.prefixes or {}]
    is_named += [text.isin(*column.values)] if column.values else []
    return text.isNotNull() & ~reduce(or_, is_named, f.lit(False))


def _mapped(column: FeedColumn, text: Column) -> Column:
    """Closed mappings of the contract: by value, by beginning, otherwise."""
    result = f.lit(None).cast("string")
    if column.has_otherwise:
        result = f.lit(None if column.otherwise is None else str(column.otherwise).lower())
    for prefix, target in sorted((column.prefixes or {}).items(), key=lambda item: (len(item[0]), item[0])):
        result = f.when(text.startswith(prefix), f.lit(_word(target))).otherwise(result)
    for value, target in (column.values or {}).items():
        result = f.when(text == value, f.lit(_word(target))).otherwise(result)
    return f.when(text.isNotNull(), result)


def _word(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _maps_to_nothing(column: FeedColumn, text: Column) -> Column:
    """True where the contract itself maps the text to nothing: a null that is meant, not a fault."""
    meant = f.lit(column.has_otherwise and column.otherwise is None)
    for value, target in (column.values or {}).items():
        if target is None:
            meant = meant | (text == value)
    return meant


def _typed(kind: KindColumn, column: FeedColumn, text: Column, time_zone: str) -> Column:
    if column.clock:
        return clocked_instant(text, column, time_zone)
    if kind.type == "instant":
        return local_instant(text, column.format, time_zone)
    if kind.type == "date":
        return local_day(text, column.format, time_zone)
    if kind.type == "flag":
        lower = f.lower(text)
        return f.when(lower.isin(*TRUE_WORDS), f.lit(True)).when(lower.isin(*FALSE_WORDS), f.lit(False))
    if kind.type == "count":
        decimal = _number(column, text).try_cast("decimal(20,4)")
        return f.when(decimal == f.floor(decimal), decimal.try_cast("int"))
    if kind.type == "amount":
        return _number(column, text).try_cast("decimal(18,2)")
    return _padded(text, _widths(kind, column))


def _number(column: FeedColumn, text: Column) -> Column:
    """The text with a decimal point and without thousands, where the contract says how the source writes them."""
    if column.decimal is None:
        return text
    thousand = "," if column.decimal == "." else "."
    point, group = f"[{column.decimal}]", f"[{thousand}]"
    is_number = text.rlike(rf"^[+-]?(\d+|\d{{1,3}}({group}\d{{3}})+)({point}\d*)?$")
    return f.when(is_number, f.translate(text, column.decimal + thousand, "."))


def _is_ambiguous(kind: KindColumn, column: FeedColumn, text: Column) -> Column:
    """True for a number whose dot or comma may stand for thousands: the contract has to say, by `decimal`."""
    is_number = kind.type in ("count", "amount") and column.decimal is None and not (column.values or column.prefixes)
    return text.rlike(THREE_DIGITS) if is_number else f.lit(False)


def _widths(kind: KindColumn, column: FeedColumn) -> tuple[int, ...]:
    return (column.width,) if column.width else kind.widths


def _padded(text: Column, widths: tuple[int, ...]) -> Column:
    """Digits with the zeros that they lost on the left: filled up to the next length that a code may have."""
    padded = text
    for width in sorted(widths, reverse=True):
        padded = f.when(f.length(text) <= width, f.lpad(text, width, "0")).otherwise(padded)
    return f.when(text.rlike(r"^\d+$"), padded).otherwise(text) if widths else text


def not_a(type_: str) -> str:
    """The rule that a value breaks which is none of its type: not_a_date, not_an_instant."""
    return f"not_a{'n' if type_[0] in 'aeiou' else ''}_{type_}"


def _rules(kind: KindColumn, column: FeedColumn, value: Column, text: Column) -> list[tuple[str, Column]]:
    """Named conditions under which a value that was given is not acceptable."""
    given, widths = text.isNotNull(), _widths(kind, column)
    is_ambiguous = _is_ambiguous(kind, column, text)
    rules = [(not_a(kind.type), given & value.isNull() & ~is_ambiguous)]
    if kind.type == "code":
        rules = [("unknown_code", given & (value.isNull() | ~value.isin(*kind.codes)))]
    if kind.type in ("count", "amount"):
        rules += [("ambiguous_number", is_ambiguous), ("negative", value < 0)]
    if kind.at_most is not None:
        rules.append(("too_large", value > kind.at_most))
    if kind.type in ("instant", "date"):
        rules.append(("before_1990", value < f.lit(EARLIEST).cast(SPARK_TYPES[kind.type])))
        rules.append(("after_2100", value >= f.lit(LATEST).cast(SPARK_TYPES[kind.type])))
    if kind.type == "amount":
        lost = f.abs(_number(column, text).try_cast("decimal(38,12)") - value)
        rules.append(("too_precise", (lost > f.lit(FLOAT_NOISE).cast("decimal(7,6)")) & ~is_ambiguous))
    if widths:
        rules.append(("too_long", value.rlike(rf"^\d{{{max(widths) + 1},}}$")))
    if kind.is_needed and not column.keep:
        rules.append(("required", text.isNull()))
    return rules


def cast_column(name: str, kind: Kind, feed: Feed, time_zone: str) -> Cast:
    """The canonical column `name` of a feed from its cleaned source columns."""
    declared, column = kind.columns[name], feed.columns.get(name)
    if column is None:
        return Cast(f.lit(None).cast(SPARK_TYPES[declared.type]))
    if declared.type == "pseudonym":
        return Cast(f.col(name))
    is_meant = meets(column.when) if column.when else f.lit(True)
    unknown = (
        (RejectRule("unknown_value", name, text_of(column.when.column), unnamed(feed, column.when)),)
        if column.when
        else ()
    )
    if column.constant is not None:
        return Cast(f.when(is_meant, f.lit(column.constant).cast(SPARK_TYPES[declared.type])), unknown)
    text = f.coalesce(*(said_by(column, source) for source in column.source))
    said = f.nullif(f.concat_ws(" ", text, said_by(column, column.clock.column)), f.lit("")) if column.clock else text
    if column.when:
        text, said = f.when(is_meant, text), f.when(is_meant, said)
    mapped = _mapped(column, text) if column.values or column.prefixes else text
    meant = _maps_to_nothing(column, text) if column.values or column.prefixes else f.lit(False)
    if name.endswith("record_id"):  # another record's key: a word for nothing says that there is none
        mapped, meant = f.when(~is_null_word(mapped), mapped), meant | is_null_word(mapped)
    value = _typed(declared, column, mapped, time_zone)
    checked = f.when(~meant, said)
    rules = _rules(declared, column, f.col(name), checked)
    if name.endswith("record_id") or _widths(declared, column):
        rules.append(("number_like", is_number_like(f.col(name))))
    return Cast(
        value,
        (*unknown, *(RejectRule(rule, name, said, broken) for rule, broken in rules)),
        _change(name, declared, column, mapped, time_zone),
    )


def _change(name: str, kind: KindColumn, column: FeedColumn, text: Column, time_zone: str) -> Column | None:
    if kind.type != "instant":
        return None
    said = _joined(text, column, time_zone) if column.clock else (text, column.format)
    return change_at(f.col(name), *said, time_zone)
