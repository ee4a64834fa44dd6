"""Upkeep: raw files past their time to live go, files are kept few and in order, those that no version needs are removed.
Columns from before their class and meaning were carried to every table get them.

Releases hold copies of what they rest on, so no old version of a table is kept for them. A night may run meanwhile:
files go a week after they were replaced, and a feed's own tables are only merged while that feed is not refined.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta

from pyspark.sql import SparkSession

from expectations.models import City, Feed
from spark_jobs.feeds import batches, refine, silver
from spark_jobs.feeds.bronze import bronze_table
from spark_jobs.feeds.landing import Landing
from spark_jobs.lake import tables
from spark_jobs.lake.locks import one_run_a_feed
from spark_jobs.lake.meanings import MeaningError
from spark_jobs.settings import Settings

MOST_FILES = 8  # of one slice of few bytes


def maintain(spark: SparkSession, city: City, today: date, settings: Settings) -> Iterator[str]:
    """Do the upkeep of one city's part of the lake. Yields a line of account for each thing done."""
    for feed in city.feeds:
        with one_run_a_feed(settings.state, feed):
            refine.create_tables(spark, feed)
            n_batches = expire(feed, Landing.of(settings.landing, feed), today, _taken(spark, feed))
            n_written = _rearrange_feed(spark, feed)
        yield f"{feed.code}: {n_batches} raw batches past their time to live, {n_written} slices of files written anew"
    own = tables.condition({"city_code": city.city_code})
    shared = [table for table in tables.all_tables(spark) if not table.startswith(("bronze.", "silver."))]
    n_written = sum(tables.rearrange(spark, table, own, MOST_FILES) for table in shared)
    lake = [*shared, *(table for table in tables.all_tables(spark) if table.startswith("silver."))]
    lake += [bronze_table(feed) for feed in city.feeds]
    yield from _explain(spark, lake)
    tables.drop_old_files(spark, lake, tables.SAFE_HOURS)
    yield f"{city.city_code}: {n_written} slices of other tables written anew; {len(lake)} tables freed of files older than a week"


def _explain(spark: SparkSession, lake: Collection[str]) -> Iterator[str]:
    """Carry classes and meanings to the tables that lack some; a table that has columns of no meaning is told."""
    n_explained = 0
    for table in lake:
        try:
            n_explained += tables.carry_meanings(spark, table)
        except MeaningError as fault:
            yield str(fault)
    if n_explained:
        yield f"{n_explained} tables: classes and meanings of their columns brought up to date"


def expire(feed: Feed, landing: Landing, today: date, taken: set[str]) -> int:
    """Remove the raw files of batches in `taken` that came longer ago than the contract keeps them. Returns how many.

    The manifest stays: the window counts as delivered and is not pulled again.
    """
    oldest = today - timedelta(days=feed.raw_kept_days)
    n_batches = 0
    for manifest in landing.manifests():
        kept = {file.name: None for file in manifest.files if landing.path(manifest, file).is_file()}
        if kept and manifest.batch_id in taken and manifest.fetched_at.date() < oldest:
            landing.alter(manifest, "expired", kept)
            n_batches += 1
    return n_batches


def _taken(spark: SparkSession, feed: Feed) -> set[str]:
    return batches.recorded(spark, feed, "checked", "replaced")


def _rearrange_feed(spark: SparkSession, feed: Feed) -> int:
    """Bronze by what came together; silver by record, so that a night's changes touch few files."""
    slice_ = tables.condition({"city_code": feed.city_code, "feed_code": feed.feed_code})
    return sum([
        tables.rearrange(spark, bronze_table(feed), None, MOST_FILES),
        tables.rearrange(spark, silver.silver_table(feed.kind), slice_, MOST_FILES, by="record_id"),
        tables.rearrange(spark, silver.REJECTS, slice_, MOST_FILES),
    ])  # fmt: skip
