"""The month's public files, made from a release folder: hidden cells keep their rows, and a month is published once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.release import files
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.monthly_files import parse_pattern, pattern_before, publish_month
from spark_jobs.release.monthly_gates import MonthlyGateFailed
from spark_jobs.release.record import journal
from spark_jobs.release.render import render
from spark_jobs.released.columns import PUBLIC
from tests.release import made_up

pytestmark = pytest.mark.unit
OCTOBER = date(2026, 10, 1)
SMALL = {"a3_telecom_fraud": 3.0, "c1_escalated": 0.0}
MakeRelease = Callable[[ReleaseInput], Release]


def given(status: str = "revised", seed: int = 7) -> ReleaseInput:
    """A release of 31 October with two small cells in the first county."""
    made = made_up.release_input(seed=seed)
    values = made.frames["indicator_value"]
    county = values["area_code"] == made_up.COUNTIES[0][0]
    for indicator, count in SMALL.items():
        own = values["indicator_id"] == indicator
        values.loc[own & county, "n_events"] = count
        of_counties = own & (values["area_code"] != made_up.CITY_AREA)
        values.loc[own & ~of_counties, "n_events"] = values.loc[of_counties, "n_events"].sum()
    index = made.frames["county_index"].assign(status_code=status)
    return replace(made, business_date=date(2026, 10, 31), frames={**made.frames, "county_index": index})


def publish(release: Release, published: Path) -> list[str]:
    said: list[str] = []
    files.write_release(published / "demo", release.release_id, render(release))
    publish_month(published, made_up.city(), OCTOBER, made_up.METHODOLOGY, said.append)
    return said


def table(published: Path, name: str) -> pd.DataFrame:
    path = published.with_name("public") / "demo" / "monthly" / "2026-10" / name
    return pd.read_csv(io.BytesIO(path.read_bytes()), dtype={"area_code": str}, encoding="utf-8-sig")


@pytest.fixture(scope="module")
def published(make_release: MakeRelease, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("month") / "published"
    publish(make_release(given()), folder)
    return folder


@pytest.mark.parametrize("name", [name for name, table in PUBLIC.items() if table.tier == "public_monthly"])
def test_every_number_has_a_status_and_a_hidden_cell_says_nothing_else(published: Path, name: str) -> None:
    declared = PUBLIC[name]
    rows = list(csv.DictReader(io.StringIO(table(published, declared.file).to_csv(index=False))))
    numbers = [column for column, of in declared.columns.items() if of.type == "number"]
    assert rows
    for row in rows:
        assert row["conf_status"] in ("F", "C")
        statuses = {n: row[declared.status_column(declared.columns[n].of or n)] for n in numbers}
        assert {n: bool(row[n]) for n in numbers} == {n: status == "A" for n, status in statuses.items()}
        assert {status == "Q" for status in statuses.values()} == {row["conf_status"] == "C"}


def test_every_rate_has_its_unit(published: Path) -> None:
    units = {i.id: (i.unit.zh, i.unit.en) for i in made_up.METHODOLOGY.indicators}
    found = table(published, "indicators.csv")
    assert set(zip(found["indicator_id"], found["rate_unit_zh"], found["rate_unit_en"], strict=True)) == {
        (name, *unit) for name, unit in units.items()
    }


@pytest.mark.parametrize("indicator", SMALL)
def test_a_small_cell_is_hidden_with_another_beside_it_and_stays_a_row(published: Path, indicator: str) -> None:
    found = table(published, "indicators.csv").query("indicator_id == @indicator")
    hidden = set(found[found["conf_status"] == "C"]["area_code"])
    assert made_up.COUNTIES[0][0] in hidden
    assert len(hidden) >= 2
    assert len(found) == len(made_up.COUNTIES) + 1


def test_the_account_says_rules_and_shares_and_only_the_restricted_one_says_reasons(published: Path) -> None:
    public, restricted = (
        json.loads((root / "demo" / "monthly" / "2026-10" / "disclosure.json").read_text())
        for root in (published.with_name("public"), published)
    )
    assert "hidden_by_reason" not in public
    assert restricted["hidden_by_reason"]["small"] >= len(SMALL)
    assert {name: restricted[name] for name in public} == public
    indicators = table(published, "indicators.csv")
    assert public["cells"]["indicators"] == {
        "shown": int((indicators["conf_status"] == "F").sum()),
        "hidden": int((indicators["conf_status"] == "C").sum()),
    }
    assert not (published.with_name("public") / "demo" / "monthly" / "2026-10" / "pattern.csv").exists()


def test_the_pattern_is_read_back_as_it_was_and_is_what_the_next_month_starts_from(published: Path) -> None:
    content = (published / "demo" / "monthly" / "2026-10" / "pattern.csv").read_bytes()
    pattern = parse_pattern("2026-10", content)
    assert pattern_before(published / "demo", date(2026, 11, 1)) == pattern
    assert pattern_before(published / "demo", OCTOBER) is None
    assert pattern.hides("indicators", "a3_telecom_fraud", made_up.COUNTIES[0][0])


def test_a_month_is_published_once(make_release: MakeRelease, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    first = make_release(given())
    assert "published" in publish(first, folder)[0]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "nothing new" in publish(first, folder)[0]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    other = make_release(given(seed=8))
    newer = {**other.document, "as_of": "2026-12-31T17:30:00Z"}
    with pytest.raises(UsageError, match="never edited"):
        publish(replace(other, document=newer), folder)


def test_a_provisional_release_and_none_at_all_make_no_month(make_release: MakeRelease, tmp_path: Path) -> None:
    for releases in ([], [make_release(given("provisional"))]):
        for release in releases:
            files.write_release(tmp_path / "demo", release.release_id, render(release))
        with pytest.raises(UsageError, match=r"expected a revised release of 2026-10-31 .* found \d provisional"):
            publish_month(tmp_path, made_up.city(), OCTOBER, made_up.METHODOLOGY, print)


def test_no_month_is_made_from_a_release_that_was_withdrawn(make_release: MakeRelease, tmp_path: Path) -> None:
    release, at = make_release(given()), datetime(2026, 12, 6, tzinfo=UTC)
    folder = tmp_path / "published" / "demo"
    files.write_release(folder, release.release_id, render(release))
    journal.enter(folder, journal.published(release.document, at))
    journal.append(folder, journal.Withdrawn(at=at, release_id=release.release_id, why="counted twice", by="somebody"))
    with pytest.raises(UsageError, match="found 0 provisional and 1 withdrawn"):
        publish_month(tmp_path / "published", made_up.city(), OCTOBER, made_up.METHODOLOGY, print)


def test_a_public_file_that_the_attacker_cannot_read_stops_the_month(
    make_release: MakeRelease,
    tmp_path: Path,
) -> None:
    stray = tmp_path / "public" / "demo" / "counts.xlsx"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    with pytest.raises(MonthlyGateFailed, match=r"counts\.xlsx") as failure:
        publish(make_release(given()), tmp_path / "published")
    assert failure.value.exit_code == 6
    assert not (tmp_path / "public" / "demo" / "monthly").exists()


def test_a_printed_county_beside_a_hidden_one_stops_the_month(
    make_release: MakeRelease,
    tmp_path: Path,
) -> None:
    """What is public already cannot be hidden: yesterday's file prints a county of three."""
    earlier = tmp_path / "public" / "demo" / "monthly" / "2026-09" / "indicators.csv"
    earlier.parent.mkdir(parents=True)
    columns = "area_code,indicator_id,first_day,last_day,n_events,denominator,rate,score,state_code,conf_status"
    county = made_up.COUNTIES[0][0]
    earlier.write_text(f"{columns}\n{county},a3_telecom_fraud,2025-10-01,2026-09-30,3,1000,,,live,F\n")
    with pytest.raises(MonthlyGateFailed, match=f"a3_telecom_fraud {county}"):
        publish(make_release(given()), tmp_path / "published")
