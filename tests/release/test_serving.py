"""The serving copy in a real PostgreSQL: readers see the old release or the new one, never a mixture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from expectations.models import Text
from spark_jobs.errors import EnvironmentFault
from spark_jobs.release import serving
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.record import journal, served
from spark_jobs.release.record.vintages import said_at
from spark_jobs.release.serving_tables import JOURNAL_TABLES, SERVING_TABLES, serving_rows
from tests.release import made_up
from tests.release.record_world import FIRST, Record, night, nights

pytestmark = pytest.mark.e2e
Make = Callable[[ReleaseInput], Release]
REASON = Text("发布检查未通过", "the publication suite failed")


@pytest.fixture
def old(make_release: Make) -> Release:
    return make_release(made_up.release_input(seed=11))


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        found = {}
        for table, columns in SERVING_TABLES.items():
            names = ", ".join(f'"{column}"' for column in columns)
            found[table] = connection.execute(f"select {names} from mart_demo.{table}").fetchall()  # type: ignore[call-overload]
    return found


def test_the_tables_hold_the_release_and_the_reader_may_only_read(mart: str, release: Release) -> None:
    serving.write_serving(mart, release)
    assert content(mart) == serving_rows(release)
    assert serving.served_release(mart, "demo") == (release.release_id, False)
    with psycopg.connect(mart) as connection:
        connection.execute("set role mart_reader")
        (count,) = connection.execute("select count(*) from mart_demo.county_index").fetchone() or (0,)
        assert count == len(release.areas)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from mart_demo.county_index")


def test_texts_are_ready_to_show(mart: str, release: Release) -> None:
    serving.write_serving(mart, release)
    with psycopg.connect(mart) as connection:
        headline, missing = (
            connection.execute("select headline_zh, missing_zh from mart_demo.release_info").fetchone() or ()
        )
        colours = dict(connection.execute("select colour_code, colour_name_zh from mart_demo.flag").fetchall())
        units = connection.execute("select count(*) from mart_demo.indicator_value where unit_zh is null").fetchone()
    assert headline == f"发布 {release.release_id} · 截至 2026年11月23日 01:30 · 暂定"
    assert missing == "无"
    assert colours == {"red": "红色", "amber": "橙色"}
    assert units == (0,)


def test_a_missing_index_is_null_with_a_reason(mart: str, make_release: Make) -> None:
    serving.write_serving(mart, make_release(made_up.release_input(grey_domain="disputes")))
    with psycopg.connect(mart) as connection:
        rows = connection.execute(
            'select "index", lower, upper, interval_text, reason_zh from mart_demo.county_index'
        ).fetchall()
    assert {row[:4] for row in rows} == {(None, None, None, "—")}
    assert all("矛盾纠纷" in row[4] for row in rows)


def test_the_maps_colours_turn_at_the_base_period(release: Release) -> None:
    """The drawing takes the least and the greatest value as the ends of its scale; their middle must be 100."""
    names = list(SERVING_TABLES["county_map"])
    rows = [dict(zip(names, row, strict=True)) for row in serving_rows(release)["county_map"]]
    ends = {r["area_code"]: r["index"] for r in rows if r["area_code"].startswith("scale_")}
    assert ends.keys() == {"scale_low", "scale_high"}
    assert {r["area_code"] for r in rows} - ends.keys() == set(release.tables["county_index"]["area_code"]) - {
        release.city.area_code
    }
    assert sum(ends.values()) / 2 == release.methodology.bands.level
    assert (min(r["index"] for r in rows), max(r["index"] for r in rows)) == (ends["scale_low"], ends["scale_high"])


def test_a_map_without_any_index_has_the_base_period_alone(make_release: Make) -> None:
    rows = serving_rows(make_release(made_up.release_input(grey_domain="disputes")))["county_map"]
    assert {row[-1] for row in rows} == {100.0}


@pytest.mark.parametrize(
    ("change", "lower", "upper", "said"),
    [
        (4.2, -1.0, 9.0, "+4（误差范围之内）"),
        (4.2, 0.1, 9.0, "+4"),
        (-8.0, -12.0, -1.0, "−8"),
        (-8.0, -17.0, 0.0, "−8（误差范围之内）"),
        (None, None, None, "—"),
    ],
)
def test_a_change_on_the_dashboard_says_whether_it_is_clear(
    make_release: Make, change: float | None, lower: float | None, upper: float | None, said: str
) -> None:
    given = made_up.release_input()
    index = given.frames["county_index"].copy()
    index[["change_1y", "change_lower", "change_upper"]] = [[change, lower, upper]] * len(index)
    release = make_release(replace(given, frames={**given.frames, "county_index": index}))
    place = list(SERVING_TABLES["county_index"]).index("change_text")
    assert {row[place] for row in serving_rows(release)["county_index"]} == {said}


def test_settlement_has_both_views_and_no_ranking(release: Release) -> None:
    """The city ever and by month found, the counties by code and ever only."""
    names = list(SERVING_TABLES["settlement"])
    rows = [dict(zip(names, row, strict=True)) for row in serving_rows(release)["settlement"]]
    shown = [(r["area_name_zh"], r["found_zh"], r["n_accepted"], r["rate_text"], r["interval_text"]) for r in rows]
    assert shown == [
        ("示范市", "有记录以来", 75_701, "98.00%", "97.9–98.1"),
        ("示范市", "2026年10月", 264, "90.91%", "86.8–93.8"),
        ("东湖区", "有记录以来", 168, "97.62%", "94.0–99.1"),
        ("西山区", "有记录以来", 168, "98.21%", "94.9–99.4"),
        ("新城区", "有记录以来", 75_365, "98.00%", "97.9–98.1"),
    ]
    assert {r["view_code"] for r in rows if r["level_code"] == "county"} == {"cumulative"}


def test_a_domain_is_marked_only_where_its_whole_interval_is_on_one_side(make_release: Make) -> None:
    """The mark says what the band says; a domain that is not live is said in words."""
    given = made_up.release_input(grey_domain="disputes")
    domains = given.frames["domain_index"].copy()
    first = domains.index[domains["domain_id"] == "incidents"][:4]
    figures = [(107.5, 100.1, 113.5), (92.0, 85.0, 99.9), (99.0, 94.0, 104.0), (100.5, 100.0, 101.0)]
    domains.loc[first, ["value", "lower", "upper"]] = figures
    release = make_release(replace(given, frames={**given.frames, "domain_index": domains}))
    names = list(SERVING_TABLES["domain_index"])
    rows = [dict(zip(names, row, strict=True)) for row in serving_rows(release)["domain_index"]]
    incidents = [(r["value_text"], r["band_code"], r["band_name_zh"]) for r in rows if r["domain_id"] == "incidents"]
    assert incidents[:4] == [
        ("▲ 108（100–114）", "better", "优于基期"),
        ("▼ 92（85–100）", "worse", "差于基期"),
        ("99（94–104）", "level", "与基期持平"),
        ("100（100–101）", "level", "与基期持平"),
    ]
    grey = {(r["value"], r["value_text"], r["band_code"]) for r in rows if r["domain_id"] == "disputes"}
    assert grey == {(None, "无指数", "none")}


def test_the_pulse_is_said_in_words_and_too_few_is_no_zero(release: Release) -> None:
    names = list(SERVING_TABLES["pulse"])
    rows = [dict(zip(names, row, strict=True)) for row in serving_rows(release)["pulse"]]
    city = {r["indicator_id"]: r for r in rows if r["level_code"] == "city"}
    shown = {r: (city[r]["state_name_zh"], city[r]["change_text"]) for r in ("a2_property_crime", "b3_fires")}
    assert shown == {"a2_property_crime": ("高于常年同期", "+60%"), "b3_fires": ("低于常年同期", "−50%")}
    few = city["b4_work_safety"]
    assert (few["expected"], few["expected_text"], few["change_text"]) == (None, "—", "—")


def test_coverage_is_one_row_an_area_with_the_year_before_where_it_compares(release: Release) -> None:
    """The platform of the first county, and so that of the city, is younger than a year."""
    names = list(SERVING_TABLES["coverage"])
    rows = [dict(zip(names, row, strict=True)) for row in serving_rows(release)["coverage"]]
    shown = [
        (r["area_name_zh"], r["month_zh"], r["posts_text"], r["diary_share_text"], r["rolled_out_on"]) for r in rows
    ]
    assert shown[:3] == [
        ("示范市", "2026年10月", "306", "100.0%", date(2026, 3, 1)),
        ("东湖区", "2026年10月", "26", "100.0%", date(2026, 3, 1)),
        ("西山区", "2026年10月", "36（35）", "100.0%（100.0%）", date(2025, 3, 1)),
    ]
    assert [r["area_code"] for r in rows] == [area.area_code for area in release.areas]


def test_a_release_without_coverage_serves_no_row_of_it(make_release: Make) -> None:
    given = made_up.release_input()
    none = given.frames["coverage"].iloc[0:0]
    assert serving_rows(make_release(replace(given, frames={**given.frames, "coverage": none})))["coverage"] == []


def test_the_trend_has_a_line_a_county_and_three_of_the_city(release: Release) -> None:
    lines = {(area, series) for _, area, series, _ in serving_rows(release)["trend_line"]}
    names = {area.name.zh for area in release.areas}
    assert {series for _, series in lines} == names | {"示范市区间下限", "示范市区间上限"}
    assert len(lines) == len(release.areas) + 2


def test_twice_is_as_good_as_once(mart: str, release: Release, old: Release) -> None:
    for one in (old, release, release):
        serving.write_serving(mart, one)
    assert content(mart) == serving_rows(release)


@pytest.mark.kill
@pytest.mark.parametrize("table", SERVING_TABLES)
def test_a_writer_that_dies_leaves_the_old_release(
    mart: str, release: Release, old: Release, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.write_serving(mart, old)
    original = serving._copy

    def dying(cursor: psycopg.Cursor, schema: str, name: str, rows: list[tuple[object, ...]]) -> None:
        original(cursor, schema, name, rows)
        if name == table:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(serving, "_copy", dying)
        with pytest.raises(KeyboardInterrupt):
            serving.write_serving(mart, release)
    assert content(mart) == serving_rows(old)
    serving.write_serving(mart, release)
    assert content(mart) == serving_rows(release)


def test_a_reader_never_waits_and_never_sees_half(mart: str, release: Release, old: Release) -> None:
    """A reader looks on while the writer stands in the middle of its transaction, and again after the commit."""
    serving.write_serving(mart, old)
    halfway, go_on = threading.Event(), threading.Event()
    original = serving._copy

    def pausing(cursor: psycopg.Cursor, schema: str, name: str, rows: list[tuple[object, ...]]) -> None:
        original(cursor, schema, name, rows)
        if name == "domain_index":
            halfway.set()
            assert go_on.wait(20)

    serving._copy = pausing
    writer = threading.Thread(target=serving.write_serving, args=(mart, release))
    try:
        writer.start()
        assert halfway.wait(20)
        with psycopg.connect(mart) as reader:
            reader.execute("set statement_timeout = '2s'")  # a reader that waits fails here
            reader.execute("set role mart_reader")
            rows = reader.execute("select area_code, value from mart_demo.domain_index").fetchall()
        seen = content(mart)
    finally:
        go_on.set()
        writer.join(20)
        serving._copy = original
    assert sorted(rows) == sorted((row[0], row[5]) for row in serving_rows(old)["domain_index"])
    assert seen == serving_rows(old)
    assert content(mart) == serving_rows(release)


def test_readers_in_one_snapshot_see_one_release(mart: str, make_release: Make) -> None:
    """While releases change many times, every snapshot shows release_info and county_index of the same release."""
    releases = [make_release(made_up.release_input(seed=seed)) for seed in (21, 22)]
    figures = {r.release_id: r.tables["county_index"]["index"].tolist() for r in releases}
    serving.write_serving(mart, releases[0])
    done = threading.Event()

    def keep_writing() -> None:
        for n in range(30):
            serving.write_serving(mart, releases[n % 2])
        done.set()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    seen = set()
    with psycopg.connect(mart) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while not done.is_set():
            with reader.transaction():
                (identifier,) = reader.execute("select release_id from mart_demo.release_info").fetchone() or ("",)
                rows = reader.execute('select "index" from mart_demo.county_index order by area_code').fetchall()
            assert [row[0] for row in rows] == figures[identifier]
            seen.add(identifier)
    writer.join(20)
    assert seen == set(figures)


def test_a_table_of_an_older_layout_is_made_anew(mart: str, release: Release) -> None:
    with psycopg.connect(mart) as connection:
        connection.execute("create schema mart_demo")
        connection.execute("create table mart_demo.trend (day date, area_code text)")
    serving.write_serving(mart, release)
    assert content(mart) == serving_rows(release)


@pytest.mark.parametrize(
    "change", ["drop table mart_demo.coverage", "alter table mart_demo.domain_index drop column value_text"]
)
def test_a_release_in_an_older_layout_is_not_served(mart: str, release: Release, change: str) -> None:
    """After an upgrade the same night run again gives the dashboard its new tables."""
    serving.write_serving(mart, release)
    with psycopg.connect(mart) as connection:
        connection.execute(change)
    assert serving.served_release(mart, "demo") is None
    serving.write_serving(mart, release)
    assert serving.served_release(mart, "demo") == (release.release_id, False)


def test_stale_is_told_and_a_new_release_clears_it(mart: str, release: Release, old: Release) -> None:
    serving.write_serving(mart, old)
    serving.mark_serving_stale(mart, "demo", made_up.DAY, REASON)
    assert serving.served_release(mart, "demo") == (old.release_id, True)
    with psycopg.connect(mart) as connection:
        told = connection.execute("select stale_since, stale_reason_zh from mart_demo.release_info").fetchone()
    assert told == (made_up.DAY, REASON.zh)
    serving.write_serving(mart, release)
    assert serving.served_release(mart, "demo") == (release.release_id, False)


def test_before_the_first_release(mart: str) -> None:
    assert serving.served_release(mart, "demo") is None
    serving.mark_serving_stale(mart, "demo", made_up.DAY, REASON)
    assert serving.served_release(mart, "demo") is None


def test_no_database_is_one_report_without_the_password(release: Release) -> None:
    with pytest.raises(EnvironmentFault, match="serving database") as fault:
        serving.write_serving("postgresql://mart_owner:hush@127.0.0.1:1/mart", release)
    assert "hush" not in str(fault.value)


def test_a_flag_for_the_whole_city_keeps_its_name(mart: str, make_release: Make) -> None:
    given = made_up.release_input()
    flag = given.frames["flag"].assign(area_code=made_up.CITY_AREA, colour_code="grey", rule_code="F9")
    serving.write_serving(mart, make_release(replace(given, frames={**given.frames, "flag": flag})))
    with psycopg.connect(mart) as connection:
        rows = connection.execute("select area_name_zh, colour_code, rule_name_zh from mart_demo.flag").fetchall()
    assert set(rows) == {("示范市", "grey", "数据质量")}


WHAT_WE_SAID = """select area_code, measure_code, part_id, value, status_code from mart_demo.vintage
    where day = %s and realtime_start <= %s and (realtime_end is null or realtime_end > %s)"""


def test_one_query_says_what_we_said_then_night_by_night_and_made_anew(
    mart: str, make_release: Make, tmp_path: Path
) -> None:
    """The table is that of the file after each event, after a killed run, a withdrawal, and a journal that is another."""
    folder = tmp_path / "published" / "demo"
    folder.mkdir(parents=True)
    record = Record(make_release, folder)

    def is_as_the_file_says() -> None:
        file = pq.read_table(folder / "vintages.parquet")
        with psycopg.connect(mart) as connection:
            connection.execute("set role mart_reader")
            for entry in journal.read(folder):
                found = connection.execute(WHAT_WE_SAID, (FIRST, entry.at, entry.at)).fetchall()
                said = said_at(file, entry.at, FIRST).to_pylist()
                names = ("area_code", "measure_code", "part_id", "value", "status_code")
                assert sorted(found) == sorted(tuple(row[name] for name in names) for row in said)
                assert found
            counted = connection.execute("select count(*), count(realtime_end) from mart_demo.vintage").fetchone()
            shown = {t: connection.execute(f"select * from mart_demo.{t}").fetchall() for t in JOURNAL_TABLES}
        assert counted == (len(file), len(file) - file["realtime_end"].null_count)
        assert shown == served.journal_rows(made_up.city(), folder)

    record.publish(FIRST, night(FIRST))
    for _ in range(2):
        served.serve(mart, made_up.city(), folder)
        is_as_the_file_says()
    nights(record, 3)  # several events at once, the first of them known: a night that was killed before it served
    served.serve(mart, made_up.city(), folder)
    is_as_the_file_says()
    assert all(served.journal_rows(made_up.city(), folder).values())  # something was revised, of a month end too
    first, mark = journal.read(folder)[0], serving.vintage_mark(mart, "demo")
    text = (folder / journal.JOURNAL_FILE).read_text(encoding="utf-8")
    (folder / journal.JOURNAL_FILE).write_text(text.replace("T18:00:00Z", "T17:00:00Z", 1), encoding="utf-8")
    record.publish(FIRST + timedelta(days=9), night(FIRST + timedelta(days=9)), seed=4)
    served.serve(mart, made_up.city(), folder)
    is_as_the_file_says()
    assert serving.vintage_mark(mart, "demo") != mark
    assert journal.read(folder)[0].at == first.at - timedelta(hours=1)
