"""Released flags become cases: once, again, repaired, gone, back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.portal.conftest import CITY_AREA, COUNTY, DAY, OTHER, flag

if TYPE_CHECKING:
    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
A, B = (f"{n:016x}" for n in (1, 2))


def state(flag_id: str = A) -> tuple[str, int]:
    from portal.desk.models import Case

    case = Case.objects.get(pk=flag_id)
    return case.state_code, case.n_steps


def take(at: datetime = NOW) -> int:
    from portal.desk.taking import take_release

    return take_release(at)


def decide(by: Officer, to: str, flag_id: str = A, at: datetime = NOW) -> None:
    from portal.desk.steps import Wish, perform_step

    name, text = by.user.username, "查到"
    perform_step(flag_id, Wish("assigned", "first_look", assignee=name), by, at)
    perform_step(flag_id, Wish("verified", "on_site", text), by, at)
    perform_step(flag_id, Wish(to, {"cleared": "chance", "confirmed": "real_rise"}[to], text), by, at)


def test_before_the_first_release_there_is_nothing(db: None) -> None:
    assert take() == 0


def test_a_release_is_taken_once_and_a_repaired_night_finds_its_decisions(
    publish: Callable[..., None], officer: Callable[..., Officer]
) -> None:
    from portal.desk.models import Case, TakenRelease

    publish([flag(1), flag(2, OTHER)])
    assert (take(), take()) == (2, 0)
    decide(officer("reviewer"), "confirmed")
    publish([flag(1, observed=11.0, detail_zh="已更正"), flag(3)], release_id="20261121-repaired00")
    assert (take(), take()) == (1, 0)
    assert state() == ("confirmed", 4)
    again = Case.objects.get(pk=A)
    assert (again.observed, again.detail_zh, again.standing_on) == (11.0, "已更正", DAY)
    assert state(B) == ("raised", 1)  # no longer in the release, and still somebody's to look at
    assert TakenRelease.objects.count() == 2


def test_an_older_release_is_not_taken(publish: Callable[..., None]) -> None:
    publish([flag(1)])
    take()
    publish([flag(9)], DAY - timedelta(days=1))
    assert take() == 0


def test_a_release_from_before_a_column_is_taken_all_the_same(publish: Callable[..., None], mart: str) -> None:
    import psycopg
    from django.test import override_settings

    from portal.desk.models import Case

    publish([flag(1)])
    absent = "rule_name_en, indicator_name_en, expected"
    with psycopg.connect(mart) as connection:
        connection.execute("create schema mart_older")
        for table in ("release_info", "flag"):
            connection.execute(f"create table mart_older.{table} as select * from mart_demo.{table}")
        connection.execute(f"alter table mart_older.flag {', '.join(f'drop {name}' for name in absent.split(', '))}")
        connection.execute("grant usage on schema mart_older to mart_reader")
        connection.execute("grant select on all tables in schema mart_older to mart_reader")
    with override_settings(MART_SCHEMA="mart_older"):
        assert take() == 1
    case = Case.objects.get(pk=A)
    assert (case.rule_name_en, case.rule_name_zh, case.expected, case.observed) == ("", "超常", None, 9.0)


def test_a_case_keeps_its_most_urgent_colour(publish: Callable[..., None]) -> None:
    from portal.desk.models import Case

    for n, (colour, kept) in enumerate([("amber", "amber"), ("red", "red"), ("grey", "red")]):
        publish([flag(1, colour=colour)], DAY + timedelta(days=n))
        take()
        assert Case.objects.get(pk=A).colour_code == kept


@pytest.mark.parametrize(
    ("rule", "colour", "days", "state_code"),
    [
        ("F1", "amber", 13, "raised"), ("F1", "amber", 14, "expired"), ("F9", "grey", 6, "raised"),
        ("F9", "grey", 7, "expired"), ("F8", "amber", 30, "raised"), ("F8", "amber", 31, "expired"),
        ("F4", "red", 90, "raised"), ("F99", "amber", 14, "expired"),
    ],
)  # fmt: skip
def test_what_nobody_took_up_expires_after_its_rules_time(
    publish: Callable[..., None], rule: str, colour: str, days: int, state_code: str
) -> None:
    publish([flag(1, colour=colour, rule_code=rule)])
    take()
    publish([], DAY + timedelta(days=days))
    take(NOW + timedelta(days=days))
    assert state() == (state_code, 2 if state_code == "expired" else 1)


def test_what_stands_or_was_taken_up_does_not_expire(
    publish: Callable[..., None], officer: Callable[..., Officer]
) -> None:
    from portal.desk.steps import Wish, perform_step

    publish([flag(1), flag(2)])
    take()
    someone = officer("duty_officer")
    perform_step(B, Wish("assigned", "first_look", assignee=someone.user.username), someone, NOW)
    publish([flag(1)], DAY + timedelta(days=60))
    take()
    assert (state(A), state(B)) == (("raised", 1), ("assigned", 2))


@pytest.mark.parametrize(
    ("decision", "days", "other", "is_said"),
    [
        ("cleared", 29, {}, True), ("cleared", 31, {}, False), ("confirmed", 5, {}, False),
        ("cleared", 5, {"rule_code": "F2"}, False), ("cleared", 5, {"indicator_id": "b2"}, False),
        ("cleared", 5, {"area_code": OTHER}, False), ("cleared", 5, {"feed_code": "hotline"}, False),
    ],
)  # fmt: skip
def test_raised_again_after_it_was_cleared_is_said(
    publish: Callable[..., None],
    officer: Callable[..., Officer],
    decision: str,
    days: int,
    other: dict[str, str],
    is_said: bool,
) -> None:
    from portal.desk.models import Case

    publish([flag(1)])
    take()
    decide(officer("reviewer"), decision)
    publish([flag(2, **other)], DAY + timedelta(days=days))
    take(NOW + timedelta(days=days))
    (found,) = Case.objects.with_cleared_before().filter(pk=B)
    assert found.cleared_before == (A if is_said else None)


def test_a_flag_of_the_whole_city_bears_its_name(publish: Callable[..., None]) -> None:
    from portal.desk.models import Case

    publish([flag(1, CITY_AREA, area_name_zh=None, area_name_en=None), flag(2, COUNTY)])
    take()
    assert [(case.area_name_zh, case.area_name_en) for case in Case.objects.order_by("pk")] == [
        ("样例市", "Sampleton"),
        ("萨尔图区", "Sartu"),
    ]
