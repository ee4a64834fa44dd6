"""What a flag's card shows beside its steps: the series, the peers, earlier flags of the same thing, what to check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from portal.desk import advice, life, pictures, released
from portal.desk.language import in_chinese
from portal.desk.models import Case, Officer, Step

N_WEEKS = 26
OF_A_WEEK = ("F1", "F1b")  # rules whose limit is one on a week's count


def card(case: Case, officer: Officer) -> dict[str, Any]:
    """Everything of the card that is read from the release or from other cases."""
    return {
        "series": series(case),
        "series_words": _("近 26 周，每周件数") if case.indicator_id else _("指数，近 24 个月"),
        "peers": peers(case, officer),
        "peers_words": _("各县区：此指标近一年的率") if case.indicator_id else _("各县区：指数"),
        "checks": checks(case, officer),
        "same_cause": same_cause(case, officer),
        "merged": Case.objects.seen_by(officer).filter(pk__in=Step.objects.filter(merged_into=case).values("case")),
        "earlier": case.same_subject().order_by("-raised_on")[:8],
        "figures": [
            (words, pictures.number(value))
            for words, value in ((_("观测"), case.observed), (_("预计"), case.expected), (_("上限"), case.threshold))
            if value is not None
        ],
    }


def same_cause(case: Case, officer: Officer) -> list[Case]:
    """Other open flags of the same cause, as the release says; the first flag of the cause comes first."""
    if not case.cause_id:
        return []
    found = Case.objects.seen_by(officer).filter(cause_id=case.cause_id, state_code__in=life.OPEN).exclude(pk=case.pk)
    return sorted(found, key=lambda other: (other.pk != case.cause_id, other.urgency, other.pk))


def series(case: Case) -> pictures.Series | None:
    """Weekly counts if the release has them, with the flag's limit if that is one on a week; else the index."""
    if case.indicator_id:
        weeks = released.rows("weekly", area_code=case.area_code, indicator_id=case.indicator_id)
        weeks.sort(key=lambda row: row["week_on"])
        points = [(f"{row['week_on']:%m-%d}", row["n_events"]) for row in weeks[-N_WEEKS:]]
        is_of_week = case.rule_code in OF_A_WEEK
        return pictures.bars(points, *((case.expected, case.threshold) if is_of_week else (None, None)))
    if case.feed_code:
        return None
    days = sorted(released.rows("trend", area_code=case.area_code), key=lambda row: row["day"])
    return pictures.line([(f"{row['day']:%Y-%m}", row["index"]) for row in days])


def peers(case: Case, officer: Officer) -> tuple[pictures.Dot, ...]:
    """The counties beside each other. An officer of one county sees where the others lie, but not which they are."""
    if case.feed_code and not case.indicator_id:
        return ()
    if case.indicator_id:
        found = [(row, row["rate"]) for row in released.rows("indicator_value", indicator_id=case.indicator_id)]
    else:
        found = [(row, row["index"]) for row in released.rows("county_index")]
    names = released.areas()
    counties = [(row["area_code"], value) for row, value in found
                if value is not None and row["area_code"] != settings.CITY_AREA]  # fmt: skip

    def label(area_code: str) -> str:
        if not officer.covers(area_code):
            return ""
        named = names.get(area_code, {})
        return named.get("zh" if in_chinese() else "en") or named.get("zh", area_code)

    return pictures.dots([(label(code), value) for code, value in counties], label(case.area_code) or None)


def checks(case: Case, officer: Officer) -> list[str]:
    """What to check: first whether the data are there, then what stands beside it, then what the rule suggests."""
    missing = [row for row in released.rows("feed_status") if row["state_code"] != "delivered"]
    named = "、".join(row["feed_name_zh"] if in_chinese() else row["feed_code"] for row in missing)
    first = _("数据是否完整：尚缺 %(feeds)s。") % {"feeds": named} if missing else _("数据是否完整：各数据源均已到达。")
    near = Case.objects.seen_by(officer).filter(area_code=case.area_code, state_code__in=life.OPEN).exclude(pk=case.pk)
    near = near.filter(raised_on__gte=case.raised_on - timedelta(days=14)).count()
    beside = _("同县区两周内另有未结提示 %(n)d 条。") % {"n": near}
    return [first, *([beside] if near else []), *map(str, advice.FIRST_CHECKS.get(case.rule_code, advice.OTHERWISE))]
