"""What a flag says to a leader, in Chinese and English: where, what, how many against how many expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from spark_jobs.flags.exceedance import Exceedance
from spark_jobs.flags.quality import Fault
from spark_jobs.flags.severe import Homicides, SevereEvents
from spark_jobs.index.methodology import SevereEventFlag


class Text(NamedTuple):
    zh: str
    en: str


FAMILIES = {
    "traffic": Text("道路交通事故", "road crash"),
    "fire": Text("火灾", "fire"),
    "work_safety": Text("生产安全事故", "work accident"),
    "grid": Text("网格事件", "grid event"),
    "case": Text("案件", "police case"),
}


def severe_event_text(found: SevereEvents, area: Text, rule: SevereEventFlag) -> Text:
    family, day, n = FAMILIES[found.family_code], found.occurred_on, found.n_events
    deaths, injuries = found.n_deaths, found.n_serious_injuries
    return Text(
        f"{area.zh}：{_zh(day)}发生重大{family.zh}{n}起，死亡{deaths}人、重伤{injuries}人"
        f"（标准：一起死亡{rule.min_deaths}人及以上，或重伤{rule.min_serious_injuries}人及以上）。",
        f"{area.en}: {n} severe {_plural(n, family.en)} on {day}, {_plural(deaths, 'death', True)} and "
        f"{_plural(injuries, 'serious injury', True)} "
        f"(limit: {rule.min_deaths} deaths or {rule.min_serious_injuries} serious injuries in one event).",
    )


def homicide_text(found: Homicides, area: Text, rule: SevereEventFlag) -> Text:
    return Text(
        f"{area.zh}：近{rule.window_days}天命案死亡{found.count}人，按本地近{rule.homicide_past_years}年水平预期{found.expected:.1f}人，"
        f"达到{found.threshold}人即属异常。",
        f"{area.en}: {_plural(found.count, 'homicide', True)} in {rule.window_days} days, {found.expected:.1f} "
        f"expected from the county's last {rule.homicide_past_years} years; {found.threshold} or more is exceptional.",
    )


def exceedance_text(found: Exceedance, area: Text, indicator: Text) -> Text:
    sunday = found.monday + timedelta(days=6)
    return Text(
        f"{area.zh}“{indicator.zh}”：{_zh(found.monday)}至{_zh(sunday)}一周{found.observed:.0f}起（人），"
        f"此前基线周均{found.expected:.1f}，预警线{found.upper:.1f}。",
        f"{area.en}, {indicator.en}: {found.observed:.0f} in the week {found.monday} to {sunday}, "
        f"{found.expected:.1f} a week before, alert above {found.upper:.1f}.",
    )


def fault_text(fault: Fault, feed: Text, indicators: Sequence[Text]) -> Text:
    said = _FAULT_TEXTS[fault.reason](fault, feed)
    if not indicators:
        return said
    return Text(
        f"{said.zh}受影响指标不亮其他预警：{'、'.join(name.zh for name in indicators)}。",
        f"{said.en} No other flags for: {', '.join(name.en for name in indicators)}.",
    )


def _missing(fault: Fault, feed: Text) -> Text:
    through = f"（已到{_zh(fault.through)}）" if fault.through else "（从未到达）"
    delivered = f" (delivered through {fault.through})" if fault.through else " (never delivered)"
    return Text(
        f"{feed.zh}：自{_zh(fault.since)}起数据未到{through}，不按零计。",
        f"{feed.en}: nothing since {fault.since}{delivered}; missing is not zero.",
    )


def _breached(fault: Fault, feed: Text) -> Text:
    return Text(
        f"{feed.zh}：自{_zh(fault.since)}起数据不符合约定，已停用（{fault.explanation}）。",
        f"{feed.en}: stopped since {fault.since}, what arrived breaks its contract ({fault.explanation}).",
    )


def _unknown_area(fault: Fault, feed: Text) -> Text:
    found, limit = f"{fault.observed:.1%}", f"{fault.threshold:.0%}"
    return Text(
        f"{feed.zh}：{found}的记录无法对应到县区，超过{limit}的限度（自{_zh(fault.since)}起）。",
        f"{feed.en}: {found} of records name no known county, the limit is {limit} (since {fault.since}).",
    )


def _low_count(fault: Fault, feed: Text) -> Text:
    n, usual, bound = f"{fault.observed:.0f}", f"{fault.expected:.0f}", f"{fault.threshold:.0f}"
    return Text(
        f"{feed.zh}：当日仅{n}条，同一星期日平均{usual}条，下限{bound}条（自{_zh(fault.since)}起），可能漏传。",
        f"{feed.en}: {n} records in the day, {usual} on this weekday, lower bound {bound} "
        f"(since {fault.since}); some may not have been sent.",
    )


_FAULT_TEXTS = {
    "missing": _missing,
    "breached": _breached,
    "unknown_area": _unknown_area,
    "low_count": _low_count,
}


def _zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _plural(n: int, word: str, with_number: bool = False) -> str:
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word.endswith('sh') else 's'}"
    chosen = word if n == 1 else many
    return f"{n} {chosen}" if with_number else chosen
