"""F4 severe event: many dead or badly hurt in one event, or more homicides than a county's past explains.

Its input is events by county, day and toll, without identity. It does not wait for further nights, and a silent feed
does not hold it back: what is known to have happened is said the same night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from expectations.models import Text
from spark_jobs.flags.detectors.daily_counts import daily_counts
from spark_jobs.flags.detectors.lifecycle import run_start
from spark_jobs.flags.detectors.poisson_rates import rate_ratio_p
from spark_jobs.flags.rule import DAILY, KNOWN, Finding, Query, Rule, RuleInput
from spark_jobs.flags.words import counted, day_zh, plural
from spark_jobs.index.flag_thresholds import Flags, SevereEventFlag

DAYS_A_YEAR = 365
HOMICIDE_INDICATOR, HOMICIDE_STRATUM = "a1_violent_crime", "death"

FAMILIES = {
    "traffic": Text("道路交通事故", "road crash"),
    "fire": Text("火灾", "fire"),
    "work_safety": Text("生产安全事故", "work accident"),
    "grid": Text("网格事件", "grid event"),
    "case": Text("案件", "police case"),
}

# Events by county, day and toll: no identity leaves the lake. The rule says which tolls are severe.
_TOLLS = """
    select area_code, feed_code, {family} as family_code, occurred_on,
        coalesce(n_deaths, 0) as n_deaths, coalesce(n_serious_injuries, 0) as n_serious_injuries,
        count(*) as n_events
    from {table}
    where city_code = {{city}} and occurred_on between date_sub(date {{day}}, {{days}}) and date {{day}}
        and {known}
        and coalesce(n_deaths, 0) + coalesce(n_serious_injuries, 0) > 0
    group by all
