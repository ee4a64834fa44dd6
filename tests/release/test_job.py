"""The whole step on a real lake, a real PostgreSQL and real files: published, current, stale, killed, archived."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from spark_jobs.feeds import batches
from spark_jobs.feeds.feed_status import feed_status
from spark_jobs.lake import tables
from spark_jobs.release import files, job, lake, public_files, serving
from spark_jobs.release.gates import GATES, GateFailed
from spark_jobs.release.job import weekly_counts
from spark_jobs.release.record import journal
from spark_jobs.release.serving_tables import serving_rows
from spark_jobs.release.verify import verify
from spark_jobs.released import pointer
from spark_jobs.released.columns import canonical_frame
from tests.release import made_up

pytestmark = [pytest.mark.spark, pytest.mark.e2e]
CITY = "demo"
# two strata or days of a week add up; a week that is not over and one before the last 26 are not shown
DAILY = [
    ("b2_injury_crashes", made_up.COUNTIES[0][0], date(2026, 11, 16), 2.0),
    ("b2_injury_crashes", made_up.COUNTIES[0][0], date(2026, 11, 22), 1.0),
    ("b2_injury_crashes", made_up.COUNTIES[1][0], date(2026, 11, 15), 4.0),
    ("b2_injury_crashes", made_up.COUNTIES[1][0], date(2026, 5, 24), 8.0),
    ("d1_unresolved", made_up.COUNTIES[1][0], date(2026, 11, 16), 16.0),
]


@dataclass
class World:
    """A lake with the tables of the steps before, a mart, and a folder to publish into."""

    spark: SparkSession
    mart: str
    published: Path
    said: list[str] = field(default_factory=list)

    def given(self, business_date: date = made_up.DAY, breached: tuple[str, ...] = (), **of_input: Any) -> None:
        """Let the steps before a release have run for that day."""
        delivered = of_input.get("delivered") or {}
        through = {feed: delivered.get(feed, business_date) for feed in made_up.KIND_OF_FEED}
        ledger = made_up.batches(through, breached).drop(columns=["city_code", "n_new_versions"])
        status = feed_status(made_up.city().feeds, ledger, business_date)
        frames = {**made_up.release_input(**of_input).frames, "feed_status": status}
        ready = {
            table: lake._spark_frame(self.spark, name, canonical_frame(name, frames[name]))
            for name, table in job._FROM_LAKE.items()
        }
        tables.replace_slices(self.spark, ready, {"city_code": CITY, "business_date": business_date.isoformat()})
        daily = self.spark.createDataFrame(DAILY, "indicator_id string, area_code string, day date, numerator double")
        tables.replace_slice(self.spark, daily, "indicators.daily", {"city_code": CITY})
        ledger = ledger.assign(reason=ledger["reason"].fillna(""))
        ledger = self.spark.createDataFrame(ledger.astype({"fetched_at": "datetime64[ns]"}))
        tables.replace_slice(self.spark, ledger, batches.BATCHES, {"city_code": CITY})

    def publish(self, business_date: date = made_up.DAY, commit: str = "0123abcd") -> int:
        city = made_up.city()
        as_of = city.as_of(business_date)
        return job.publish(self.spark, city, business_date, as_of, self.published, self.mart, commit, self.said.append)

    @property
    def folder(self) -> Path:
        return self.published / CITY

    @property
    def latest(self) -> dict[str, Any]:
        latest = files.read_latest(self.folder)
        assert latest
        return latest

    def bytes(self) -> dict[str, bytes]:
        folder = self.folder / self.latest["folder"]
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        return found | {"latest.json": (self.folder / "latest.json").read_bytes()}


@pytest.fixture
def world(mart: str, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    township = f"{made_up.COUNTIES[0][0]}001,township,某街道,,{made_up.COUNTIES[0][0]},2012-01-01,"
    made_up.declare_areas(tmp_path, monkeypatch, made_up.areas(), township)
    tables.ensure(spark, batches.BATCHES, tables.declared(batches.BATCH_COLUMNS), ("city_code", "feed_code"))
    if tables.exists(spark, pointer.POINTER):  # other tables are keyed by release or written anew by `given`
        spark.sql(f"delete from {pointer.POINTER} where city_code = '{CITY}'")
    yield World(spark, mart, tmp_path / "published")


def test_published_then_already_current(world: World) -> None:
    world.given()
    assert world.publish() == 0
    first, written = world.bytes(), world.latest["release_id"]
    assert verify(world.folder / world.latest["folder"]) == []
    assert pointer.pointed_release(world.spark, CITY) == written
    assert serving.served_release(world.mart, CITY) == (written, False)
    weeks = weekly_counts(world.spark, made_up.city(), made_up.DAY)
    assert sorted(weeks.itertuples(index=False, name=None)) == [
        (made_up.COUNTIES[0][0], "b2_injury_crashes", date(2026, 11, 16), 3.0),
        (made_up.COUNTIES[1][0], "b2_injury_crashes", date(2026, 11, 9), 4.0),
    ]
    assert [gate["name"] for gate in world.latest["gates"]] == [*GATES, "switch"]
    world.given()  # the steps before have run again: the same rows under other Delta versions
    assert world.publish(commit="another") == 0
    assert world.bytes() == first
    assert "nothing new" in world.said[-1]
    copied = tables.read(world.spark, "release.county_index").where(f"release_id = '{written}'").toPandas()
    expected = canonical_frame("county_index", made_up.release_input().frames["county_index"])
    pd.testing.assert_frame_equal(canonical_frame("county_index", copied), expected)


def test_a_missing_feed_is_published_with_its_own_exit_code(world: World) -> None:
    world.given(delivered={"disputes": date(2026, 11, 20)}, grey_domain="disputes")
    assert world.publish() == 3
    assert [(feed["feed"], feed["since"]) for feed in world.latest["missing_feeds"]] == [("disputes", "2026-11-21")]
    assert "missing: Feed disputes" in world.said[-1]
    assert world.publish() == 3
    assert "nothing new" in world.said[-1]


def test_a_breach_leaves_the_last_release_marked_stale_until_it_is_repaired(world: World) -> None:
    world.given()
    world.publish()
    good, next_day = world.latest, made_up.DAY + timedelta(days=1)
    world.given(next_day, breached=("cases",))
    with pytest.raises(GateFailed, match="gate contract"):
        world.publish(next_day)
    assert world.latest == good | {"stale": world.latest["stale"]}
    assert world.latest["stale"]["since"] == "2026-11-23"
    assert "数据契约" in world.latest["stale"]["reason_zh"]
    assert serving.served_release(world.mart, CITY) == (good["release_id"], True)
    world.given(next_day)
    assert world.publish(next_day) == 0
    assert (world.latest["stale"], world.latest["period"]) == (None, "2026-11-23")
    assert serving.served_release(world.mart, CITY) == (world.latest["release_id"], False)


def test_a_table_without_a_column_fails_its_gate(world: World) -> None:
    world.given()
    world.spark.sql("drop table index.county_index")
    keys = {"city_code": CITY, "business_date": made_up.DAY.isoformat()}
    lacking = made_up.release_input().frames["county_index"][["area_code", "index"]]
    tables.replace_slice(world.spark, lacking, "index.county_index", keys)
    with pytest.raises(GateFailed, match="not found: .*'lower'"):
        world.publish()
    assert files.read_latest(world.folder) is None
    world.spark.sql("drop table index.county_index")


def test_an_older_day_is_archived_and_readers_keep_the_newest(world: World) -> None:
    world.given()
    world.publish()
    newest, older = world.bytes(), made_up.DAY - timedelta(days=1)
    world.given(older, seed=9)
    assert world.publish(older) == 0
    assert world.bytes() == newest
    assert "archived 20261121-" in world.said[-1]
    archived = next((world.folder / "releases").glob("20261121-*"))
    assert verify(archived) == []
    assert world.publish(older) == 0
    assert "nothing new" in world.said[-1]


class Killed(BaseException):
    """As SIGKILL: nothing catches it, nothing is tidied up."""


# module, function, call; the public folder is written by the functions of the restricted one
STEPS: list[tuple[Any, str, int]] = [
    (lake, "write_lake", 1),
    (files, "write_release", 1),
    (serving, "write_serving", 1),
    (pointer, "move_pointer", 1),
    (files, "write_release", 1),
    (files, "write_latest", 1),
    (public_files, "write_public", 1),
    (files, "write_latest", 2),
    (journal, "enter", 1),
    (files, "write_file", 10),  # the last across releases: six restricted, two public, which follow two latest.json
    (serving, "write_vintages", 1),
]


@pytest.mark.kill
def test_killed_after_each_step_and_run_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run takes over from one that died, and dies a step later; the last ends with the same bytes and pointers."""
    world.given()
    world.publish()
    expected = world.bytes()
    release_id = world.latest["release_id"]
    shutil.rmtree(world.folder)
    world.spark.sql(f"delete from {pointer.POINTER}")
    for module, name, call in STEPS:
        original, calls = getattr(module, name), itertools.count(1)

        def dying(*arguments: Any, _original: Any = original, _calls: Any = calls, _last: int = call) -> Any:
            result = _original(*arguments)
            if next(_calls) == _last:
                raise Killed
            return result

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(module, name, dying)
            world.publish()
    assert world.publish() == 0
    assert "nothing new" in world.said[-1]  # the last death came after the last step
    assert world.bytes() == expected
    assert pointer.pointed_release(world.spark, CITY) == release_id
    assert serving.served_release(world.mart, CITY) == (release_id, False)


