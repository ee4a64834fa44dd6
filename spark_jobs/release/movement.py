"""The movement (变动说明) of a release for its readers: sums by area, checks, and sentences.

Everything is read from the released tables `movement` and `county_index`, so the words cannot differ from the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from spark_jobs.index.engine.movement import NO_INDICATOR
from spark_jobs.release.wording import Wording, number
from spark_jobs.released.columns import MOVEMENT_CAUSES, rows

TOLERANCE = 1e-9  # index points: the parts must add up to the published difference this exactly
WORDED_POINTS = 1.0  # a county is put into words if its index moved by more than this; the city always is
MOVERS = 3


@dataclass(frozen=True)
class Mover:
    """What one indicator did to the index through one cause."""

    indicator_id: str
    cause: str
    points: float


@dataclass(frozen=True)
class AreaMovement:
    """How one area moved since the previous release. If that cannot be compared, `change` is None and has a reason."""

    previous_release_id: str
    previous_business_date: date
    previous_index: float | None
    reason_code: str | None
    change: float | None
    by_cause: Mapping[str, float]
    movers: tuple[Mover, ...]  # by size, the largest first


def previous_release_id(movement: pd.DataFrame) -> str | None:
    """The release that the movement starts from; None for a city's first release, which has none."""
    found = {row["previous_release_id"] for row in rows(movement)}
    return min(found) if found else None


def area_movements(movement: pd.DataFrame) -> dict[str, AreaMovement]:
    """The movement by area code; empty for a city's first release."""
    by_area: dict[str, list[dict[str, Any]]] = {}
    for row in rows(movement):
        by_area.setdefault(row["area_code"], []).append(row)
    return {area: _area_movement(found) for area, found in by_area.items()}


def _area_movement(found: list[dict[str, Any]]) -> AreaMovement:
    first, compared = found[0], [row for row in found if row["total"] is not None]
    movers = [Mover(row["indicator_id"], cause, row[cause]) for row in compared for cause in MOVEMENT_CAUSES]
    return AreaMovement(
        previous_release_id=first["previous_release_id"],
        previous_business_date=first["previous_business_date"],
        previous_index=first["previous_index"],
        reason_code=first["reason_code"],
        change=sum(row["total"] for row in compared) if compared else None,
        by_cause={cause: sum(row[cause] for row in compared) for cause in MOVEMENT_CAUSES if compared},
        movers=tuple(sorted(movers, key=lambda mover: (-abs(mover.points), mover.indicator_id, mover.cause))),
    )


def movement_faults(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Areas whose parts do not add up to the difference of the published indices, one line each."""
    index = {row["area_code"]: row["index"] for row in rows(tables["county_index"])}
    faults = []
    for area, moved in area_movements(tables["movement"]).items():
        if moved.change is None and moved.reason_code is None:
            faults.append(f"{area}: the movement is empty and gives no reason")
        if moved.change is None:
            continue
        now = index.get(area)
        if now is None or moved.previous_index is None:
            faults.append(f"{area}: the movement explains a change of an index that does not exist")
            continue
        for said, points in (("totals", moved.change), ("causes", sum(moved.by_cause.values()))):
            residual = now - moved.previous_index - points
            if abs(residual) > TOLERANCE:
                faults.append(f"{area}: the {said} of the movement leave {residual} points unexplained")
    return faults


def sentence(name: str, moved: AreaMovement | None, words: Wording) -> str:
    """What moved one area's index since the previous release, by cause and indicator."""
    if moved is None:
        return words.say("movement_first")
    day = words.day(moved.previous_business_date)
    if moved.change is None:
        return words.say("movement_none", name=name, day=day, reason=_reason(moved, words))
    points = number(abs(moved.change))
    key = "movement_flat" if points == "0.0" else "movement_up" if moved.change > 0 else "movement_down"
    said = words.say(key, name=name, day=day, points=points, causes=causes(moved, words))
    return words.say("join_sentences", first=said, second=movers(moved, words))


def movers_or_reason(moved: AreaMovement | None, words: Wording) -> str:
    """The words beside a table that shows the numbers itself: what moved the index, or why nothing is compared."""
    if moved is None:
        return words.say("movement_first")
    return _reason(moved, words) if moved.change is None else movers(moved, words)


def _reason(moved: AreaMovement, words: Wording) -> str:
    return words.name("movement_reason", moved.reason_code or "")


def causes(moved: AreaMovement, words: Wording) -> str:
    """实际变化+0.3、迟到数据−0.1: every cause that is not zero at one decimal; real change always."""
    shown = [c for c in MOVEMENT_CAUSES if c == "real_change" or number(abs(moved.by_cause[c])) != "0.0"]
    return words.listed(
        words.say("movement_part", name=words.name("cause", cause), points=words.change(moved.by_cause[cause]))
        for cause in shown
    )


def movers(moved: AreaMovement, words: Wording) -> str:
    """The three largest contributions, leaving out what is zero at one decimal."""
    visible = [mover for mover in moved.movers[:MOVERS] if number(abs(mover.points)) != "0.0"]
    if not visible:
        return words.say("movement_no_movers")
    said = [
        words.say(
            "movement_mover",
            name=row_name(mover.indicator_id, words),
            cause=words.name("cause", mover.cause),
            points=words.change(mover.points),
        )
        for mover in visible
    ]
    return words.say("movement_movers", list=words.listed(said))


def row_name(indicator_id: str, words: Wording) -> str:
    """Name of a row of the table `movement`."""
    return words.say("all_indicators") if indicator_id == NO_INDICATOR else words.indicator(indicator_id)


@dataclass(frozen=True)
class MovementSection:
    """The part of the bulletin that compares with the previous release. `names`: area code -> name, the city first."""

    movements: Mapping[str, AreaMovement]
    index: Mapping[str, float | None]
    names: Mapping[str, str]
    city: str
    words: Wording

    @property
    def sentences(self) -> list[str]:
        """The city, then every county that moved by more than WORDED_POINTS."""
        said = [sentence(self.names[self.city], self.movements.get(self.city), self.words)]
        changes = {area: m.change for area, m in self.movements.items() if area != self.city and m.change is not None}
        moved = [area for area in self.names if abs(changes.get(area, 0.0)) > WORDED_POINTS]
        said += [sentence(self.names[area], self.movements[area], self.words) for area in moved]
        if len(moved) < len(changes):
            said.append(self.words.say("movement_rest" if moved else "movement_all", points=number(WORDED_POINTS)))
        return said

    @property
    def columns(self) -> list[str]:
        causes = (self.words.name("cause", cause).capitalize() for cause in MOVEMENT_CAUSES)
        return [self.words.say("col_movement"), *causes]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The index then and now, and the difference by cause; nothing for a first release, or where no area has one now."""
        if all(index is None for index in self.index.values()):
            return []
        return [self._row(area) for area in self.names if area in self.movements]

    def _row(self, area: str) -> dict[str, Any]:
        moved, words = self.movements[area], self.words
        return {
            "is_city": area == self.city,
            "name": self.names[area],
            "previous": words.index(moved.previous_index),
            "now": words.index(self.index[area]),
            "points": [words.change(moved.change), *(words.change(moved.by_cause.get(c)) for c in MOVEMENT_CAUSES)],
        }