"""
TOLLS = Query(
    "tolls",
    _TOLLS.format(family="'case'", table="silver.`case`", known=KNOWN)
    + "union all"
    + _TOLLS.format(family="family_code", table="silver.incident", known=KNOWN),
)


@dataclass(frozen=True)
class SevereEvents:
    """Events of one county, feed, family and day that each reach a limit. Their tolls are added up.

    worst: the largest toll of a single event: of deaths if any event reaches that limit, else of serious injuries.
    limit: the limit that it reaches.
    """

    area_code: str
    feed_code: str
    family_code: str
    occurred_on: date
    n_events: int
    n_deaths: int
    n_serious_injuries: int
    worst: int
    limit: int


@dataclass(frozen=True)
class Homicides:
    """A county whose homicides of `window_days` exceed its past. threshold: the smallest count that would."""

    area_code: str
    since: date
    count: int
    expected: float
    threshold: int


def severe_events(tolls: pd.DataFrame, rule: SevereEventFlag, business_date: date) -> list[SevereEvents]:
    """Events of the last `window_days` that reach a limit, in order of county, feed, family, day.

    `tolls`: area_code, feed_code, family_code, occurred_on, n_deaths, n_serious_injuries, n_events (how many events are
    alike in all these).
    """
    since = business_date - timedelta(days=rule.window_days - 1)
    is_recent = [since <= day <= business_date for day in tolls["occurred_on"]]
    by_deaths = tolls["n_deaths"] >= rule.min_deaths
    is_severe = by_deaths | (tolls["n_serious_injuries"] >= rule.min_serious_injuries)
    keys = ["area_code", "feed_code", "family_code", "occurred_on"]
    groups = tolls[is_severe & np.array(is_recent, dtype=np.bool_)].groupby(keys, sort=True)
    return [_summed(events, rule) for _, events in groups]


def _summed(events: pd.DataFrame, rule: SevereEventFlag) -> SevereEvents:
    first = events.iloc[0]
    n, deaths, injuries = events["n_events"], events["n_deaths"], events["n_serious_injuries"]
    by_deaths = int(deaths.max()) >= rule.min_deaths
    return SevereEvents(
        first["area_code"],
        first["feed_code"],
        first["family_code"],
        first["occurred_on"],
        n_events=int(n.sum()),
        n_deaths=int((n * deaths).sum()),
        n_serious_injuries=int((n * injuries).sum()),
        worst=int((deaths if by_deaths else injuries).max()),
        limit=rule.min_deaths if by_deaths else rule.min_serious_injuries,
    )


def exceptional_homicides(
    daily: pd.DataFrame, area_codes: Sequence[str], starts_on: date, rule: SevereEventFlag, last: date
) -> list[Homicides]:
    """Counties whose homicide count of the last `window_days` has p < homicide_alpha against their own past.

    `daily`: indicators.daily of the city. `starts_on`, `last`: first and last day the case feed covers. `since` is the day
    on which the count became exceptional. With less than `homicide_min_past_years` of past there is no test.
    """
    n_days = min(days_looked_at(rule), (last - starts_on).days + 1)
    if n_days < _min_past_days(rule) + rule.window_days:
        return []
    is_homicide = (daily["indicator_id"] == HOMICIDE_INDICATOR) & (daily["stratum"] == HOMICIDE_STRATUM)
    counts = daily_counts(daily[is_homicide], [(a, HOMICIDE_INDICATOR) for a in area_codes], last, n_days)
    found = (_homicides(a, own, rule, last) for a, own in zip(area_codes, counts, strict=True))
    return [homicides for homicides in found if homicides is not None]


def days_looked_at(rule: SevereEventFlag) -> int:
    """Days of homicide counts that the rule needs, the business date included."""
    return _past_days(rule) + rule.window_days + rule.history_nights


def _past_days(rule: SevereEventFlag) -> int:
    return DAYS_A_YEAR * rule.homicide_past_years


def _min_past_days(rule: SevereEventFlag) -> int:
    return DAYS_A_YEAR * rule.homicide_min_past_years


def _homicides(area_code: str, counts: npt.NDArray[np.float64], rule: SevereEventFlag, last: date) -> Homicides | None:
    """One county. `counts`: one a day, the last one for the day `last`."""
    window, alpha = rule.window_days, rule.homicide_alpha
    total = np.concatenate([[0.0], np.cumsum(counts)])
    ends = np.arange(max(_min_past_days(rule) + window, counts.size - rule.history_nights + 1), counts.size + 1)
    begins = ends - window
    past_begins = np.maximum(0, begins - _past_days(rule))
    recent, past = total[ends] - total[begins], total[begins] - total[past_begins]
    past_days = begins - past_begins
    p = rate_ratio_p(recent.astype(np.int64), window, past.astype(np.int64), past_days)
    start = run_start((p < alpha) & (recent > 0))
    if start is None:
        return None
    steps = np.arange(1, int(recent[-1]) + 1)
    p_of_step = rate_ratio_p(steps, window, np.full_like(steps, past[-1]), past_days[-1])
    threshold = int(steps[p_of_step < alpha][0])
    since = last - timedelta(days=int(ends.size - 1 - start))
    return Homicides(area_code, since, int(recent[-1]), past[-1] * window / past_days[-1], threshold)


def find(given: RuleInput) -> list[Finding]:
    """Red the same night: severe events, then exceptional homicides."""
    rule, counties = given.methodology.flags.f4_severe_event, given.place.counties
    events = severe_events(given.evidence["tolls"], rule, given.business_date)
    found = [_event_finding(event, given.place.name(event.area_code), rule) for event in events]
    if HOMICIDE_INDICATOR not in given.covered_since:
        return found
    first, last = given.covered_since[HOMICIDE_INDICATOR], given.covered_through[HOMICIDE_INDICATOR]
    homicides = exceptional_homicides(given.evidence["daily"], sorted(counties), first, rule, last)
    return found + [_homicide_finding(each, counties[each.area_code], rule) for each in homicides]


def _event_finding(found: SevereEvents, area: Text, rule: SevereEventFlag) -> Finding:
    family, day, n = FAMILIES[found.family_code], found.occurred_on, found.n_events
    deaths, injuries = found.n_deaths, found.n_serious_injuries
    detail = Text(
        f"{area.zh}：{day_zh(day)}发生重大{family.zh}{n}起，死亡{deaths}人、重伤{injuries}人"
        f"（标准：一起死亡{rule.min_deaths}人及以上，或重伤{rule.min_serious_injuries}人及以上）。",
        f"{area.en}: {n} severe {plural(n, family.en)} on {day}, {counted(deaths, 'death')} and "
        f"{counted(injuries, 'serious injury')} "
        f"(limit: {rule.min_deaths} deaths or {rule.min_serious_injuries} serious injuries in one event).",
    )
    return Finding(
        "red",
        found.area_code,
        day,
        detail,
        observed=found.worst,
        threshold=found.limit,
        feed_code=found.feed_code,
        part=found.family_code,
    )


def _homicide_finding(found: Homicides, area: Text, rule: SevereEventFlag) -> Finding:
    detail = Text(
        f"{area.zh}：近{rule.window_days}天命案死亡{found.count}人，按本地近{rule.homicide_past_years}年水平预期{found.expected:.1f}人，"
        f"达到{found.threshold}人即属异常。",
        f"{area.en}: {counted(found.count, 'homicide')} in {rule.window_days} days, {found.expected:.1f} "
        f"expected from the county's last {rule.homicide_past_years} years; {found.threshold} or more is exceptional.",
    )
    numbers = (found.count, found.expected, found.threshold)
    return Finding("red", found.area_code, found.since, detail, *numbers, indicator_id=HOMICIDE_INDICATOR)


def needs(flags: Flags) -> dict[Query, int]:
    rule = flags.f4_severe_event
    return {DAILY: days_looked_at(rule), TOLLS: rule.window_days}


RULE = Rule(
    code="F4",
    name=Text("重大事件", "Severe event"),
    when=Text(
        "一起死亡 {{ t.min_deaths }} 人及以上，或重伤 {{ t.min_serious_injuries }} 人及以上，显示 {{ t.window_days }} 天；"
        "或 {{ t.window_days }} 天内命案死亡人数与本县区此前 {{ t.homicide_past_years }} 年"
        "（至少 {{ t.homicide_min_past_years }} 年）相比 p < {{ t.homicide_alpha }}（两泊松率的精确检验），"
        "最多回溯 {{ t.history_nights }} 夜",
        "One event with at least {{ t.min_deaths }} deaths or {{ t.min_serious_injuries }} serious injuries, shown for "
        "{{ t.window_days }} days; or homicides of {{ t.window_days }} days against the county's own past of "
        "{{ t.homicide_past_years }} years (at least {{ t.homicide_min_past_years }}), p < {{ t.homicide_alpha }} "
        "(exact test of two Poisson rates), followed back {{ t.history_nights }} nights at most",
    ),
    colours=Text("红，当夜即亮", "red at once"),
    needs=needs,
    find=find,
    n_looked_at=lambda given: len(given.place.counties),
    is_fact=True,
)
