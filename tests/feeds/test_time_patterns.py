"""What contracts may say of days and times is what Spark reads, and reads as it is meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from expectations.time_patterns import clock_pattern, time_pattern
from spark_jobs.feeds.clock_changes import changes

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


# pattern, text, the city's zone -> the instant in UTC; None where nobody can say which zone is meant
ZONES: dict[str, tuple[str | None, str, str, str | None]] = {
    "no zone: the city's": ("yyyy-MM-dd HH:mm:ss", "2026-01-31 18:30:00", "Asia/Shanghai", "2026-01-31 10:30:00"),
    "UTC by its name": ("yyyy-MM-dd HH:mm:ss z", "2026-01-31 18:30:00 UTC", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "UTC in quotes": ("yyyy-MM-dd HH:mm:ss 'UTC'", "2026-01-31 18:30:00 UTC", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "Z in quotes": ("yyyy-MM-dd'T'HH:mm'Z'", "2026-01-31T18:30Z", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "Z behind PM": ("M/d/yyyy h:mm:ss a X", "1/31/2026 6:30:00 PM Z", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "Z in quotes behind PM": ("M/d/yyyy h:mm a'Z'", "1/31/2026 6:30 PMZ", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "an offset behind PM": ("M/d/yyyy h:mm a xx", "1/31/2026 6:30 PM +0000", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "no zone behind PM": ("M/d/yyyy h:mm a", "1/31/2026 6:30 PM", "Asia/Shanghai", "2026-01-31 10:30:00"),
    "+0000 in letters": ("yyyy-MM-dd HH:mm:ss xx", "2026-01-31 18:30:00 +0000", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "+0000 as it stands": ("yyyy-MM-dd HH:mm +0000", "2026-01-31 18:30 +0000", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "hours without minutes": ("yyyyMMddHHX", "2026013118Z", "Asia/Shanghai", "2026-01-31 18:00:00"),
    "a zone that is there": ("yyyy-MM-dd HH:mm[ XXX]", "2026-01-31 18:30 +08:00", "UTC", "2026-01-31 10:30:00"),
    "a zone that is not": ("yyyy-MM-dd HH:mm[ XXX]", "2026-01-31 18:30", "Asia/Shanghai", "2026-01-31 10:30:00"),
    "a region": ("yyyy-MM-dd HH:mm VV", "2026-01-31 18:30 Asia/Tokyo", "Asia/Shanghai", "2026-01-31 09:30:00"),
    "CST in China": ("yyyy-MM-dd HH:mm z", "2026-01-31 18:30 CST", "Asia/Shanghai", "2026-01-31 10:30:00"),
    "EDT in New York": ("yyyy-MM-dd HH:mm z", "2026-07-31 18:30 EDT", "America/New_York", "2026-07-31 22:30:00"),
    "CST in New York": ("yyyy-MM-dd HH:mm z", "2026-01-31 18:30 CST", "America/New_York", None),
    "IST in China": ("yyyy-MM-dd HH:mm z", "2026-01-31 18:30 IST", "Asia/Shanghai", None),
    "ISO with +0000": (None, "2026-01-31 18:30:00+0000", "Asia/Shanghai", "2026-01-31 18:30:00"),
    "an hour that the clocks skip": (None, "2026-03-08 02:30:00", "America/New_York", "2026-03-08 07:30:00"),
    "an hour that comes twice": (None, "2026-11-01 01:30:00", "America/New_York", "2026-11-01 05:30:00"),
    "its second time, with its offset": (None, "2026-11-01 01:30:00-05:00", "America/New_York", "2026-11-01 06:30:00"),
}  # fmt: skip


@pytest.mark.spark
@pytest.mark.bad_input
def test_a_zone_is_what_the_pattern_says(spark: Any) -> None:
    from spark_jobs.feeds.local_times import local_day, local_instant

    cases = ZONES.values()
    instants = [
        local_instant(f.lit(text), p, zone).cast("string").alias(f"i{n}") for n, (p, text, zone, _) in enumerate(cases)
    ]
    days = [local_day(f.lit(text), p, zone).cast("string").alias(f"d{n}") for n, (p, text, zone, _) in enumerate(cases)]
    found = spark.range(1).select(*instants, *days).first()
    assert dict(zip(ZONES, found, strict=False)) == {name: meant for name, (*_, meant) in ZONES.items()}
    of_city = [
        meant and str(datetime.fromisoformat(f"{meant}+00:00").astimezone(ZoneInfo(zone)).date())
        for *_, zone, meant in cases
    ]
    assert list(found[len(ZONES) :]) == of_city


@pytest.mark.unit
@pytest.mark.bad_input
@pytest.mark.parametrize("pattern", ["yyyy-MM-dd HH:mm '+08:00'", "yyyy-MM-dd HH:mm +0800"])
def test_an_offset_that_is_no_letter_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="offset is written in letters"):
        time_pattern(pattern)


# zone -> a local time that its clocks skip, one that they repeat, one that they do neither with
CHANGES = {
    "Europe/Berlin": ("2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-10-25 03:00:00"),
    "America/New_York": ("2026-03-08 02:00:00", "2026-11-01 01:59:59", "2026-03-08 03:00:00"),
    "Australia/Sydney": ("2025-10-05 02:30:00", "2026-04-05 02:30:00", "2026-04-05 01:59:59"),
    "America/Santiago": ("2026-09-06 00:30:00", "2026-04-04 23:30:00", "2026-09-06 01:00:00"),  # at midnight
    "Asia/Beirut": ("2026-03-29 00:15:00", "2026-10-24 23:15:00", "2026-10-25 00:00:01"),
    "Australia/Lord_Howe": ("2025-10-05 02:15:00", "2026-04-05 01:45:00", "2026-04-05 01:15:00"),  # half an hour
    "Antarctica/Troll": ("2026-03-29 02:30:00", "2026-10-25 01:30:00", "2026-10-25 03:00:00"),  # two hours
    "America/Nuuk": ("2026-03-28 23:30:00", "2026-10-24 23:30:00", "2026-10-25 00:30:00"),
    "Africa/Casablanca": ("2026-03-22 02:30:00", "2026-02-15 02:30:00", "2026-02-15 03:00:00"),  # around Ramadan
    "Asia/Shanghai": ("1991-04-14 02:30:00", "1991-09-15 01:30:00", "2026-03-29 02:30:00"),
    "Asia/Kolkata": (None, None, "2026-03-29 02:30:00"),
}


@pytest.mark.unit
@pytest.mark.parametrize("zone", CHANGES)
def test_a_zone_is_asked_for_each_of_its_changes(zone: str) -> None:
    """Day by day, from 1990 to 2099: where the offset is another one, `months` and `last` hold the moment."""
    of_zone, local = changes(zone), ZoneInfo(zone)
    days = [datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(110 * 365)]
    offsets = [day.astimezone(local).utcoffset() for day in days]
    changed = [day for n, day in enumerate(days[1:]) if offsets[n] != offsets[n + 1]]
    assert bool(changed) == (of_zone is not None)
    assert all(of_zone and day.month in of_zone.months and day.replace(tzinfo=None) <= of_zone.last for day in changed)


@pytest.mark.spark
@pytest.mark.bad_input
def test_times_at_which_clocks_change_are_read_in_one_way_and_known(spark: Any) -> None:
    """As PEP 495 reads them (fold=0): by the offset before the change, or as the first of the two."""
    from spark_jobs.feeds.clock_changes import later_reading
    from spark_jobs.feeds.local_times import change_at, local_instant

    asked = [
        (zone, text, change)
        for zone, times in CHANGES.items()
        for text, change in zip(times, ("skipped", "repeated", None), strict=True)
        if text
    ]
    columns = []
    for n, (zone, text, _) in enumerate(asked):
        moment = local_instant(f.lit(text), None, zone)
        columns += [
            moment.cast("string").alias(f"moment{n}"),
            later_reading(moment, zone).cast("string").alias(f"later{n}"),
            change_at(moment, f.lit(text), None, zone).alias(f"change{n}"),
        ]
    neither = (
        "2026-09-06",
        "2026-09-06 00:00:00",
        "2026-09-06 00:30:00-03:00",
    )  # a day alone, and a time with its offset
    columns += [change_at(f.lit(datetime(2026, 9, 6)), f.lit(each), None, "America/Santiago") for each in neither]
    found = spark.range(1).select(*columns).first()
    assert tuple(found[3 * len(asked) :]) == (None,) * len(neither)
    for n, (zone, text, change) in enumerate(asked):
        first, second = (
            datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)
        )
        expected = (f"{first:%F %T}", f"{second if change == 'repeated' else first:%F %T}", change)
        assert tuple(found[3 * n : 3 * n + 3]) == expected, (zone, text)
