"""Text -> instants and days, by the contract's pattern and the city's time zone: one Spark expression each."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as f

from expectations.time_patterns import names_zone, zone_in
from spark_jobs.feeds.clock_changes import changes, clock_change

# Spark reads more than dates: "12:30" as today, "46053" and "2026" as years. Only this is a date or a time here.
DAY, CLOCK, ZONE = r"\d{4}-\d{1,2}-\d{1,2}", r"[T ]\d{1,2}:\d{2}(:\d{2}([.]\d{1,9})?)?", r" ?(Z|[+-]\d{2}(:?\d{2})?)"
ISO, LOCAL = f"^{DAY}({CLOCK}({ZONE})?)?$", f"^{DAY}({CLOCK})?$"
NAMED_ZONE = r"(Z|[+-]\d{1,2}(:?\d{2}){0,2}|[A-Za-z]+/[A-Za-z_/]+|(?<![A-Za-z])(?![AaPp][Mm]$)[A-Z]{2,5})$"
FOREIGN = r"(?<![A-Za-z/])(?!(UTC|GMT|UT|Z|AM|PM)$)[A-Z]{1,5}$"  # CST, IST and others that several places have


def local_instant(text: Column, pattern: str | None, time_zone: str) -> Column:
    """A local time (or one with its own offset) as a UTC timestamp; null if it is no time.

    Times at which the clocks are changed are read as clock_changes.py says.
    """
    is_local, parsed = _parsed(text, pattern, time_zone)
    return f.when(is_local, f.to_utc_timestamp(parsed, time_zone)).otherwise(parsed)


def change_at(value: Column, text: Column, pattern: str | None, time_zone: str) -> Column:
    """What the clocks do at the local time that a text says; null for a text with its own offset.

    `value` is its instant. The text is parsed a second time only for moments near which the zone may change its clocks.
    """
    of_zone = changes(time_zone)
    if of_zone is None:
        return f.lit(None).cast("string")
    is_local, parsed = _parsed(text, pattern, time_zone)
    return f.when(of_zone.may_be(value), f.when(is_local, clock_change(parsed, time_zone)))


def local_day(text: Column, pattern: str | None, time_zone: str) -> Column:
    """The local day of a date or time; a time with its own offset is brought to the city's day first."""
    is_local, parsed = _parsed(text, pattern, time_zone)
    return f.when(is_local, parsed).otherwise(f.from_utc_timestamp(parsed, time_zone)).cast("date")


def _parsed(text: Column, pattern: str | None, time_zone: str) -> tuple[Column, Column]:
    """Whether the text has no offset of its own, as nearly all have none, and what its digits say (null if it is no
    time).
    """
    if pattern:
        zone = zone_in(pattern)
        if zone == "none":
            return f.lit(True), f.try_to_timestamp(text, f.lit(pattern))
        told = _with_offset(text, time_zone) if names_zone(pattern) else text
        is_local = ~text.rlike(NAMED_ZONE) if zone == "optional" else f.lit(False)
        return is_local, f.try_to_timestamp(told, f.lit(pattern))
    is_local, moment = text.rlike(LOCAL), f.try_to_timestamp(text)
    return is_local, f.when(is_local | text.rlike(ISO), moment)


def _with_offset(text: Column, time_zone: str) -> Column:
    """The city's own abbreviations as offsets: CST is China's in Shanghai, and another's to Java. No other is taken."""
    of_city = {moment.strftime("%Z"): moment.strftime("%z") for moment in _new_year_and_july(time_zone)}
    own = {name: f"UTC{offset[:3]}:{offset[3:5]}" for name, offset in of_city.items() if name.isalpha()}
    told = text
    for name, offset in own.items():
        told = f.regexp_replace(told, rf"\b{name}$", offset)
    return f.when(~told.rlike(FOREIGN), told)


def _new_year_and_july(time_zone: str) -> list[datetime]:
    return [datetime(2025, month, 1, tzinfo=ZoneInfo(time_zone)) for month in (1, 7)]
