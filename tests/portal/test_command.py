"""The desk in a terminal: the same rights, the same refusals, the same record."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from tests.portal.conftest import CITY_AREA, COUNTY, OTHER, flag

if TYPE_CHECKING:
    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
A, B = (f"{n:016x}" for n in (1, 2))


def run(*arguments: str) -> str:
    from django.core.management import call_command

    out = StringIO()
    call_command("flag", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def people(publish: Callable[..., None], officer: Callable[..., Officer]) -> None:
    publish([flag(1), flag(2, OTHER)])
    officer("reviewer", CITY_AREA, "chief")
    officer("duty_officer", COUNTY, "county")
    officer("viewer", CITY_AREA, "reader")


def test_a_step_is_listed_shown_and_kept(people: None) -> None:
    assert run("--by", "chief", "list").count("待核") == 2
    run("--by", "chief", "step", A, "--to", "assigned", "--reason", "first_look", "--assignee", "county")
    said = run("--by", "county", "--language", "en", "show", A)
    assert "Assign  have it looked at" in said and "chief" in said
    assert run("--by", "county", "list", "--tab", "mine").split()[1] == A
    assert B not in run("--by", "county", "list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "nobody", "list"), "no active account"),
        (("--by", "county", "show", B), "no flag"),
        (("--by", "county", "step", B, "--to", "assigned", "--reason", "first_look", "--assignee", "chief"), B),
        (("--by", "reader", "step", A, "--to", "assigned", "--reason", "first_look", "--assignee", "chief"), "只能查看"),
        (("--by", "chief", "step", A, "--to", "confirmed", "--reason", "real_rise", "--text", "x"), "不能转为"),
        (("--by", "chief", "step", A, "--to", "merged", "--reason", "same_cause", "--text", "13912345678"), "电话"),
    ],
)  # fmt: skip
def test_what_the_pages_refuse_is_refused(people: None, arguments: tuple[str, ...], said: str) -> None:
    from django.core.management.base import CommandError

    from portal.desk.models import Step

    run("--by", "chief", "list")
    before = Step.objects.count()
    with pytest.raises(CommandError, match=said) as refused:
        run(*arguments)
    assert (refused.value.returncode, Step.objects.count()) == (2, before)
