"""Small pictures as coordinates for an SVG: where bars, lines and dots lie. Pure; the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, TOP, BASE, HEIGHT = 460.0, 18.0, 128.0, 150.0  # of a series, in the units of its view box
DOT_WIDTH, MARGIN = 440.0, 12.0


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    is_over: bool
    title: str


@dataclass(frozen=True)
class Series:
    """Bars, one a period, or a line. It has the heights of the expectation and of the limit, if there are any."""

    bars: tuple[Bar, ...]
    path: str
    expected_y: float | None
    limit_y: float | None
    first: str
    last: str
    last_value: str
    last_x: float
    last_y: float


@dataclass(frozen=True)
class Dot:
    x: float
    is_own: bool
    title: str


def number(value: float | None) -> str:
    """9, 3.4, 0.012: three significant digits at most, as people read them."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def bars(points: Sequence[tuple[str, float | None]], expected: float | None, limit: float | None) -> Series | None:
    """One bar a period, oldest first. A period without a value has no bar. None if there is no value at all."""
    known = [value for _, value in points if value is not None]
    if not known:
        return None
    most = max([*known, expected or 0.0, limit or 0.0]) or 1.0
    step = (WIDTH - 16) / len(points)

    def height(value: float) -> float:
        return (BASE - TOP) * value / most

    drawn = tuple(
        Bar(
            round(8 + step * i, 1), round(BASE - height(value), 1), round(step * 0.72, 1), round(height(value), 1),
            limit is not None and value > limit and i == len(points) - 1, f"{label}: {number(value)}",
        )
        for i, (label, value) in enumerate(points)
        if value is not None
    )  # fmt: skip
    end = drawn[-1]
    return Series(
        drawn, "",
        None if expected is None else round(BASE - height(expected), 1),
        None if limit is None else round(BASE - height(limit), 1),
        points[0][0], points[-1][0], number(known[-1]), end.x + end.width / 2, end.y,
    )  # fmt: skip


def line(points: Sequence[tuple[str, float | None]]) -> Series | None:
    """A line through the known values, on a scale of their own. None with fewer than two."""
    known = [(i, label, value) for i, (label, value) in enumerate(points) if value is not None]
    if len(known) < 2:
        return None
    low, high = (end(value for *_, value in known) for end in (min, max))
    across, up = (WIDTH - 40) / (len(points) - 1), (BASE - TOP) / ((high - low) or 1.0)
    places = [(round(8 + across * i, 1), round(BASE - up * (value - low), 1)) for i, _, value in known]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    last_x, last_y = places[-1]
    return Series((), path, None, None, points[0][0], points[-1][0], number(known[-1][2]), last_x, last_y)


def dots(values: Sequence[tuple[str, float]], own: str | None) -> tuple[Dot, ...]:
    """Peers on one line from the least to the greatest. `own`: the label of the one that the card is about."""
    if len(values) < 2:
        return ()
    low, high = (end(value for _, value in values) for end in (min, max))
    scale = (DOT_WIDTH - 2 * MARGIN) / ((high - low) or 1.0)
    found = [
        Dot(round(MARGIN + scale * (value - low), 1), label == own, f"{label} {number(value)}".strip())
        for label, value in values
    ]
    return tuple(sorted(found, key=lambda dot: dot.is_own))  # the own one is drawn last, on top
