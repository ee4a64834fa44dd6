"""Police cases 案件, criminal and public-order: what happens to them, and the CSV row at an instant.

Criminal codes are GA 240.1-2000 (six digits); public-order codes stand for a local list. The mix is our own; that oil
theft is a large part follows the city's published figures for 2008 (2,874 oil-field cases in eleven months).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator import people, text
from simulator.city import COUNTIES, UNKNOWN_CODE
from simulator.truth import Array, Truth
from simulator.world import DAY, HOUR, NEVER, Block, Columns, Kind, Series, dirt, place


@dataclass(frozen=True)
class Sort:
    """One sort of case: code, name, cases a year, risk row, chance to be solved, usual amount (yuan), venues, mark."""

    code: str
    name: str
    yearly: int
    risk: str | None
    solved: float
    amount: int = 0
    venues: str = "street"
    mark: str = ""


SORTS = (
    Sort("040101", "故意杀人案", 12, "a1_violent_crime", 0.98),
    Sort("040103", "故意伤害案", 420, "a1_violent_crime", 0.92),
    Sort("040105", "强奸案", 65, "a1_violent_crime", 0.90),
    Sort("050100", "抢劫案", 45, "a1_violent_crime", 0.85, 2_000),
    Sort("050400", "抢夺案", 55, "a2_property_crime", 0.60, 2_500),
    Sort("050200", "盗窃案", 1_750, "a2_property_crime", 0.40, 3_500, "home"),
    Sort("050300", "诈骗案", 420, "a2_property_crime", 0.45, 20_000, "home"),
    Sort("050800", "敲诈勒索案", 70, "a2_property_crime", 0.70, 8_000),
    Sort("050900", "故意毁坏财物案", 140, "a2_property_crime", 0.75, 6_000),
    Sort("050300", "诈骗案", 2_600, "a3_telecom_fraud", 0.25, 18_000, "net", "telecom"),
    Sort("050200", "盗窃案", 1_500, "oil_theft", 0.60, 12_000, "oil", "oil"),
    Sort("020205", "破坏易燃易爆设备案", 190, "oil_theft", 0.65, 60_000, "oil", "oil"),
    Sort("020203", "破坏电力设备案", 180, "oil_theft", 0.55, 30_000, "oil", "oil"),
    Sort("060257", "掩饰、隐瞒犯罪所得、犯罪所得收益案", 280, "oil_theft", 0.90, 40_000, "oil", "oil"),
    Sort("051100", "聚众哄抢案", 40, "oil_theft", 0.70, 15_000, "oil", "oil"),
    Sort("050600", "职务侵占案", 60, "oil_theft", 0.80, 80_000, "oil", "oil"),
    Sort("051000", "破坏生产经营案", 50, "oil_theft", 0.60, 25_000, "oil", "oil"),
    Sort("060197", "赌博案", 110, "a4_public_order", 0.97, 9_000, "home", "gambling"),
    Sort("060151", "开设赌场案", 130, "a4_public_order", 0.97, 50_000, "home", "gambling"),
    Sort("060137", "寻衅滋事案", 230, "a4_public_order", 0.88),
    Sort("060136", "聚众斗殴案", 50, "a4_public_order", 0.90),
    Sort("060101", "妨害公务案", 40, "a4_public_order", 0.98),
    Sort("020101", "放火案", 25, None, 0.60, 20_000, "home"),
    Sort("020703", "交通肇事案", 150, "b1_road_casualties", 0.95, 0, "road"),
    Sort("060702", "贩卖毒品案", 60, "a4_public_order", 0.98),
    Sort("G0101", "扰乱单位秩序", 500, "a4_public_order", 0.92),
    Sort("G0102", "扰乱公共场所秩序", 550, "a4_public_order", 0.92),
    Sort("G0103", "寻衅滋事", 700, "a4_public_order", 0.88),
    Sort("G0201", "殴打他人", 3_600, "a4_public_order", 0.90),
    Sort("G0202", "侮辱诽谤威胁", 700, "a4_public_order", 0.80),
    Sort("G0301", "盗窃", 1_650, "a4_public_order", 0.45, 800, "home"),
    Sort("G0301", "盗窃", 300, "oil_theft", 0.70, 900, "oil", "oil"),
    Sort("G0302", "诈骗", 420, "a4_public_order", 0.40, 1_200, "net"),
    Sort("G0303", "故意损毁财物", 620, "a4_public_order", 0.75, 900),
    Sort("G0401", "赌博", 1_300, "a4_public_order", 0.98, 3_000, "home", "gambling"),
    Sort("G0402", "为赌博提供条件", 260, "a4_public_order", 0.98, 5_000, "home", "gambling"),
    Sort("G0403", "卖淫嫖娼", 180, "a4_public_order", 0.98),
    Sort("G0404", "吸毒", 120, "a4_public_order", 0.98),
    Sort("G0501", "非法携带管制器具", 160, "a4_public_order", 0.98),
    Sort("G0601", "阻碍执行职务", 120, "a4_public_order", 0.97),
)
N_YEARLY = sum(sort.yearly for sort in SORTS)
VENUES = (
    "居民住宅", "商场超市", "宾馆旅店", "娱乐场所", "餐饮场所", "学校周边", "医院", "道路",
    "加油站", "油田井场", "输油管线", "工地", "车站", "田间村屯", "网络空间", "其他",
)  # fmt: skip
_VENUE_WEIGHTS = {
    "street": (20, 10, 6, 10, 16, 5, 4, 14, 1, 0, 0, 3, 4, 5, 0, 2),
    "home": (48, 14, 5, 5, 4, 2, 2, 5, 1, 0, 0, 4, 2, 8, 0, 0),
    "oil": (0, 0, 0, 0, 0, 0, 0, 4, 2, 52, 34, 2, 0, 6, 0, 0),
    "net": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 97, 3),
    "road": (0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0),
}
EVENTS = ("entered", "filed_known", "revised", "solved_known", "closed_known", "deleted")
STREAM = 3
_DIRT: text.Dirt = (
    {"发案地区划": UNKNOWN_CODE},
    {"发案时间": text.impossible_date},
    {"死亡人数": -1},
    {"案件类别代码": text.without_leading_zero},
    {"案件类别代码": text.spaced},
    {"发案地区划": text.full_width},
)
_CODES = np.array([sort.code for sort in SORTS], dtype=object)
_IS_CRIMINAL = np.array([not sort.code.startswith("G") for sort in SORTS])
_MARKS = np.array([sort.mark for sort in SORTS], dtype=object)


def _venue(block: Block) -> Array:
    """Kind of place of each record, drawn from the venues of its sort of case."""
    mixes = np.array([_VENUE_WEIGHTS[sort.venues] for sort in SORTS], dtype=float)
    cumulative = np.cumsum(mixes / mixes.sum(axis=1, keepdims=True), axis=1)
    return np.asarray((cumulative[block.series] <= block.draws.uniform()[:, None]).sum(axis=1))


def _procedure(block: Block) -> Columns:
    """Report, entry, filing, solving, closing. A date is known once it has passed and the case has been entered."""
    draws = block.draws
    is_telecom = _MARKS[block.series] == "telecom"
    is_criminal = _IS_CRIMINAL[block.series]
    occurred = block.day * DAY + draws.between(0, DAY)
    reported = occurred + draws.exponential(np.where(is_telecom, 5.0, 0.4) * DAY, 60 * DAY)
    wait = draws.choice((70, 22, 8))
    entered = reported + 1_800 + draws.exponential(np.array([0.2, 1.5, 15.0])[wait] * DAY, 45 * DAY)
    filed = reported + HOUR + draws.exponential(np.where(is_criminal, 3.0, 0.5) * DAY, 30 * DAY)
    is_filed = draws.chance(0.95)
    is_solved = draws.chance(np.array([sort.solved for sort in SORTS])[block.series]) & is_filed
    solved = filed + draws.exponential(np.where(is_criminal, 25.0, 6.0) * DAY, 240 * DAY)
    closed = solved + draws.exponential(np.where(is_criminal, 30.0, 8.0) * DAY, 90 * DAY)
    return {
        "occurred": occurred,
        "reported": reported,
        "entered": entered,
        "filed": filed,
        "filed_known": np.where(is_filed, np.maximum(filed, entered), NEVER),
        "solved": solved,
        "solved_known": np.where(is_solved, np.maximum(solved, entered), NEVER),
        "closed": closed,
        "closed_known": np.where(is_solved & draws.chance(0.9), np.maximum(closed, entered), NEVER),
    }


def _harm(block: Block, entered: Array) -> Columns:
    """Casualties and money. One serious injury in seventeen leads to death within 28 days."""
    draws = block.draws
    code = _CODES[block.series]
    is_killing, is_wounding, is_crash = code == "040101", code == "040103", code == "020703"
    is_rough = np.isin(code, ["040105", "050100", "060136", "060137", "G0201", "G0103"])
    draw = draws.uniform()
    deaths = np.where(is_killing, 1 + (draw < 0.05), is_wounding & (draw < 0.01)) + (is_crash & (draw < 0.35))
    serious = (is_wounding & (draw >= 0.01) & (draw < 0.16)) + (is_crash & (draw >= 0.35) & (draw < 0.75))
    minor = (is_wounding & (draw >= 0.16)) + (is_crash & (draw >= 0.75)) + (is_rough & (draw < 0.06))
    turns_deadly = draws.chance(1 / 17) & (serious > 0)
    typical = np.array([float(sort.amount) for sort in SORTS])[block.series]
    spread = np.sqrt(-2.0 * np.log1p(-draws.uniform())) * np.cos(2 * np.pi * draws.uniform())
    is_known = draws.chance(0.93) & (typical > 0)
    return {
        "deaths": deaths.astype(np.int64),
        "serious": serious.astype(np.int64),
        "minor": minor.astype(np.int64),
        "revised": np.where(turns_deadly, entered + draws.between(DAY, 28 * DAY), NEVER),
        "amount": np.where(is_known, typical * np.exp(1.1 * spread), np.nan),
    }


def live(block: Block, truth: Truth) -> Columns:
    """One row per case with all that will ever happen to it."""
    lives = {**place(block), **_procedure(block), "sort": block.series, "venue": _venue(block)}
    lives.update(_harm(block, lives["entered"]))
    is_deleted = block.draws.chance(0.008)
    lives["deleted"] = np.where(is_deleted, lives["entered"] + block.draws.between(DAY, 40 * DAY), NEVER)
    lives["person"] = people.keys(STREAM, block.day, block.county, block.number)
    sorts = dirt(block, truth, len(_DIRT))
    lives["dirt"] = np.where((sorts == 4) & ~_IS_CRIMINAL[block.series], 5, sorts)
    return lives


KIND = Kind(
    name="cases",
    stream=STREAM,
    width=32,
    series=tuple(
        Series(sort.code, sort.name, sort.yearly / N_YEARLY, sort.risk, amplitude=0.12, peak=215) for sort in SORTS
    ),
    weekday=(0.97, 0.96, 0.97, 0.99, 1.06, 1.05, 1.00),
    holiday=0.8,
    horizon=500,
    events=EVENTS,
    live=live,
)


def render(lives: Columns, at: Array) -> dict[str, Array]:
    """CSV rows as the source shows them at `at` (an instant per record), update time = last event."""
    happened = {event: lives[event] <= at for event in EVENTS}
    turned = happened["revised"].astype(np.int64)
    county = text.pick([county.code for county in COUNTIES], lives["county"]).tolist()
    together = zip(county, text.dates(lives["day"], is_compact=True), lives["number"].tolist(), strict=True)
    mark = _MARKS[lives["sort"]]
    rows = {
        "案件编号": np.array([f"A{c}{d}{n:04d}" for c, d, n in together], dtype=object),
        "案件类别代码": _CODES[lives["sort"]],
        "案件名称": text.pick([sort.name for sort in SORTS], lives["sort"]),
        "案件性质": text.pick(("行政", "刑事"), _IS_CRIMINAL[lives["sort"]].astype(np.int64)),
        "发案时间": text.instants(lives["occurred"]),
        "报案时间": text.instants(lives["reported"]),
        "立案时间": text.instants(np.where(happened["filed_known"], lives["filed"], NEVER)),
        "破案时间": text.instants(np.where(happened["solved_known"], lives["solved"], NEVER)),
        "结案时间": text.instants(np.where(happened["closed_known"], lives["closed"], NEVER)),
        "发案地区划": np.where(lives["is_zone"], text.township_codes(lives), text.county_codes(lives)),
        "发案地点": text.township_names(lives),
        "场所类型": text.pick(VENUES, lives["venue"]),
        "涉案金额(元)": np.array([None if a != a else f"{a:.2f}" for a in lives["amount"].tolist()], dtype=object),
        "死亡人数": lives["deaths"] + turned,
        "重伤人数": lives["serious"] - turned,
        "轻伤人数": lives["minor"],
        "涉油标志": (mark == "oil").astype(np.int64),
        "涉赌标志": (mark == "gambling").astype(np.int64),
        "电诈标志": (mark == "telecom").astype(np.int64),
        "被害人姓名": people.names(lives["person"]),
        "被害人证件号码": people.identity_numbers(lives["person"]),
        "数据更新时间": text.instants(at),
        "删除标志": happened["deleted"].astype(np.int64),
    }
    text.soil(rows, lives, _DIRT)
    return rows
