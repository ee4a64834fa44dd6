"""Disputes 矛盾纠纷 and their mediation: what happens to them, and the API item at an instant.

Meanings of fields follow GB/T 31000-2015. The sixteen categories are those of people's-mediation statistics; their mix
follows a published month of a city of the same size (Huangshi, August 2016).
"""

from __future__ import annotations

import numpy as np

from simulator import people, text
from simulator.city import UNKNOWN_CODE
from simulator.truth import Array, Truth
from simulator.world import DAY, HOUR, N_COUNTIES, NEVER, Block, Columns, Kind, Series, dirt, place

# (category, thousandths of all disputes)
CATEGORIES = (
    ("婚姻家庭纠纷", 180),
    ("邻里纠纷", 300),
    ("房屋宅基地纠纷", 70),
    ("合同纠纷", 55),
    ("生产经营纠纷", 35),
    ("损害赔偿纠纷", 85),
    ("山林土地纠纷", 60),
    ("征地拆迁纠纷", 25),
    ("环境污染纠纷", 8),
    ("劳动争议纠纷", 40),
    ("消费纠纷", 20),
    ("医疗纠纷", 22),
    ("道路交通事故纠纷", 40),
    ("物业纠纷", 30),
    ("村务管理纠纷", 10),
    ("其他纠纷", 20),
)
CONTRACT = 3
MALL_NUMBER = 901
LEVELS = ("市级", "县级", "乡镇级", "网格级")
FORCES = ("人民调解", "行政调解", "司法调解", "行业性专业性调解", "网格调解")
MEDIATORS = (  # two of each force; the second one handles a third of its disputes
    ("专职人民调解员", "兼职人民调解员"),
    ("民警", "行政机关工作人员"),
    ("法官", "特邀调解员"),
    ("行业调解员", "律师"),
    ("网格员", "网格长"),
)
EVENTS = ("entered", "accepted", "completed", "escalated", "closed", "breached", "deleted")
STREAM = 2
_DIRT: text.Dirt = (
    {"areaCode": UNKNOWN_CODE},
    {"areaCode": text.full_width},
    {"areaCode": text.spaced},
    {"occurDate": text.impossible_date},
    {"peopleCount": -1},
)


def _planted(truth: Truth, day: int) -> Array | None:
    """Extra contract disputes of the mall: the parent on the first day, children on each day."""
    mall = truth.mall
    if not mall.since <= day < mall.since + mall.n_days:
        return None
    extra = np.zeros((N_COUNTIES, len(CATEGORIES)), dtype=np.int64)
    extra[mall.county, CONTRACT] = mall.children_per_day + (day == mall.since)
    return extra


def _mall(block: Block, truth: Truth) -> Array:
    """0 for ordinary records. The mall dispute has numbers of its own: 901 the parent, then each day's children."""
    mall = truth.mall
    is_group = (block.county == mall.county) & (block.series == CONTRACT)
    is_group &= (block.day >= mall.since) & (block.day < mall.since + mall.n_days)
    rows = np.flatnonzero(is_group)
    days = block.day[rows]
    rank = np.arange(len(rows)) - np.searchsorted(days, days)
    planted = mall.children_per_day + (days == mall.since)
    numbers = np.zeros(len(block.day), dtype=np.int64)
    numbers[rows] = np.where(rank < planted, MALL_NUMBER + rank, 0)
    return numbers


def _report(block: Block) -> Columns:
    """Occurrence and entry. Most are entered within days, a few weeks later."""
    draws = block.draws
    wait = draws.choice((45, 20, 10, 15, 8, 2))
    low, high = np.array([0, 1, 2, 3, 8, 31])[wait], np.array([1, 2, 3, 8, 31, 61])[wait]
    entered_on = block.day + low + np.floor(draws.uniform() * (high - low)).astype(np.int64)
    entered = entered_on * DAY + draws.between(8 * HOUR, 18 * HOUR)
    return {
        "entered": entered,
        "accepted": entered + draws.exponential(5 * HOUR, DAY),
        "category": block.series,
        "scale": draws.choice((96, 3.5, 0.5)),
        "level": draws.choice((2, 10, 38, 50)),
        "is_online": draws.chance(0.15),
        "force": draws.choice((62, 9, 4, 5, 20)),
        "n_people": 2 + draws.exponential(1.0, 8),
        "has_township": draws.chance(0.7),
    }


