"""F9 data quality: a feed is late, stands still, brings far less or many times more than usual, or its records name no
known county.

Such a feed greys its indicators: silence must not look like peace, nor a file sent twenty times like a riot. There is one
finding a feed, the gravest. The order is: not delivered, content that ends days before, unknown county, low or high
count. It waits for no further nights: a missing feed is a fact of tonight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from expectations.contract import load_kinds
from expectations.models import Feed, Kind, Text
from spark_jobs.feeds.feed_status import checked
from spark_jobs.flags.detectors.lifecycle import run_start
from spark_jobs.flags.detectors.low_counts import lower_bounds
from spark_jobs.flags.rule import Finding, Query, Rule, RuleInput
from spark_jobs.flags.words import day_zh
from spark_jobs.index.flag_thresholds import DataQualityFlag, Flags

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Reason = Literal["missing", "breached", "not_covered", "unknown_area", "low_count", "high_count"]

# A row without a county is counted once, however many rules it breaks.
UNKNOWN_AREA = Query(
    "unknown_area",
    """
    select feed_code, batch_id, count(distinct source_file, row_number) as n_unknown_area
    from silver.rejects
    where city_code = {city} and rule in ('unknown_area', 'ambiguous_area', 'no_area_of_that_day')
    group by feed_code, batch_id
    """,
)


# Versions are counted, not records: else a source that sends its past as it stands today would seem to fall afterwards.
_VOLUMES = """
    with versions as ({versions})
    select feed_code, to_date(from_utc_timestamp(known_from, {{zone}})) as day, count(*) as n_records
    from versions
    where city_code = {{city}} and known_from <= timestamp {{as_of}} and known_from > date_sub(date {{day}}, {{days}})
    group by all
"""
_VERSIONS = "select city_code, feed_code, known_from from silver.`{kind}`"


def volumes(kinds: Iterable[Kind]) -> Query:
    """Record versions by feed and local day, of every kind that a night waits for, which is all but context."""
    versions = (_VERSIONS.format(kind=kind.kind) for kind in kinds if not kind.is_context)
    return Query("volumes", _VOLUMES.format(versions=" union all ".join(versions)))


@dataclass(frozen=True)
class FeedFault:
    """What is wrong with a feed.

    observed, expected, threshold: records (low_count, high_count) or share (unknown_area), else NaN.
    through: last day delivered. explanation: the reason that the check of the batch gave (breached).
    """

    feed_code: str
    reason: Reason
    since: date
    through: date | None = None
    observed: float = np.nan
    expected: float = np.nan
    threshold: float = np.nan
    explanation: str = ""


def feed_faults(
    status: pd.DataFrame,
    batches: pd.DataFrame,
    volumes: pd.DataFrame,
    rule: DataQualityFlag,
    business_date: date,
    due: Mapping[str, date],
) -> list[FeedFault]:
    """The gravest fault of each feed that has one, in order of feed.

    `due`: feed -> day through which its content should reach.
    `status`: feed_code, delivered_through, covered_through, missing_since, state_code (delivered | missing | breached), reason.
    `batches`: feed_code, window_to, n_received, n_unknown_area; checked batches only.
    `volumes`: feed_code, day, n_records: record versions by the local day on which the source recorded them.
    """
    found = []
    for _, feed in status.sort_values("feed_code").iterrows():
        code = str(feed["feed_code"])
        fault = (
            _not_delivered(feed)
            or _not_covered(feed, due[code], rule)
            or _unknown_area(code, batches[batches["feed_code"] == code], rule, business_date)
            or _unusual_count(code, volumes[volumes["feed_code"] == code], rule, feed["covered_through"])
        )
        found += [fault] if fault else []
    return found


def _not_delivered(feed: pd.Series) -> FeedFault | None:
    state, since, through = feed["state_code"], feed["missing_since"], feed["delivered_through"]
    if state == "delivered":
        return None
    assert isinstance(since, date)
    return FeedFault(
        str(feed["feed_code"]),
        "breached" if state == "breached" else "missing",
        since,
        through if isinstance(through, date) else None,
        explanation=str(feed["reason"] or ""),
    )


def _not_covered(feed: pd.Series, due: date, rule: DataQualityFlag) -> FeedFault | None:
    """A delivered feed whose content ends more than `max_days_behind` days too early, or whose end is not known."""
    through = feed["covered_through"]
    if not isinstance(through, date):
        return FeedFault(str(feed["feed_code"]), "not_covered", due)
    behind = (due - through).days
    if behind <= rule.max_days_behind:
        return None
    since = through + timedelta(days=1)
    return FeedFault(str(feed["feed_code"]), "not_covered", since, through, float(behind), np.nan, rule.max_days_behind)


def _unknown_area(code: str, batches: pd.DataFrame, rule: DataQualityFlag, business_date: date) -> FeedFault | None:
    """Share of records without a known county over `share_days`, strictly above the limit."""
    ends = [day for day in batches["window_to"] if day <= business_date]
    if not ends:
        return None
    nights = (business_date - min(ends)).days + 1
    offsets = np.array([(business_date - day).days for day in batches["window_to"]])
    shares = np.full(nights, np.nan)
    for night in range(nights):  # counted back from the business date
        window = (offsets >= night) & (offsets < night + rule.share_days)
        n_received = int(batches["n_received"][window].sum())
        if n_received >= rule.min_received:
            shares[night] = batches["n_unknown_area"][window].sum() / n_received
    limit = rule.max_null_county_share
    start = run_start(shares[::-1] > limit)
    if start is None:
        return None
    since = business_date - timedelta(days=nights - 1 - start)
    return FeedFault(code, "unknown_area", since, observed=float(shares[0]), threshold=limit)


def _unusual_count(code: str, volumes: pd.DataFrame, rule: DataQualityFlag, last: date) -> FeedFault | None:
    """The last covered day has fewer records than the bound of its weekday, or many times more than its weekday's mean;
    since the first such day in a row.
    """
    n_days, weeks = days_looked_at(rule), rule.baseline_weeks
    counts = np.zeros(n_days)
    for day, n_records in zip(volumes["day"], volumes["n_records"], strict=True):
        back = (last - day).days
        if 0 <= back < n_days:
            counts[n_days - 1 - back] += n_records
    days = np.arange(7 * weeks, n_days)
    past = counts[days[:, None] - 7 * np.arange(1, weeks + 1)]
    usual, least = past.mean(axis=1), lower_bounds(past, rule.count_alpha)
    most = np.maximum(rule.max_times_usual * usual, rule.min_received)
    unusual: tuple[tuple[Reason, BoolArray, FloatArray], ...] = (
        ("low_count", counts[days] < least, least),
        ("high_count", (counts[days] > most) & (usual > 0), most),
    )
    for reason, is_so, limits in unusual:
        start = run_start(is_so)
        if start is not None:
            since = last - timedelta(days=rule.history_days - 1 - start)
            return FeedFault(code, reason, since, None, counts[-1], float(usual[-1]), float(limits[-1]))
    return None


def days_looked_at(rule: DataQualityFlag) -> int:
    """Days of record counts that the rule needs, the business date included."""
    return rule.history_days + 7 * rule.baseline_weeks


def find(given: RuleInput) -> list[Finding]:
    """Grey, and the feed's indicators raise no statistical flag."""
    faults = feed_faults(
        given.evidence["status"],
        judged_batches(given.evidence["batches"], given.evidence["unknown_area"]),
        given.evidence["volumes"],
        given.methodology.flags.f9_data_quality,
        given.business_date,
        {feed.feed_code: _due(feed, given.business_date) for feed in given.feeds},
    )
    feeds = {feed.feed_code: feed for feed in given.feeds}
    return [_finding(fault, feeds[fault.feed_code], given) for fault in faults]


