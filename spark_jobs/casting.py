"""Text -> canonical columns: one Spark expression a column, and a fault for each value that does not fit.

A value that is not empty and cannot be cast is never made null: its row is rejected with column, rule and value.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as f

from expectations.contract import Feed, FeedColumn, Kind, KindColumn
from spark_jobs.decoding import bronze_name

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
TRUE, FALSE = ("1", "true", "t", "y", "yes", "是"), ("0", "false", "f", "n", "no", "否")
WIDE, NARROW = "０１２３４５６７８９．－：／　", "0123456789.-:/ "
EARLIEST = "1990-01-01"


@dataclass(frozen=True)
class Cast:
    """A canonical column: its typed value, and an array of faults (empty when the value fits)."""

    value: Column
    faults: Column


def clean(name: str) -> Column:
    """Source text without surrounding blanks and with half-width digits; empty becomes null."""
    text = f.trim(f.translate(f.col(f"`{bronze_name(name)}`"), WIDE, NARROW))
    return f.when(text != "", text)


def local_instant(text: Column, pattern: str | None, time_zone: str) -> Column:
    """A local time (or one with its own offset) as a UTC timestamp; null if it is no time."""
    has_offset = text.rlike(r"(Z|[+-]\d{2}:?\d{2})$") & text.contains(":")
    parsed = f.try_to_timestamp(text, f.lit(pattern)) if pattern else f.try_to_timestamp(text)
    return f.when(has_offset, parsed).otherwise(f.to_utc_timestamp(parsed, time_zone))


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
    if kind.type == "instant":
        return local_instant(text, column.format, time_zone)
    if kind.type == "date":
        parsed = f.try_to_timestamp(text, f.lit(column.format)) if column.format else f.try_to_timestamp(text)
        return parsed.cast("date")
    if kind.type == "flag":
        lower = f.lower(text)
        return f.when(lower.isin(*TRUE), f.lit(True)).when(lower.isin(*FALSE), f.lit(False))
    if kind.type == "count":
        decimal = text.try_cast("decimal(20,4)")
        return f.when(decimal == f.floor(decimal), decimal.try_cast("int"))
    if kind.type == "amount":
        return text.try_cast("decimal(18,2)")
    if kind.width:
        return f.when(text.rlike(r"^\d+$"), f.lpad(text, kind.width, "0")).otherwise(text)
    return text


def _rules(kind: KindColumn, value: Column, text: Column, is_kept: bool) -> list[tuple[str, Column]]:
    """Named conditions under which a value that was given is not acceptable."""
    given = text.isNotNull()
    rules = [(f"not_a_{kind.type}", given & value.isNull())]
    if kind.type == "code":
        rules = [("unknown_code", given & (value.isNull() | ~value.isin(*kind.codes)))]
    if kind.type in ("count", "amount"):
        rules.append(("negative", value < 0))
    if kind.type in ("instant", "date"):
        rules.append(("before_1990", value < f.lit(EARLIEST).cast(SPARK_TYPES[kind.type])))
    if kind.required and not is_kept:
        rules.append(("required", text.isNull()))
    return rules


def cast_column(name: str, kind: Kind, feed: Feed, time_zone: str) -> Cast:
    """The canonical column `name` of a feed from its bronze columns."""
    declared, column = kind.columns[name], feed.columns.get(name)
    empty = f.array().cast("array<struct<rule:string,column_name:string,found:string>>")
    if column is None:
        return Cast(f.lit(None).cast(SPARK_TYPES[declared.type]), empty)
    if declared.type == "pseudonym":
        return Cast(f.col(name), empty)
    if column.constant is not None:
        return Cast(f.lit(column.constant).cast(SPARK_TYPES[declared.type]), empty)
    text = f.coalesce(*(clean(source) for source in column.source))
    if column.when:
        text = f.when(clean(column.when.column).isin(*column.when.values), text)
    mapped = _mapped(column, text) if column.values or column.prefixes else text
    meant = _maps_to_nothing(column, text) if column.values or column.prefixes else f.lit(False)
    value = _typed(declared, column, mapped, time_zone)
    checked = f.when(~meant, text)
    faults = f.array_compact(
        f.array(
            *(
                f.when(
                    broken, f.struct(f.lit(rule).alias("rule"), f.lit(name).alias("column_name"), text.alias("found"))
                )
                for rule, broken in _rules(declared, value, checked, column.keep is not None)
            )
        )
    )
    return Cast(value, faults.cast("array<struct<rule:string,column_name:string,found:string>>"))
