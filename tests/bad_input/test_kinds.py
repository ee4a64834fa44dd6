"""Rules that belong to one kind: the loop of a grid event, and when a dispute happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.feeds.conftest import FEED, Trial
from tests.feeds.conftest import new_trial as new_trial

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
HEAD = FEED[: FEED.index("columns:")].replace('deleted: {column: gone, values: ["1"]}\n', "")
GRID = (
    HEAD.replace("kind: case", "kind: incident")
    + """
columns:
  family_code: {constant: grid}
  occurred_at: found
  reported_at: reported
  dispatched_at: dispatched
  repaired_at: repaired
  revisited_at: revisited
  closed_at: closed
  item_code: {from: item, width: 4}
  status_code: {constant: closed}
tolerance: {rejected_share: 0.9}
"""
)
DISPUTES = (
    HEAD.replace("kind: case", "kind: dispute")
    + """
columns:
  entered_at: entered
  accepted_on: accepted
  category_code: {constant: neighbours}
  status_code: {constant: open}
tolerance: {rejected_share: 0.9}
"""
)

# stages of the loop -> what is rejected, if anything is; times are of 2026-01-31 unless they say another day
LOOPS: dict[str, tuple[str, str, str, str, str, tuple[str, str, str] | None]] = {
    # name: reported, dispatched, repaired, revisited, closed
    "in order": ("09:00", "10:00", "11:00", "12:00", "13:00", None),
    "two stages at once": ("09:00", "09:00", "11:00", "11:00", "11:00", None),
    "stages left out": ("09:00", "", "11:00", "", "13:00", None),
    "closed on a day without a clock time": ("09:00", "", "", "", "2026-01-31", None),
    "closed before it was reported": (
        "09:00", "", "", "", "08:59", ("out_of_order", "closed_at", "2026-01-31 08:59:00")
    ),
    "closed the day before, without a clock time": (
        "09:00", "", "", "", "2026-01-30", ("out_of_order", "closed_at", "2026-01-30 00:00:00")
    ),
    "revisited before the repair": (
        "09:00", "10:00", "11:00", "10:30", "13:00", ("out_of_order", "revisited_at", "2026-01-31 10:30:00")
    ),
    "dispatched after the repair, which has no revisit": (
        "09:00", "12:00", "11:00", "", "13:00", ("out_of_order", "repaired_at", "2026-01-31 11:00:00")
    ),
    # the clocks of Shanghai went back at two in the morning of 15 September 1991
    "closed in the hour that comes twice": ("1991-09-15 01:50", "", "", "", "1991-09-15 01:10", None),
    "closed in its second time, as the offset says": (
        "1991-09-15 01:50:00+09:00", "", "", "", "1991-09-15 01:10:00+08:00", None
    ),
    "closed before that hour": (
        "1991-09-15 01:50", "", "", "", "1991-09-15 00:59", ("out_of_order", "closed_at", "1991-09-15 00:59:00")
    ),
}  # fmt: skip

# entered, accepted -> what is rejected, if anything is
ENTRIES: dict[str, tuple[str, str, tuple[str, str, str | None] | None]] = {
    "accepted": ("2026-01-30 09:00", "2026-01-31", None),
    "entered and not yet accepted": ("2026-01-30 09:00", "", None),
    "accepted, its entry not known": ("", "2026-01-31", None),
    "neither entered nor accepted": ("", "", ("required", "accepted_on", None)),
    "entered after it was known": ("2026-02-20 09:00", "", ("in_future", "entered_at", "2026-02-20")),
}


def taken(trial: Trial, kind: str, header: str, rows: list[str]) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """Deliver rows; silver by record, and rejects by record."""
    lines = [
        f"id,place,updated,name,{header}",
        *(f"{n},9901,2026-02-01 08:00:00,x,{row}" for n, row in enumerate(rows)),
    ]
    (trial.drops / "cases_20260201.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    trial.land()
    trial.refine()
    own = f"city_code = '{trial.city.city_code}'"
    silver = {row.record_id: row for row in trial.spark.read.table(f"silver.{kind}").where(own).collect()}
    rejects = trial.spark.read.table("silver.rejects").where(own).collect()
    return silver, {row.record_id: (row.rule, row.column_name, row.found) for row in rejects}


def test_a_loop_out_of_order_is_rejected_at_the_stage(new_trial: Callable[..., Trial]) -> None:
    rows = []
    for *times, _ in LOOPS.values():
        stages = [f"2026-01-31 {time}" if len(str(time)) == 5 else str(time) for time in times]
        rows.append(",".join(["2026-01-31 08:00", *stages, "101"]))
    silver, rejects = taken(
        new_trial(GRID), "incident", "found,reported,dispatched,repaired,revisited,closed,item", rows
    )
    expected = {str(n): case[-1] for n, case in enumerate(LOOPS.values()) if case[-1]}
    assert rejects == expected
    assert silver.keys() == {str(n) for n in range(len(LOOPS))} - expected.keys()
    assert {row.item_code for row in silver.values()} == {"0101"}  # the feed's own codes have four digits
    assert {str(row.closed_on) for row in silver.values()} == {"2026-01-31", "1991-09-15"}


def test_a_dispute_needs_an_acceptance_or_an_entry(new_trial: Callable[..., Trial]) -> None:
    rows = [f"{entered},{accepted}" for entered, accepted, _ in ENTRIES.values()]
    silver, rejects = taken(new_trial(DISPUTES), "dispute", "entered,accepted", rows)
    expected = {str(n): reject for n, (_, _, reject) in enumerate(ENTRIES.values()) if reject}
    assert rejects == expected
    assert silver.keys() == {str(n) for n in range(len(ENTRIES))} - expected.keys()
