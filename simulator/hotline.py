"""12345 work orders 工单: what happens to them, and the row of `order_wide` at an instant."""

from __future__ import annotations

import numpy as np

from simulator import people, text
from simulator.city import UNKNOWN_CODE
from simulator.truth import Array, Truth
from simulator.world import DAY, HOUR, NEVER, Block, Columns, Kind, Series, dirt, place

# (code, name, thousandths of all orders, amplitude, peak day, only in winter): the mix is our own.
TOPICS = (
    ("010101", "冬季采暖", 150, 0.0, 15, True),
    ("010102", "自来水供应", 60, 0.2, 200, False),
    ("010103", "电力供应", 35, 0.2, 200, False),
    ("010104", "燃气供应", 30, 0.1, 15, False),
    ("010105", "环境卫生", 60, 0.3, 180, False),
    ("010106", "城管执法", 55, 0.3, 190, False),
    ("010107", "城市公共设施", 45, 0.2, 120, False),
    ("010108", "公共汽车", 20, 0.0, 1, False),
    ("010201", "物业管理", 105, 0.1, 180, False),
    ("010202", "房屋质量", 35, 0.2, 200, False),
    ("010203", "违章建筑", 20, 0.3, 170, False),
    ("010301", "拖欠工资", 60, 0.4, 5, False),
    ("010302", "社会保险", 40, 0.0, 1, False),
    ("010401", "噪声污染", 55, 0.4, 200, False),
    ("010402", "大气污染", 15, 0.3, 300, False),
    ("010501", "消费维权", 70, 0.0, 1, False),
    ("010502", "食品安全", 20, 0.2, 210, False),
    ("010601", "交通秩序", 30, 0.1, 250, False),
    ("010602", "停车管理", 25, 0.0, 1, False),
    ("010701", "医疗服务", 15, 0.1, 15, False),
    ("010702", "教育收费", 15, 0.3, 250, False),
    ("010801", "土地承包", 15, 0.5, 110, False),
    ("010802", "惠农补贴", 15, 0.4, 120, False),
    ("010901", "治安问题", 10, 0.2, 200, False),
)
CHANNELS = ("电话", "微信", "网站", "APP", "省平台转办", "国家平台转办")
CALL_TYPES = ("求助", "投诉", "咨询", "建议", "表扬", "其他")
URGENCIES = ("普通", "紧急", "特急")
DAYS_TO_HANDLE = np.array([7, 3, 1])
DEPARTMENTS = ("住建局", "城管局", "人社局", "生态环境局", "市场监管局", "公安局", "卫健局", "农业农村局")
SATISFACTIONS = ("满意", "基本满意", "一般", "不满意")
EVENTS = (
    "created", "assigned", "returned_1", "returned_2", "returned_3", "extended", "finished", "merged",
    "visited", "reopened", "refinished", "revisited", "deleted",
)  # fmt: skip
STREAM = 1
_DIRT: text.Dirt = (
    {"district_code": UNKNOWN_CODE, "district_name": text.unknown_name, "street_code": None},
    {"district_code": None, "district_name": text.unknown_name, "street_code": None},
    {"district_code": text.full_width, "street_code": text.full_width},
    {"district_code": text.spaced, "street_code": text.spaced},
    {"call_time": "1900-01-01 00:00:00"},
    {"call_time": "2099-12-31 00:00:00"},
    {"return_count": -1},
)
# People call by day; shares of the 24 hours.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 12, 13, 11, 8, 6, 9, 10, 9, 8, 6, 5, 4, 3, 3, 2, 1)


def _intake(block: Block) -> Columns:
    """The call itself."""
    draws = block.draws
    called = block.day * DAY + draws.choice(_HOURS) * HOUR + draws.between(0, HOUR)
    return {
        "called": called,
        "created": called + draws.between(60, 900),
        "topic": block.series,
        "channel": draws.choice((70, 12, 4, 5, 6, 3)),
        "call_type": draws.choice((45, 38, 7, 5, 1, 4)),
        "urgency": draws.choice((90, 8, 2)),
        "is_secret": draws.chance(0.02),
        "department": draws.between(0, len(DEPARTMENTS)),
        "spelling": draws.uniform(),
    }


