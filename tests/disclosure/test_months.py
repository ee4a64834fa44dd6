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
from spark_jobs.release.month_versions import MonthVersion, month_versions, newest_versions
from spark_jobs.release.monthly_files import parse_pattern, pattern_before, publish_month
from spark_jobs.release.monthly_gates import MonthlyGateFailed
from spark_jobs.release.record import journal
from spark_jobs.release.record.notices import notices
from spark_jobs.release.render import render
from spark_jobs.release.wording import LANGUAGES, Wording
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
    assert pattern_before(published / "demo", MonthVersion("2026-11")) == pattern
    assert pattern_before(published / "demo", MonthVersion("2026-10")) is None
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
        publish(replace(other, document=newer), folder)  # its figures were not withdrawn: nobody has said why


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


def counted(old_disputes: float, less: float = 0.0) -> ReleaseInput:
    """As given(), with this many disputes open for long in the second county, of which `less` had been counted twice."""
    made = given()
    values = made.frames["indicator_value"]
    own = values["indicator_id"] == "c3_open_over_30_days"
    county, city = (own & (values["area_code"] == code) for code in (made_up.COUNTIES[1][0], made_up.CITY_AREA))
    values.loc[city, "n_events"] += old_disputes - less - float(values.loc[county, "n_events"].iloc[0])
    values.loc[county, "n_events"] = old_disputes - less
    return made


def withdraw_and_correct(old: Release, new: Release, tmp_path: Path, why: str) -> list[str]:
    """Publish the month from `old`, withdraw that, and publish it again from `new`: what is said of the second."""
    demo = tmp_path / "published" / "demo"
    publish(old, demo.parent)
    journal.enter(demo, journal.published(old.document, datetime(2026, 12, 6, tzinfo=UTC)))
    at = datetime(2026, 12, 9, tzinfo=UTC)
    journal.append(demo, journal.Withdrawn(at=at, release_id=old.release_id, why=why, by="somebody"))
    journal.enter(demo, journal.published(new.document, datetime(2026, 12, 10, tzinfo=UTC)))
    return publish(new, demo.parent)


def test_a_correction_that_would_place_a_small_county_is_stopped(make_release: MakeRelease, tmp_path: Path) -> None:
    """Its eleven are printed, which is lawful; that eight are left follows from the new total."""
    old, new = make_release(counted(11.0)), make_release(counted(11.0, less=3.0))
    with pytest.raises(
        MonthlyGateFailed, match=f"2026-10-v2 was not published(.|\n)*c3_open_over_30_days {made_up.COUNTIES[1][0]}"
    ):
        withdraw_and_correct(old, new, tmp_path, "three disputes were counted twice")
    assert [path.name for path in (tmp_path / "public" / "demo" / "monthly").glob("2026*")] == ["2026-10"]


def test_a_correction_is_a_version_of_its_own_and_the_old_files_answer_with_the_notice(
    make_release: MakeRelease, tmp_path: Path
) -> None:
    folder, why = tmp_path / "published", "three disputes were counted twice"
    demo, public = folder / "demo", tmp_path / "public" / "demo" / "monthly"
    old, new = make_release(counted(40.0)), make_release(counted(40.0, less=3.0))
    assert publish(old, folder)
    first = {path: path.read_bytes() for path in tmp_path.rglob("2026-10/*")}
    before = parse_pattern("2026-10", (demo / "monthly" / "2026-10" / "pattern.csv").read_bytes())
    assert "2026-10-v2: published" in withdraw_and_correct(old, new, tmp_path, why)[0]
    assert "nothing new" in publish(new, folder)[0]

    assert {path: path.read_bytes() for path in first} == first
    pattern = parse_pattern("2026-10", (demo / "monthly" / "2026-10-v2" / "pattern.csv").read_bytes())
    assert pattern.hidden.keys() >= before.hidden.keys()
    assert pattern_before(demo, MonthVersion("2026-11")) == pattern
    assert (public / "latest").resolve() == public / "2026-10-v2"
    assert json.loads((public / "latest.json").read_text()).items() >= {"month": "2026-10", "version": 2}.items()
    account = json.loads((public / "2026-10-v2" / "disclosure.json").read_text())
    assert (account["version"], account["release_id"]) == (2, new.release_id)
    assert account["corrects"] == {
        "version": 1, "release_id": old.release_id, "withdrawn_at": "2026-12-09T00:00:00Z", "why": why,
    }  # fmt: skip
    for language in ("zh", "en"):
        assert why in (public / "2026-10-v2" / f"bulletin.{language}.html").read_text()
        assert why not in (public / "2026-10" / f"bulletin.{language}.html").read_text()
    for tier in (demo / "monthly", public):
        notice = json.loads((tier / "2026-10.withdrawn.json").read_text())
        assert (notice["release_id"], notice["corrected_by"]) == (old.release_id, "2026-10-v2")
        assert all(why in notice[said] and "2026-10-v2" in notice[said] for said in ("said_zh", "said_en"))
        assert not (tier / "2026-10-v2.withdrawn.json").exists()


def test_the_bulletin_of_a_year_that_shows_a_withdrawn_month_has_its_notice(tmp_path: Path) -> None:
    at = datetime(2027, 2, 9, tzinfo=UTC)
    accounts = {
        "2026-10": {"release_id": "old"},
        "2026-10-v2": {"release_id": "new"},
        "2026-11": {"release_id": "other"},
        "2026-12": {"release_id": "last", "year_from": ["2026-10", "2026-11"]},
        "2027-01": {"release_id": "next"},
    }
    for name, account in accounts.items():
        (tmp_path / "monthly" / name).mkdir(parents=True)
        (tmp_path / "monthly" / name / "disclosure.json").write_text(json.dumps(account))
    words = {code: Wording(code, made_up.METHODOLOGY) for code in LANGUAGES}

    def found(*withdrawn: str) -> dict[str, dict[str, str]]:
        entries = [journal.Withdrawn(at=at, release_id=name, why=f"why {name}", by="me") for name in withdrawn]
        return {path.name: content for path, content in notices(tmp_path, entries, words).items()}

    assert found("unknown") == {}
    both = found("old")
    assert both.keys() == {"2026-10.withdrawn.json", "2026-12.withdrawn.json"}
    assert both["2026-10.withdrawn.json"]["corrected_by"] == "2026-10-v2"
    year = both["2026-12.withdrawn.json"]
    assert "corrected_by" not in year  # the month itself stands
    assert all("2026-10" in year[said] and "why old" in year[said] and "2026-10-v2" in year[said]
               for said in ("said_zh", "said_en"))  # fmt: skip
    everything = found("old", "new", "last")
    assert "corrected_by" not in everything["2026-10.withdrawn.json"]  # its correction does not stand
    last = everything["2026-12.withdrawn.json"]
    assert last["release_id"] == "last"
    assert last["said_en"].index("why last") < last["said_en"].index("why old")


def test_versions_are_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    names = ["2026-09", "2026-10", "2026-10-v2", "2026-10-v10", "2026-11"]
    for name in [*names, "latest.json", "2026-10-v1", "2026-10-v02", ".writing-2026-10"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "disclosure.json").touch()
    (tmp_path / "2026-12").mkdir()  # no month: it does not say what it hides
    assert [version.folder for version in month_versions(tmp_path)] == names
    assert [version.next.folder for version in month_versions(tmp_path)][1:4] == [
        "2026-10-v2",
        "2026-10-v3",
        "2026-10-v11",
    ]
    assert newest_versions(tmp_path)["2026-10"] == MonthVersion("2026-10", 10)
