"""The pages: the list of flags, the card of one with its next step, the funnel. All are of the officer's area only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from portal.desk import life, released
from portal.desk.card import card
from portal.desk.funnel import STEPS
from portal.desk.funnel import funnel as funnel_rows
from portal.desk.language import in_chinese
from portal.desk.models import Case, CaseSet, Officer
from portal.desk.steps import StepForbidden, StepRefused, Wish, perform_step
from portal.desk.taking import take_release

PAGE_SIZE = 50
TABS = {
    "open": gettext_lazy("未结"),
    "mine": gettext_lazy("我的"),
    "overdue": gettext_lazy("超时"),
    "closed": gettext_lazy("已结"),
}
STEP_WORDS = {
    "raised": gettext_lazy("发生→提出"),
    "assigned": gettext_lazy("提出→交办"),
    "verified": gettext_lazy("交办→核查"),
    "decided": gettext_lazy("核查→办结"),
}
CLOCK_DAYS = {
    "raised": life.DETECTED_WITHIN.days,
    "assigned": life.CLOCK[life.RAISED].days,
    "verified": life.CLOCK[life.ASSIGNED].days,
    "decided": life.CLOCK[life.VERIFIED].days,
}
View = Callable[..., HttpResponse]


def city(request: HttpRequest) -> dict[str, Any]:
    """For every template: whose portal it is, and whether the release behind it is out of date."""
    named = {"city_name": settings.CITY_NAMES["zh" if in_chinese() else "en"]}
    return named | {"officer": getattr(request, "officer", None)}


def officers_only(view: View) -> View:
    """Lets in signed-in users with a role and an area, and takes over the current release's flags if nobody did yet."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        officer = Officer.objects.select_related("user").filter(user=request.user).first()
        if officer is None or not officer.roles:
            raise PermissionDenied(_("此账号没有角色或辖区，请联系管理员。"))
        request.officer = officer
        take_release(timezone.now())
        return view(request, *arguments, **named)

    return guarded


def of_tab(cases: CaseSet, tab: str, officer: Officer, now: datetime) -> CaseSet:
    conditions = {
        "open": Q(state_code__in=life.OPEN),
        "mine": Q(state_code__in=life.OPEN, assignee=officer.user),
        "overdue": Q(state_code__in=life.OPEN, due_at__lt=now),
        "closed": Q(state_code__in=life.CLOSED),
    }
    return cases.filter(conditions[tab])


def _counts(officer: Officer, now: datetime) -> dict[str, int]:
    seen = Case.objects.seen_by(officer)
    is_open = Q(state_code__in=life.OPEN)
    found: dict[str, int] = seen.aggregate(
        open=Count("pk", filter=is_open),
        mine=Count("pk", filter=is_open & Q(assignee=officer.user)),
        overdue=Count("pk", filter=is_open & Q(due_at__lt=now)),
        closed=Count("pk", filter=~is_open),
    )
    return found


def _found(cases: CaseSet, words: str) -> CaseSet:
    """Cases in which every word is found: in the rule, the county, the indicator, or at the beginning of the id."""
    for word in words.split():
        named = Q(area_name_zh__icontains=word) | Q(area_name_en__icontains=word)
        named |= Q(indicator_name_zh__icontains=word) | Q(indicator_name_en__icontains=word)
        named |= Q(rule_name_zh__icontains=word) | Q(rule_name_en__icontains=word)
        cases = cases.filter(named | Q(rule_code__iexact=word) | Q(flag_id__startswith=word))
    return cases


def _listed(officer: Officer, tab: str, now: datetime, words: str, page: str | None) -> Page:
    cases = _found(of_tab(Case.objects.seen_by(officer), tab, officer, now), words)
    order = ["-entered_at", "pk"] if tab == "closed" else ["urgency", "due_at", "pk"]
    cases = cases.select_related("assignee").with_cleared_before().order_by(*order)
    found = Paginator(cases, PAGE_SIZE).get_page(page)
    for case in found:
        case.clock = _clock(case, now)
    return found


def _clock(case: Case, now: datetime) -> dict[str, Any]:
    """How many days a flag has stood; whether its next step is overdue, or how much time is left."""
    left = (case.due_at - now).total_seconds() / 86400 if case.due_at and case.is_open else None
    return {
        "day": (timezone.localdate(now) - case.raised_on).days + 1,
        "overdue": None if left is None or left >= 0 else _span(-left),
        "left": None if left is None or left < 0 else _span(left),
    }


