"""Rows of a made-up hotline table, as its source writes them: every value is text. Any number of rows; always the same.

An order's values follow from its number, so its later versions and a second run have the same values. Instants are
local seconds since 1970-01-01T00:00:00.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.asked_city import asked_city
from expectations.contract import read_table

Whole = npt.NDArray[np.int64]
HOUR, DAY = 3_600, 86_400
SEED = 1
CITY = asked_city()  # its places and its contract of the feed `hotline` are used
CHUNK = 500_000  # rows
NEW, WEEK, TWO_MONTHS = 0.5, 0.2, 0.3  # shares of a night's rows: new orders, the last 7 days, the 53 days before
LAST_DAY = date(2026, 11, 20)  # of the stored orders
ASSIGNED, CLOSED, CALLED_BACK = 0, 1, 2  # versions of an order
CHANNELS = ("电话", "微信", "网站", "APP", "省平台转办")
CALL_TYPES = ("求助", "投诉", "咨询", "建议", "表扬", "其他")
TOPICS = ("010101", "010102", "010105", "010201", "010301", "010401", "010501", "010601")
SATISFACTIONS = ("满意", "基本满意", "一般", "不满意")
STATUSES = ("处理中", "已办结", "已办结")
FULL_WIDTH = "２３０６０４"


def _mixed(number: Whole, salt: int) -> npt.NDArray[np.uint64]:
    """Numbers that look random (splitmix64)."""
    z = number.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _below(number: Whole, salt: int, end: int) -> Whole:
    return (_mixed(number, salt) % np.uint64(end)).astype(np.int64)


def _picked(words: Sequence[str], positions: Whole) -> pa.Array:
    return pa.array(words).take(pa.array(positions))


def _whole(values: Whole) -> pa.Array:
    return pa.array(values).cast(pa.string())


def _padded(values: Whole, width: int) -> pa.Array:
    return pc.utf8_lpad(_whole(values), width, "0")


def _instant(seconds: Whole) -> pa.Array:
    return pa.array(seconds).cast(pa.timestamp("s")).cast(pa.string())


def _only(values: pa.Array, where: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(where), values, pa.scalar(None, pa.string()))


@dataclass(frozen=True)
class Hotline:
    """`per_day` orders every day from `first_day` on. Order k belongs to day k // per_day."""

    first_day: date
    per_day: int

    @property
    def began(self) -> int:
        """Midnight of the first day."""
        return (self.first_day - date(1970, 1, 1)).days * DAY

    def _called(self, order: Whole) -> Whole:
        return self.began + order // self.per_day * DAY + _below(order, 1, DAY)

    def _numbers(self, order: Whole, county: pa.Array) -> pa.Array:
        """GD, date, last two digits of the county's code, number within the day: like real ones, in order of days."""
        day = self.began + order // self.per_day * DAY
        stamp = pc.replace_substring(pa.array(day).cast(pa.timestamp("s")).cast(pa.date32()).cast(pa.string()), "-", "")
        number = _padded(order % self.per_day, 5)
        return pc.binary_join_element_wise("GD", stamp, pc.utf8_slice_codeunits(county, 4), number, "")

    def known(self, order: Whole, version: Whole) -> Whole:
        """When each version was written: the first within two hours of the call, the second within a day."""
        return self._called(order) + HOUR + np.where(version == ASSIGNED, 0, HOUR * 2) + _below(order, 2, 20 * HOUR)

    def rows(self, order: Whole, version: Whole, known: Whole) -> pa.Table:
        """One row an order and version, in order of `known`. One row in two hundred has a fault; some are untidy."""
        by_cursor = np.argsort(known, kind="stable")
        order, version, known = order[by_cursor], version[by_cursor], known[by_cursor]
        areas = {area["area_code"]: area for area in read_table(CITY, "areas")}
        towns = [code for code, area in areas.items() if area["level"] == "township"]
        town = _below(order, 3, len(towns))
        counties = [areas[code]["parent_code"] for code in towns]
        county = _picked(counties, town)
        created = self._called(order) + 60 + _below(order, 4, 840)
        is_closed, is_called_back = version >= CLOSED, version == CALLED_BACK
        dirt = _below(order, 5, 400)
        satisfaction = _only(_picked(SATISFACTIONS, _below(order, 6, 4)), is_called_back)
        is_extended = _below(order, 7, 100) < 8
        columns = {
            "order_no": self._numbers(order, county),
            "street_code": _only(_picked(towns, town), dirt > 1),
            "district_code": pc.if_else(
                pa.array(dirt == 0), "239999", pc.if_else(pa.array(dirt == 1), FULL_WIDTH, county)
            ),
            "district_name": _only(_picked([areas[code]["name_zh"] for code in counties], town), dirt > 0),
            "call_time": _instant(self._called(order)),
            "create_time": _instant(created),
            "channel": _picked(CHANNELS, _below(order, 8, len(CHANNELS))),
            "call_type": _picked(CALL_TYPES, _below(order, 9, len(CALL_TYPES))),
            "type_code": _picked(
                [*TOPICS, *(f" {code}\u3000" for code in TOPICS)], _below(order, 10, 8) + 8 * (dirt == 2)
            ),
            "urgency": _picked(("普通", "紧急"), (_below(order, 11, 10) == 0).astype(np.int64)),
            "org_code": pc.binary_join_element_wise("D", _padded(1 + _below(order, 12, 8), 2), ""),
            "first_assign_time": _instant(created + 300 + _below(order, 13, HOUR)),
            "deadline": _instant(created + 7 * DAY),
            "delayed_deadline": _only(_instant(created + 12 * DAY), is_extended),
            "delay_days": _whole(np.where(is_extended, 5, 0)),
            "finish_time": _only(_instant(self.known(order, np.full_like(order, CLOSED))), is_closed),
            "status": _picked(STATUSES, version),
            "visit_time": _only(_instant(known), is_called_back),
            "is_solved": _only(_picked(("否", "是"), _below(order, 14, 2)), is_called_back),
            "first_satisfaction": satisfaction,
            "last_satisfaction": satisfaction,
            "return_count": _whole(np.where(dirt == 3, -1, (_below(order, 15, 20) == 0).astype(np.int64))),
            "reopen_count": _whole(np.zeros_like(order)),
            "old_order_no": _only(self._numbers(np.maximum(order - 7, 0), county), _below(order, 16, 20) == 0),
            "urge_order_no": pa.nulls(len(order), pa.string()),
            "caller_phone": pc.binary_join_element_wise("154", _padded(_below(order, 17, 10**8), 8), ""),
            "update_time": _instant(known),
            "del_flag": _whole((_below(order, 18, 250) + (version != CALLED_BACK) == 0).astype(np.int64)),
        }
        return pa.table(columns)


