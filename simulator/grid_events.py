"""Grid events 网格事件 found by grid workers: what happens to them, and the Excel row at an instant."""

from __future__ import annotations

import numpy as np

from simulator import text
from simulator.truth import Array, Truth
from simulator.world import DAY, HOUR, NEVER, Block, Columns, Kind, Series, dirt, place

# (item code, name, thousandths of all events, days to handle); our own list: 01 public-safety hazards,
# 02 security hazards or leads, 03 city upkeep, 04 public opinion, 05 services.
GRID_ITEMS = (
    ("0101", "消防通道堵塞", 95, 3),
    ("0102", "电动车违规充电", 85, 3),
    ("0103", "燃气使用隐患", 45, 3),
    ("0104", "老旧房屋隐患", 30, 15),
    ("0105", "井盖路面破损", 60, 7),
    ("0106", "高空坠物隐患", 25, 3),
    ("0107", "用电线路隐患", 45, 7),
    ("0108", "冰面水域隐患", 15, 3),
    ("0201", "油气管线占压", 20, 15),
    ("0202", "井场周边可疑线索", 25, 3),
    ("0203", "出租房屋治安隐患", 40, 7),
    ("0204", "涉赌涉诈线索", 25, 3),
    ("0301", "环境卫生", 130, 3),
    ("0302", "占道经营", 70, 3),
    ("0303", "供暖供水故障", 75, 3),
    ("0304", "照明设施故障", 40, 7),
    ("0401", "社情民意", 75, 7),
    ("0501", "独居老人帮扶", 60, 7),
    ("0502", "便民代办", 40, 7),
)
N_HAZARDS = 12
EVENTS = ("reported", "dispatched", "repaired", "revisited", "closed", "reopened", "closed_again", "deleted")
STREAM = 5
_DIRT: text.Dirt = (
    {"所属区划": text.unknown_name, "所属乡镇": None},
    {"所属区划": text.spaced},
    {"发现时间": text.impossible_date},
    {"事件类别": text.without_leading_zero},
    {"事件类别": text.full_width},
)


def live(block: Block, truth: Truth) -> Columns:
    """One row per event with all that will ever happen to it; one in two hundred is never closed."""
    draws = block.draws
    found = block.day * DAY + draws.between(8 * HOUR, 18 * HOUR)
    wait = draws.choice((90, 8, 2))
    reported = found + 300 + draws.exponential(np.array([0.03, 1.0, 5.0])[wait] * DAY, 20 * DAY)
    deadline_on = reported // DAY + np.array([item[3] for item in GRID_ITEMS])[block.series]
    is_late = draws.chance(truth.probability("d5_grid_overdue", block.day, block.county))
    in_time = reported + ((deadline_on * DAY - reported) * draws.uniform()).astype(np.int64)
    closing = np.where(is_late, (deadline_on + 1) * DAY + draws.exponential(6 * DAY, 80 * DAY), in_time)
    is_deleted = draws.chance(0.003)
    lives = {
        **place(block),
        "item": block.series,
        "grade": draws.choice((80, 17, 3)),
        "spelling": draws.uniform(),
        "grid": draws.between(1, 13),
        "has_evidence": draws.chance(0.85),
        "found": found,
        "reported": reported,
        "deadline_on": deadline_on,
        "closed": np.where(draws.chance(0.995), closing, NEVER),
        "deleted": np.where(is_deleted, reported + draws.between(DAY, 10 * DAY), NEVER),
        "dirt": dirt(block, truth, len(_DIRT)),
    }
    return {**lives, **_loop(block, lives, closing, is_late)}


