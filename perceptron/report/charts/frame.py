"""The frame of a figure: its axes with their grid, titles and legend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import log, log10
from typing import NamedTuple

from perceptron.figure import Axis
from perceptron.report.charts.elements import (
    LETTER,
    LONGEST_NAME,
    SOFT,
    Point,
    path,
    text_element,
    text_width,
    wrapped,
)

_GRID = "var(--line, #e4e4e4)"


class Frame(NamedTuple):
    """The rectangle inside the axes, positions of values in it, and the size of the drawing."""

    x: Axis
    y: Axis
    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int

    def across(self, value: float) -> float:
        """Return the x position of a value, at the edge if it is outside."""
        return self.left + _share(self.x, value) * (self.right - self.left)

    def up(self, value: float) -> float:
        """Return the y position of a value, at the edge if it is outside."""
        return self.bottom - _share(self.y, value) * (self.bottom - self.top)

    def at(self, points: Iterable[Point]) -> list[Point]:
        """Return the positions of points."""
        return [(self.across(x), self.up(y)) for x, y in points]


def _share(axis: Axis, value: float) -> float:
    value = min(max(value, axis.low), axis.high)
    if axis.is_linear:
        return (value - axis.low) / ((axis.high - axis.low) or 1.0)
    return log(value / axis.low) / log(axis.high / axis.low)


def frame_of(
    x: Axis,
    y: Axis,
    size: tuple[int, int],
    key: str = "",
    legend: Sequence[str] = (),
    room: float = 0.0,
) -> Frame:
    """Return a frame with space for the text around it, and ``room`` on its right.

    A legend makes the drawing higher.
    """
    width, height = size
    longest = max((len(line) for _, text in y.ticks for line in text.split("\n")), default=-1)
    rows, key_lines = len(_rows(legend, width)), len(wrapped(key, width - 24))
    return Frame(
        x=x,
        y=y,
        left=12 + (22 if y.title else 0) + min(longest, LONGEST_NAME) * LETTER,
        top=14.0 + 18 * key_lines + (2 if key_lines else 0),
        right=width - 24.0 - room,
        bottom=height - 52.0,
        width=width,
        height=height + 20 * rows,
    )


def around(frame: Frame, key: str = "", grid: str = "xy") -> list[str]:
    """Return the labels of the ticks, the titles of the axes, and the key to the signs.

    Axes that ``grid`` names have a line at each tick.
    """
    parts = []
    for value, text in _apart(frame):
        position = frame.across(value)
        if "x" in grid:
            parts.append(path([(position, frame.top), (position, frame.bottom)], stroke=_GRID))
        parts.append(text_element(text, position, frame.bottom + 13, text_anchor="middle"))
    for value, text in frame.y.ticks:
        position = frame.up(value)
        if "y" in grid:
            parts.append(path([(frame.left, position), (frame.right, position)], stroke=_GRID))
        parts.append(text_element(text, frame.left - 8, position, text_anchor="end"))
    corners = [(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)]
    parts.append(path(corners, stroke=SOFT))
    (title, *_) = wrapped(frame.x.title, frame.width - 24, 1) or [""]
    parts.append(centred(title, (frame.left + frame.right) / 2, frame.bottom + 33, frame))
    if frame.y.title:
        centre = (frame.top + frame.bottom) / 2
        turned = f"rotate(-90 14 {centre:.1f})"
        (title, *_) = wrapped(frame.y.title, frame.bottom - frame.top, 1) or [""]
        parts.append(text_element(title, 14, centre, 200, text_anchor="middle", transform=turned))
    for row, line in enumerate(wrapped(key, frame.width - 24)):
        parts.append(text_element(line, 12, 14 + 18 * row, 200, fill=SOFT, font_size=12))
    return parts


def _apart(frame: Frame) -> list[tuple[float, str]]:
    """Return the ticks of the first axis that fit: all, powers of ten, or every nth."""
    every = list(frame.x.ticks)
    tens = [tick for tick in every if tick[0] > 0 and log10(tick[0]).is_integer()]
    steps = [every[::step] for step in range(2, len(every) + 1)]
    choices = [every, *([tens] if len(tens) > 1 and not frame.x.is_linear else []), *steps]

    def is_roomy(ticks: Sequence[tuple[float, str]]) -> bool:
        ends = [(frame.across(at), text_width(text) / 2 + 5) for at, text in ticks]
        return all(a + half <= b - other_half for (a, half), (b, other_half) in pairwise(ends))

    return next(filter(is_roomy, choices), every[:1])


def centred(text: str, x: float, y: float, frame: Frame, **more: object) -> str:
    """Return a text centred at ``x``, or as near as the drawing has room for."""
    half = max(text_width(line) for line in text.split("\n")) / 2 + 4
    x = min(max(x, half), frame.width - half) if 2 * half < frame.width else frame.width / 2
    return text_element(text, x, y, 120, **{"text_anchor": "middle"} | more)


def _rows(legend: Sequence[str], width: int) -> list[list[str]]:
    """Return the names of a legend in rows that fit."""
    rows: list[list[str]] = []
    used = width
    for name in legend:
        room = _entry(name)
        if used + room > width - 12:
            rows.append([])
            used = 12
        rows[-1].append(name)
        used += room
    return rows


def _entry(name: str) -> int:
    return 52 + round(text_width(name))


def legend_below(frame: Frame, entries: Mapping[str, Callable[[float, float], str]]) -> list[str]:
    """Return the legend below the frame: each name behind its sample, which is 28 wide."""
    parts = []
    for row, names in enumerate(_rows([*entries], frame.width)):
        x, y = 12.0, frame.bottom + 56 + 20 * row
        for name in names:
            room = int((frame.width - x - 40) / LETTER)
            parts += [entries[name](x, y), text_element(name, x + 34, y, min(room, LONGEST_NAME))]
            x += _entry(name)
    return parts
