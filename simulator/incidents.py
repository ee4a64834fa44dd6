"""Incidents 事件 that hurt or burn: traffic crashes with casualties, fires, work-safety incidents, as JSON Lines."""

from __future__ import annotations

import numpy as np

from simulator import text
from simulator.city import UNKNOWN_CODE
from simulator.truth import Array, Truth
from simulator.world import DAY, HOUR, N_COUNTIES, NEVER, Block, Columns, Kind, Series, dirt, place

# (family, prefix, item code, incidents a year, risk row, amplitude, peak day,
#  chance of a death, of a serious injury, of a minor one)
ITEMS = (
    ("交通", "JT", "T01", 720, "b1_road_casualties", 0.25, 270, 0.07, 0.22, 0.90),
    ("交通", "JT", "T02", 270, "b1_road_casualties", 0.25, 270, 0.13, 0.25, 0.85),
    ("交通", "JT", "T03", 510, "b1_road_casualties", 0.25, 270, 0.11, 0.25, 0.85),
    ("火灾", "HZ", "F01", 330, "b3_fires", 0.20, 15, 0.010, 0.01, 0.03),
    ("火灾", "HZ", "F02", 210, "b3_fires", 0.20, 15, 0.008, 0.01, 0.04),
    ("火灾", "HZ", "F03", 110, "b3_fires", 0.40, 100, 0.005, 0.01, 0.02),
    ("火灾", "HZ", "F04", 170, "b3_fires", 0.80, 105, 0.0, 0.0, 0.01),
    ("火灾", "HZ", "F05", 80, "b3_fires", 0.20, 15, 0.005, 0.01, 0.02),
    ("安全生产", "AQ", "W01", 34, "b4_work_safety", 0.20, 210, 0.30, 0.40, 0.40),
    ("安全生产", "AQ", "W02", 24, "b4_work_safety", 0.10, 210, 0.15, 0.40, 0.60),
    ("安全生产", "AQ", "W03", 26, "b4_work_safety", 0.0, 1, 0.12, 0.50, 0.50),
    ("安全生产", "AQ", "W04", 8, "b4_work_safety", 0.10, 200, 0.45, 0.30, 0.30),
    ("安全生产", "AQ", "W05", 14, "b4_work_safety", 0.10, 15, 0.20, 0.40, 0.50),
    ("安全生产", "AQ", "W06", 14, "b4_work_safety", 0.0, 1, 0.15, 0.30, 0.60),
)
N_YEARLY = sum(item[3] for item in ITEMS)
SEVERE_SERIES = 0
FIRST_FIRE = 3
EVENTS = ("entered", "looked_into", "revised", "closed", "deleted")
STREAM = 4
_DIRT: text.Dirt = (
    {"areaCode": UNKNOWN_CODE, "areaName": text.unknown_name},
    {"areaCode": text.full_width},
    {"areaCode": text.spaced},
    {"occurTime": text.impossible_date},
    {"deaths": -1},
)


def _planted(truth: Truth, day: int) -> Array | None:
    """The severe incident, as one more crash on its day."""
    if day != truth.severe.at // DAY:
        return None
    extra = np.zeros((N_COUNTIES, len(ITEMS)), dtype=np.int64)
    extra[truth.severe.county, SEVERE_SERIES] = 1
    return extra


def _harm(block: Block) -> Columns:
    """Casualties and loss. Every crash and work incident hurts somebody; at most two people die in one."""
    draws = block.draws
    chances = np.array([item[7:10] for item in ITEMS])[block.series]
    deaths = draws.chance(chances[:, 0]) * (1 + draws.chance(0.04))
    serious = draws.chance(chances[:, 1]) * (1 + draws.choice((85, 12, 3)))
    minor = draws.chance(chances[:, 2]) * (1 + draws.choice((75, 20, 5)))
    is_fire = (block.series >= FIRST_FIRE) & (block.series < FIRST_FIRE + 5)
    unhurt = ~is_fire & (deaths + serious + minor == 0)
    turns_deadly = draws.chance(1 / 17) & (serious > 0) & (deaths < 2)
    return {
        "deaths": deaths,
        "serious": serious,
        "minor": minor + unhurt,
        "turns_deadly": turns_deadly,
        "loss": np.where(draws.chance(0.9), draws.exponential(np.where(is_fire, 25_000, 6_000), 3_000_000), -1),
    }


