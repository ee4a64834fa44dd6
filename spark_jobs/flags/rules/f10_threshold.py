"""F10 threshold passed: more of a product was sold at one place in a month than the city's limit for it.

It is about a place (station, venue, grid): nothing here knows a buyer. A sum only grows with what is still to come, so
what is above the limit is a fact, also where a delivery lacks. The window ends on the last day that the feed has
delivered: days that it did not deliver are unknown and no zeros, and do not take a flag away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from expectations.models import Feed, Text
from spark_jobs.feeds.feed_status import checked
from spark_jobs.flags.detectors.rolling_sum import Above, above_limit
from spark_jobs.flags.rule import KNOWN, Finding, QuantityLimit, Query, Rule, RuleInput
from spark_jobs.flags.weekly import DAYS_A_WEEK
from spark_jobs.flags.words import counted, day_zh
from spark_jobs.index.flag_thresholds import Flags

_OF_KIND = """
    select feed_code, area_code, place_code, {columns}
    from silver.{kind}
    where city_code = {{city}} and {day} between date_sub(date {{day}}, {{days}}) and date {{day}}
        and {known}
    group by all
"""
SALES = Query(
    "sales",
    _OF_KIND.format(
        kind="sale",
        known=KNOWN,
        day="sold_on",
        columns="max(place_name) as place_name, product_code, container_code, unit_code, sold_on, "
        "sum(quantity) as quantity",
    ),
    kind="sale",
)
INSPECTIONS = Query(
    "inspections",
    _OF_KIND.format(
        kind="inspection",
        known=KNOWN,
        day="inspected_on",
        columns="inspected_on, mode_code, outcome_code, count(*) as n_inspections",
    ),
    kind="inspection",
)
UNITS = {"litre": Text("升", "litres"), "kilogram": Text("千克", "kilograms"), "piece": Text("件", "pieces")}
MODES = {"remote": Text("远程", "remote"), "on_site": Text("现场", "on site")}
OUTCOMES = {
    "cleared": Text("未发现问题", "nothing found"),
    "corrected": Text("问题已整改", "a fault put right"),
    "fault_open": Text("问题未整改", "a fault that stands"),
}


@dataclass(frozen=True)
class Series:
    """What one feed says of one product at one place. last: the last day that the feed has delivered."""

    feed_code: str
    area_code: str
    place_code: str
    place_name: str
    limit: QuantityLimit
    last: date
    sales: pd.DataFrame


def delivered_through(given: RuleInput, feed: Feed) -> date | None:
    """Last day that the checked batches of the feed have delivered; None if there is no such batch."""
    taken = checked(given.evidence["batches"])
    own = taken[taken["feed_code"] == feed.feed_code]
    if own.empty:
        return None
    through: date = own["window_to"].max()
    return min(through - timedelta(days=feed.lag_days), given.business_date)


def watched(given: RuleInput) -> Iterator[Series]:
    """Every place and product that the city has a limit for, in order of feed, county, place and limit.

    A product in two sorts of containers is two series, each with a limit of its own.
    """
    for feed in (feed for feed in given.feeds if feed.kind == SALES.kind):
        sales, last = given.evidence[SALES.name], delivered_through(given, feed)
        if last is None:
            continue
        own = sales[(sales["feed_code"] == feed.feed_code) & (sales["sold_on"] <= last)]
        for _, at_place in own.groupby(["area_code", "place_code"], sort=True):
            area_code, place_code = at_place[["area_code", "place_code"]].iloc[0]
            names = [name for name in at_place["place_name"] if name]
            for limit in given.limits:
                is_it = (at_place[list(limit.of)] == list(limit.of.values())).all(axis=1)
                if is_it.any():
                    name = max(names, default=place_code)
                    yield Series(feed.feed_code, area_code, place_code, name, limit, last, at_place[is_it])


def find(given: RuleInput) -> list[Finding]:
    """Amber. One finding a place and limit."""
    flags, found = given.methodology.flags, []
    for each in watched(given):
        quantities: dict[date, Decimal] = {}
        for day, quantity in zip(each.sales["sold_on"], each.sales["quantity"], strict=True):
            quantities[day] = quantities.get(day, Decimal(0)) + quantity
        span = {"window_days": flags.f10_threshold.window_days, "history_days": history_days(flags)}
        above = above_limit(quantities, each.limit.limit, each.last, **span)
        if above:
            found.append(_finding(each, above, given))
    return found


def _finding(of: Series, above: Above, given: RuleInput) -> Finding:
    area, unit, limit = given.place.name(of.area_code), UNITS[of.limit.unit_code], of.limit.limit
    days = given.methodology.flags.f10_threshold.window_days
    since = _inspected(of, above, given)
    detail = Text(
        f"{area.zh}：{of.place_name}（{of.place_code}）截至{day_zh(of.last)}的{days}天内，{of.limit.product_code}累计"
        f"{above.total.normalize():f}{unit.zh}，超过{limit:f}{unit.zh}。{since.zh}",
        f"{area.en}: {of.place_name} ({of.place_code}), {above.total.normalize():f} {unit.en} of {of.limit.product_code} in the "
        f"{days} days to {of.last}, the limit is {limit:f}. {since.en}",
    )
    return Finding(
        "amber",
        of.area_code,
        above.since,
        detail,
        observed=float(above.total),
        threshold=float(limit),
        feed_code=of.feed_code,
        part="/".join((of.place_code, *of.limit.of.values())),
    )


def _inspected(of: Series, above: Above, given: RuleInput) -> Text:
    """What became of it: inspections of the place since the limit was passed."""
    if INSPECTIONS.name not in given.evidence:
        return Text("本市没有检查数据。", "No feed brings inspections.")
    known = given.evidence[INSPECTIONS.name]
    is_of_place = (known["place_code"] == of.place_code) & (known["area_code"] == of.area_code)
    own = known[is_of_place & (known["inspected_on"] >= above.since)]
    if own.empty:
        return Text("此后没有检查记录。", "No inspection of it since is known.")
    n = int(own["n_inspections"].sum())
    last = own.sort_values(["inspected_on", "mode_code", "outcome_code"]).iloc[-1]
    mode, outcome = MODES[last["mode_code"]], OUTCOMES[last["outcome_code"]]
    return Text(
        f"此后检查{n}次，最近一次{day_zh(last['inspected_on'])}（{mode.zh}）：{outcome.zh}。",
        f"{counted(n, 'inspection')} since, the last on {last['inspected_on']} ({mode.en}): {outcome.en}.",
    )


def history_days(flags: Flags) -> int:
    """A run of days above a limit is followed back at most so far, as any flag is."""
    return DAYS_A_WEEK * flags.lifecycle.history_weeks


def needs(flags: Flags) -> dict[Query, int]:
    return dict.fromkeys((SALES, INSPECTIONS), flags.f10_threshold.window_days + history_days(flags))


RULE = Rule(
    code="F10",
    name=Text("超出阈值", "Threshold passed"),
    when=Text(
        "同一地点（加油站、场所、网格）滚动 {{ t.window_days }} 天的累计销售数量严格超过本市对该商品和容器的限量"
        "（quantity_limits.csv）；只看地点，不看购买人；截至数据送达之日，未送达的日子不按零计；最多回溯 {{ flags.lifecycle.history_weeks }} 周",
        "Quantity of a product sold at one place (station, venue, grid) over a rolling {{ t.window_days }} days strictly "
        "above the city's limit for it and its container (quantity_limits.csv); places only, never a buyer; through the last "
        "day delivered, and days that were not delivered are no zeros; followed back {{ flags.lifecycle.history_weeks }} weeks at most",
    ),
    colours=Text("橙，当夜即亮", "amber at once"),
    needs=needs,
    find=find,
    n_looked_at=lambda given: sum(1 for _ in watched(given)),
    nothing=Text(
        "没有送达按地点的销售数量，或本市未定限量",
        "no quantities sold by place were delivered, or the city sets no limit",
    ),
    is_fact=True,
)
