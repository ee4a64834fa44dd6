"""A city of two counties with one feed of cases, made for these tests; nothing of it is in the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expectations import contract
from expectations.contract import load_city, load_kinds
from expectations.models import City, Feed
from expectations.places import AMBIGUOUS, places_of
from spark_jobs.feeds.bronze import bronze_table
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.decoding import ROW, decode
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.feeds.row_faults import OUTSIDE, UNKNOWN
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.pull import Pull
from spark_jobs.feeds.word_rules import JUDGED, UNJUDGED, Words

BY_BOTH = (*JUDGED, OUTSIDE, UNKNOWN, AMBIGUOUS)  # rules that Python judges as Spark does
CITY = """
city: {code}
name: {{zh: 试城, en: Trial}}
area_code: "99"
time_zone: Asia/Shanghai
publication: {{starts: "01:30", deadline: "02:30"}}
base_period: {{first_day: 2022-01-01, last_day: 2024-12-31, known_by: 2025-12-31}}
"""
FEED = """
feed: cases
kind: case
name: {zh: 案件, en: Cases}
source: {type: files, connection: trial, pattern: "*.csv", format: csv, delivered: 'cases_(\\d{8})(?:-\\w+)?\\.csv'}
starts_on: 2026-01-01
record_id: [id]
known_at: {column: updated}
deleted: {column: gone, values: ["1"]}
area: [place]
columns:
  occurred_on: day
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  case_code: code
  n_deaths: deaths
  amount_yuan: amount
