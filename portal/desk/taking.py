"""Released flags become cases: once a release, when the first person looks."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from portal.desk import life, released
from portal.desk.models import Case, Step, TakenRelease
from portal.desk.steps import Wish, perform_step

# The fields of a case that a release gives; one that a release does not have is empty.
TEXTS = (
    "rule_code", "rule_name_zh", "rule_name_en", "area_code", "area_name_zh", "area_name_en", "indicator_id",
    "indicator_name_zh", "indicator_name_en", "feed_code", "cause_id", "detail_zh", "detail_en",
)  # fmt: skip
FIGURES = ("observed", "expected", "threshold", "since")


def take_release(now: datetime) -> int:
    """Take over the flags of the current release. Returns how many are new; 0 if the release was taken over before.

    A flag with a known id keeps its steps and gets the figures of this release, so a repaired night finds its decisions
    again. Without a release, or with one of an older business date, nothing happens.
    """
    release = released.current_release()
    if release is None or TakenRelease.objects.filter(pk=release["release_id"]).exists():
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'lock table "{TakenRelease._meta.db_table}" in share row exclusive mode')
        day = release["business_date"]
        is_known = TakenRelease.objects.filter(pk=release["release_id"]).exists()
        if is_known or TakenRelease.objects.filter(business_date__gt=day).exists():
            return 0
        flags = released.rows("flag")
        known = Case.objects.in_bulk([flag["flag_id"] for flag in flags])
        new = [_case(flag, day, now) for flag in flags if flag["flag_id"] not in known]
        Case.objects.bulk_create(new)
        Step.objects.bulk_create([_raised(case, release["release_id"], now) for case in new])
        for flag in flags:
            if flag["flag_id"] in known:
                _see_again(known[flag["flag_id"]], flag, day)
        TakenRelease.objects.create(
            release_id=release["release_id"], business_date=day, taken_at=now, n_flags=len(flags)
        )
        _expire(day, now)
    return len(new)


def _said(flag: released.Row) -> dict[str, object]:
    texts = {name: flag.get(name) or "" for name in TEXTS}
    if flag["area_code"] == settings.CITY_AREA:
        texts |= {f"area_name_{language}": texts[f"area_name_{language}"] or name
                  for language, name in settings.CITY_NAMES.items()}  # fmt: skip
    return {**texts, **{name: flag.get(name) for name in FIGURES}}


def _case(flag: released.Row, day: object, now: datetime) -> Case:
    return Case(
        flag_id=flag["flag_id"],
        **_said(flag),
        colour_code=flag["colour_code"],
        urgency=life.URGENCY[flag["colour_code"]],
        raised_on=day,
        raised_at=now,
        standing_on=day,
        state_code=life.RAISED,
        entered_at=now,
        due_at=now + life.CLOCK[life.RAISED],
        n_steps=1,
    )


def _raised(case: Case, release_id: str, now: datetime) -> Step:
    return Step(case=case, number=1, at=now, to_state=life.RAISED, reason_code="signal", text=release_id)


def _see_again(case: Case, flag: released.Row, day: object) -> None:
    for name, value in _said(flag).items():
        setattr(case, name, value)
    if life.URGENCY[flag["colour_code"]] < case.urgency:
        case.colour_code, case.urgency = flag["colour_code"], life.URGENCY[flag["colour_code"]]
    case.standing_on = day
    case.save(update_fields=[*TEXTS, *FIGURES, "colour_code", "urgency", "standing_on"])


def _expire(day: object, now: datetime) -> None:
    """Let flags expire that nobody took up and that have not stood for their rule's time; red ones wait."""
    waiting = Case.objects.filter(state_code=life.RAISED).exclude(colour_code=life.RED)
    for case in waiting.filter(standing_on__lt=day):
        if case.standing_on + life.expires_after(case.rule_code) <= day:
            perform_step(case.pk, Wish(life.EXPIRED, "rule_time"), None, now)