def _parties(block: Block, truth: Truth) -> Columns:
    """Both parties; a repeated pair is that of the first dispute of the county 1 to 80 days before."""
    draws = block.draws
    is_again = draws.chance(truth.probability("c4_repeated_parties", block.day, block.county))
    day = np.where(is_again, np.maximum(block.day - draws.between(1, 81), truth.start), block.day)
    number = np.where(is_again, 1, block.number)
    return {
        "person": people.keys(STREAM, day, block.county, number),
        "person_2": people.keys(STREAM + 50, day, block.county, number),
    }


def _outcome(block: Block, truth: Truth, accepted: Array) -> Columns:
    """Completion of the record, escalation, closing, breach of the agreement."""
    draws = block.draws
    is_long = draws.chance(truth.probability("c3_open_over_30_days", block.day, block.county))
    quick = draws.exponential(9 * DAY, 29 * DAY)
    long = 31 * DAY + draws.exponential(35 * DAY, 150 * DAY)
    closed = accepted + HOUR + np.where(is_long, long, quick)
    is_failed = draws.chance(truth.probability("c2_failed", block.day, block.county) * 0.8)
    is_breached = draws.chance(truth.probability("c2_failed", block.day, block.county) * 0.2) & ~is_failed
    is_escalated = draws.chance(truth.probability("c1_escalated", block.day, block.county))
    escalated = accepted + ((closed - accepted) * draws.uniform()).astype(np.int64)
    return {
        "completed": np.where(draws.chance(0.1), accepted + draws.between(HOUR, 3 * DAY), NEVER),
        "escalated": np.where(is_escalated, escalated, NEVER),
        "escalated_to": draws.choice((40, 35, 25)),
        "closed": closed,
        "is_failed": is_failed,
        "breached": np.where(is_breached, closed + DAY + draws.exponential(30 * DAY, 90 * DAY), NEVER),
    }


def _as_mall(lives: Columns, numbers: Array, truth: Truth) -> Columns:
    """Turn the planted records into those of the mall. They have their own numbers, are entered at once, are clean, and
    each is by another person."""
    is_mall = numbers > 0
    is_parent = (numbers == MALL_NUMBER) & (lives["day"] == truth.mall.since)
    shift = np.where(is_mall, lives["day"] * DAY + 9 * HOUR + lives["number"] * 60 - lives["entered"], 0)
    for event in EVENTS:
        lives[event] = np.where(lives[event] < NEVER, lives[event] + shift, NEVER)
    own = people.keys(STREAM, lives["day"], lives["county"], numbers)
    return {
        **lives,
        "number": np.where(is_mall, numbers, lives["number"]),
        "is_mall": is_mall,
        "is_parent": is_parent,
        "scale": np.where(is_parent, 2, lives["scale"]),
        "n_people": np.where(is_parent, 1 + truth.mall.n_days * truth.mall.children_per_day, lives["n_people"]),
        "person": np.where(is_mall, own, lives["person"]),
        "deleted": np.where(is_mall, NEVER, lives["deleted"]),
        "dirt": np.where(is_mall, 0, lives["dirt"]),
    }


def live(block: Block, truth: Truth) -> Columns:
    """One row per dispute with all that will ever happen to it."""
    lives = {**place(block), **_report(block), **_parties(block, truth)}
    lives.update(_outcome(block, truth, lives["accepted"]))
    is_deleted = block.draws.chance(0.005)
    lives["deleted"] = np.where(is_deleted, lives["entered"] + block.draws.between(DAY, 20 * DAY), NEVER)
    lives["dirt"] = dirt(block, truth, len(_DIRT))
    lives["is_second_mediator"] = block.draws.chance(1 / 3).astype(np.int64)
    lives["parent_day"] = np.full(len(block.day), truth.mall.since)
    return _as_mall(lives, _mall(block, truth), truth)


