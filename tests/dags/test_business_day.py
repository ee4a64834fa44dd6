"""Which business date a run gets."""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from dags.business_day import business_date
from expectations.models import Archive, City

pytestmark = pytest.mark.dags


def run(**given: Any) -> Any:
    return {"params": {"business_date": None}, "dag_run": SimpleNamespace(run_after=None), **given}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def event(day: str, at: str) -> Any:
    return SimpleNamespace(extra={"business_date": day}, timestamp=utc(at))


SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        (SHANGHAI, "2026-11-22T17:30", "2026-11-22"),  # 01:30 on the 23rd there, the nightly start
        (SHANGHAI, "2026-11-22T18:30", "2026-11-22"),  # 02:30 on the 23rd there, the deadline
        (SHANGHAI, "2026-11-22T15:59", "2026-11-21"),  # one minute before midnight there
        (SHANGHAI, "2026-11-22T16:00", "2026-11-22"),  # midnight there
        (NEW_YORK, "2026-03-08T05:30", "2026-03-07"),  # 00:30 there, the night the clocks change
        (NEW_YORK, "2026-03-09T04:30", "2026-03-08"),  # 00:30 there, after a day of 23 hours
    ],
)
def test_the_last_full_day_there(city: City, zone: str, moment: str, expected: str) -> None:
    there = city.model_copy(update={"time_zone": zone})
    assert business_date(run(logical_date=utc(moment)), there) == expected
    manual = run(dag_run=SimpleNamespace(run_after=utc(moment)))  # no logical date on manual runs
    assert business_date(manual, there) == expected


def test_the_parameter_goes_before_all(city: City) -> None:
    context = run(
        params={"business_date": "2026-01-15"},
        logical_date=utc("2026-11-22T17:30"),
        triggering_asset_events={"a": [event("2026-11-22", "2026-11-22T17:40")]},
    )
    assert business_date(context, city) == "2026-01-15"


def test_the_feed_that_arrived_last_says_the_day(city: City) -> None:
    events = {
        "a": [event("2026-11-22", "2026-11-23T01:00")],
        "b": [event("2026-11-20", "2026-11-23T02:00"), event("2026-11-21", "2026-11-23T00:00")],
    }
    context = run(triggering_asset_events=events, dag_run=SimpleNamespace(run_after=utc("2026-11-23T02:00")))
    assert business_date(context, city) == "2026-11-20"


def test_an_archive_has_one_day(city: City) -> None:
    archive = Archive(business_date=date(2022, 8, 30), as_of=utc("2022-09-01T00:00"))
    ended = city.model_copy(update={"archive": archive, "publication": None})
    assert business_date(run(logical_date=utc("2026-11-22T17:30")), ended) == "2022-08-30"