def backfill(number: int, n_rows: int) -> pa.Table:
    """Raw rows of the back-fill `number` (0, 1, …); each back-fill has other orders. An order has two versions, and one
    row in a hundred is delivered twice."""
    n_orders = max(1, n_rows * 100 // 101 // 2)
    hotline = Hotline(date(2021, 11, 1), -(-n_orders // 900))  # the next such back-fill ends before LAST_DAY
    order = np.arange(n_orders * number, n_orders * (number + 1)).repeat(2)
    version = np.tile([ASSIGNED, CLOSED], n_orders)
    again = np.arange(0, len(order), 100)
    order, version = np.concatenate([order, order[again]]), np.concatenate([version, version[again]])
    return hotline.rows(order, version, hotline.known(order, version))


@dataclass(frozen=True)
class Stored:
    """A hotline up to LAST_DAY that has `n_rows` versions, two an order.

    A night changes `n_changed` rows. The hotline gets half as many orders a day, so more rows mean more days.
    """

    n_rows: int
    n_changed: int

    @property
    def n_days(self) -> int:
        return max(1, self.n_rows // self.n_changed)

    @property
    def hotline(self) -> Hotline:
        return Hotline(LAST_DAY - timedelta(days=self.n_days - 1), self.n_changed // 2)

    def chunks(self) -> Iterator[pa.Table]:
        """All stored rows, as raw text."""
        n_orders = self.n_days * self.hotline.per_day
        for first in range(0, n_orders, CHUNK // 2):
            order = np.arange(first, min(first + CHUNK // 2, n_orders)).repeat(2)
            version = np.tile([ASSIGNED, CLOSED], len(order) // 2)
            yield self.hotline.rows(order, version, self.hotline.known(order, version))

    def night(self, number: int, any_age: float) -> tuple[date, pa.Table]:
        """Day and raw rows of night `number` (1, 2, …) after the stored ones. A share `any_age` of them is of orders
        of any age; there are as many fewer of orders that are eight to sixty days old."""
        rng = np.random.default_rng([SEED, number])
        per_day, day = self.hotline.per_day, self.n_days + number - 1
        chosen = np.arange(day * per_day, day * per_day + round(self.n_changed * NEW))
        for days, share in ((7, WEEK), (60, TWO_MONTHS - any_age), (day, any_age)):
            there = np.setdiff1d(np.arange(max(0, day - days) * per_day, day * per_day), chosen)
            chosen = np.concatenate(
                [chosen, rng.choice(there, min(len(there), round(self.n_changed * share)), replace=False)]
            )
        version = np.where(chosen >= day * per_day, ASSIGNED, CALLED_BACK)
        assigned = self.hotline.known(chosen, version)
        tonight = self.hotline.began + day * DAY + rng.integers(0, DAY, len(chosen))
        rows = self.hotline.rows(chosen, version, np.where(version == ASSIGNED, assigned, tonight))
        return self.hotline.first_day + timedelta(days=day), rows