KIND = Kind(
    name="disputes",
    stream=STREAM,
    width=40,
    series=tuple(Series("", name, share / 1000, amplitude=0.15, peak=200) for name, share in CATEGORIES),
    weekday=(1.15, 1.10, 1.08, 1.05, 1.05, 0.85, 0.72),
    holiday=0.5,
    horizon=400,
    events=EVENTS,
    live=live,
    planted=_planted,
)


def _parties_text(lives: Columns) -> dict[str, Array]:
    """Names and numbers of both parties, and the parent of a mass dispute."""
    is_mall = lives["is_mall"]
    parent = text.numbers_of("JF", lives["parent_day"], lives["county"], np.full_like(lives["number"], MALL_NUMBER))
    return {
        "parentNo": text.seen(parent, is_mall & ~lives["is_parent"]),
        "partyName": people.names(lives["person"]),
        "partyIdNo": people.identity_numbers(lives["person"]),
        "partyPhone": people.telephones(lives["person"]),
        "party2Name": np.where(is_mall, "样例商业管理有限公司", people.names(lives["person_2"])),
        "party2IdNo": np.where(is_mall, people.credit_code(1), people.identity_numbers(lives["person_2"])),
    }


def _progress(lives: Columns, at: Array) -> dict[str, Array]:
    """The fields that change over a dispute's life, as at `at`."""
    happened = {event: lives[event] <= at for event in EVENTS}
    is_settled = happened["closed"] & ~lives["is_failed"]
    day_of = {event: np.where(happened[event], lives[event] // DAY, NEVER) for event in ("escalated", "closed")}
    return {
        "peopleCount": lives["n_people"] + happened["completed"],
        "acceptTime": text.instants(np.where(happened["accepted"], lives["accepted"], NEVER)),
        "status": text.pick(("化解中", "化解失败", "已化解"), happened["closed"].astype(np.int64) + is_settled),
        "success": text.seen(is_settled.astype(np.int64), happened["closed"]),
        "breached": text.seen(happened["breached"].astype(np.int64), happened["closed"]),
        "escalation": text.seen(text.pick(("公安", "法院", "信访"), lives["escalated_to"]), happened["escalated"]),
        "escalationDate": text.dates(day_of["escalated"], is_compact=True),
        "closeDate": text.dates(day_of["closed"], is_compact=True),
        "deleted": happened["deleted"].astype(np.int64),
    }


def render(lives: Columns, at: Array) -> dict[str, Array]:
    """API items as the source shows them at `at` (an instant per record), update time = last event."""
    town, category = text.township_names(lives), text.pick([name for name, _ in CATEGORIES], lives["category"])
    is_nine = lives["has_township"] | lives["is_zone"]
    grid = [f"{name}第{number % 40 + 1}网格" for name, number in zip(town, lives["number"].tolist(), strict=True)]
    rows = {
        "disputeNo": text.record_numbers("JF", lives),
        "eventName": np.array([f"{a}{b}" for a, b in zip(town, category, strict=True)], dtype=object),
        "occurDate": text.dates(lives["day"], is_compact=True),
        "place": town,
        "scale": text.pick(("01", "02", "03"), lives["scale"]),
        "category": category,
        "level": text.pick(LEVELS, lives["level"]),
        "online": lives["is_online"].astype(np.int64),
        "mediationForce": text.pick(FORCES, lives["force"]),
        "mediatorType": np.array(MEDIATORS, dtype=object)[lives["force"], lives["is_second_mediator"]],
        "entryTime": text.instants(lives["entered"]),
        "deadline": text.dates(lives["entered"] // DAY + 30, is_compact=True),
        "areaCode": np.where(is_nine, text.township_codes(lives), text.county_codes(lives)),
        "gridName": np.array(grid, dtype=object),
        "updateTime": text.instants(at),
        **_parties_text(lives),
        **_progress(lives, at),
    }
    text.soil(rows, lives, _DIRT)
    return rows
