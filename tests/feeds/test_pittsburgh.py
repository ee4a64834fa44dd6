"""Real data, as they are: snapshots whose layout changed, and a sample of every feed all the way to the index."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expectations import contract
from expectations.contract import load_city
from expectations.models import FilesSource
from spark_jobs.conform import conform
from spark_jobs.feeds import delivery_calendar
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.refine import refine
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.pull import Pull
from spark_jobs.index import job as index_job
from spark_jobs.lake.reference_data import load_reference_data
from spark_jobs.settings import Settings
from tests.feeds.conftest import Trial

pytestmark = pytest.mark.spark
NAME = "incidents_fires_snapshot_{}.csv.gz"
MONTHS = ("2019-11", "2022-12", "2024-12")
DELIVERED = ("2019-11-30", "2022-12-31", "2024-12-31")
CONTENT = ["council_district", "alarm_time", "incident_type", "alarms"]
PAGE = Path(__file__).parents[2] / "docs" / "pittsburgh.md"


@pytest.fixture
def snapshots(shared: Path) -> Path:
    folder = shared / "data" / "pittsburgh"
    if not folder.is_dir():
        pytest.skip("open data of Pittsburgh: ../shared/data/pittsburgh is not there")
    return folder


@pytest.fixture
def copies(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Trial]]:
    """The city under two other codes, so that both orders lie side by side in silver."""
    real, root = contract.city_folder("pittsburgh"), tmp_path / "expectations"
    keys = tmp_path / "hash_keys.json"
    keys.write_text('{"1": "00ff"}')
    made = []
    for code in ("fires_in_order", "fires_reversed"):
        folder = shutil.copytree(real, root / "cities" / code)
        text = (folder / "city.yml").read_text(encoding="utf-8")
        (folder / "city.yml").write_text(text.replace("city: pittsburgh", f"city: {code}"), encoding="utf-8")
    (root / "kinds").symlink_to(contract.ROOT / "kinds")
    monkeypatch.setattr(contract, "ROOT", root)
    load_city.cache_clear()
    for code in ("fires_in_order", "fires_reversed"):
        state, city = tmp_path / code, load_city(code)
        (state / "drops").mkdir(parents=True)
        settings = Settings(state, state / "published", "", "", keys)
        made.append(Trial(spark, city, city.feed("fires"), state, state / "drops", settings))
    yield made
    load_city.cache_clear()


def take(trial: Trial, path: Path) -> None:
    shutil.copy(path, trial.drops)
    connection = Connection(conn_type="fs", extra={"path": str(trial.drops)})
    assert trial.city.archive
    day = trial.city.archive.business_date
    files.land(Pull(trial.feed, connection, trial.landing, day, trial.city.as_of(day), trial.city.time_zone))


def silver(trial: Trial) -> pd.DataFrame:
    rows = trial.spark.read.table("silver.incident").where(f"city_code = '{trial.city.city_code}'")
    hidden = ("city_code", "batch_id", "landed_at")  # another city, and batches that began and came after other ones
    return rows.drop(*hidden).toPandas().sort_values(["record_id", "known_at"]).reset_index(drop=True)


def revisions(folder: Path) -> dict[tuple[str, str], str]:
    """(record, day of delivery) of every version that the files hold -> how it differs, counted without the pipeline."""
    last: dict[str, tuple[str, ...]] = {}
    found: dict[tuple[str, str], str] = {}
    for month, day in zip(MONTHS, DELIVERED, strict=True):
        table = pd.read_csv(folder / NAME.format(month), dtype=str, keep_default_na=False)
        usable = table[(table.council_district.str.strip() != "") & (table.alarm_time.str.strip() != "")]
        for id, *content in usable[["call_no", *CONTENT]].itertuples(index=False, name=None):
            said = (content[0].removesuffix(".0"), *content[1:])
            if last.get(id) != said:
                found[id, day] = "revised" if id in last else "new"
                last[id] = said
        assert set(last) <= set(table.call_no)  # nothing has vanished between these three
    return found


def test_three_fire_snapshots_in_any_order(snapshots: Path, copies: list[Trial]) -> None:
    in_order, backwards = copies
    for month in MONTHS:
        take(in_order, snapshots / NAME.format(month))
    refine(in_order.spark, in_order.city, in_order.feed, in_order.settings)
    for month in reversed(MONTHS):
        take(backwards, snapshots / NAME.format(month))
        refine(backwards.spark, backwards.city, backwards.feed, backwards.settings)
    versions = silver(in_order)
    pd.testing.assert_frame_equal(versions, silver(backwards))
    expected = revisions(snapshots)
    local = versions.known_at.dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d")
    assert dict.fromkeys(zip(versions.record_id, local, strict=True)).keys() == expected.keys()
    assert versions.is_current.sum() == versions.record_id.nunique()
    told = [
        f"| {day} | {sum(d == day and how == 'new' for (_, d), how in expected.items()):,} "
        f"| {sum(d == day and how == 'revised' for (_, d), how in expected.items()):,} |"
        for day in DELIVERED
    ]
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in told if line not in page] == []


SAMPLED = 300  # rows of a file
HAS_ROWS = {"a4_public_order", "b3_fires", "c1_escalated", "c2_failed", "c3_open_over_30_days", "settlement"}


def sampled(path: Path, folder: Path) -> None:
    """The header and rows from all parts of a file, as they stand there, under the same name in `folder`."""
    header, *rows = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    content = b"".join([header, *rows[:: len(rows) // SAMPLED]])
    (folder / path.name).write_bytes(gzip.compress(content, mtime=0))


def outcomes(path: Path, last: str) -> tuple[set[str], set[str]]:
    """Disputes of the city accepted by `last`: with a known outcome, and those of which the docket says none."""
    status = load_city("pittsburgh").feed("foreclosures").columns["status_code"]
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["council_district_main"]]
    accepted = {row["case_id"] for row in rows if row["filing_date"] <= last}
    known = {row["case_id"] for row in rows if row["docket_type"] in (status.values or {})}
    return accepted & known, accepted - known


def test_a_sample_of_every_feed_reaches_the_index(snapshots: Path, spark: Any, tmp_path: Path) -> None:
    """What only real feeds have, such as dockets that never say an outcome, must not stop a city on its way."""
    city, keys, drops = load_city("pittsburgh"), tmp_path / "hash_keys.json", tmp_path / "drops"
    keys.write_text('{"1": "00ff"}')
    drops.mkdir()
    for path in sorted(snapshots.glob("*.csv.gz")):
        sampled(path, drops)
    assert city.archive
    day, as_of = city.archive.business_date, city.as_of(city.archive.business_date)
    for feed in city.feeds:
        trial = Trial(spark, city, feed, tmp_path, drops, Settings(tmp_path, tmp_path / "published", "", "", keys))
        trial.land(day)
        trial.refine()
        assert isinstance(feed.source, FilesSource)
        trial.assert_words_judged_alike(max(drops.glob(feed.source.pattern)))
    ledger = batches_of(spark, city)
    assert list(ledger.status) == ["checked"] * len(city.feeds)
    assert (ledger.n_received == ledger.n_accepted + ledger.n_rejected).all()
    assert (ledger.n_accepted > SAMPLED / 10).all()

    load_reference_data(spark, city)
    delivery_calendar.define(spark)
    conform(city.city_code, city.time_zone, day, as_of, city.context_feeds)
    daily = spark.read.table("indicators.daily").where(f"city_code = '{city.city_code}'").toPandas()
    assert set(daily.indicator_id) == HAS_ROWS
    (docket,) = drops.glob("disputes_*")
    known, unknown = outcomes(docket, day.isoformat())
    assert len(unknown) > SAMPLED / 20
    assert daily[daily.indicator_id == "settlement"].numerator.sum() == len(known)

    assert index_job.run(spark, city, day).startswith(f"pittsburgh {day}: index of 0 of 9 areas")
