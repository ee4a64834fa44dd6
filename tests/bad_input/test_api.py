"""An HTTP API that lies, stalls, breaks off and sends elsewhere: all rows, or a report and nothing landed."""

from __future__ import annotations

import re
import socket
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from expectations.models import Feed
from spark_jobs.errors import ContractBreach, EnvironmentFault, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.decoding import decode
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.sources import api
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input import cases
from tests.bad_input.api_cases import (
    ADVICE,
    ATTEMPTS,
    FULL,
    LARGEST_PAGE,
    NAN,
    OVERCOME,
    REFUSED,
    ROUND_TOTALS,
    Overcome,
    Refused,
    of_round_total,
)
from tests.bad_input.test_files import PSEUDONYMISER
from tests.bad_input.unreliable_api import ROWS, SIZE, Answer, Office, page, serving

pytestmark = [pytest.mark.e2e, pytest.mark.bad_input]
PATIENCE = {"connect": 60, "read": 60, "whole": 60, "attempts": ATTEMPTS, "first_wait": 0.01, "longest_wait": 0.05}
SECRET = "s3cret"


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    monkeypatch.setattr(api, "LARGEST_PAGE", LARGEST_PAGE)
    source = {
        "type": "api", "connection": "trial", "token_path": "/token", "path": "/rows", "items": "items",
        "total": "total", "page_parameter": "page", "size_parameter": "size", "page_size": SIZE,
        "from_parameter": "from", "to_parameter": "to",
    }  # fmt: skip
    return Feed.model_validate({**cases.feed().model_dump(by_alias=True), "source": source})


def pull(feed: Feed, landing: Landing, port: int, **patience: float) -> Manifest | None:
    connection = Connection.model_validate(
        {"conn_type": "http", "host": "127.0.0.1", "port": port, "login": "office", "password": SECRET,
         "extra": {"transport": "plain", "patience": {**PATIENCE, **patience}}}
    )  # fmt: skip
    day = date(2026, 2, 10)
    return api.land(Pull(feed, connection, landing, day, datetime(2026, 2, 10, 18, tzinfo=UTC), "Asia/Shanghai"))


def ids(feed: Feed, landing: Landing, manifest: Manifest) -> list[str]:
    tables = [decode(feed, landing.verified(manifest, file), PSEUDONYMISER).table for file in manifest.files]
    return [id for table in tables for id in table["id"].to_pylist()]


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_trusted_does_not_land(feed: Feed, tmp_path: Path, case: Refused) -> None:
    landing = Landing(tmp_path / "landing")
    with serving(deepcopy(case.office)) as office:
        with pytest.raises((SourceUnavailable, ContractBreach), match=case.report) as refusal:
            pull(feed, landing, office.port, whole=case.whole)
        assert len(office.asked) == case.n_asked
        report = str(refusal.value)
        assert refusal.value.exit_code == case.exit_code
        assert re.match(r"feed trial\.cases: ", report)
        assert report.count("what to do: ") == 1
        assert "network" not in report
        assert all(what_to_do in report for words, what_to_do in ADVICE.items() if words in report)
        assert SECRET not in report
        assert "token1" not in report
        assert landing.manifests() == []
        office.pages, office.token, office.dies = Office(lambda number, asked: page(number)).pages, Office.token, ()
        manifest = pull(feed, landing, office.port)  # the next pull misses nothing
    assert manifest
    assert ids(feed, landing, manifest) == [row["id"] for row in ROWS]