def _span(days: float) -> str:
    return _("%(n)d 天") % {"n": days} if days >= 1 else _("%(n)d 小时") % {"n": days * 24}


@require_safe
@officers_only
def flags(request: HttpRequest) -> HttpResponse:
    """The list: open, mine, overdue or closed, most urgent first, fifty a page."""
    now, tab = timezone.now(), request.GET.get("tab", "open")
    if tab not in TABS:
        raise Http404
    words = request.GET.get("q", "")[:60].replace("\x00", "")
    counts = _counts(request.officer, now)
    shown = {
        "page": _listed(request.officer, tab, now, words, request.GET.get("page")),
        "tabs": [(name, label, counts[name]) for name, label in TABS.items()],
        "tab": tab,
        "words": words,
        "release": _release(),
    }
    return render(request, "desk/flags.html", shown)


def _release() -> dict[str, Any] | None:
    release = released.current_release()
    if release is None:
        return None
    reason = release["stale_reason_zh"] if in_chinese() else release["stale_reason_en"]
    return {**release, "stale_reason": reason}


@require_http_methods(["GET", "HEAD", "POST"])
@officers_only
def flag(request: HttpRequest, flag_id: str) -> HttpResponse:
    """The card of a flag; a POST is its next step. A flag of another county is not found."""
    officer = request.officer
    case = Case.objects.seen_by(officer).select_related("assignee").with_cleared_before().filter(pk=flag_id).first()
    if case is None:
        raise Http404
    if request.method != "POST":
        return _card(request, case)
    try:
        step = perform_step(flag_id, _wish(request), officer, timezone.now())
    except StepForbidden as refused:
        return _card(request, case, refused, status=403)
    except StepRefused as refused:
        return _card(request, case, refused, status=422)
    messages.success(request, _("已记录：%(move)s。") % {"move": step.move})
    return redirect("flag", flag_id=flag_id)


def _wish(request: HttpRequest) -> Wish:
    """What the form says. Of a file only the hash is kept, never the file."""
    given = {
        name: request.POST.get(name, "")
        for name in ("target", "reason_code", "text", "evidence", "assignee", "merged_into")
    }
    if file := request.FILES.get("file"):
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        given["evidence"] = f"sha256:{digest.hexdigest()}"
    seen = request.POST.get("seen_steps", "")
    return Wish(**given, seen_steps=int(seen) if seen.isdecimal() else -1)


def _card(request: HttpRequest, case: Case, refused: StepRefused | None = None, status: int = 200) -> HttpResponse:
    officer, now = request.officer, timezone.now()
    case.clock = _clock(case, now)
    seen = card(case, officer)
    moves = life.moves_from(case.state_code, case.colour_code, officer.roles)
    shown = {
        "case": case,
        **seen,
        "merge_into": request.POST.get("merged_into") or next((other.pk for other in seen["same_cause"]), ""),
        "steps": case.steps.select_related("by", "assignee"),
        "moves": moves,
        "reasons": [(move, life.REASONS[target].items()) for target, move in moves.items()],
        "assignees": _assignees(case) if life.ASSIGNED in moves else [],
        "refused": refused,
        "given": request.POST,
        "nav": _listed(officer, "open", now, "", None)[:12],
        "is_red": case.colour_code == life.RED,
    }
    return render(request, "desk/flag.html", shown, status=status)


def _assignees(case: Case) -> list[str]:
    """Names of those who may act on the case."""
    officers = Officer.objects.filter(user__is_active=True, area_code__in=[case.area_code, settings.CITY_AREA])
    acting = officers.filter(user__groups__name__in=life.ACTING)
    return sorted(set(acting.values_list("user__username", flat=True)))


@require_safe
@officers_only
def funnel(request: HttpRequest) -> HttpResponse:
    """How many flags came how far, how fast, and what share was confirmed, by rule."""
    rows = funnel_rows(request.officer)
    for row in rows:
        row["rule"] = row["rule_name_zh" if in_chinese() else "rule_name_en"] or row["rule_name_zh"]
        if row["confirmed_share"] is not None:
            row["confirmed_percent"] = f"{row['confirmed_share']:.0%}"
            row["confirmed_range"] = f"{row['confirmed_lower']:.0%}–{row['confirmed_upper']:.0%}"
        row["days"] = [(row[f"median_days_to_{step}"], row[f"p90_days_to_{step}"], CLOCK_DAYS[step]) for step in STEPS]
    return render(request, "desk/funnel.html", {
        "rows": rows, "step_words": [(STEP_WORDS[step], CLOCK_DAYS[step]) for step in STEPS],
    })  # fmt: skip
