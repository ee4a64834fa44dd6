"""`check` refuses a city whose pages would lack a district's rates, mix up two districts, or promise what cannot come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from expectations.city_faults import city_faults, city_remarks
from expectations.contract import load_city

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def without(path: Path, *words: str) -> None:
    """Drop the lines that have all of these words."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not all(word in line for word in words)]
    assert len(kept) < len(lines)
    path.write_text("".join(kept), encoding="utf-8")


def limited(*rows: str) -> Callable[[Path], None]:
    """Limits of quantities: product, container, unit and limit of each."""
    lines = [
        "product_code,container_code,unit_code,limit,valid_from,valid_to,source",
        *(f"{r},2024-01-01,," for r in rows),
    ]
    return lambda city: (city / "quantity_limits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8") and None


# what is done to the city -> words of each fault
FAULTS: dict[str, tuple[Callable[[Path], None], list[tuple[str, ...]]]] = {
    "nothing": (lambda city: None, []),
    "two districts of one Chinese name": (
        lambda city: changed(city / "areas.csv", "龙凤区,Longfeng", "萨尔图区,Longfeng"),
        [("areas.csv:4", "no other district", "萨尔图区", "230602")],
    ),
    "two districts of one English name in other capitals": (
        lambda city: changed(city / "areas.csv", "龙凤区,Longfeng", "龙凤区,SARTU"),
        [("areas.csv:4", "no other district", "230602")],
    ),
    "a district without a name": (
        lambda city: changed(city / "areas.csv", "龙凤区,Longfeng", ","),
        [("areas.csv:4", "a name of 230603")],
    ),
    "a name in one language": (lambda city: changed(city / "areas.csv", "龙凤区,Longfeng", "龙凤区,"), []),
    "a name that another district had before it": (
        lambda city: changed(
            city / "areas.csv",
            "230603,county,龙凤区,Longfeng,230600,2012-01-01,",
            "230603,county,龙凤区,Longfeng,230600,2015-01-01,\n230699,county,龙凤区,Longfeng,230600,2012-01-01,2015-01-01",
        ),
        [],
    ),
    "a district without any population": (
        lambda city: without(city / "denominators.csv", "230603"),
        [
            (f"`{code}` of 230603", "divides by", "found no row")
            for code in ("population_at_risk", "residents", "vehicles_10k", "employees")
        ],
    ),
    "a district without vehicles": (
        lambda city: without(city / "denominators.csv", "230603", "vehicles_10k"),
        [("`vehicles_10k` of 230603", "b1_road_casualties")],
    ),
    "a population that begins within the base period": (
        lambda city: changed(city / "denominators.csv", "230603,residents,2020-11-01", "230603,residents,2023-01-01"),
        [("`residents` of 230603 on 2022-01-01", "in the base period", "they begin on 2023-01-01")],
    ),
    "a population that ended before the base period's end": (
        lambda city: changed(
            city / "denominators.csv", "230603,residents,2020-11-01,", "230603,residents,2020-11-01,2024-01-01"
        ),
        [("`residents` of 230603 on 2024-12-31", "in the base period")],
    ),
    "limits of quantities": (limited("petrol,portable,litre,100", "petrol,other,litre,99.5"), []),
    "limits that no sale can be compared with": (
        limited("petrol,portable,litre,0", "petrol,cans,litre,100", "petrol,portable,gallon,100"),
        [
            ("quantity_limits.csv:2: limit", "a number above 0", "'0'"),
            ("quantity_limits.csv:3: container_code", "portable", "'cans'"),
            ("quantity_limits.csv:4: unit_code", "litre", "'gallon'"),
        ],
    ),
    "a denominator that is no number": (
        lambda city: changed(city / "denominators.csv", ",441983,estimate,census", ',"441,983",estimate,census'),
        [("denominators.csv:6: value", "a number above 0", "'441,983'")],
    ),
    "a denominator that is empty": (
        lambda city: changed(city / "denominators.csv", ",441983,estimate,census", ",,estimate,census"),
        [("denominators.csv:6: value", "found ''")],
    ),
    "a denominator of zero": (
        lambda city: changed(city / "denominators.csv", ",441983,estimate,census", ",0,estimate,census"),
        [("denominators.csv:6: value", "found '0'")],
    ),
    "a denominator that nothing divides by": (
        lambda city: changed(city / "denominators.csv", "230603,residents,", "230603,resident,"),
        [
            ("denominators.csv:6: denominator_code", "perhaps residents", "'resident'"),
            ("`residents` of 230603", "found no row"),
        ],
    ),
    "a denominator of another city": (
        lambda city: changed(city / "denominators.csv", "230603,residents,", "999999,residents,"),
        [("denominators.csv:6: area_code", "'999999'"), ("`residents` of 230603", "found no row")],
    ),
    "a quality that there is not": (
        lambda city: changed(city / "denominators.csv", ",441983,estimate,census", ",441983,guess,census"),
        [("denominators.csv:6: quality_code", "estimate, exact, rounded", "'guess'")],
    ),
    "an indicator that its columns cannot bring": (
        lambda city: without(city / "feeds" / "hotline.yml", "is_resolved:"),
        [("hotline.yml: supports", "'d1_unresolved'", "needs is_resolved")],
    ),
    "an indicator of another kind": (
        lambda city: changed(city / "feeds" / "hotline.yml", "starts_on:", "supports: [a1_violent_crime]\nstarts_on:"),
        [("hotline.yml: supports", "d1_unresolved", "found 'a1_violent_crime'")],
    ),
    "fewer indicators than its kind has": (
        lambda city: changed(city / "feeds" / "hotline.yml", "starts_on:", "supports: [d1_unresolved]\nstarts_on:"),
        [],
    ),
}


@pytest.mark.parametrize(("change", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_city_is_looked_at_as_a_whole(
    copied_city: Path, change: Callable[[Path], None], expected: list[tuple[str, ...]]
) -> None:
    change(copied_city)
    found = sorted(city_faults(load_city("daqing")))
    assert len(found) == len(expected), found
    for words in expected:
        assert any(all(word in fault for word in words) for fault in found), (words, found)


def test_a_feed_that_begins_after_the_base_period_is_told(copied_city: Path) -> None:
    assert not list(city_remarks(load_city("daqing"), date(2026, 6, 1)))
    changed(copied_city / "feeds" / "hotline.yml", "starts_on: 2021-11-01", "starts_on: 2025-01-01")
    load_city.cache_clear()
    (remark,) = city_remarks(load_city("daqing"), date(2026, 6, 1))
    assert "daqing.hotline" in remark and "2025-01-01" in remark and "no score" in remark
