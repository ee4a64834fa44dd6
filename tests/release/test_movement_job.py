"""Two nights through the real index step and the real release: the second explains itself, and again the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from pyspark.sql import SparkSession

from expectations.models import City
from spark_jobs.errors import EnvironmentFault
from spark_jobs.feeds import batches
from spark_jobs.index import history, recompute
from spark_jobs.index import job as index_job
from spark_jobs.index.methodology import load_methodology, reweighted
from spark_jobs.lake import tables
from spark_jobs.release import files, job, lake, method_job
from spark_jobs.release.verify import verify
from spark_jobs.released.columns import TABLES, canonical_frame
from spark_jobs.released.pointer import POINTER
from tests.release import made_up

pytestmark = [pytest.mark.spark, pytest.mark.e2e]
FIRST, SECOND = made_up.DAY, made_up.DAY + timedelta(days=1)
COUNTIES = [code for code, *_ in made_up.COUNTIES[:3]]
CITY = "demo"
DENOMINATORS = ("residents", "population_at_risk", "vehicles_10k", "employees")
REVISED = {"vehicles_10k": 0.98}  # known on the second day, for the first county
LATE = "a3_telecom_fraud"  # eight cases of the year before become known on the second day


def city() -> City:
    """The made-up city, each of whose feeds supports the indicators of its kind."""
    whole = made_up.city()
    feeds = [
        feed.model_copy(update={"supports": tuple(i.id for i in made_up.METHODOLOGY.indicators if i.feed_kind == feed.kind)})
        for feed in whole.feeds
    ]  # fmt: skip
    return whole.model_copy(update={"feeds": tuple(feeds)})


def daily(until: date) -> pd.DataFrame:
    """indicators.daily: an event-rich day every ten days, the stock every day; seeded and the same every time."""
    generator = np.random.default_rng(3)
    days = pd.date_range("2022-01-01", SECOND).date
    frames = []
    for indicator in made_up.METHODOLOGY.indicators:
        for stratum in indicator.strata:
            for area in COUNTIES:
                kept = days if indicator.flow_or_stock == "stock" else days[::10].tolist() + [SECOND]
                count = generator.poisson(generator.uniform(4, 9), len(kept)).astype(float)
                trials = None if indicator.kind == "rate" else count + 60.0
                frames.append(pd.DataFrame({
                    "indicator_id": indicator.id, "area_code": area, "day": kept, "stratum": stratum,
                    "numerator": count, "denominator": trials,
                }))  # fmt: skip
    found = pd.concat(frames, ignore_index=True).astype({"denominator": float})
    if until == SECOND:
        late = (
            (found["indicator_id"] == LATE) & (found["day"] == date(2026, 9, 27)) & (found["area_code"] == COUNTIES[0])
        )
        assert late.sum() == 1
        found.loc[late, "numerator"] += 8.0
    return found[found["day"] <= until]


def denominators(until: date) -> pd.DataFrame:
    rows = []
    for code in DENOMINATORS:
        for n, area in enumerate(COUNTIES):
            factor = REVISED.get(code, 1.0) if until == SECOND and n == 0 else 1.0
            rows.append((area, code, date(2012, 1, 1), None, 2e5 * factor, "exact"))
    return pd.DataFrame(
        rows, columns=["area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code"]
    )


class Nights:
    """A lake as the steps before the index leave it, and the two steps that follow."""

    def __init__(self, spark: SparkSession, mart: str, published: Path) -> None:
        self.spark, self.mart, self.published = spark, mart, published

    def prepare(self, day: date) -> None:
        """What the steps before the index leave."""
        areas = [(code, "county", date(2012, 1, 1), None) for code in COUNTIES]
        ledger = made_up.batches(dict.fromkeys(made_up.KIND_OF_FEED, day)).drop(columns=["city_code", "n_new_versions"])
        ledger = ledger.assign(reason="").astype({"fetched_at": "datetime64[ns]"})
        frames = {
            "raw.area": self.spark.createDataFrame(
                areas, "area_code string, level string, valid_from date, valid_to date"
            ),
            "raw.denominator": self.spark.createDataFrame(
                list(denominators(day).itertuples(index=False, name=None)),
                "area_code string, denominator_code string, valid_from date, valid_to date, value double, quality_code string",
            ),
            "indicators.daily": self.spark.createDataFrame(daily(day)).selectExpr(
                f"'{CITY}' as city_code", "*"
            ),  # as dbt has it
            batches.BATCHES: self.spark.createDataFrame(ledger),
        }
        tables.replace_slices(self.spark, frames, {"city_code": CITY})

    def run(self, day: date) -> dict[str, Any]:
        """The night from the index on. Returns latest.json."""
        index_job.run(self.spark, city(), day)
        none = lake._spark_frame(self.spark, "flag", canonical_frame("flag", made_up.flags(made_up.areas())).iloc[0:0])
        keys = {"city_code": CITY, "business_date": day.isoformat()}
        rules = lake._spark_frame(self.spark, "flag_rule", canonical_frame("flag_rule", made_up.flag_rules()))
        tables.replace_slices(self.spark, {"flags.flag": none, "flags.flag_rule": rules}, keys)
        as_of = city().as_of(day)
        job.publish(self.spark, city(), day, as_of, self.published, self.mart, "0123abcd")
        latest = files.read_latest(self.published / CITY)
        assert latest
        return latest

    def table(self, latest: dict[str, Any], name: str) -> pd.DataFrame:
        return files.parse_csv(name, (self.folder(latest) / TABLES[name].file).read_bytes())

    def folder(self, latest: dict[str, Any]) -> Path:
        return self.published / CITY / str(latest["folder"])


@pytest.fixture
def nights(mart: str, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    shown = [area for area in made_up.areas() if area.area_code in (made_up.CITY_AREA, *COUNTIES)]
    made_up.declare_areas(tmp_path, monkeypatch, shown)
    whole = load_methodology()
    few = whole.model_copy(update={
        "posterior": whole.posterior.model_copy(update={"draws": 200}),
        "windows": whole.windows.model_copy(update={"trend_months": 1}),
    })  # fmt: skip
    for module in (index_job, method_job):
        monkeypatch.setattr(module, "load_methodology", lambda: few)
    tables.ensure(spark, batches.BATCHES, tables.declared(batches.BATCH_COLUMNS), ("city_code", "feed_code"))
    if tables.exists(spark, POINTER):
        spark.sql(f"delete from {POINTER} where city_code = '{CITY}'")
    yield Nights(spark, mart, tmp_path / "published")


def test_the_second_night_explains_its_difference_from_the_first(nights: Nights) -> None:
    nights.prepare(FIRST)
    first = nights.run(FIRST)
    assert first["previous_release_id"] is None
    assert nights.table(first, "movement").empty

    nights.prepare(SECOND)
    second = nights.run(SECOND)
    assert second["previous_release_id"] == first["release_id"]
    moved = nights.table(second, "movement")
    figures = {
        latest["release_id"]: {f["area_code"]: f["index"] for f in (latest["city_index"], *latest["counties"])}
        for latest in (first, second)
    }
    assert len(figures[first["release_id"]]) == len(COUNTIES) + 1
    for area, index in figures[second["release_id"]].items():
        of_area = moved[moved["area_code"] == area]
        assert of_area["total"].sum() == pytest.approx(index - figures[first["release_id"]][area], abs=1e-9)
    assert (moved["method"] == 0.0).all()
    county = moved[moved["area_code"] == COUNTIES[0]].set_index("indicator_id")
    assert county.index[county["late_data"] != 0.0].tolist() == [LATE]
    assert county.loc[LATE, "late_data"] < 0.0
    by_vehicles = {i.id for i in made_up.METHODOLOGY.indicators if i.denominator == "vehicles_10k"}
    assert set(county.index[county["denominator"] != 0.0]) == by_vehicles
    assert (county.loc[sorted(by_vehicles), "denominator"] < 0.0).all()
    assert (county["real_change"] != 0.0).sum() > 10

    inputs = nights.table(second, "input")
    assert "previous" in set(inputs["window"])
    with psycopg.connect(nights.mart) as connection:
        words = connection.execute("select words_zh from mart_demo.movement_summary").fetchall()
    assert len(words) == len(COUNTIES) + 1
    assert verify(nights.folder(second)) == []

    index_job.run(nights.spark, city(), SECOND)  # the same night again, with this very release as the current one
    again = tables.read(nights.spark, "index.movement").where(f"city_code = '{CITY}' and business_date = '{SECOND}'")
    pd.testing.assert_frame_equal(canonical_frame("movement", again.toPandas()), canonical_frame("movement", moved))

    candidate = reweighted(index_job.load_methodology(), {"incidents": 90.0}).model_copy(update={"version": "next"})
    said = method_job.compare_methods(nights.spark, city(), SECOND, candidate, nights.published)
    compared = pd.read_csv(Path(said.rsplit(": ", 1)[1]) / "comparison.csv", dtype={"area_code": str})
    assert len(compared) == method_job.MONTHS * (len(COUNTIES) + 1)
    assert (compared["day"].min(), compared["day"].max()) == ("2025-11-30", "2026-10-31")
    np.testing.assert_allclose(compared["difference"], compared["points_goalposts"] + compared["points_weights"])
    assert (compared["points_weights"] != 0.0).all()
    assert files.read_latest(nights.published / CITY) == second, "nothing that was published is touched"

    _range_is_computed_where_something_changed(nights, figures[second["release_id"]])
    _revision_is_archived_beside_the_night(nights, first, second)
    _only_a_night_freezes_goalposts(nights)


def _range_is_computed_where_something_changed(nights: Nights, published: dict[str, float]) -> None:
    """Five days, two of which the nights have computed; by Spark and in this process the same."""
    begin = SECOND - timedelta(days=4)
    assert "5 as-of days, 4 computed" in recompute.as_known_now(nights.spark, city(), begin, SECOND)  # one is tonight
    assert "5 as-of days, 0 computed" in recompute.as_known_now(nights.spark, city(), begin, SECOND)
    given = index_job.read(nights.spark, city(), SECOND, SECOND, None)
    days = [begin + timedelta(days=n) for n in range(5)]
    here = history.history_frame(given.counts, given.frame, days)
    daily = index_job.daily_of(nights.spark, city(), SECOND)
    there = history.mapped(nights.spark, daily, {CITY: given.frame}, {CITY: days}, 2).drop("city_code").toPandas()
    order = ["day", "area_code"]
    pd.testing.assert_frame_equal(
        here.sort_values(order, ignore_index=True), there.sort_values(order, ignore_index=True), check_dtype=False
    )
    tonight = here[here["day"] == SECOND].set_index("area_code")["index"]
    assert tonight.to_dict() == pytest.approx(published, abs=1e-12)


def _only_a_night_freezes_goalposts(nights: Nights) -> None:
    """Reading a night, as each recomputation does, freezes nothing; running it freezes those of every indicator."""

    def frozen() -> list[str]:
        rows = tables.read(nights.spark, index_job.GOALPOSTS).where(f"city_code = '{CITY}'").collect()
        return sorted(row.indicator_id for row in rows)

    before = frozen()
    assert len(before) > 10
    nights.spark.sql(f"delete from {index_job.GOALPOSTS} where city_code = '{CITY}'")
    index_job.read(nights.spark, city(), SECOND, SECOND, None)
    recompute.as_known_now(nights.spark, city(), SECOND - timedelta(days=2), SECOND)
    assert frozen() == []
    index_job.run(nights.spark, city(), SECOND)
    assert frozen() == before


def _revision_is_archived_beside_the_night(nights: Nights, first: dict[str, Any], second: dict[str, Any]) -> None:
    """The first night's day, as known 35 days later: revised, with the late data; readers keep the newest day."""
    known_on = made_up.METHODOLOGY.revised_on(FIRST)
    known = index_job.daily_of(nights.spark, city(), FIRST)
    index_job.run(nights.spark, city(), FIRST, known_on, known)
    with pytest.raises(EnvironmentFault, match="--revised"):
        job.publish(nights.spark, city(), FIRST, city().as_of(FIRST), nights.published, nights.mart, "0123abcd")
    job.publish(nights.spark, city(), FIRST, city().as_of(known_on), nights.published, nights.mart, "0123abcd")
    kept = files.read_latest(nights.published / CITY)
    assert kept and kept["release_id"] == second["release_id"]
    folders = {path.name for path in (nights.published / CITY / "releases").iterdir()}
    (revised,) = folders - {first["release_id"], second["release_id"]}
    document = json.loads((nights.published / CITY / "releases" / revised / files.RELEASE_FILE).read_text())
    assert (document["status"], document["period"]) == ("revised", FIRST.isoformat())
    assert first["status"] == "provisional" and document["city_index"]["index"] != first["city_index"]["index"]
    assert {figure["confidence"] for figure in first["counties"]} == {"B"}  # nobody knows yet how late records come
