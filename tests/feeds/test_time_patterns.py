"""What contracts may say of days and times is what Spark reads, and reads as it is meant."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from expectations.time_patterns import clock_pattern, time_pattern

MEANT = "2026-05-07 15:04:09"
GOOD = {
    "yyyyMMdd": ("20260507", "2026-05-07 00:00:00"),
    "yyyy-MM": ("2026-05", "2026-05-01 00:00:00"),
    "yyyy/M/d H:mm": ("2026/5/7 15:04", "2026-05-07 15:04:00"),
    "M/d/yyyy h:mm:ss a": ("5/7/2026 3:04:09 PM", MEANT),
    "dd-MMM-yy": ("07-May-26", "2026-05-07 00:00:00"),
    "yyyy-MM-dd'T'HH:mm:ss[.SSS]": ("2026-05-07T15:04:09.000", MEANT),
    "yyyy年M月d日 HH时mm分ss秒": ("2026年5月7日 15时04分09秒", MEANT),
    "yyyy-DDD": ("2026-127", "2026-05-07 00:00:00"),
}
BAD = {
    "yyyy-mm-dd HH:mm:ss": MEANT,  # minutes for months: January
    "YYYY-MM-DD": "2026-05-07",
    "%Y-%m-%d": "2026-05-07",
    "yyyy-MM-ddTHH:mm:ss": "2026-05-07T15:04:09",
    "yyyy-MM-dd hh:mm:ss": MEANT,  # hours to 12 without a half of the day
    "yyyy-MM-ddd": "2026-05-07",
    "EEE, d MMM yyyy": "Thu, 7 May 2026",
    "yyyy-MM-dd'T": "2026-05-07T",
}


@pytest.mark.unit
@pytest.mark.parametrize("pattern", ["HHmm", "H:mm", "h:mm a", "HH:mm:ss.SSS"])
def test_a_clock_has_hours(pattern: str) -> None:
    assert clock_pattern(pattern) == pattern


@pytest.mark.unit
@pytest.mark.bad_input
@pytest.mark.parametrize("pattern", ["HH:MM", "mm:ss", "h:mm", "yyyy-MM-dd HH:mm", "%H:%M", ""])
def test_a_clock_without_hours_or_with_days_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="a Spark pattern"):
        clock_pattern(pattern)


@pytest.mark.spark
def test_spark_reads_what_is_allowed(spark: Any) -> None:
    read = [f.try_to_timestamp(f.lit(text), f.lit(time_pattern(p))).cast("string") for p, (text, _) in GOOD.items()]
    found = spark.range(1).select(*(column.alias(f"c{n}") for n, column in enumerate(read))).first()
    assert dict(zip(GOOD, found, strict=True)) == {pattern: meant for pattern, (_, meant) in GOOD.items()}


@pytest.mark.spark
@pytest.mark.bad_input
@pytest.mark.parametrize("pattern", BAD)
def test_what_spark_cannot_read_or_reads_otherwise_is_refused(spark: Any, pattern: str) -> None:
    with pytest.raises(ValueError, match="a Spark pattern"):
        time_pattern(pattern)
    text = f.lit(BAD[pattern])
    try:
        (found,) = spark.range(1).select(f.try_to_timestamp(text, f.lit(pattern)).cast("string")).first()
    except PySparkException:
        return
    assert found not in {MEANT, f"{MEANT[:10]} 00:00:00"}
