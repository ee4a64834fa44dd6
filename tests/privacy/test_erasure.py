"""Planted people are found nowhere but in landing, and after an erasure not there either."""

from __future__ import annotations

import gzip
import re
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from spark_jobs.errors import ContractBreach, EnvironmentFault
from spark_jobs.feeds import bronze, landing
from spark_jobs.feeds.landing import Manifest
from spark_jobs.feeds.privacy import erasure, rotation, stored
from spark_jobs.feeds.pseudonym import Pseudonymiser, read_keys
from spark_jobs.lake import tables
from tests.feeds.conftest import Trial
from tests.privacy.traces import traces

pytestmark = [pytest.mark.spark, pytest.mark.canary]
NewTrial = Callable[..., Trial]
FEED = """
feed: cases
kind: dispute
name: {zh: 纠纷, en: Disputes}
source: {type: files, connection: trial, pattern: "cases*", format: csv, encoding: gb18030, delivered: 'cases\\w?_(\\d{8})(?:-\\w+)?\\.\\w+(?:\\.gz)?'}
starts_on: 2026-01-01
record_id: [id]
known_at: {column: updated}
area: [place]
columns:
  accepted_on: day
  category_code: category
  status_code: {from: status, map: {化解中: open, 已化解: settled}}
  party_pair_pseudonym: {from: [party, other]}
dropped: {party: personal, other: personal, name: personal, phone: personal}
tolerance: {rejected_share: 0.9}
"""
PERSON, NAME, PHONE = "999999198001010019", "王测样", "15412345678"
FRIEND, NEIGHBOUR, STRAY = "999999197001010028", "999999196001010037", "15487654321"
# the same person and telephones as nobody sees the difference
PERSON_SPELT, PHONE_SPELT, STRAY_SPELT = "9999\u200b99198001010019", "１５４\u206012345678", "154\u200e87654321"
SPELT = [PERSON_SPELT, PHONE_SPELT, STRAY_SPELT]
PLACE = "东县"  # and the name of somebody
HEADER = "id,place,day,category,status,party,other,updated,name,phone"


def line(id: str, party: str, other: str, updated: str = "2026-02-01 08:00:00", **values: str) -> str:
    right = {
        "day": "2026-01-31",
        "category": "邻里",
        "status": "化解中",
        "name": "李演练",
        "phone": "15400000000",
    } | values
    given = {"id": id, "place": "9901", "party": party, "other": other, "updated": updated} | right
    return ",".join(given[name] for name in HEADER.split(","))


def write(path: Path, *lines: str) -> None:
    content = "\n".join([HEADER, *lines, ""]).encode("gb18030")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"inside-{NAME}-{PHONE}.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def deliver(trial: Trial) -> None:
    write(
        trial.drops / "cases_20260210.csv",
        line("d1", PERSON, FRIEND, name=NAME, phone=PHONE),
        line("d2", FRIEND, NEIGHBOUR),
        line("d10", PERSON_SPELT, FRIEND, phone=PHONE_SPELT),
    )
    write(trial.drops / f"casesb_20260210-{NAME}.csv.gz", line("d3", NEIGHBOUR, PERSON, name=NAME))
    write(trial.drops / "casesc_20260210.zip", line("d4", FRIEND, PERSON, phone=PHONE))
    write(  # columns have shifted: a telephone where a word or a day should be
        trial.drops / "casesd_20260210.csv",
        line("d5", FRIEND, NEIGHBOUR, category=STRAY),
        line("d11", FRIEND, NEIGHBOUR, category=STRAY_SPELT),
        line("d6", NEIGHBOUR, FRIEND, day=STRAY),
        line("d8", NEIGHBOUR, FRIEND, place=STRAY),
        line("d9", FRIEND, NEIGHBOUR, place=PLACE),
    )


def lake(trial: Trial) -> list[Path]:
    """Everything that is neither landing nor the source's own folder nor the keys: lake, logs, staging, GX, Spark."""
    server = tables.lake_folder(trial.spark).parent
    own = [path for path in trial.state.iterdir() if path.name not in ("landing", "drops")]
    return [server / "lake", server / "logs", server / "spark", *own]


def pairs(trial: Trial) -> dict[str, str | None]:
    rows = trial.spark.read.table("silver.dispute").where(f.col("city_code") == trial.city.city_code)
    return {row.record_id: row.party_pair_pseudonym for row in rows.where("is_current").collect()}


def erase(trial: Trial, *values: str) -> list[str]:
    return list(erasure.erase(trial.spark, trial.city, list(values), trial.settings))


class Killed(BaseException):
    """The process dies."""


def die(*_: object, **__: object) -> None:
    raise Killed


def write_and_die(path: Path, manifest: Manifest) -> None:
    path.write_text(manifest.model_dump_json())
    raise Killed


