"""Text -> canonical columns: one Spark expression a column, and a fault for each value that does not fit.

A value that is not empty and cannot be cast is never made null: its row is rejected with column, rule and value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as f

from expectations.models import FALSE_WORDS, TRUE_WORDS, Feed, FeedColumn, Kind, KindColumn
from expectations.source_columns import bronze_name
from spark_jobs.feeds.decoding import FAULT_SQL

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
WIDE, NARROW = "０１２３４５６７８９．－：／　", "0123456789.-:/ "
EARLIEST, LATEST = "1990-01-01", "2100-01-01"
BLANKS = " \t\r\n\u00a0\u200b\ufeff"  # what clerks and exports leave around a value and nobody can see
# Spark reads more than dates: "12:30" as today, "46053" and "2026" as years. Only this is a date or a time here.
DAY, CLOCK, ZONE = r"\d{4}-\d{1,2}-\d{1,2}", r"[T ]\d{1,2}:\d{2}(:\d{2}([.]\d{1,9})?)?", r" ?(Z|[+-]\d{2}(:?\d{2})?)"
ISO, LOCAL = f"^{DAY}({CLOCK}({ZONE})?)?$", f"^{DAY}({CLOCK})?$"
OFFSET = r":\d{2}([.]\d{1,9})? ?(Z|[+-]\d{2}(:?\d{2})?)$"
FLOAT_NOISE = "0.000001"  # 12.3 as a binary fraction is 12.300000000000001; that is no third decimal


@dataclass(frozen=True)
class Fault:
    """A reason to reject a row: the rule, the canonical column, the value that was found, and whether it is so."""

    rule: str
    column: str
    found: Column
    broken: Column


@dataclass(frozen=True)
class Cast:
    """A canonical column: its typed value, and what can be wrong with it.

    `faults` read the value by the column's own name, so that Spark computes it once: select the values first.
    """

    value: Column
    faults: tuple[Fault, ...] = ()


def listed(faults: Sequence[Fault]) -> Column:
    """Those of the faults that a row has, in their order, as an array of FAULTS; empty for a row that fits.

    Nearly all rows do: they are asked one question, whether anything is wrong, and no array is put together for them.
    """
    found = f.array_compact(f.array(*(f.when(fault.broken, _entry(fault)) for fault in faults)))
    is_faulty = f.greatest(f.lit(False), *(fault.broken for fault in faults))
    return f.when(is_faulty, found).otherwise(f.array()).cast(FAULTS)


def _entry(fault: Fault) -> Column:
    return f.struct(
        f.lit(fault.rule).alias("rule"), f.lit(fault.column).alias("column_name"), fault.found.alias("found")
    )


def text_name(name: str) -> str:
    """Name under which `cleaned` leaves a source column."""
    return f"text_{bronze_name(name)}"


def text_of(name: str) -> Column:
    """A source column as `cleaned` leaves it."""
    return f.col(f"`{text_name(name)}`")


def cleaned(name: str) -> Column:
    """Source text without surrounding blanks and with half-width digits, as `text_of` finds it; empty becomes null.

    Translating is what costs, and most text is ASCII, which has nothing to translate.
    """
    raw = f.col(f"`{bronze_name(name)}`")
    is_ascii = f.octet_length(raw) == f.char_length(raw)
    narrow = f.when(is_ascii, raw).otherwise(f.translate(raw, WIDE, NARROW))
    return f.nullif(f.btrim(narrow, f.lit(BLANKS)), f.lit("")).alias(text_name(name))


def local_instant(text: Column, pattern: str | None, time_zone: str) -> Column:
    """A local time (or one with its own offset) as a UTC timestamp; null if it is no time."""
    is_local, parsed = _parsed(text, pattern)
    return f.when(is_local, f.to_utc_timestamp(parsed, time_zone)).otherwise(parsed)


def local_day(text: Column, pattern: str | None, time_zone: str) -> Column:
    """The local day of a date or time; a time with its own offset is brought to the city's day first."""
    is_local, parsed = _parsed(text, pattern)
    return f.when(is_local, parsed).otherwise(f.from_utc_timestamp(parsed, time_zone)).cast("date")


