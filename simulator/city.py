"""Daqing 大庆市 as it is: counties, townships, residents, names in use, lunar new years.

Sources: division codes and townships from the National Bureau of Statistics list of 2023-06-30 (townships.csv);
residents from the 2020 census. Each figure of residents has a quality mark: exact, rounded, or estimate (only the sum
of a pair of counties is known, and was split by the 2010 census). Spellings of names are our own collection of what
clerks write.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from simulator.truth import Array, day_number


@dataclass(frozen=True)
class County:
    """One county: six-digit code, residents in 2020 with their quality, spellings (the official one first)."""

    code: str
    residents: int
    quality: str
    spellings: tuple[str, ...]


COUNTIES = (
    County("230602", 327_192, "exact", ("萨尔图区", "萨尔图", "萨区")),
    County("230603", 441_983, "estimate", ("龙凤区", "龙凤", "龙区")),
    County("230604", 592_600, "rounded", ("让胡路区", "让胡路", "让区")),
    County("230605", 212_614, "estimate", ("红岗区", "红岗", "红区")),
    County("230606", 180_266, "exact", ("大同区", "大同", "同区")),
    County("230621", 306_036, "exact", ("肇州县", "肇州")),
    County("230622", 330_300, "rounded", ("肇源县", "肇源")),
    County("230623", 199_669, "estimate", ("林甸县", "林甸")),
    County("230624", 190_902, "estimate", ("杜尔伯特蒙古族自治县", "杜尔伯特", "杜蒙", "杜蒙县")),
)

# The high-tech zone has a statistical county code of its own. That its two townships lie in Longfeng is an
# assumption: the 2010 census count of Longfeng far exceeds its registered population.
ZONE_CODE = "230671"
ZONE_COUNTY = 1
ZONE_SHARE = 0.06
ZONE_SPELLINGS = ("大庆高新技术产业开发区", "高新区", "大庆高新区")

UNKNOWN_CODE = "230699"
UNKNOWN_NAMES = ("让湖路区", "萨尓图区", "肇洲县", "大庆市辖区")

# First day of the lunar year, from the published calendar.
LUNAR_NEW_YEARS = tuple(
    day_number(day)
    for day in (
        date(2022, 2, 1),
        date(2023, 1, 22),
        date(2024, 2, 10),
        date(2025, 1, 29),
        date(2026, 2, 17),
        date(2027, 2, 6),
        date(2028, 1, 26),
        date(2029, 2, 13),
        date(2030, 2, 3),
    )
)


@dataclass(frozen=True)
class Townships:
    """All townships, as arrays. `first` and `n` locate those of each county, and at index 9 those of the zone."""

    codes: Array
    names: Array
    first: Array
    n: Array


@cache
def townships() -> Townships:
    """Townships sorted by code, so that those of one county lie side by side."""
    with Path(__file__).with_name("townships.csv").open(encoding="utf-8") as file:
        rows = sorted((row["code"], row["name"]) for row in csv.DictReader(file))
    parents = [code[:6] for code, _ in rows]
    keys = [county.code for county in COUNTIES] + [ZONE_CODE]
    return Townships(
        codes=np.array([code for code, _ in rows], dtype=object),
        names=np.array([name for _, name in rows], dtype=object),
        first=np.array([parents.index(key) for key in keys]),
        n=np.array([parents.count(key) for key in keys]),
    )


def resident_share() -> Array:
    """Share of the city's residents in each county, shape (9,)."""
    residents = np.array([county.residents for county in COUNTIES], dtype=float)
    return np.asarray(residents / residents.sum())