def _caller(block: Block, truth: Truth) -> Columns:
    """Who calls, and the older order that the call repeats or chases, which is the first one of its county that day."""
    draws = block.draws
    is_again = draws.chance(truth.probability("d4_returned_or_repeated", block.day, block.county) * 0.6)
    before = draws.between(1, 30)
    day = np.where(is_again, np.maximum(block.day - before, truth.start), block.day)
    number = np.where(is_again, 1, block.number)
    return {
        "old_day": day,
        "is_chaser": is_again & draws.chance(0.3),
        "is_again": is_again & (day < block.day),
        "person": people.keys(STREAM, day, block.county, number),
    }


def _handling(block: Block, truth: Truth, lives: Columns) -> Columns:
    """Dispatch, returns, extension, completion, merging."""
    draws = block.draws
    created = lives["created"]
    assigned = created + draws.exponential(3 * HOUR, 2 * DAY) + 300
    deadline = created + DAYS_TO_HANDLE[lives["urgency"]] * DAY
    is_extended = draws.chance(0.08)
    delay_days = draws.between(1, 4) * 5
    due = deadline + np.where(is_extended, delay_days, 0) * DAY
    is_late = draws.chance(truth.probability("d2_late", block.day, block.county))
    in_time = assigned + ((due - assigned) * 0.98 * draws.uniform() ** 0.7).astype(np.int64)
    finished = np.where(is_late, due + HOUR + draws.exponential(4 * DAY, 60 * DAY), in_time)
    finished = np.where(draws.chance(0.99), finished, NEVER)
    n_returns = draws.chance(truth.probability("d4_returned_or_repeated", block.day, block.county) * 0.5) * (
        1 + draws.choice((80, 15, 5))
    )
    step = (np.minimum(finished, due) - assigned) // 5
    merged = np.where(draws.chance(0.025), assigned + step, NEVER)
    is_merged = merged < NEVER
    return {
        "assigned": assigned,
        **{f"returned_{n}": np.where((n_returns >= n) & ~is_merged, assigned + n * step, NEVER) for n in (1, 2, 3)},
        "deadline": deadline,
        "delay_days": delay_days,
        "extended": np.where(is_extended & ~is_merged & (finished > deadline), deadline - 2 * HOUR, NEVER),
        "finished": np.where(is_merged, NEVER, finished),
        "merged": merged,
    }


def _review(block: Block, truth: Truth, finished: Array) -> Columns:
    """Call-back, reopening, second completion and second call-back."""
    draws = block.draws
    is_visited = draws.chance(0.8) & (finished < NEVER)
    visited = np.where(is_visited, np.where(is_visited, finished, 0) + draws.between(DAY, 5 * DAY), NEVER)
    is_solved = ~draws.chance(truth.probability("d1_unresolved", block.day, block.county))
    is_dissatisfied = draws.chance(truth.probability("d3_dissatisfied", block.day, block.county))
    first = np.where(is_dissatisfied, 3, draws.choice((60, 27, 13)))
    is_reopened = is_visited & ~is_solved & draws.chance(0.4)
    reopened = np.where(is_reopened, np.where(is_reopened, visited, 0) + draws.between(HOUR, 2 * DAY), NEVER)
    base = np.where(is_reopened, reopened, 0)
    refinished = base + draws.between(2 * DAY, 10 * DAY)
    return {
        "visited": visited,
        "is_solved": is_solved,
        "is_surveyed": draws.chance(0.85),
        "first": first,
        "reopened": reopened,
        "refinished": np.where(is_reopened, refinished, NEVER),
        "revisited": np.where(is_reopened, refinished + 3 * DAY, NEVER),
        "is_solved_again": draws.chance(0.6),
        "last": np.where(draws.chance(0.5), 1, first),
    }


def live(block: Block, truth: Truth) -> Columns:
    """One row per work order with all that will ever happen to it."""
    lives = {**place(block), **_intake(block), **_caller(block, truth)}
    lives.update(_handling(block, truth, lives))
    lives.update(_review(block, truth, lives["finished"]))
    is_deleted = block.draws.chance(0.004)
    lives["deleted"] = np.where(is_deleted, lives["created"] + block.draws.between(DAY, 20 * DAY), NEVER)
    lives["dirt"] = dirt(block, truth, len(_DIRT))
    return lives


KIND = Kind(
    name="hotline",
    stream=STREAM,
    width=40,
    series=tuple(
        Series(code, name, share / 1000, amplitude=amplitude, peak=peak, winter_only=winter)
        for code, name, share, amplitude, peak, winter in TOPICS
    ),
    weekday=(1.20, 1.15, 1.10, 1.10, 1.05, 0.75, 0.65),
    holiday=0.6,
    horizon=150,
    events=EVENTS,
    live=live,
)


