"""The life of a flag: its states, who may move it from one to the next, for which reasons, and by when. Pure.

raised → assigned → verified → confirmed | cleared      raised → expired      open → merged
"""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

RAISED, ASSIGNED, VERIFIED = "raised", "assigned", "verified"
CONFIRMED, CLEARED, EXPIRED, MERGED = "confirmed", "cleared", "expired", "merged"
STATES = {
    RAISED: _("待核"),
    ASSIGNED: _("已交办"),
    VERIFIED: _("已核查"),
    CONFIRMED: _("已确认"),
    CLEARED: _("已排除"),
    EXPIRED: _("已过期"),
    MERGED: _("已并入"),
}
OPEN = (RAISED, ASSIGNED, VERIFIED)
CLOSED = (CONFIRMED, CLEARED, EXPIRED, MERGED)

VIEWER, DUTY_OFFICER, REVIEWER = "viewer", "duty_officer", "reviewer"
ROLES = {VIEWER: _("查看人"), DUTY_OFFICER: _("值班员"), REVIEWER: _("复核人")}
ACTING = frozenset({DUTY_OFFICER, REVIEWER})

RED, AMBER, GREY = "red", "amber", "grey"
COLOURS = {RED: _("红色"), AMBER: _("橙色"), GREY: _("灰色")}
MARKS = {RED: "■", AMBER: "▲", GREY: "○"}  # legible without colour
URGENCY = {colour: rank for rank, colour in enumerate(COLOURS)}  # 0 is the most urgent

# From state -> to states: what a person may do. Only the system raises a flag (from nothing) and lets one expire.
MOVES = {
    (RAISED, ASSIGNED): _("交办"),
    (ASSIGNED, ASSIGNED): _("转派"),
    (ASSIGNED, VERIFIED): _("核查完毕"),
    (VERIFIED, ASSIGNED): _("退回补充"),
    (VERIFIED, CONFIRMED): _("确认属实"),
    (VERIFIED, CLEARED): _("排除"),
    (RAISED, MERGED): _("并入另一条"),
    (ASSIGNED, MERGED): _("并入另一条"),
    (VERIFIED, MERGED): _("并入另一条"),
}
MOVES_OF_SYSTEM = {("", RAISED): _("规则提出"), (RAISED, EXPIRED): _("到期")}

# To state -> code of a reason -> its words.
REASONS = {
    RAISED: {"signal": _("规则提出")},
    ASSIGNED: {
        "first_look": _("先行核查"),
        "other_unit": _("改由他人办理"),
        "more_evidence": _("依据不足，补充核查"),
    },
    VERIFIED: {
        "on_site": _("现场核查"),
        "by_records": _("查阅台账"),
        "with_unit": _("与主管单位核对"),
    },
    CONFIRMED: {
        "real_rise": _("情况属实"),
        "single_place": _("集中于一处"),
        "known_cause": _("起因已知（天气、活动、施工等）"),
    },
    CLEARED: {
        "data_error": _("数据差错"),
        "late_entry": _("补录旧案"),
        "chance": _("正常波动"),
        "duplicate_records": _("重复记录"),
    },
    MERGED: {"same_cause": _("同一起因")},
    EXPIRED: {"rule_time": _("无人受理，且提示已不再成立")},
}
REASON_WORDS = {code: words for of_state in REASONS.values() for code, words in of_state.items()}

# How long a flag may stay in a state before it is overdue: taken up within a day, then a week for each step.
CLOCK = {RAISED: timedelta(days=1), ASSIGNED: timedelta(days=7), VERIFIED: timedelta(days=7)}
DETECTED_WITHIN = timedelta(days=7)  # from what happened to the flag
RERAISED_WITHIN = timedelta(days=30)  # after it was cleared
# Days after which a flag that nobody took up, and that no release shows any more, expires. A red one never does.
EXPIRES_AFTER_DAYS = {"F9": 7, "F8": 31}
EXPIRES_AFTER_DAYS_OTHERWISE = 14


def expires_after(rule_code: str) -> timedelta:
    return timedelta(days=EXPIRES_AFTER_DAYS.get(rule_code, EXPIRES_AFTER_DAYS_OTHERWISE))


def needs_second_person(colour: str, target: str) -> bool:
    """A red flag is decided by a reviewer who is not the one who verified it."""
    return colour == RED and target in (CONFIRMED, CLEARED)


def moves_from(state: str, colour: str, roles: frozenset[str]) -> dict[str, str]:
    """Target state -> words: the moves that these roles allow for a flag of this colour in this state."""
    if not roles & ACTING:
        return {}
    found = {target: words for (source, target), words in MOVES.items() if source == state}
    if colour == RED and REVIEWER not in roles:
        return {target: words for target, words in found.items() if target in OPEN}
    return found
