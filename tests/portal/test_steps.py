"""The one function that takes a step: what it allows, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.conftest import COUNTY, OTHER, flag

if TYPE_CHECKING:
    from portal.desk.models import Officer
    from portal.desk.steps import Wish

pytestmark = pytest.mark.portal
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
A, B, C = (f"{n:016x}" for n in (1, 2, 3))
LINK = "https://oa.example.gov.cn/1"
REASON = {"assigned": "first_look", "verified": "on_site", "confirmed": "real_rise", "cleared": "data_error",
          "merged": "same_cause", "expired": "rule_time", "raised": "signal"}  # fmt: skip
Make = Callable[..., "Officer"]


@pytest.fixture
def people(publish: Callable[..., None], officer: Make) -> dict[str, Officer]:
    """An amber, a red and another red flag of one county, taken over; two reviewers, a duty officer, a viewer."""
    from portal.desk.taking import take_release

    publish([flag(1), flag(2, colour="red"), flag(3, colour="red", indicator_id="b2")])
    assert take_release(NOW) == 3
    roles = {"duty": "duty_officer", "first": "reviewer", "second": "reviewer", "viewer": "viewer"}
    return {name: officer(role, COUNTY, name) for name, role in roles.items()}


def wish(target: str, **other: Any) -> Wish:
    from portal.desk.steps import Wish

    return Wish(**{"target": target, "reason_code": REASON[target], "text": "已到现场", "evidence": LINK,
                   "assignee": "duty" if target == "assigned" else "", **other})  # fmt: skip


def go(flag_id: str, *steps: tuple[Officer, str]) -> None:
    from portal.desk.steps import perform_step

    for by, target in steps:
        perform_step(flag_id, wish(target), by, NOW)


def refused(flag_id: str, wanted: Wish, by: Officer | None) -> str:
    """The step is refused and nothing has changed; what the refusal says."""
    from portal.desk.models import Case, Step
    from portal.desk.steps import StepRefused, perform_step

    before = Case.objects.filter(pk=flag_id).values().first(), Step.objects.count()
    with pytest.raises(StepRefused) as said:
        perform_step(flag_id, wanted, by, NOW)
    assert (Case.objects.filter(pk=flag_id).values().first(), Step.objects.count()) == before
    return str(said.value)


def test_a_flag_goes_its_way_and_every_step_is_kept(people: dict[str, Officer]) -> None:
    from portal.desk.models import Case

    duty = people["duty"]
    go(A, (duty, "assigned"), (duty, "verified"), (duty, "assigned"), (duty, "verified"), (duty, "confirmed"))
    case = Case.objects.get(pk=A)
    assert (case.state_code, case.due_at, case.n_steps, case.assignee) == ("confirmed", None, 6, duty.user)
    kept = [(s.number, s.by and s.by.username, s.from_state, s.to_state, s.reason_code) for s in case.steps.all()]
    assert kept == [
        (1, None, "", "raised", "signal"),
        (2, "duty", "raised", "assigned", "first_look"),
        (3, "duty", "assigned", "verified", "on_site"),
        (4, "duty", "verified", "assigned", "first_look"),
        (5, "duty", "assigned", "verified", "on_site"),
        (6, "duty", "verified", "confirmed", "real_rise"),
    ]


def test_every_move_that_is_not_declared_is_refused(people: dict[str, Officer]) -> None:
    from portal.desk import life

    way = {"raised": [], "assigned": ["assigned"], "verified": ["assigned", "verified"]}
    closed = {state: ["assigned", "verified", state] for state in ("confirmed", "cleared")}
    for state, path in {**way, **closed}.items():
        from django.db import transaction

        with transaction.atomic():
            go(A, *((people["first"], target) for target in path))
            for target in life.STATES:
                if (state, target) not in life.MOVES:
                    assert "不能转为" in refused(A, wish(target, merged_into=B), people["first"])
            transaction.set_rollback(True)


def test_a_red_flag_needs_a_reviewer_who_did_not_verify_it_and_evidence(people: dict[str, Officer]) -> None:
    duty, first, second = people["duty"], people["first"], people["second"]
    go(B, (duty, "assigned"), (first, "verified"))
    for target in ("confirmed", "cleared"):
        assert "复核人" in refused(B, wish(target), duty)
        assert "第二人" in refused(B, wish(target), first)
        assert "依据" in refused(B, wish(target, evidence=""), second)
    go(B, (second, "cleared"))


def test_who_verified_last_is_the_first_person(people: dict[str, Officer]) -> None:
    first, second = people["first"], people["second"]
    go(B, (first, "assigned"), (first, "verified"), (second, "assigned"), (second, "verified"))
    assert "第二人" in refused(B, wish("confirmed"), second)
    go(B, (first, "confirmed"))


def test_merging_keeps_the_graver_question_open(people: dict[str, Officer]) -> None:
    from portal.desk.models import Case

    duty, first = people["duty"], people["first"]
    assert "颜色较轻" in refused(B, wish("merged", merged_into=A), first)
    assert "复核人" in refused(B, wish("merged", merged_into=C), duty)
    for into in (A, "", "no-such", "f" * 16):
        assert "另一条未结" in refused(A, wish("merged", merged_into=into), first)
    from portal.desk.steps import perform_step

    step = perform_step(A, wish("merged", merged_into=B), duty, NOW)
    assert step.merged_into_id == B
    assert "另一条未结" in refused(C, wish("merged", merged_into=A), first)  # a closed one takes no more
    assert Case.objects.get(pk=B).is_open


def test_words_are_checked(people: dict[str, Officer]) -> None:
    duty = people["duty"]
    go(A, (duty, "assigned"))
    good = wish("verified")
    for fault, said in {
        replace(good, text="联系人 139 1234 5678"): "电话号码或证件号码",
        replace(good, text=" "): "查到了什么",
        replace(good, text="一" * 301): "300",
        replace(good, text="一行\n又一行"): "一行",
        replace(good, evidence="见附件"): "链接",
        replace(good, evidence="https://x.example/?t=13912345678"): "链接",
        replace(good, reason_code="real_rise"): "原因",
        replace(good, reason_code=""): "原因",
        replace(good, seen_steps=1): "已有人办理",
    }.items():
        assert said in refused(A, fault, duty)
    go(A, (duty, "verified"))


def test_only_one_who_may_act_there_is_assigned(people: dict[str, Officer], officer: Make) -> None:
    officer("duty_officer", OTHER, "elsewhere")
    officer("duty_officer", COUNTY, "gone").user.__class__.objects.filter(username="gone").update(is_active=False)
    for name in ("", "nobody", "viewer", "elsewhere", "gone"):
        assert "负责此县区" in refused(A, wish("assigned", assignee=name), people["duty"])


def test_the_clock_runs_by_state(people: dict[str, Officer]) -> None:
    from portal.desk.models import Case

    duty = people["duty"]
    limits = []
    for path in ([], ["assigned"], ["verified"]):
        go(A, *((duty, target) for target in path))
        limits.append(Case.objects.get(pk=A).due_at - NOW)
    assert limits == [timedelta(days=1), timedelta(days=7), timedelta(days=7)]


def test_the_system_lets_expire_and_decides_nothing(people: dict[str, Officer]) -> None:
    for target in ("assigned", "verified", "confirmed", "cleared", "merged"):
        refused(A, wish(target, merged_into=B), None)
    assert "不能转为" in refused(A, wish("expired"), people["first"])
