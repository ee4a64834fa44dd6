"""Checks that a city's count is that of its counties and the remainder, and says how large the remainder is. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spark_jobs.index.engine.territory import REMAINDER
from spark_jobs.release.model import ReleaseInput
from spark_jobs.released.columns import rows

TOLERANCE = 1e-6  # events; counts are whole numbers


def remainder_events(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Indicator -> events of the headline window in areas that have ended and that no county succeeded."""
    rest = tables["input"]
    rest = rest[(rest["area_code"] == REMAINDER) & (rest["window"] == "headline")]
    return {str(indicator): float(own["count"].astype(float).sum()) for indicator, own in rest.groupby("indicator_id")}


def sum_faults(given: ReleaseInput, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Indicators of which the city has not as many events as its counties and the remainder together."""
    rest, counties = remainder_events(tables), [area.area_code for area in given.counties]
    found: dict[str, dict[str, float | None]] = {}
    for row in rows(tables["indicator_value"]):
        found.setdefault(row["indicator_id"], {})[row["area_code"]] = row["n_events"]
    faults = []
    for indicator, events in found.items():
        city, parts = events.get(given.city_area.area_code), [events.get(code) for code in counties]
        if city is None or None in parts:
            continue
        whole = sum(part for part in parts if part is not None) + rest.get(indicator, 0.0)
        if abs(city - whole) > TOLERANCE:
            faults.append(f"{indicator}: {city:g} events in the city, {whole:g} in its counties and the remainder")
    return faults
