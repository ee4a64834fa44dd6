"""Corrections of known source errors, between bronze and the casts. Bronze keeps what the source said."""

from __future__ import annotations

from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from expectations.corrections import Correction
from expectations.models import Feed
from spark_jobs.feeds.bronze import DELIVERED
from spark_jobs.feeds.casting import text_name, text_of
from spark_jobs.feeds.decoding import FILE, ROW

CORRECTED, HEALED = "corrected", "_healed"


def with_corrections(rows: DataFrame, feed: Feed) -> DataFrame:
    """Cleaned rows with corrected texts. Two more columns name the corrections that were made and those no longer
    needed.

    All corrections look at what the source said, never at one another's results.
    """
    meant = {code: _is_meant(each) for code, each in feed.corrections.items()}
    wrong = {code: text_of(each.column).eqNullSafe(f.lit(each.found)) for code, each in feed.corrections.items()}
    texts: dict[str, Column] = {}
    for code, each in feed.corrections.items():
        name = text_name(each.column)
        said = texts.get(name, text_of(each.column))
        texts[name] = f.when(meant[code] & wrong[code], f.lit(each.corrected).cast("string")).otherwise(said)
    corrected = _codes({code: meant[code] & wrong[code] for code in meant})
    healed = _codes({code: meant[code] & ~wrong[code] for code in meant})
    return rows.withColumns({**texts, CORRECTED: corrected, HEALED: healed})


def _is_meant(correction: Correction) -> Column:
    """True for the rows that the correction is about."""
    conditions = [text_of(name).eqNullSafe(value) for name, value in correction.where.items()]
    if correction.delivered_through:
        conditions.append(f.col(DELIVERED) <= f.lit(correction.delivered_through))
    return reduce(and_, conditions)


def _codes(conditions: dict[str, Column]) -> Column:
    """Codes of the conditions that hold, separated by commas; null if none does."""
    if not conditions:
        return f.lit(None).cast("string")
    codes = f.concat_ws(",", *(f.when(condition, f.lit(code)) for code, condition in conditions.items()))
    return f.nullif(codes, f.lit(""))


def healed_report(feed: Feed, batch_id: str, staged: DataFrame) -> str:
    """What to tell the person who has to end a correction. It names rows and quotes nothing of them."""
    rows = staged.where(f"{HEALED} is not null").select(HEALED, FILE, ROW).orderBy(FILE, ROW).limit(5).collect()
    lines = [f"feed {feed.code}: batch {batch_id}: the source has healed what corrections still correct"]
    for row in rows:
        for code in row[HEALED].split(","):
            each = feed.corrections[code]
            lines.append(
                f"  {code}: row {row[ROW]} of {row[FILE]}: expected {each.column} to say {each.found!r}, found another value"
            )
    lines.append(
        f"  what to do: give the correction in {feed.feed_code}.corrections.yml its last day, `delivered_through`, "
        "then run the feed again; silver stays as it was"
    )
    return "\n".join(lines)
