"""The edge of the flags on a small lake: what was known at the cut-off, and nothing of what came later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from pyspark.sql import Row, SparkSession

from expectations.contract import load_kinds
from expectations.models import City
from spark_jobs.feeds import batches, silver
from spark_jobs.flags import job
from spark_jobs.flags.rules import RULES, f9_data_quality
from spark_jobs.flags.rules.f9_data_quality import judged_batches
from spark_jobs.index.methodology import load_methodology
from spark_jobs.lake import tables
from spark_jobs.released import schemas

pytestmark = pytest.mark.spark
CITY_CODE, DAY = "flagtown", date(2026, 3, 10)
NIGHT = datetime(2026, 3, 10, 17, 30)  # 01:30 in Shanghai, in UTC
LATER = NIGHT + timedelta(hours=1)
CITY = City.model_validate(
    {
        "city": CITY_CODE,
        "name": {"zh": "旗", "en": "Flagtown"},
        "area_code": "F",
        "time_zone": "Asia/Shanghai",
        "publication": {"starts": "01:30", "deadline": "02:30"},
        "base_period": {"first_day": "2022-01-01", "last_day": "2024-12-31", "known_by": "2025-12-31"},
        "feeds": [
            {
                "feed": code,
                "city_code": CITY_CODE,
                "kind": kind,
                "name": {"zh": code, "en": code},
                "source": {"type": "files", "connection": "x", "pattern": "*", "format": "csv", "delivered": "(.*)"},
                "starts_on": "2022-01-01",
                "supports": supports,
                "record_id": ["id"],
                "known_at": {},
                "area": ["area"],
                "columns": {},
            }
            for code, kind, supports in (
                ("accidents", "incident", ["b3_fires"]),
                ("sales", "sale", []),
                ("checks", "inspection", []),
            )
        ],
    }
)
AREA = "city_code string, area_code string, level string, name_zh string, name_en string, parent_code string, "
AREA += "valid_from date, valid_to date"
DAILY = "city_code string, indicator_id string, area_code string, day date, stratum string, numerator double, "
DAILY += "denominator double"


def incident(record_id: str, n_deaths: int, known: datetime, until: datetime | None = None, gone: bool = False) -> Row:
    return Row(
        city_code=CITY_CODE,
        feed_code="accidents",
        record_id=record_id,
        area_code="F1",
        family_code="fire",
        occurred_on=DAY,
        n_deaths=n_deaths,
        n_serious_injuries=None,
        known_at=known,
        known_from=known,
        known_to=until,
        is_current=until is None,
        is_deleted=gone,
        batch_id="b1",
    )


INCIDENTS = [
    incident("corrected_later", 3, NIGHT, until=LATER),
    incident("corrected_later", 1, LATER),
    incident("corrected_in_time", 5, NIGHT - timedelta(hours=2), until=NIGHT - timedelta(hours=1)),
    incident("corrected_in_time", 2, NIGHT - timedelta(hours=1)),
    incident("deleted_in_time", 9, NIGHT - timedelta(hours=1), gone=True),
    incident("known_too_late", 7, LATER),
]


def at_station(feed_code: str, record_id: str, known: datetime = NIGHT, gone: bool = False, **said: object) -> Row:
    keys = {
        "city_code": CITY_CODE,
        "feed_code": feed_code,
        "record_id": record_id,
        "area_code": "F1",
        "place_code": "S1",
    }
    return Row(**keys, known_at=known, known_from=known, is_current=True, is_deleted=gone, batch_id="b1", **said)


def sale(record_id: str, litres: str, known: datetime = NIGHT, gone: bool = False) -> Row:
    of = {"product_code": "petrol", "container_code": "portable", "unit_code": "litre", "quantity": Decimal(litres)}
    return at_station("sales", record_id, known, gone, sold_on=DAY - timedelta(days=1), **of)


SALES = [sale("1", "99.90"), sale("2", "0.20"), sale("gone", "50", gone=True), sale("late", "50", LATER)]
CHECKS = [
    at_station("checks", f"{mode}{n}", inspected_on=DAY - timedelta(days=n), mode_code=mode, outcome_code=outcome)
    for n, mode, outcome in ((0, "on_site", "corrected"), (1, "remote", "fault_open"), (2, "remote", "cleared"))
]
LIMIT = {"product_code": "petrol", "container_code": "portable", "unit_code": "litre", "limit": "100"}
LIMITS = [
    {**LIMIT, "valid_from": "2020-01-01", "valid_to": "2026-03-10", "limit": "1"},
    {**LIMIT, "valid_from": "2026-03-10", "valid_to": ""},
]


def append(spark: SparkSession, table: str, rows: list[Row]) -> None:
    """Rows with the columns that matter; the others are null."""
    types = dict(spark.table(table).dtypes)
    shown = ", ".join(f"{name} {types[name]}" for name in rows[0].asDict())
    given = spark.createDataFrame([tuple(row) for row in rows], shown)
    columns = [name if name in given.columns else f"cast(null as {kind}) as {name}" for name, kind in types.items()]
    given.selectExpr(*columns).write.format("delta").mode("append").saveAsTable(table)


@pytest.fixture
def town(spark: SparkSession) -> Iterator[SparkSession]:
    """A town of one county whose only feed delivered through the day before; removed afterwards."""
    silver.create_tables(spark)
    of_index = {
        f"index.{name}": spark.createDataFrame([], schemas.lake_ddl(name)) for name in ("indicator_value", "trend")
    }
    tables.replace_slices(spark, of_index, {"city_code": CITY_CODE, "business_date": DAY.isoformat()})
    made = {batches.BATCHES: batches.BATCH_COLUMNS, "raw.area": AREA, "indicators.daily": DAILY}
    for table, columns in made.items():
        tables.ensure(spark, table, tables.declared(columns), ("city_code",))
    spark.sql("create view if not exists conformed.area as select * from raw.area")
    written = ("silver.incident", "silver.sale", "silver.inspection", "silver.rejects", batches.BATCHES, "raw.area")
    since = date(2020, 1, 1)
    append(
        spark,
        "raw.area",
        [Row(city_code=CITY_CODE, area_code="F1", level="county", name_zh="旗一", name_en="Flag 1", valid_from=since)],
    )
    for table, rows in (("silver.incident", INCIDENTS), ("silver.sale", SALES), ("silver.inspection", CHECKS)):
        append(spark, table, rows)
    yesterday = DAY - timedelta(days=1)
    batch = Row(
        city_code=CITY_CODE,
        feed_code="accidents",
        batch_id="b1",
        window_from=since,
        window_to=yesterday,
        n_received=100,
        n_accepted=97,
        n_rejected=3,
        status="checked",
    )
    of_sales = Row(**(batch.asDict() | {"feed_code": "sales", "n_rejected": 0}))
    append(spark, batches.BATCHES, [batch, of_sales])
    twice = [
        Row(
            city_code=CITY_CODE,
            feed_code="accidents",
            batch_id="b1",
            source_file="f",
            row_number=n,
            rule="unknown_area",
        )
        for n in (1, 1, 2, 3)
    ]
    append(spark, "silver.rejects", twice)
    yield spark
    for table in written:
        spark.sql(f"delete from {table} where city_code = '{CITY_CODE}'")
    for table in (job.TABLE, job.RULES_TABLE):
        if tables.exists(spark, table):
            spark.sql(f"delete from {table} where city_code = '{CITY_CODE}'")


def written_flags(spark: SparkSession) -> pd.DataFrame:
    frame = spark.table(job.TABLE).where(f"city_code = '{CITY_CODE}'").toPandas()
    return frame.sort_values("flag_id", ignore_index=True)


def test_a_night_on_the_lake_is_what_was_known_then_and_twice_the_same(town, monkeypatch):
    monkeypatch.setattr(job, "read_table", lambda city_code, name: LIMITS if name == "quantity_limits" else [])
    assert job.run(town, CITY, DAY) == "flagtown 2026-03-10: flags: 1 red, 1 amber, 1 grey"
    first = written_flags(town)
    severe = first[first["rule_code"] == "F4"].iloc[0]
    assert (severe["area_code"], severe["feed_code"], severe["observed"]) == ("F1", "accidents", 3.0)
    assert severe["detail_zh"].startswith("旗一：2026年3月10日发生重大火灾1起，死亡3人、重伤0人")
    grey = first[first["rule_code"] == "F9"].iloc[0]
    assert (grey["area_code"], grey["feed_code"], grey["since"]) == ("F", "accidents", DAY)
    rules = town.table(job.RULES_TABLE).where(f"city_code = '{CITY_CODE}'").toPandas().set_index("rule_code")
    assert set(rules.index) == {rule.code for rule in RULES.values()}
    assert rules.loc["F4", ["has_run", "reason_en", "n_series", "n_flags"]].tolist() == [True, None, 1, 1]
    assert not rules.loc["F6", "has_run"] and rules.loc["F6", ["reason_zh", "reason_en"]].notna().all()
    above = first[first["rule_code"] == "F10"].iloc[0]
    assert (above["area_code"], above["observed"], above["threshold"]) == ("F1", 100.1, 100.0)
    assert above["detail_en"].endswith("2 inspections since, the last on 2026-03-10 (on site): a fault put right.")
    job.run(town, CITY, DAY)
    pd.testing.assert_frame_equal(first, written_flags(town))


def test_a_row_without_a_county_is_counted_once(town):
    evidence = job.read_evidence(town, CITY, load_methodology().flags, DAY)
    batches = judged_batches(evidence["batches"], evidence["unknown_area"]).set_index("feed_code")
    assert batches.loc["accidents", ["n_received", "n_unknown_area"]].tolist() == [100, 3]


def test_records_of_every_kind_are_watched_but_context(town, monkeypatch):
    """A kind of tomorrow is one file in expectations/kinds: its feeds are counted the same night."""
    kinds = load_kinds()
    made_up = {"permit": kinds["incident"].model_copy(update={"kind": "permit"})}
    monkeypatch.setattr(f9_data_quality, "load_kinds", lambda: {**kinds, **made_up})
    town.sql("create table silver.permit (city_code string, feed_code string, known_from timestamp) using delta")
    try:
        append(town, "silver.permit", [Row(city_code=CITY_CODE, feed_code="permits", known_from=NIGHT)] * 3)
        given = Row(city_code=CITY_CODE, feed_code="statements", known_from=NIGHT)
        append(town, "silver.coverage", [given])
        volumes = job.read_evidence(town, CITY, load_methodology().flags, DAY)["volumes"]
    finally:
        town.sql("drop table silver.permit")
        town.sql(f"delete from silver.coverage where city_code = '{CITY_CODE}'")
    counted = volumes.groupby("feed_code")["n_records"].sum().to_dict()
    assert counted == {"accidents": 4, "permits": 3}  # as known at the cut-off