def clocked_instant(text: Column, column: FeedColumn, time_zone: str) -> Column:
    """The local day that `text` says at the time that the column's clock says; the day's midnight where that is empty."""
    assert column.clock
    day, clock, pattern = local_day(text, column.format, time_zone), text_of(column.clock.column), column.clock.format
    joined = f.concat_ws(" ", day.cast("string"), clock)
    moment = local_instant(joined, f"yyyy-MM-dd {pattern}" if pattern else None, time_zone)
    return f.when(clock.isNull(), local_instant(day.cast("string"), None, time_zone)).when(day.isNotNull(), moment)


def _parsed(text: Column, pattern: str | None) -> tuple[Column, Column]:
    """Whether the text is without an offset of its own, as nearly all are, and what its digits say; null if no time."""
    if pattern:
        return ~text.rlike(OFFSET), f.try_to_timestamp(text, f.lit(pattern))
    is_local, moment = text.rlike(LOCAL), f.try_to_timestamp(text)
    return is_local, f.when(is_local | text.rlike(ISO), moment)


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
        decimal = text.try_cast("decimal(20,4)")
        return f.when(decimal == f.floor(decimal), decimal.try_cast("int"))
    if kind.type == "amount":
        return text.try_cast("decimal(18,2)")
    return _padded(text, _widths(kind, column))


def _widths(kind: KindColumn, column: FeedColumn) -> tuple[int, ...]:
    return (column.width,) if column.width else kind.widths


def _padded(text: Column, widths: tuple[int, ...]) -> Column:
    """Digits with the zeros that they lost on the left, up to the next of the lengths a code may have."""
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
    rules = [(not_a(kind.type), given & value.isNull())]
    if kind.type == "code":
        rules = [("unknown_code", given & (value.isNull() | ~value.isin(*kind.codes)))]
    if kind.type in ("count", "amount"):
        rules.append(("negative", value < 0))
    if kind.type in ("instant", "date"):
        rules.append(("before_1990", value < f.lit(EARLIEST).cast(SPARK_TYPES[kind.type])))
        rules.append(("after_2100", value >= f.lit(LATEST).cast(SPARK_TYPES[kind.type])))
    if kind.type == "amount":
        rules.append(
            ("too_precise", f.abs(text.try_cast("decimal(38,12)") - value) > f.lit(FLOAT_NOISE).cast("decimal(7,6)"))
        )
    if widths:
        rules.append(("too_long", value.rlike(rf"^\d{{{max(widths) + 1},}}$")))
    if kind.required and not column.keep:
        rules.append(("required", text.isNull()))
    return rules


def cast_column(name: str, kind: Kind, feed: Feed, time_zone: str) -> Cast:
    """The canonical column `name` of a feed from its cleaned source columns."""
    declared, column = kind.columns[name], feed.columns.get(name)
    if column is None:
        return Cast(f.lit(None).cast(SPARK_TYPES[declared.type]))
    if declared.type == "pseudonym":
        return Cast(f.col(name))
    is_meant = text_of(column.when.column).isin(*column.when.values) if column.when else f.lit(True)
    if column.constant is not None:
        return Cast(f.when(is_meant, f.lit(column.constant).cast(SPARK_TYPES[declared.type])))
    text = f.coalesce(*map(text_of, column.source))
    said = f.nullif(f.concat_ws(" ", text, text_of(column.clock.column)), f.lit("")) if column.clock else text
    if column.when:
        text, said = f.when(is_meant, text), f.when(is_meant, said)
    mapped = _mapped(column, text) if column.values or column.prefixes else text
    meant = _maps_to_nothing(column, text) if column.values or column.prefixes else f.lit(False)
    value = _typed(declared, column, mapped, time_zone)
    checked = f.when(~meant, said)
    rules = _rules(declared, column, f.col(name), checked)
    return Cast(value, tuple(Fault(rule, name, said, broken) for rule, broken in rules))
