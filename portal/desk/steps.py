"""The one function by which a flag takes a step: the pages, the command line and the system itself call it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from portal.desk import life
from portal.desk.checked_text import LONGEST, LONGEST_LINK, holds_number_of_person, is_evidence
from portal.desk.models import Case, Officer, Step


class StepRefused(Exception):
    """A step that may not be taken. The text says why and what to do. `field`: the field of the form at fault."""

    def __init__(self, said: str, field: str | None = None) -> None:
        super().__init__(said)
        self.field = field


class StepForbidden(StepRefused):
    """The role or the area of the person does not allow the step."""


@dataclass(frozen=True)
class Wish:
    """The step that somebody wants to take. `seen_steps`: how many steps they saw before they decided."""

    target: str
    reason_code: str
    text: str = ""
    evidence: str = ""
    assignee: str = ""  # name of a user
    merged_into: str = ""  # id of a flag
    seen_steps: int | None = None


def perform_step(flag_id: str, wish: Wish, by: Officer | None, at: datetime) -> Step:
    """Take the step, all or nothing. `by`: who asks; None is the system. If it raises StepRefused, nothing has changed.

    The case is locked meanwhile: of two people who act at once, one waits for the other.
    """
    with transaction.atomic():
        case = _case(flag_id, by)
        _require_current(case, wish)
        _require_move(case, wish, by)
        _require_words(case, wish, by)
        people: dict[str, Any] = {
            "assignee": _assignee(case, wish) if wish.target == life.ASSIGNED else None,
            "merged_into": _merged_into(case, wish, by) if wish.target == life.MERGED else None,
        }
        step = Step.objects.create(
            case=case,
            number=case.n_steps + 1,
            at=at,
            by=by.user if by else None,
            from_state=case.state_code,
            to_state=wish.target,
            reason_code=wish.reason_code,
            text=wish.text.strip(),
            evidence=wish.evidence.strip(),
            **people,
        )
        _move(case, step)
    return step


def _case(flag_id: str, by: Officer | None) -> Case:
    cases = Case.objects.seen_by(by) if by else Case.objects.all()
    case = cases.select_for_update().filter(pk=flag_id).first()
    if case is None:
        raise StepRefused(_("没有编号为 %(flag)s 的提示，或不在您的辖区。") % {"flag": flag_id})
    return case


def _require_current(case: Case, wish: Wish) -> None:
    if wish.seen_steps is not None and wish.seen_steps != case.n_steps:
        raise StepRefused(_("您打开此页之后已有人办理了一步；请先看经过，再决定。"))


def _require_move(case: Case, wish: Wish, by: Officer | None) -> None:
    """Refuse a move that does not exist or that the role does not allow, or a red flag without its second person."""
    if by is None:
        allowed = {target for source, target in life.MOVES_OF_SYSTEM if source == case.state_code}
    elif not by.roles & life.ACTING:
        raise StepForbidden(_("您的角色只能查看。"))
    else:
        allowed = {target for source, target in life.MOVES if source == case.state_code}
    if wish.target not in allowed:
        words = {"state": life.STATES[case.state_code], "to": life.STATES.get(wish.target, wish.target)}
        raise StepRefused(_("此提示现为“%(state)s”，不能转为“%(to)s”。") % words, "target")
    if by and wish.target not in life.moves_from(case.state_code, case.colour_code, by.roles):
        raise StepForbidden(_("红色提示须由复核人办结。"), "target")
    if by and life.needs_second_person(case.colour_code, wish.target):
        verified = case.steps.filter(to_state=life.VERIFIED).last()
        if verified is None or verified.by_id == by.user_id:
            raise StepForbidden(_("红色提示须由核查者以外的第二人办结。"), "target")


def _require_words(case: Case, wish: Wish, by: Officer | None) -> None:
    """Require a reason of the move and a line on what was found, and refuse what could be a person's number."""
    if wish.reason_code not in life.REASONS[wish.target]:
        raise StepRefused(_("请选择与此步骤相符的原因。"), "reason_code")
    text, evidence = wish.text.strip(), wish.evidence.strip()
    if by and wish.target != life.ASSIGNED and not text:
        raise StepRefused(_("请用一句话写明查到了什么。"), "text")
    if len(text) > LONGEST or "\n" in text:
        raise StepRefused(_("请写成一行，不超过 %(n)d 字。") % {"n": LONGEST}, "text")
    if holds_number_of_person(text):
        said = _("文字中似有电话号码或证件号码，不能保存。请删去；案件编号请以链接作为依据。")
        raise StepRefused(said, "text")
    if evidence and (len(evidence) > LONGEST_LINK or not is_evidence(evidence)):
        said = _("依据应为 http(s) 链接，或文件的 sha256:…（64 位）；链接中不得含电话或证件号码。")
        raise StepRefused(said, "evidence")
    if by and life.needs_second_person(case.colour_code, wish.target) and not evidence:
        raise StepRefused(_("红色提示办结须有依据（链接或文件）。"), "evidence")


def _assignee(case: Case, wish: Wish) -> User:
    """An officer who may act on the case."""
    for officer in Officer.objects.filter(user__username=wish.assignee, user__is_active=True).select_related("user"):
        if officer.covers(case.area_code) and officer.roles & life.ACTING:
            return officer.user
    raise StepRefused(_("请选择负责此县区的值班员或复核人。"), "assignee")


def _merged_into(case: Case, wish: Wish, by: Officer | None) -> Case:
    """Another open flag, whose decision this one then shares. A red flag merges only into a red one."""
    cases = Case.objects.seen_by(by) if by else Case.objects.all()
    into = cases.select_for_update().filter(pk=wish.merged_into, state_code__in=life.OPEN).exclude(pk=case.pk).first()
    if into is None:
        raise StepRefused(_("请写明辖区内另一条未结提示的编号。"), "merged_into")
    if into.urgency > case.urgency:
        raise StepRefused(_("不能并入颜色较轻的提示。"), "merged_into")
    return into


def _move(case: Case, step: Step) -> None:
    case.state_code, case.entered_at, case.n_steps = step.to_state, step.at, step.number
    limit = life.CLOCK.get(step.to_state)
    case.due_at = step.at + limit if limit else None
    case.assignee = step.assignee or case.assignee
    case.save(update_fields=["state_code", "entered_at", "n_steps", "due_at", "assignee"])
