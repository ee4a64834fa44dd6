"""docs/house.svg: the rooms of the house and what each imports, drawn from the import graph."""

from __future__ import annotations

from collections import defaultdict
from html import escape

import grimp

from stack.layout import REPOSITORY

FILE = REPOSITORY / "docs" / "house.svg"
PACKAGES = ("expectations", "spark_jobs", "dags", "stack", "simulator", "bench", "portal")
DOORS = ("__main__", "command_line", "step_server")
WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT = 760, 86, 210, 52  # of the drawing, in pixels
Imports = dict[str, set[str]]  # room -> rooms that it imports


def room_of(module: str, folders: set[str]) -> str:
    """A package, or within spark_jobs a folder or a file that stands for the files beside it."""
    package, *inside = module.split(".")
    if package != "spark_jobs":
        return package
    if not inside or inside[0] in DOORS:
        return "spark_jobs: command line"
    if inside[0] in folders or inside[0] == "conform":
        return f"spark_jobs/{inside[0]}"
    return "spark_jobs: settings, errors, masking …"


def imports() -> Imports:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    folders = {each.split(".")[1] for each in graph.find_children("spark_jobs") if graph.find_children(each)}
    found: Imports = defaultdict(set)
    for module in graph.modules:
        room = room_of(module, folders)
        found[room] |= {room_of(each, folders) for each in graph.find_modules_directly_imported_by(module)} - {room}
    return dict(found)


def below(rooms: Imports, room: str) -> set[str]:
    """Rooms that a room rests on, directly or not."""
    return rooms[room].union(*(below(rooms, each) for each in rooms[room]))


def direct(rooms: Imports) -> Imports:
    """The imports without those that follow from others: a picture of all of them shows nothing."""
    return {
        room: {each for each in used if not any(each in below(rooms, other) for other in used)}
        for room, used in rooms.items()
    }


def floors(rooms: Imports) -> dict[int, list[str]]:
    """Floor -> its rooms. A room stands one floor above the highest that it imports; 0 imports nothing."""

    def floor(room: str) -> int:
        return max((floor(each) + 1 for each in rooms[room]), default=0)

    found: dict[int, list[str]] = defaultdict(list)
    for room in sorted(rooms):
        found[floor(room)].append(room)
    return dict(found)


def picture() -> str:
    rooms = imports()
    levels = floors(rooms)
    places = {
        room: (WIDTH * (n + 0.5) / len(on_floor), ROW * (len(levels) - floor - 0.5))
        for floor, on_floor in levels.items()
        for n, room in enumerate(on_floor)
    }
    lines = [_line(places[room], places[used]) for room in sorted(rooms) for used in sorted(direct(rooms)[room])]
    boxes = [_box(room, *places[room]) for room in sorted(rooms)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(levels)}" font-family="sans-serif" '
        'font-size="14" role="img">\n<!-- Rendered by `make render`. Do not edit. -->\n'
        "<title>The rooms of the house: a line leads from a room down to one that it imports</title>\n"
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *lines, *boxes, "</svg>"]) + "\n"


def _line(above: tuple[float, float], under: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = above, under
    middle = (y1 + y2) / 2
    path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#8a97a6" stroke-width="1.5"/>'


def _box(room: str, x: float, y: float) -> str:
    left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
    name, _, more = room.partition(": ")
    words = [name, more] if more else [name]
    text = "".join(
        f'<text x="{x:.0f}" y="{y + 5 + 18 * (n - (len(words) - 1) / 2):.0f}" text-anchor="middle">{escape(word)}</text>'
        for n, word in enumerate(words)
    )
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="#eef3f8" '
        f'stroke="#4a6582"/>{text}'
    )
