"""What PostgreSQL itself refuses, whoever asks: by role, by trigger, by constraint."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from stack.postgres import Postgres
from tests.portal.conftest import flag

if TYPE_CHECKING:
    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


@pytest.fixture
def taken(publish: Callable[..., None]) -> None:
    from portal.desk.taking import take_release

    publish([flag(1), flag(2)])
    take_release(NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "update desk_step set text = 'x'",
        "update desk_step set at = now() where number = 1",
        "delete from desk_step",
        "truncate desk_step",
        "delete from desk_case",
        "truncate desk_case cascade",
        "insert into desk_step (case_id, number, at, from_state, to_state, reason_code, text, evidence)"
        " select flag_id, 1, now(), 'raised', 'assigned', 'first_look', '', '' from desk_case",
        "insert into desk_step (case_id, number, at, from_state, to_state, reason_code, text, evidence)"
        " select flag_id, 2, now(), 'raised', 'confirmed', 'real_rise', '', '' from desk_case",
        "update desk_case set state_code = 'forgotten'",
        "update mart_demo.flag set colour_code = 'grey'",
        "delete from mart_demo.flag",
        "insert into mart_demo.flag (flag_id) values ('x')",
        "create table mart_demo.mine (a int)",
        "create table public.mine (a int)",
    ],
)
def test_the_portals_own_role_cannot(taken: None, statement: str) -> None:
    from django.db import Error, connection, transaction

    from portal.desk.models import Step

    before = list(Step.objects.order_by("pk").values())
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(Step.objects.order_by("pk").values()) == before


def test_the_dashboards_reader_reads_the_views_and_nothing_else(postgres: Postgres) -> None:
    tables = ("desk_step", "desk_case", "desk_officer", "auth_user", "django_session")
    with psycopg.connect(postgres.url("mart", "mart_reader"), autocommit=True) as connection:
        for view in ("flag_funnel", "flag_clock", "flag_decision"):
            connection.execute(f"select * from portal_demo.{view}")
        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from portal_demo.{table}")
        columns = connection.execute("select * from portal_demo.flag_clock limit 0").description or []
    assert not {column.name for column in columns} & {"by", "by_id", "text", "evidence", "assignee", "assignee_id"}


def test_the_lake_is_given_each_step_without_its_person_and_their_words(
    taken: None, officer: Callable[..., Officer]
) -> None:
    from django.db import connection

    from portal.desk.steps import Wish, perform_step

    chief = officer("reviewer", name="chief")
    perform_step(f"{1:016x}", Wish("assigned", "first_look", "请先看", assignee="chief"), chief, NOW)
    perform_step(f"{1:016x}", Wish("verified", "on_site", "看过", "https://files.example/1"), chief, NOW)
    with connection.cursor() as cursor:
        cursor.execute("select * from flag_decision where flag_id = %s order by n_step", [f"{1:016x}"])
        names = [column.name for column in cursor.description]
        steps = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    contract = Path("expectations/cities/daqing/feeds/decisions.yml").read_text(encoding="utf-8")
    assert set(names) == {*re.findall(r"^  \w+: (\w+)$", contract, re.MULTILINE), "area_code"}
    assert [(row["from_state_code"], row["to_state_code"]) for row in steps] == [
        (None, "raised"), ("raised", "assigned"), ("assigned", "verified"),
    ]  # fmt: skip
    assert [(row["is_by_system"], row["has_evidence"]) for row in steps] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert {row["decided_at"] for row in steps} == {datetime(2026, 11, 22, 9, 0)}  # by the clock of the city
    assert not {"chief", "请先看", "看过", "https://files.example/1"} & {
        str(value) for row in steps for value in row.values()
    }
