"""Small SVG charts as text: an interval plot, a trend with its interval, a sparkline. No script, no outside font.

Every text goes through markupsafe, so a hostile area name stays a name. Units: px of the viewBox.
Bands differ by shape as well as colour, for readers who print in black and white.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

SVG = "http://www.w3.org/2000/svg"
MONTH_WIDTH = 80  # px of a month's name below a trend
BASE = 100.0  # the city in the base period
COLOURS = {"better": "#1d5f96", "level": "#5c6066", "worse": "#b3391f", "none": "#9aa0a6"}


@dataclass(frozen=True)
class Interval:
    """One row of the interval plot. Without an index, `note` is written in place of the dot."""

    name: str
    index: float | None
    lower: float | None
    upper: float | None
    band: str
    note: str
    strong: bool = False


@dataclass(frozen=True)
class Point:
    day: date
    index: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Scale:
    """Linear map of values [low, high] onto pixels [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        step = next(s for s in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if (self.high - self.low) / s <= 9)
        first = math.ceil(self.low / step)
        return [step * i for i in range(first, math.floor(self.high / step) + 1)]


def scale_over(values: Sequence[float | None], start: float, end: float, grain: float = 5.0) -> Scale:
    """A scale that shows all values and the base. Its ends are multiples of `grain`."""
    seen = [BASE, *(value for value in values if value is not None)]
    low, high = math.floor(min(seen) / grain) * grain, math.ceil(max(seen) / grain) * grain
    if high - low < 2 * grain:
        low, high = low - grain, high + grain
    return Scale(low, high, start, end)


def interval_plot(
    intervals: Sequence[Interval], said: str, width: int = 700, row: int = 23, label: int = 190
) -> Markup:
    """Horizontal intervals, one a row, against the base. `said`: what it shows, for readers who cannot see it."""
    height = row * len(intervals) + 28
    x = scale_over([v for i in intervals for v in (i.index, i.lower, i.upper)], label + 14, width - 16)
    parts = [_grid(x, 4, height - 24)]
    parts += [_interval_row(interval, x, row * n + row / 2 + 4, label) for n, interval in enumerate(intervals)]
    return _svg(width, height, parts, said)


def _interval_row(interval: Interval, x: Scale, y: float, label: int) -> Markup:
    weight = "700" if interval.strong else "400"
    name = Markup('<text x="{}" y="{}" text-anchor="end" font-size="12.5" font-weight="{}">{}</text>').format(
        label, y + 4.5, weight, interval.name
    )
    if interval.index is None or interval.lower is None or interval.upper is None:
        note = Markup('<text x="{}" y="{}" font-size="12" fill="#6b7076">{}</text>').format(
            x(BASE) + 8, y + 4.5, interval.note
        )
        return name + note
    colour = COLOURS[interval.band]
    line = Markup(
        '<line x1="{}" x2="{}" y1="{}" y2="{}" stroke="{}" stroke-width="{}" stroke-linecap="round"/>'
    ).format(x(interval.lower), x(interval.upper), y, y, colour, 3.4 if interval.strong else 2.2)
    return name + line + _dot(interval.band, x(interval.index), y, colour)


def strip(
    interval: Interval, x: Scale, height: int = 26, peers: Sequence[float] = (), past: float | None = None
) -> Markup:
    """One interval with the base and the dot of its band, on a scale that it shares with others. `name` is its label.

    peers: the same figure of others, as small dots below the line. past: its own figure a year before, as an open
    circle.
    """
    assert interval.index is not None and interval.lower is not None and interval.upper is not None
    y, colour = height / 2, COLOURS[interval.band]
    base = Markup('<line x1="{0}" x2="{0}" y1="0" y2="{1}" stroke="#7b858f" stroke-dasharray="3 3"/>')
    line = Markup(
        '<line class="range" x1="{}" x2="{}" y1="{}" y2="{}" stroke="{}" stroke-width="4" stroke-linecap="round" opacity=".55"/>'
    )
    parts = [base.format(x(BASE), height), line.format(x(interval.lower), x(interval.upper), y, y, colour)]
    if peers:
        dots = "".join(f"M{x(peer)} {height - 3}h0" for peer in sorted(peers))
        parts.append(
            Markup('<path class="peers" d="{}" stroke="#5c6066" stroke-width="5" stroke-linecap="round"/>').format(dots)
        )
    if past is not None:
        circle = Markup(
            '<circle class="past" cx="{}" cy="{}" r="4.6" fill="#fff" stroke="#1c2430" stroke-width="1.5"/>'
        )
        parts.append(circle.format(x(past), y))
    parts.append(_dot(interval.band, x(interval.index), y, colour))
    opening = Markup('<svg class="strip" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    return opening.format(round(x.start + x.end), height, interval.name) + Markup("").join(parts) + Markup("</svg>")


def _dot(band: str, x: float, y: float, colour: str) -> Markup:
    """Better: triangle up; worse: triangle down; level: circle."""
    if band == "level":
        return Markup('<circle cx="{}" cy="{}" r="4.6" fill="{}" stroke="#fff"/>').format(x, y, colour)
    tip = -6 if band == "better" else 6
    points = f"{x},{y + tip} {x - 5.6},{y - tip * 0.7:.1f} {x + 5.6},{y - tip * 0.7:.1f}"
    return Markup('<polygon points="{}" fill="{}" stroke="#fff"/>').format(points, colour)


def _grid(x: Scale, top: float, bottom: float) -> Markup:
    lines = [
        Markup('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" stroke="#e3e5e8"/>').format(x(t), top, bottom)
        + Markup('<text x="{}" y="{}" text-anchor="middle" font-size="11" fill="#6b7076">{:g}</text>').format(
            x(t), bottom + 16, t
        )
        for t in x.ticks
    ]
    base = Markup('<line x1="{0}" x2="{0}" y1="{1}" y2="{2}" stroke="#a6191f" stroke-dasharray="4 3"/>')
    return Markup("").join([*lines, base.format(x(BASE), top, bottom)])


def trend_chart(points: Sequence[Point], said: str, width: int = 700) -> Markup:
    """Index over time with its interval as a ribbon; days without an index break the line."""
    return _trends({COLOURS["better"]: points}, said, width)


def two_trends(before: Sequence[Point], after: Sequence[Point], said: str) -> Markup:
    """The same days under two methods: grey before, blue after."""
    return _trends({COLOURS["level"]: before, COLOURS["better"]: after}, said)


def _trends(by_colour: Mapping[str, Sequence[Point]], said: str, width: int = 700, height: int = 170) -> Markup:
    points = next(iter(by_colour.values()))
    y = scale_over(
        [v for series in by_colour.values() for p in series for v in (p.index, p.lower, p.upper)], height - 26, 8
    )
    x = _time_scale(points, 40, width - 14)
    lines = [
        Markup('<line x1="40" x2="{0}" y1="{1}" y2="{1}" stroke="#e3e5e8"/>').format(width - 14, y(t))
        + Markup('<text x="33" y="{}" text-anchor="end" font-size="11" fill="#6b7076">{:g}</text>').format(y(t) + 4, t)
        for t in y.ticks
    ]
    base = Markup('<line x1="40" x2="{0}" y1="{1}" y2="{1}" stroke="#a6191f" stroke-dasharray="4 3"/>')
    drawn = [
        ribbon for colour, series in by_colour.items() for run in _runs(series) for ribbon in _ribbon(run, x, y, colour)
    ]
    months = [
        Markup('<text x="{}" y="{}" text-anchor="middle" font-size="11" fill="#6b7076">{:%Y-%m}</text>').format(
            min(x(p.day.toordinal()), width - 22), height - 8, p.day
        )
        for p in points[:: math.ceil(len(points) * MONTH_WIDTH / (width - 54))]
    ]
    return _svg(width, height, [*lines, base.format(width - 14, y(BASE)), *drawn, *months], said)


def _ribbon(run: Sequence[Point], x: Scale, y: Scale, colour: str) -> list[Markup]:
    upper = [(x(p.day.toordinal()), y(p.upper)) for p in run if p.upper is not None]
    lower = [(x(p.day.toordinal()), y(p.lower)) for p in reversed(run) if p.lower is not None]
    middle = [(x(p.day.toordinal()), y(p.index)) for p in run if p.index is not None]
    last = middle[-1]
    return [
        Markup('<polygon points="{}" fill="{}" opacity="0.16"/>').format(_path(upper + lower), colour),
        Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>').format(_path(middle), colour),
        Markup('<circle cx="{}" cy="{}" r="3.4" fill="{}"/>').format(*last, colour),
    ]


def sparkline(points: Sequence[Point], width: int = 96, height: int = 22) -> Markup:
    """Two years against the base, in the county's own scale. It stands beside figures that say the same in words."""
    if not any(p.index is not None for p in points):
        return Markup("")
    y = scale_over([p.index for p in points], height - 3, 3, grain=1.0)
    x = _time_scale(points, 2, width - 5)
    base = Markup('<line x1="2" x2="{0}" y1="{1}" y2="{1}" stroke="#a6191f" stroke-dasharray="3 3" opacity=".7"/>')
    parts = [base.format(width - 5, y(BASE))]
    for run in _runs(points):
        path = [(x(p.day.toordinal()), y(p.index)) for p in run if p.index is not None]
        parts.append(Markup('<polyline points="{}" fill="none" stroke="#333" stroke-width="1.3"/>').format(_path(path)))
        parts.append(Markup('<circle cx="{}" cy="{}" r="1.9" fill="#333"/>').format(*path[-1]))
    return _svg(width, height, parts)


def _time_scale(points: Sequence[Point], start: float, end: float) -> Scale:
    days = [p.day.toordinal() for p in points]
    return Scale(min(days), max(max(days), min(days) + 1), start, end)


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Unbroken stretches of points that have an index."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.index is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _svg(width: int, height: int, parts: Sequence[Markup], said: str | None = None) -> Markup:
    """With the label `said`, a figure as wide as its place. Without, a small one of fixed size that repeats words."""
    if said is None:
        opening = Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" aria-hidden="true" xmlns="{2}">')
        return opening.format(width, height, SVG) + Markup("").join(parts) + Markup("</svg>")
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="{}">')
    return opening.format(width, height, said, SVG) + Markup("").join(parts) + Markup("</svg>")