dropped: {name: personal}
tolerance: {rejected_share: 0.5}
"""
AREAS = """area_code,level,name_zh,name_en,parent_code,valid_from,valid_to
99,city,试城,Trial,,2000-01-01,
9901,county,东县,East,99,2000-01-01,
9902,county,西县,West,99,2000-01-01,
990101,township,东镇,,9901,2000-01-01,
990101001,grid_3,东镇第一网格,,990101,2000-01-01,
990102,township,新村,,9901,2000-01-01,
990201,township,新村,,9902,2000-01-01,
"""
HEADER = ("id", "place", "day", "nature", "code", "deaths", "amount", "updated", "gone", "name")
_numbers = count(1)


def row(id: str, updated: str = "2026-02-01 08:00:00", **values: str) -> dict[str, str]:
    """One delivered row that is right in every column unless told otherwise."""
    right = {"place": "9901", "day": "2026-01-31", "nature": "刑事", "code": "050200", "deaths": "0", "amount": "10"}
    return {**right, "gone": "0", "name": "张三", "id": id, "updated": updated, **values}


@dataclass
class Trial:
    """The trial city on this test's landing, with its slice of the lake."""

    spark: Any
    city: City
    feed: Feed
    state: Path
    drops: Path
    settings: Any = field(repr=False)

    def agree(self, feed: str, corrections: str = "") -> None:
        """Change the contract of the feed."""
        feeds = contract.city_folder(self.city.city_code) / "feeds"
        (feeds / "cases.yml").write_text(feed, encoding="utf-8")
        if corrections:
            (feeds / "cases.corrections.yml").write_text(corrections, encoding="utf-8")
        load_city.cache_clear()
        self.city = load_city(self.city.city_code)
        self.feed = self.city.feed("cases")

    def place(self, areas: str, aliases: str = "alias,area_code,note\n") -> None:
        """Give the city other areas."""
        folder = contract.city_folder(self.city.city_code)
        (folder / "areas.csv").write_text(areas, encoding="utf-8")
        (folder / "area_aliases.csv").write_text(aliases, encoding="utf-8")

    def deliver(self, name: str, rows: list[dict[str, str]]) -> None:
        lines = [",".join(HEADER), *(",".join(line.get(column, "") for column in HEADER) for line in rows)]
        (self.drops / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def land(self, day: date = date(2026, 6, 30)) -> Manifest | None:
        connection = Connection(conn_type="fs", extra={"path": str(self.drops)})
        cutoff = self.city.as_of(day)
        return files.land(Pull(self.feed, connection, self.landing, day, cutoff, self.city.time_zone))

    @property
    def landing(self) -> Landing:
        return Landing.of(self.settings.landing, self.feed)

    def refine(self) -> list[str]:
        from spark_jobs.feeds.refine import refine

        return refine(self.spark, self.city, self.feed, self.settings)

    def rebuild(self, from_landing: bool = False) -> str:
        from spark_jobs.feeds.rebuild import rebuild

        return rebuild(self.spark, self.city, self.feed, self.settings, from_landing)

    def silver(self, *columns: Any) -> list[tuple[Any, ...]]:
        names = columns or ("record_id", "known_from", "known_to", "is_current", "is_deleted", "n_deaths", "row_hash")
        rows = self.spark.read.table("silver.`case`").where(f"city_code = '{self.city.city_code}'")
        return sorted(map(tuple, rows.select(*names).collect()), key=repr)

    def rejects(self) -> list[tuple[str, str | None, str | None]]:
        rows = self.spark.read.table("silver.rejects").where(f"city_code = '{self.city.city_code}'")
        return sorted(map(tuple, rows.select("rule", "column_name", "found").collect()), key=repr)

    def assert_words_judged_alike(self, path: Path) -> None:
        """The first look, which needs no Spark, breaks the same rules about words and numbers in the same rows of a file as Spark."""
        words = Words(
            decode(self.feed, path, Pseudonymiser({"1": "00ff"})).table, self.feed, places_of(self.city.city_code)
        )
        own = f"city_code = '{self.city.city_code}' and feed_code = '{self.feed.feed_code}'"
        rejects = self.spark.read.table("silver.rejects").where(own).collect()
        by_spark = {(row.row_number, row.rule, row.column_name) for row in rejects if row.source_file == path.name}
        types = {name: column.type for name, column in load_kinds()[self.feed.kind].columns.items()}
        by_spark = {
            (number, rule, column)
            for number, rule, column in by_spark
            if rule == "required" or (rule in BY_BOTH and types.get(column) not in UNJUDGED)
        }
        numbers = words.rows[ROW].to_pylist()
        here = {
            (numbers[place], *rule)
            for rule, rows in words.faults().items()
            if rule[0] in BY_BOTH
            for place in rows.nonzero()[0]
        }
        assert here == by_spark

    def batches(self) -> pd.DataFrame:
        from spark_jobs.feeds.batches import batches_of

        return batches_of(self.spark, self.city).sort_values("batch_id", ignore_index=True)


@pytest.fixture
def new_trial(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Trial]]:
    """Make a trial city; every call is another city, so that tests do not see each other."""
    from spark_jobs.settings import Settings

    made: list[Trial] = []
    root = tmp_path / "expectations"
    (root / "kinds").parent.mkdir()
    (root / "kinds").symlink_to(contract.ROOT / "kinds")
    monkeypatch.setattr(contract, "ROOT", root)
    keys = tmp_path / "hash_keys.json"
    keys.write_text('{"1": "00ff"}')

    def make(feed: str = FEED) -> Trial:
        code = f"trial{next(_numbers)}"
        folder = root / "cities" / code
        (folder / "feeds").mkdir(parents=True)
        (folder / "city.yml").write_text(CITY.format(code=code), encoding="utf-8")
        (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
        (folder / "area_aliases.csv").write_text("alias,area_code,note\n西,9902,short\n", encoding="utf-8")
        (folder / "feeds" / "cases.yml").write_text(feed, encoding="utf-8")
        load_city.cache_clear()
        state, drops = tmp_path / code, tmp_path / code / "drops"
        drops.mkdir(parents=True)
        city = load_city(code)
        settings = Settings(state, state / "published", "", "", keys)
        made.append(Trial(spark, city, city.feeds[0], state, drops, settings))
        return made[-1]

    load_kinds()
    yield make
    for trial in made:  # upkeep goes through all tables that there are
        spark.sql(f"drop table if exists {bronze_table(trial.feed)}")
    load_city.cache_clear()
