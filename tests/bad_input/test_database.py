"""A database that is away, and tables whose columns are not what the contract reads."""

from __future__ import annotations

import socket
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from expectations.models import Feed
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.drift import check_columns
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.sources import database
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input import cases

pytestmark = [pytest.mark.e2e, pytest.mark.bad_input]
TABLE = {
    "id": "text", "place": "character varying", "day": "date", "nature": "USER-DEFINED", "deaths": "integer",
    "updated": "timestamp without time zone", "name": "text",
}  # fmt: skip


@pytest.fixture
def feed() -> Feed:
    source = {"type": "database", "connection": "trial", "table": "cases", "cursor": "updated"}
    return Feed.model_validate({**cases.feed().model_dump(by_alias=True), "source": source})


DRIFTED = {
    # name: (columns of the table now, what the report says)
    "a database column that is gone": (
        {name: kind for name, kind in TABLE.items() if name != "deaths"},
        r"expected columns \['deaths'\], found .*\n  deaths: the contract reads count, for n_deaths \| the source has missing",
    ),
    "a database column that was renamed": (
        {("days" if name == "day" else name): kind for name, kind in TABLE.items()},
        r"day: the contract reads date, for occurred_on \| the source has missing; there is 'days'",
    ),
    "a database column re-typed to a document": (
        {**TABLE, "nature": "jsonb"}, r"nature: the contract reads code, for nature_code \| the source has jsonb",
    ),
    "a database key re-typed to floating point": (
        {**TABLE, "id": "double precision"}, r"id: the contract reads text, for record_id \| the source has double",
    ),
    "a database table that is gone": ({}, r"expected columns \['id', 'place', .*\], found \[\]"),
}  # fmt: skip


@pytest.mark.parametrize(("now", "report"), DRIFTED.values(), ids=DRIFTED.keys())
def test_a_table_that_changed_stops_the_feed(feed: Feed, now: dict[str, str], report: str) -> None:
    with pytest.raises(ContractBreach, match=report) as breach:
        check_columns(feed, "table cases", list(now), now)
    assert "what to do: " in str(breach.value)


def test_a_table_with_more_columns_in_another_order_passes(feed: Feed) -> None:
    now = {"phone": "text", **dict(reversed(TABLE.items()))}
    assert check_columns(feed, "table cases", list(now), now) == ("phone",)


def test_a_database_that_is_away(feed: Feed, tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        fields = {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": taken.getsockname()[1],
            "password": "s3cret",
            "extra": {"transport": "plain"},
        }
        cutoff = datetime(2026, 2, 10, 18, tzinfo=UTC)
        pull = Pull(feed, Connection.model_validate(fields), landing, date(2026, 2, 10), cutoff, "Asia/Shanghai")
        with pytest.raises(SourceUnavailable, match="the database of connection trial failed") as refusal:
            database.land(pull)
    assert refusal.value.exit_code == 4
    assert "s3cret" not in str(refusal.value)
    assert landing.manifests() == []
