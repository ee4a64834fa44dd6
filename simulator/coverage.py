"""Coverage 治理覆盖月报: how many devices, posts and staff each county has, and how complete its grid diaries are.

472 posts and 4,713 general grids are the city's own figures. All else here is our own choice, such as their spread over
the counties by residents, and one grid worker a grid. A month is a pure function of the seed.
"""

from __future__ import annotations

import csv
import io
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from simulator.city import COUNTIES, resident_share
from simulator.truth import Array, Truth, day_number
from simulator.world import DAY

N_POSTS, N_GRIDS = 472, 4_713
ROLLED_OUT = (date(2022, 10, 1), date(2023, 4, 1))  # the platform; the last two counties came later
N_LATE = 2
WRITTEN_AFTER = 1_800  # seconds after the end of the month
STREAM = 6
HEADER = (
    "统计月份", "区划代码", "视频设备数", "综治站点数", "网格员数", "接入单位数", "应填日志数", "已填日志数",
    "应报研判数", "已报研判数", "应反馈数", "已反馈数", "平台启用日期",
)  # fmt: skip


def spread(total: int) -> Array:
    """A total spread over the counties by residents, in whole numbers that add up to it."""
    exact = resident_share() * total
    counts: Array = np.floor(exact).astype(np.int64)
    largest = np.argsort(counts - exact, kind="stable")[: total - int(counts.sum())]
    counts[largest] += 1
    return counts


def rows(truth: Truth, month: date) -> Iterator[tuple[str | int | None, ...]]:
    """One row a county. Before its roll-out a county has devices, posts and staff, but no platform to report on."""
    draws = np.random.default_rng([truth.seed, STREAM, day_number(month)]).random((len(COUNTIES), 3))
    age = (month.year - 2021) * 12 + month.month
    posts, grids, devices = spread(N_POSTS), spread(N_GRIDS), spread(9_000 + 60 * age)
    for n, county in enumerate(COUNTIES):
        rolled_out = ROLLED_OUT[n >= len(COUNTIES) - N_LATE]
        head = (f"{month:%Y-%m}", county.code, int(devices[n]), int(posts[n]), int(grids[n]))
        if month < rolled_out:
            yield (*head, *[None] * (len(HEADER) - len(head)))
            continue
        due = (int(grids[n]) * monthrange(month.year, month.month)[1], 4, int(posts[n]))
        done = [int(n_due * share) for n_due, share in zip(due, 0.85 + 0.15 * draws[n], strict=True)]
        pairs = (count for pair in zip(due, done, strict=True) for count in pair)
        yield (*head, int(posts[n]) // 2 + age // 6, *pairs, rolled_out.isoformat())


def content(truth: Truth, month: date) -> bytes:
    """The month's file, UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows(truth, month))
    return buffer.getvalue().encode()


def missing(root: Path, truth: Truth, clock: int, silent_from: int) -> list[tuple[date, Path]]:
    """Months whose file should exist at `clock` and does not yet, in order."""
    first, last = (np.datetime64(day, "D").astype("datetime64[M]") for day in (truth.start, clock // DAY))
    found = []
    for month in np.arange(first, last):
        ends = int((month + 1).astype("datetime64[D]").astype(np.int64))
        path = root / "coverage" / f"coverage_{month.item():%Y%m}.csv"
        if ends * DAY + WRITTEN_AFTER <= clock and ends <= silent_from and not path.exists():
            found.append((month.item(), path))
    return found


def write(truth: Truth, month: date, path: Path) -> None:
    """Write one file so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content(truth, month))
    draft.replace(path)