def _progress(lives: Columns, at: Array) -> dict[str, Array]:
    """The columns that change over an order's life, as at `at`."""
    happened = {event: lives[event] <= at for event in EVENTS}
    is_open_again = happened["reopened"] & ~happened["refinished"]
    is_closed = happened["finished"] & ~is_open_again
    finish = np.where(happened["refinished"], lives["refinished"], lives["finished"])
    status = np.select([happened["merged"], is_closed, happened["assigned"]], [3, 2, 1], 0)
    visit = np.where(happened["revisited"], lives["revisited"], lives["visited"])
    is_solved = np.where(happened["revisited"], lives["is_solved_again"], lives["is_solved"]).astype(np.int64)
    is_surveyed = happened["visited"] & lives["is_surveyed"]
    last = np.where(happened["revisited"], lives["last"], lives["first"])
    extended = lives["deadline"] + lives["delay_days"] * DAY
    returns = sum(happened[f"returned_{n}"].astype(np.int64) for n in (1, 2, 3))
    return {
        "delayed_deadline": text.instants(np.where(happened["extended"], extended, NEVER)),
        "delay_days": np.where(happened["extended"], lives["delay_days"], 0),
        "first_assign_time": text.instants(np.where(happened["assigned"], lives["assigned"], NEVER)),
        "finish_time": text.instants(np.where(is_closed, finish, NEVER)),
        "status": text.pick(("待签收", "处理中", "已办结", "已合并"), status),
        "return_count": np.asarray(returns),
        "reopen_count": happened["reopened"].astype(np.int64),
        "visit_time": text.instants(np.where(happened["visited"], visit, NEVER)),
        "is_solved": text.seen(text.pick(("否", "是"), is_solved), happened["visited"]),
        "first_satisfaction": text.seen(text.pick(SATISFACTIONS, lives["first"]), is_surveyed),
        "last_satisfaction": text.seen(text.pick(SATISFACTIONS, last), is_surveyed),
        "del_flag": happened["deleted"].astype(np.int64),
    }


def _matter(lives: Columns) -> dict[str, Array]:
    """What the call is about and who called. `content` names the caller, as real texts do."""
    topic = text.pick([series.name for series in KIND.series], lives["topic"])
    town = text.township_names(lives)
    name, telephone = people.names(lives["person"]), people.telephones(lives["person"])
    old = text.numbers_of("GD", lives["old_day"], lives["county"], np.ones_like(lives["number"]))
    together = zip(topic.tolist(), town.tolist(), name.tolist(), telephone.tolist(), strict=True)
    content = [
        f"来电人{who}(电话{phone})反映{where}{what}问题,请相关单位处理。" for what, where, who, phone in together
    ]
    return {
        "type_code": text.pick([series.code for series in KIND.series], lives["topic"]),
        "type_name": topic,
        "title": np.array([f"关于{b}{a}的诉求" for a, b in zip(topic, town, strict=True)], dtype=object),
        "content": np.array(content, dtype=object),
        "urge_order_no": text.seen(old, lives["is_again"] & lives["is_chaser"]),
        "old_order_no": text.seen(old, lives["is_again"] & ~lives["is_chaser"]),
        "caller_name": name,
        "caller_gender": people.genders(lives["person"]),
        "caller_phone": telephone,
    }


def render(lives: Columns, at: Array) -> dict[str, Array]:
    """Rows of order_wide as the source shows them at `at` (an instant per record), update time = last event."""
    name = text.county_names(lives)
    rows = {
        "order_id": lives["day"] * 100_000 + lives["county"] * 10_000 + lives["number"],
        "order_no": text.record_numbers("GD", lives),
        "call_time": text.instants(lives["called"]),
        "channel": text.pick(CHANNELS, lives["channel"]),
        "call_type": text.pick(CALL_TYPES, lives["call_type"]),
        "urgency": text.pick(URGENCIES, lives["urgency"]),
        "is_secret": text.pick(("否", "是"), lives["is_secret"].astype(np.int64)),
        "district_code": text.county_codes(lives),
        "district_name": name,
        "street_code": text.township_codes(lives),
        "street_name": text.township_names(lives),
        "org_code": np.array([f"D{n + 1:02d}" for n in lives["department"].tolist()], dtype=object),
        "org_name": text.pick(DEPARTMENTS, lives["department"]),
        "deadline": text.instants(lives["deadline"]),
        "create_time": text.instants(lives["created"]),
        "update_time": text.instants(at),
        **_matter(lives),
        **_progress(lives, at),
    }
    text.soil(rows, lives, _DIRT)
    return rows
