"""County outlines: borders stay shared, rings turn the way the map wants, and the file stays small."""

import itertools
import json
from pathlib import Path

import pytest

from superset import boundaries
from tests.superset.mart import AREAS, CITY_AREA

pytestmark = pytest.mark.unit

Ring = list[tuple[float, float]]
# One real corner between two ends; the points between lie 0.001 degrees beside the straight lines.
BORDER: Ring = [(1.0, 0.0), (1.026, 0.25), (1.05, 0.5), (1.024, 0.75), (1.0, 1.0)]
WEST: Ring = [(0.0, 0.0), *BORDER, (0.0, 1.0), (0.0, 0.0)]
EAST: Ring = [(2.0, 1.0), *BORDER[::-1], (2.0, 0.0), (2.0, 1.0)]


def area(ring: Ring) -> float:
    """Signed: negative means clockwise."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(ring)) / 2


def test_both_sides_of_a_border_get_the_same_line() -> None:
    both, west, east = frozenset("we"), frozenset("w"), frozenset("e")
    owners = {point: both for point in BORDER} | {p: west for p in WEST[6:]} | {p: east for p in EAST[-2:]}
    shared = [set(boundaries.simplify_ring(ring, owners)) & set(BORDER) for ring in (WEST, EAST)]
    assert shared[0] == shared[1] == {(1.0, 0.0), (1.05, 0.5), (1.0, 1.0)}


def test_a_straight_line_keeps_its_ends_only() -> None:
    assert boundaries.simplify_line([(0.0, 0.0), (1.0, 0.001), (2.0, 0.0)], 0.003) == [(0.0, 0.0), (2.0, 0.0)]


@pytest.mark.parametrize("ring", [WEST, WEST[::-1]])
def test_orientation(ring: Ring) -> None:
    assert area(boundaries.oriented(ring, clockwise=True)) < 0
    assert area(boundaries.oriented(ring, clockwise=False)) > 0


def test_nine_real_counties() -> None:
    names = {code: name for code, name, *_ in AREAS if code != CITY_AREA}
    result = boundaries.collection(names)
    assert result is not None
    assert {f["properties"]["ISO"]: f["properties"]["NAME_1"] for f in result["features"]} == names
    assert 15_000 < len(json.dumps(result, separators=(",", ":"))) < 60_000
    for feature in result["features"]:
        original = boundaries.wheel_rings(feature["properties"]["ISO"])
        assert original is not None
        for polygon, before in zip(feature["geometry"]["coordinates"], original, strict=True):
            assert polygon[0][0] == polygon[0][-1]
            assert area(polygon[0]) < 0
            assert abs(area(polygon[0])) == pytest.approx(abs(area(before[0])), rel=0.02)


def test_a_city_the_wheel_does_not_know_has_no_map() -> None:
    assert boundaries.collection({"1": "District 1", "2": "District 2"}) is None


def test_only_counties_valid_today_are_drawn(tmp_path: Path) -> None:
    areas = tmp_path / "areas.csv"
    areas.write_text(
        "area_code,level,name_zh,valid_to\n230600,city,市,\n230602,county,甲区,\n230603,county,乙区,2020-01-01\n",
        encoding="utf-8",
    )
    assert boundaries.counties(areas) == {"230602": "甲区"}