def _due(feed: Feed, business_date: date) -> date:
    return min(business_date, feed.ends_on or business_date) - timedelta(days=feed.lag_days)


def judged_batches(batches: pd.DataFrame, unknown: pd.DataFrame) -> pd.DataFrame:
    """Batches that kept their contract; n_unknown_area is how many of their rows that were read have no county."""
    taken = checked(batches)
    taken = taken.assign(n_received=taken["n_received"] - taken["n_left_out"].fillna(0))
    return taken.merge(unknown, on=["feed_code", "batch_id"], how="left").fillna({"n_unknown_area": 0})


def _finding(fault: FeedFault, feed: Feed, given: RuleInput) -> Finding:
    said = _DETAILS[fault.reason](fault, Text(feed.name.zh, feed.name.en))
    if affected := [given.indicators[i] for i in feed.supports if i in given.indicators]:
        said = Text(
            f"{said.zh}受影响指标不亮其他预警：{'、'.join(name.zh for name in affected)}。",
            f"{said.en} No other flags for: {', '.join(name.en for name in affected)}.",
        )
    numbers = (fault.observed, fault.expected, fault.threshold)
    area = given.place.city_area
    return Finding("grey", area, fault.since, said, *numbers, feed_code=fault.feed_code, silences=feed.supports)


def _missing(fault: FeedFault, feed: Text) -> Text:
    through = f"（已到{day_zh(fault.through)}）" if fault.through else "（从未到达）"
    delivered = f" (delivered through {fault.through})" if fault.through else " (never delivered)"
    return Text(
        f"{feed.zh}：自{day_zh(fault.since)}起数据未到{through}，不按零计。",
        f"{feed.en}: nothing since {fault.since}{delivered}; missing is not zero.",
    )