def live(block: Block, truth: Truth) -> Columns:
    """One row per incident with all that will ever happen to it."""
    draws = block.draws
    lives = {**place(block), **_harm(block), "item": block.series, "spelling": draws.uniform()}
    occurred = block.day * DAY + draws.choice((1, 1, 2, 3, 2, 2)) * 4 * HOUR + draws.between(0, 4 * HOUR)
    wait = draws.choice((88, 9, 3))
    entered = occurred + 900 + draws.exponential(np.array([0.05, 1.0, 8.0])[wait] * DAY, 30 * DAY)
    looked_into = entered + HOUR + draws.exponential(DAY, 5 * DAY)
    closed = looked_into + DAY + draws.exponential(20 * DAY, 150 * DAY)
    is_deleted = draws.chance(0.005)
    lives.update(
        occurred=occurred,
        reported=occurred + draws.between(60, 850),
        entered=entered,
        looked_into=looked_into,
        revised=np.where(lives["turns_deadly"], entered + draws.between(DAY, 28 * DAY), NEVER),
        closed=closed,
        deleted=np.where(is_deleted, entered + draws.between(DAY, 20 * DAY), NEVER),
        dirt=dirt(block, truth, len(_DIRT)),
    )
    return _with_severe(lives, truth)


def _with_severe(lives: Columns, truth: Truth) -> Columns:
    """Make the planted crash as truth.yml says. It is entered half an hour later, clean, and never revised."""
    severe = truth.severe
    is_candidate = (lives["day"] == severe.at // DAY) & (lives["county"] == severe.county)
    rows = np.flatnonzero(is_candidate & (lives["item"] == SEVERE_SERIES))[:1]
    values = {
        "occurred": severe.at, "reported": severe.at + 180, "entered": severe.at + 1_800, "deaths": severe.n_deaths,
        "looked_into": severe.at + 2 * HOUR, "closed": severe.at + 40 * DAY, "revised": NEVER, "deleted": NEVER,
        "serious": severe.n_serious_injuries, "minor": severe.n_minor_injuries, "dirt": 0,
    }  # fmt: skip
    for name, value in values.items():
        lives[name][rows] = value
    return lives


KIND = Kind(
    name="incidents",
    stream=STREAM,
    width=32,
    series=tuple(Series(item[2], item[0], item[3] / N_YEARLY, item[4], item[5], item[6]) for item in ITEMS),
    weekday=(1.0, 0.97, 0.97, 0.98, 1.06, 1.04, 0.98),
    holiday=1.05,
    horizon=220,
    events=EVENTS,
    live=live,
    planted=_planted,
)


def render(lives: Columns, at: Array) -> dict[str, Array]:
    """JSON objects as the source shows them at `at` (an instant per record), update time = last event."""
    happened = {event: lives[event] <= at for event in EVENTS}
    turned = happened["revised"].astype(np.int64)
    prefixes = [item[1] for item in ITEMS]
    numbers = text.record_numbers("", lives).tolist()
    zone_time = "{}T{}+08:00"
    status = happened["looked_into"].astype(np.int64) + (happened["looked_into"] & happened["closed"])
    rows = {
        "eventId": np.array(
            [prefixes[item] + number for item, number in zip(lives["item"].tolist(), numbers, strict=True)],
            dtype=object,
        ),
        "family": text.pick([item[0] for item in ITEMS], lives["item"]),
        "occurTime": text.instants(lives["occurred"], zone_time),
        "reportTime": text.instants(lives["reported"], zone_time),
        "areaCode": np.where(lives["is_zone"], text.township_codes(lives), text.county_codes(lives)),
        "areaName": text.county_names(lives),
        "deaths": lives["deaths"] + turned,
        "seriousInjuries": lives["serious"] - turned,
        "minorInjuries": lives["minor"],
        "lossYuan": text.seen(lives["loss"], lives["loss"] >= 0),
        "itemCode": text.pick([item[2] for item in ITEMS], lives["item"]),
        "status": text.pick(("已接报", "调查中", "已结案"), status),
        "closeTime": text.instants(np.where(happened["closed"], lives["closed"], NEVER), zone_time),
        "updateTime": text.instants(at, zone_time),
        "deleted": happened["deleted"],
    }
    text.soil(rows, lives, _DIRT)
    return rows