@pytest.mark.kill
def test_killed_in_the_middle_of_the_lake_tables(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.given()
    original, written = tables.append_once, []

    def dying(*arguments: Any) -> None:
        if len(written) == 3:
            raise Killed
        written.append(arguments[2])
        original(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(tables, "append_once", dying)
        world.publish()
    assert files.read_latest(world.folder) is None
    assert pointer.pointed_release(world.spark, CITY) is None
    assert serving.served_release(world.mart, CITY) is None
    assert world.publish() == 0
    released = f"city_code = '{CITY}' and release_id = '{world.latest['release_id']}'"
    frames = made_up.release_input().frames
    del frames["coverage"]  # comes from silver, and this world has none
    for name, frame in frames.items():
        assert tables.read(world.spark, f"release.{name}").where(released).count() == len(frame), name


def test_a_damaged_release_is_written_again(world: World) -> None:
    world.given()
    world.publish()
    expected = world.bytes()
    (world.folder / world.latest["folder"] / "index.csv").write_text("x")
    assert world.publish() == 0
    assert world.bytes() == expected


def test_the_mart_shows_the_release(world: World) -> None:
    from tests.release.test_serving import content

    world.given()
    world.publish()
    given = made_up.release_input()
    without = {"coverage": given.frames["coverage"].iloc[:0]}  # comes from silver, and this world has none
    given = replace(given, frames={**given.frames, **without})
    from spark_jobs.release.build import build, canonical_tables

    release = build(given, canonical_tables(given), [])
    assert content(world.mart) == serving_rows(release)