def _breached(fault: FeedFault, feed: Text) -> Text:
    return Text(
        f"{feed.zh}：自{day_zh(fault.since)}起数据不符合约定，已停用（{fault.explanation}）。",
        f"{feed.en}: stopped since {fault.since}, what arrived breaks its contract ({fault.explanation}).",
    )


def _not_covered_detail(fault: FeedFault, feed: Text) -> Text:
    if fault.through is None:
        return Text(
            f"{feed.zh}：数据已到，但没有说明内容截至何日，不按零计。",
            f"{feed.en}: delivered, but nothing says through which day its content reaches; missing is not zero.",
        )
    return Text(
        f"{feed.zh}：数据已到，但内容只到{day_zh(fault.through)}，其后的日子未知，不按零计。",
        f"{feed.en}: delivered, but its content ends on {fault.through}; later days are not known, and no zeros.",
    )


def _unknown_area_detail(fault: FeedFault, feed: Text) -> Text:
    found, limit = f"{fault.observed:.1%}", f"{fault.threshold:.0%}"
    return Text(
        f"{feed.zh}：{found}的记录无法对应到县区，超过{limit}的限度（自{day_zh(fault.since)}起）。",
        f"{feed.en}: {found} of records name no known county, the limit is {limit} (since {fault.since}).",
    )


def _low_count_detail(fault: FeedFault, feed: Text) -> Text:
    n, usual, bound = f"{fault.observed:.0f}", f"{fault.expected:.0f}", f"{fault.threshold:.0f}"
    return Text(
        f"{feed.zh}：当日仅{n}条，同一星期日平均{usual}条，下限{bound}条（自{day_zh(fault.since)}起），可能漏传。",
        f"{feed.en}: {n} records in the day, {usual} on this weekday, lower bound {bound} "
        f"(since {fault.since}); some may not have been sent.",
    )


def _high_count_detail(fault: FeedFault, feed: Text) -> Text:
    n, usual, bound = f"{fault.observed:,.0f}", f"{fault.expected:.0f}", f"{fault.threshold:,.0f}"
    return Text(
        f"{feed.zh}：当日{n}条，同一星期日平均{usual}条，上限{bound}条（自{day_zh(fault.since)}起），可能重复传送或一次补传。",
        f"{feed.en}: {n} records in the day, {usual} on this weekday, limit {bound} "
        f"(since {fault.since}); they may have been sent more than once, or the past may have come again.",
    )


_DETAILS: dict[Reason, Callable[[FeedFault, Text], Text]] = {
    "missing": _missing,
    "breached": _breached,
    "not_covered": _not_covered_detail,
    "unknown_area": _unknown_area_detail,
    "low_count": _low_count_detail,
    "high_count": _high_count_detail,
}


def needs(flags: Flags) -> dict[Query, int]:
    """The queries, with one day more than the rule looks at, because of the time zone."""
    days = days_looked_at(flags.f9_data_quality) + 1
    return {UNKNOWN_AREA: days, volumes(load_kinds().values()): days}


RULE = Rule(
    code="F9",
    name=Text("数据质量", "Data quality"),
    when=Text(
        "数据未到或不合契约；内容比契约所示早止 {{ t.max_days_behind }} 天以上；当日条数低于同一星期日前 {{ t.baseline_weeks }} 周的下限"
        "（负二项，α {{ t.count_alpha }}，最多回溯 {{ t.history_days }} 天），"
        "或超过其平均的 {{ t.max_times_usual | n }} 倍（至少 {{ t.min_received }} 条）；"
        "{{ t.share_days }} 天内（至少 {{ t.min_received }} 条）无法对应县区的记录超过 {{ t.max_null_county_share | pct }}。"
        "尚未启用：完整度低于 {{ t.min_completeness | pct }}，修订超过通常的 {{ t.max_revision_ratio | n }} 倍",
        "A feed is late or breaks its contract; or its content ends more than {{ t.max_days_behind }} days before what its "
        "contract says; or a day's records lie under the lower bound of the same weekday of "
        "{{ t.baseline_weeks }} weeks (negative binomial, α {{ t.count_alpha }}, followed back {{ t.history_days }} days "
        "at most), or above {{ t.max_times_usual | n }} times their mean (and {{ t.min_received }}); or more than {{ t.max_null_county_share | pct }} of the records of {{ t.share_days }} days (at least "
        "{{ t.min_received }}) name no known county. Not in force: completeness below {{ t.min_completeness | pct }}, "
        "revision above {{ t.max_revision_ratio | n }} times the usual",
    ),
    colours=Text("灰；其指标不亮其他统计预警", "grey; silences statistical flags of its indicators"),
    needs=needs,
    find=find,
    n_looked_at=lambda given: len(given.feeds),
    is_fact=True,
    is_first=True,
)
