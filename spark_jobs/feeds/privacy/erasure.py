"""A person's values erased: from every row that has their pseudonym, from the files those stood in, from raw landing.

The record stays as an event, since it says that something happened and no longer to whom. Order of the work: the
values are remembered as erased (as keyed hashes, beside the keys), so that no later delivery brings them back; the
pseudonyms are looked up, in landing too while it still has the values; the lake is changed, names of files that hold a
value too, and its old files removed; the values leave landing; what Spark still had of the old rows on disk goes last. Killed anywhere and run again, the end
is the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import combinations_with_replacement

from pyspark.sql import SparkSession

from expectations.models import City, Feed
from spark_jobs.errors import UsageError
from spark_jobs.feeds import batches, refine
from spark_jobs.feeds.decoding import pseudonym_columns
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.privacy import landed, stored
from spark_jobs.feeds.pseudonym import ERASED, Pseudonymiser, read_erased
from spark_jobs.lake import tables
from spark_jobs.lake.locks import nobody_else
from spark_jobs.private_files import write_private
from spark_jobs.settings import Settings

SHORTEST, SHORTEST_ASCII = 2, 6  # characters: a name in Chinese; anything shorter would stand everywhere


def checked_values(text: str) -> list[str]:
    """One value a line: telephone, identity number, name, as the sources write them. Raises UsageError."""
    values = sorted({line.strip() for line in text.splitlines() if line.strip()})
    if not values:
        raise UsageError("erase: expected values on standard input, one a line, found none")
    if any(len(value) < (SHORTEST_ASCII if value.isascii() else SHORTEST) for value in values):
        raise UsageError(
            f"erase: a value is too short to be one person's ({SHORTEST_ASCII} letters or digits at least)"
        )
    return values


def erase(spark: SparkSession, city: City, values: list[str], settings: Settings) -> Iterator[str]:
    """Erase the values in one city. Yields a line of account a feed, which names no value.

    Raises UsageError for a raw file that can be neither changed nor removed.
    """
    with nobody_else(settings.state), tables.compiled(spark):
        pseudonymiser = Pseudonymiser.from_file(settings.hash_keys)
        _remember(city, values, settings, pseudonymiser)
        for feed in city.feeds:
            yield _erase_feed(spark, city, feed, values, settings, pseudonymiser)
        stored.drop_scratch(spark)


def _remember(city: City, values: list[str], settings: Settings, pseudonymiser: Pseudonymiser) -> None:
    known = set(read_erased(settings.hash_keys))
    known.update(pseudonymiser.fingerprint(city.city_code, value) for value in values)
    write_private(settings.hash_keys.with_name(ERASED), json.dumps(sorted(known), indent=1))


def _erase_feed(
    spark: SparkSession,
    city: City,
    feed: Feed,
    values: list[str],
    settings: Settings,
    pseudonymiser: Pseudonymiser,
) -> str:
    refine.create_tables(spark, feed)
    landing = Landing.of(settings.landing, feed)
    groups = landed.groups_in(feed, landing, frozenset(values))
    for size in {len(sources) for sources in pseudonym_columns(feed).values()}:
        groups |= set(combinations_with_replacement(values, size))
    found = {name for group in groups for name in pseudonymiser.under_every_key(city.city_code, list(group))}
    n_rows = stored.replace_pseudonyms(spark, city, feed, settings, dict.fromkeys(found))
    n_texts = stored.clear_text(spark, feed, values)
    neutral = landed.neutral_names(feed, values, pseudonymiser)
    names = {name: neutral(name) for name in stored.file_names(spark, feed)}
    stored.rename_files(spark, feed, {name: fresh for name, fresh in names.items() if fresh != name})
    stored.drop_replaced_files(spark, feed)
    _clear_staging(feed, settings)
    taken = batches.recorded(spark, feed, "checked", "replaced")
    n_files = landed.take_out(feed, landing, values, taken)
    landed.rename(landing, neutral)
    return f"{feed.code}: {n_rows} pseudonyms and {n_texts} texts erased, {n_files} raw files changed or removed"


def _clear_staging(feed: Feed, settings: Settings) -> None:
    """What a killed or stopped run left of a batch; it is staged again when it is needed."""
    staging = settings.state / "staging"
    shutil.rmtree(staging / feed.city_code / feed.feed_code, ignore_errors=True)
    for folder in staging.glob(f"{feed.code}-*"):
        shutil.rmtree(folder)