def test_a_pull_that_broke_off_goes_on_where_it_was(feed: Feed, tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    gone = Answer(b"", 503)
    with serving(Office(lambda number, asked: gone if number == 3 else page(number))) as office:
        with pytest.raises(SourceUnavailable):
            pull(feed, landing, office.port)
        assert office.asked == [1, 2, 3, 3, 3]
        torn = next(landing.folder.glob(".landing-*")) / ".half"
        torn.write_bytes(b"the process was killed while it wrote")
        office.pages, office.asked = lambda number, asked: page(number), []
        manifest = pull(feed, landing, office.port)
    assert manifest
    assert office.asked == [3]
    assert ids(feed, landing, manifest) == [row["id"] for row in ROWS]
    assert sorted(path.name for path in landing.folder.rglob("*") if path.is_file()) == [
        "manifest.json", *(file.name for file in manifest.files)
    ]  # fmt: skip


@pytest.mark.parametrize("in_front", [0, 1])
def test_a_source_that_changed_during_the_break_is_asked_for_all(feed: Feed, tmp_path: Path, in_front: int) -> None:
    """One row more: the total says so. One row in front and one less behind: a page overlaps with those of before."""
    landing = Landing(tmp_path / "landing")
    now = [{**ROWS[0], "id": "new"}, *ROWS[:4]] if in_front else [*ROWS, {**ROWS[0], "id": "new"}]
    gone = Answer(b"", 503)
    with serving(Office(lambda number, asked: gone if number == 3 else page(number))) as office:
        with pytest.raises(SourceUnavailable):
            pull(feed, landing, office.port)
        office.pages, office.asked = lambda number, asked: page(number, now), []
        manifest = pull(feed, landing, office.port)
    assert manifest
    assert office.asked[:4] == [3, 1, 2, 3]
    assert ids(feed, landing, manifest) == [row["id"] for row in now]


@pytest.mark.parametrize("case", OVERCOME.values(), ids=OVERCOME.keys())
def test_what_passes_by_is_waited_for(feed: Feed, tmp_path: Path, case: Overcome) -> None:
    landing = Landing(tmp_path / "landing")
    with serving(deepcopy(case.office)) as office:
        manifest = pull(feed, landing, office.port)
    assert manifest
    assert office.asked == case.asked
    assert office.n_tokens == case.n_tokens
    found = ids(feed, landing, manifest)
    assert found == [row["id"] for row in ROWS][: manifest.n_rows]
    assert len(found) == manifest.n_rows


@pytest.mark.parametrize(("halves", "is_taken"), ROUND_TOTALS.values(), ids=ROUND_TOTALS.keys())
def test_a_round_total_has_to_be_proved(feed: Feed, tmp_path: Path, halves: tuple[int, int], is_taken: bool) -> None:
    landing = Landing(tmp_path / "landing")
    source = feed.source.model_copy(update={"page_size": api.ROUND})
    feed = feed.model_copy(update={"source": source})
    with serving(of_round_total(halves)) as office:
        if is_taken:
            manifest = pull(feed, landing, office.port)
            assert manifest
            assert ids(feed, landing, manifest) == [row["id"] for row in FULL]
            return
        said = f"found a round total of {api.ROUND:,}, .* the halves of the window have {halves[0]:,} and {halves[1]:,}"
        with pytest.raises(ContractBreach, match=said):
            pull(feed, landing, office.port)
    assert landing.manifests() == []


def test_rows_alike_in_all_that_is_read_may_stand_on_two_pages(feed: Feed, tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    rows = [{**ROWS[0], "note": "for facts"}, ROWS[1], {**ROWS[0], "note": "for experts"}]
    with serving(Office(lambda number, asked: page(number, rows))) as office:
        manifest = pull(feed, landing, office.port)
    assert manifest
    assert ids(feed, landing, manifest) == ["r0", "r1", "r0"]


def test_nan_in_a_page_costs_its_row_only(feed: Feed, tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing")
    with serving(deepcopy(NAN)) as office:
        manifest = pull(feed, landing, office.port)
    assert manifest
    table = decode(feed, landing.verified(manifest, manifest.files[0]), PSEUDONYMISER).table
    assert [(row["_row"], row["id"], row["_fault"] and row["_fault"]["rule"]) for row in table.to_pylist()] == [
        (2, "r1", None), (1, None, "not_json")
    ]  # fmt: skip


def test_nobody_answers(feed: Feed, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        with pytest.raises(SourceUnavailable, match="no answer after 3 tries") as refusal:
            pull(feed, Landing(tmp_path / "landing"), taken.getsockname()[1])
    assert refusal.value.exit_code == 4
    assert "what to do: check address and network" in str(refusal.value)


def test_patience_that_does_not_exist_is_named(feed: Feed, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="extra.patience: .*\n.*timeout"):
        pull(feed, Landing(tmp_path / "landing"), 1, timeout=3)
