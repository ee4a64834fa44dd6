"""The movement between any two published releases of a city, from their files alone.

Each release explains its difference from `previous_release_id`. These differences telescope: by area, indicator and
cause, the parts of all releases on the way add up to the difference between the ends.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from spark_jobs.errors import UsageError
from spark_jobs.index.engine.movement import NO_INDICATOR
from spark_jobs.release.files import RELEASE_FILE, parse_csv, release_folder
from spark_jobs.release.movement import area_movements, sentence
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import MOVEMENT_CAUSES, TABLES, canonical_frame


def movement_between(city_folder: Path, first: str, last: str) -> pd.DataFrame:
    """Canonical frame `movement` from release `first` to release `last`.

    An area that cannot be compared at some step on the way has one row with the reason. Raises UsageError if either
    release is not there, or if `first` is not among the releases that led to `last`.
    """
    movements, release_id = [], last
    while release_id != first:
        before = _document(city_folder, release_id).get("previous_release_id")
        if before is None:
            raise UsageError(
                f"movement: {first} is not among the releases that led to {last}; the way back ends at {release_id}. "
                "Give the earlier release first, one that readers saw."
            )
        content = (release_folder(city_folder, release_id) / TABLES["movement"].file).read_bytes()
        movements.append(parse_csv("movement", content))
        release_id = before
    if not movements:
        raise UsageError(f"movement: two releases are expected, found {first} twice")
    return canonical_frame("movement", _added_up(pd.concat(movements, ignore_index=True), start=movements[-1]))


def said_between(city_folder: Path, first: str, last: str, words: Wording) -> list[str]:
    """The same in words: one sentence an area, the city first."""
    moved = area_movements(movement_between(city_folder, first, last))
    document = _document(city_folder, last)
    figures = [document["city_index"], *document["counties"]]
    named = [(figure[f"name_{words.code}"], moved.get(figure["area_code"])) for figure in figures]
    return [sentence(name, of_area, words) for name, of_area in named if of_area]


def _added_up(movements: pd.DataFrame, start: pd.DataFrame) -> pd.DataFrame:
    """The sum of the movements; `start` is the one that begins at the earliest release."""
    points = [*MOVEMENT_CAUSES, "total"]
    reasons = movements.dropna(subset="reason_code").drop_duplicates("area_code").set_index("area_code")["reason_code"]
    starts = start.drop_duplicates("area_code").set_index("area_code")
    compared = movements[~movements["area_code"].isin(reasons.index)]
    sums = (
        compared.astype(dict.fromkeys(points, float))
        .groupby(["area_code", "indicator_id"], as_index=False)[points]
        .sum()
    )
    found = pd.concat(
        [sums, pd.DataFrame({"area_code": reasons.index, "indicator_id": NO_INDICATOR})], ignore_index=True
    )
    columns = ["previous_release_id", "previous_business_date", "previous_index"]
    found = found.merge(starts[columns], left_on="area_code", right_index=True)
    return found.assign(reason_code=found["area_code"].map(reasons))


def _document(city_folder: Path, release_id: str) -> dict[str, Any]:
    path = release_folder(city_folder, release_id) / RELEASE_FILE
    if not path.is_file():
        raise UsageError(f"movement: there is no release {release_id} of {city_folder.name}; expected {path}")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
