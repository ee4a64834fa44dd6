"""A new key for pseudonyms: every pseudonym of the lake is brought to it, so that old and new rows go on meeting.

The new key lies beside the old ones under another name until the lake is done. No feed is refined meanwhile, also not
after the change was killed half way: run it again, it goes on with the same key.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

from pyspark.sql import SparkSession

from expectations.contract import load_cities
from spark_jobs.feeds import refine
from spark_jobs.feeds.decoding import pseudonym_columns
from spark_jobs.feeds.privacy import stored
from spark_jobs.feeds.pseudonym import NEXT, Pseudonymiser, read_keys
from spark_jobs.lake import tables
from spark_jobs.lake.locks import nobody_else
from spark_jobs.private_files import write_private
from spark_jobs.settings import Settings


def rotate(spark: SparkSession, settings: Settings) -> Iterator[str]:
    """Make a key, bring the pseudonyms of all cities to it, put it in use. Yields a line of account a feed."""
    with nobody_else(settings.state), tables.compiled(spark):
        pending = settings.hash_keys.with_name(NEXT)
        if not pending.exists():
            keys = read_keys(settings.hash_keys)
            keys[str(int(max(keys, key=int)) + 1)] = secrets.token_hex(32)
            write_private(pending, json.dumps(keys, indent=1))
        pseudonymiser = Pseudonymiser(read_keys(pending))
        for city in load_cities():
            for feed in (feed for feed in city.feeds if pseudonym_columns(feed)):
                refine.create_tables(spark, feed)
                held = stored.pseudonyms_of(spark, feed)
                stale = {name for name in held if not name.startswith(f"v{pseudonymiser.version}:")}
                fresh = {name: pseudonymiser.renewed(name) for name in stale}
                n_rows = stored.replace_pseudonyms(spark, city, feed, settings, fresh)
                stored.drop_replaced_files(spark, feed)
                yield f"{feed.code}: {n_rows} pseudonyms brought to key {pseudonymiser.version}"
        stored.drop_scratch(spark)
        pending.replace(settings.hash_keys)
    yield f"key {pseudonymiser.version} is in use; keep a copy of {settings.hash_keys.name} outside the machine"