def _loop(block: Block, lives: Columns, closing: Array, is_late: Array) -> Columns:
    """Dispatch, repair and revisit between report and closing. A closed event that was in time may be opened again.

    It is then closed again before its deadline, so that no event becomes overdue by being reopened.
    """
    draws, reported = block.draws, lives["reported"]
    dispatched = _between(reported, closing, 0.3 * draws.uniform())
    repaired = _between(dispatched, closing, draws.uniform())
    revisited = _between(repaired, closing, draws.uniform())
    is_reopened = draws.chance(0.02) & ~is_late & (lives["closed"] < NEVER)
    reopened = _between(closing, lives["deadline_on"] * DAY, draws.uniform())
    closed_again = _between(reopened, lives["deadline_on"] * DAY, draws.uniform())
    is_stuck = lives["closed"] == NEVER  # dispatched, and then nothing more
    return {
        "dispatched": dispatched,
        "repaired": np.where(is_stuck, NEVER, repaired),
        "revisited": np.where(is_stuck, NEVER, revisited),
        "reopened": np.where(is_reopened, reopened, NEVER),
        "closed_again": np.where(is_reopened, closed_again, NEVER),
    }


def _between(first: Array, last: Array, part: Array) -> Array:
    """The instant at the share `part` of the way from `first` to `last`."""
    return np.asarray(first + ((last - first) * part).astype(np.int64))


KIND = Kind(
    name="grid_events",
    stream=STREAM,
    width=24,
    series=tuple(Series(code, name, share / 1000, amplitude=0.15, peak=170) for code, name, share, _ in GRID_ITEMS),
    weekday=(1.25, 1.20, 1.20, 1.15, 1.10, 0.60, 0.50),
    holiday=0.4,
    horizon=150,
    events=EVENTS,
    live=live,
)


def _stages(lives: Columns, happened: dict[str, Array], is_again: Array, is_reopened: Array) -> dict[str, Array]:
    """The times of the loop. A reopened event keeps its dispatch; its other times are of the second round."""
    stages = {"派遣时间": "dispatched", "处置时间": "repaired", "回访时间": "revisited", "办结时间": "closed"}
    shown = {}
    for name, event in stages.items():
        is_kept = event == "dispatched"
        instant = lives[event] if is_kept else np.where(is_again, lives["closed_again"], lives[event])
        is_there = happened[event] if is_kept else happened[event] & ~is_reopened
        shown[name] = text.instants(np.where(is_there, instant, NEVER))
    return shown


def render(lives: Columns, at: Array) -> dict[str, Array]:
    """Excel rows (all text) as the source shows them at `at` (an instant per record), update time = last event."""
    happened = {event: lives[event] <= at for event in EVENTS}
    is_again, is_reopened = happened["closed_again"], happened["reopened"] & ~happened["closed_again"]
    is_closed = happened["closed"] & ~is_reopened
    town = text.township_names(lives)
    grid = [f"{name}第{number}网格" for name, number in zip(town, lives["grid"].tolist(), strict=True)]
    rows = {
        "事件编号": text.record_numbers("WG", lives),
        "事件类别": text.pick([item[0] for item in GRID_ITEMS], lives["item"]),
        "隐患等级": text.seen(text.pick(("一般", "较大", "重大"), lives["grade"]), lives["item"] < N_HAZARDS),
        "发现时间": text.instants(lives["found"]),
        "上报时间": text.instants(lives["reported"]),
        "所属区划": text.county_names(lives),
        "所属乡镇": town,
        "网格": np.array(grid, dtype=object),
        "处理时限": text.dates(lives["deadline_on"]),
        **_stages(lives, happened, is_again, is_reopened),
        "状态": text.pick(("处置中", "已办结", "重新打开"), is_closed.astype(np.int64) + 2 * is_reopened),
        "重开次数": text.pick(("0", "1"), happened["reopened"].astype(np.int64)),
        "是否上传佐证": text.pick(("否", "是"), (is_closed & lives["has_evidence"]).astype(np.int64)),
        "更新时间": text.instants(at),
        "删除标志": text.pick(("0", "1"), happened["deleted"].astype(np.int64)),
    }
    text.soil(rows, lives, _DIRT)
    return rows