def test_rows_between_two_stages_go_with_those_of_the_lake(spark: SparkSession) -> None:
    """Spark itself would keep them until its next collection of garbage."""
    word = f"v1:{secrets.token_hex(16)}"
    scratch = [tables.lake_folder(spark).parent / "spark" / "scratch"]
    spark.createDataFrame([(word,)], "pair string").repartition(2).collect()
    assert traces(scratch, [word])[word]
    stored.drop_scratch(spark)
    assert traces(scratch, [word]) == {word: set()}


KILLED_AT: dict[str, tuple[Any, str, Callable[..., None]]] = {
    "between bronze and silver": (stored, "_update_silver", die),
    "between the manifest and the raw files": (landing, "_write_whole", write_and_die),
}


def test_a_person_is_erased_from_every_layer_and_stays_erased(
    new_trial: NewTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = new_trial(FEED)
    deliver(trial)
    trial.land()
    trial.refine()
    before = pairs(trial)
    assert before["d1"] == before["d4"] == before["d10"] != before["d3"]
    clear = traces(lake(trial), [PERSON, FRIEND, NEIGHBOUR, NAME, PHONE, STRAY, *SPELT])
    # the search finds what is there; a telephone in the name of a file never came so far
    assert {word for word, files in clear.items() if files} == {STRAY, STRAY_SPELT, NAME}
    assert all(traces([trial.state / "landing"], [PERSON, NAME, PHONE, STRAY, *SPELT]).values())

    for where, (owner, name, killed) in KILLED_AT.items():
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(owner, name, killed)
            erase(trial, PERSON, NAME, PHONE, STRAY, PLACE)
            pytest.fail(f"the erasure never came to the point {where}")
    account = erase(trial, PERSON, NAME, PHONE, STRAY, PLACE)

    gone = [PERSON, NAME, PHONE, STRAY, *SPELT, str(before["d1"]), str(before["d3"])]
    found = traces([*lake(trial), trial.state / "landing"], gone)
    assert found == {word: set() for word in gone}
    assert not [word for word in gone if word in "".join(account)]
    after = pairs(trial)
    assert after == {**before, "d1": None, "d3": None, "d4": None, "d10": None}  # the record stays, nobody stands in it
    assert after["d2"] == after["d5"] is not None
    places = {row.id: row.place for row in trial.spark.read.table(bronze.bronze_table(trial.feed)).collect()}
    assert (places["d8"], places["d9"]) == (None, PLACE)
    _raw_files_are_as_the_manifest_says(trial)
    _a_new_key_keeps_rows_together(trial, monkeypatch)
    _the_source_cannot_bring_it_back(trial)


def _raw_files_are_as_the_manifest_says(trial: Trial) -> None:
    """Text is kept without the values; an archive, and a file of which the lake read the value, are gone."""
    (manifest,) = trial.landing.manifests()
    kept = {re.split("[_-]", file.name)[0]: file.kept_sha256 is not None for file in manifest.files}
    assert kept == {"cases": True, "erased": True, "casesc": False, "casesd": False}
    assert not [path for path in trial.landing.folder.rglob("*") if NAME in path.name]
    paths = [trial.landing.verified(manifest, file) for file in manifest.files if file.kept_sha256]
    assert "d2" in paths[0].read_text("gb18030") and FRIEND in paths[0].read_text("gb18030")
    with pytest.raises(ContractBreach, match=r"removed on .* \(erasure\)"):
        trial.landing.verified(manifest, manifest.files[2])


def _a_new_key_keeps_rows_together(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the change was killed; until it is done nothing is refined."""
    old = pairs(trial)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(stored, "drop_replaced_files", die)
        list(rotation.rotate(trial.spark, trial.settings))
    with pytest.raises(EnvironmentFault, match="interrupted"):
        Pseudonymiser.from_file(trial.settings.hash_keys)
    list(rotation.rotate(trial.spark, trial.settings))
    assert list(read_keys(trial.settings.hash_keys)) == ["1", "2"]
    new = pairs(trial)
    assert {record for record in new if new[record] is None} == {"d1", "d3", "d4", "d10"}
    assert str(new["d2"]).startswith("v2:") and new["d2"] == new["d5"]
    gone = str(old["d2"])
    assert traces(lake(trial), [gone]) == {gone: set()}


def _the_source_cannot_bring_it_back(trial: Trial) -> None:
    """Not with the files it still has, nor with a later version of the record; other rows meet those under the old key."""
    assert trial.land() is None
    before = pairs(trial)
    write(
        trial.drops / "cases_20260211.csv",
        line("d1", PERSON, FRIEND, "2026-02-09 08:00:00", status="已化解"),
        line("d7", FRIEND, NEIGHBOUR),
    )
    trial.land()
    trial.refine()
    assert pairs(trial) == {**before, "d1": None, "d7": before["d2"]}
