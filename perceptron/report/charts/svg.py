"""A figure as SVG text, for pages, README, the documentation and notebooks.

The same figure gives the same bytes. Colours are properties of a page's style sheet, so that one
drawing is seen on light paper and on dark; in a document they are plain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import cos, exp, log, log10, pi, sin
from textwrap import wrap
from typing import NamedTuple

from perceptron.figure import (
    Axis,
    BarFigure,
    Dot,
    DotFigure,
    Figure,
    Line,
    LineFigure,
    MapFigure,
    linear_axis,
)
from perceptron.report.charts.palette import MACHINES, Stroke, strokes
from perceptron.untrusted_text import shortened

Looks = Mapping[str, Stroke]
Point = tuple[float, float]

WIDE, NARROW = 960, 360
"""Widths of the two drawings that a page has of a figure, in pixels: its style sheet picks one."""
# The width in a document, and below which names stand over their rows and lines have a legend.
_ALONE, _NARROWER = 800, 600
_SIZE, _LINE_HEIGHT = 13, 16
# A row is so much higher where its name stands over it.
_NAME_HEIGHT = 14
# Of a letter, on average, in a wide font.
_LETTER = 7.6
_INK, _SOFT, _GRID = "var(--ink, #222222)", "var(--soft, #555555)", "var(--line, #e4e4e4)"
_PAPER, _UNDECIDED = "var(--paper, #ffffff)", "var(--warn, #fff4d6)"
_LONGEST_NAME, _LONGEST_TEXT = 60, 300
_MARKER = 5.0
# A line of more points has markers on some of them: they would hide the line.
_MOST_MARKERS = 40
# Pixels that a reason beside a dot takes at least.
_LEAST_ROOM = 250
# A name at the end of a line may take this share of the width; longer ones stand in a legend.
_MOST_OF_WIDTH = 0.28
# How strong the colour of the narrowest victory is, and of the widest.
_FAINTEST, _STRONGEST = 0.2, 0.9
_DOTTED = "1 3"


def draw(figure: Figure | None, looks: Looks | None = None, width: int = _ALONE) -> str:
    """Return the figure as SVG, so many pixels wide; "" where there is none.

    With ``looks``, those of a whole site, it is for a page with their style sheet, else for a
    document by itself.
    """
    match figure:
        case None:
            return ""
        case LineFigure():
            names = [line.backend for line in figure.lines if line.machine is None]
            names += [note.backend for note in figure.notes]
            parts, height = _lines(figure, looks or strokes(names), width)
        case BarFigure():
            parts, height = _bars(figure, width)
        case DotFigure():
            looks_of_dots = looks or strokes(dot.backend for dot in figure.dots)
            parts, height = _dots(figure, looks_of_dots, width)
        case MapFigure():
            parts, height = _map(figure, looks or strokes(figure.backends), width)
    is_alone = looks is None
    paper = (_tag("rect", width="100%", height="100%", fill=_PAPER),) if is_alone else ()
    drawing = _tag(
        "svg",
        *(f"\n{part}" for part in (*paper, *parts)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        font_family="system-ui, sans-serif",
        font_size=_SIZE,
        fill=_INK,
    )
    return re.sub(r"var\(--\w+, (#\w+)\)", r"\1", drawing) if is_alone else drawing


# --- elements -------------------------------------------------------------------------------------


def _tag(name: str, *children: str, **attributes: object) -> str:
    """Return an element; an underscore in the name of an attribute stands for a hyphen."""
    given = "".join(
        f' {key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{given}>{''.join(children)}</{name}>"


def _value(value: object) -> str:
    return f"{round(value, 1):g}" if isinstance(value, float) else html.escape(str(value))


def _text(text: str, x: float, y: float, longest: int = _LONGEST_NAME, **attributes: object) -> str:
    """Return a text in as many lines as it has, around ``y``, readable over what is below it."""
    lines = [html.escape(shortened(line, longest)) for line in text.split("\n")]
    first = y - _LINE_HEIGHT * (len(lines) - 1) / 2
    halo = {"paint_order": "stroke", "stroke": _PAPER, "stroke_width": 4}
    return _tag(
        "text",
        *(
            _tag("tspan", line, x=x, y=first + _LINE_HEIGHT * number + _SIZE * 0.35)
            for number, line in enumerate(lines)
        ),
        **halo | attributes,
    )


def _wrapped(text: str, room: float, most: int = 3) -> list[str]:
    """Return a text in lines that fit into so many pixels; what is too long ends in dots."""
    letters = max(8, int(room / _LETTER))
    lines = wrap(shortened(text, _LONGEST_TEXT), letters)
    if len(lines) > most:
        lines[most - 1 :] = [f"{lines[most - 1][: letters - 1]}…"]
    return lines


def _long(text: str) -> float:
    """Return how many pixels a text takes, about."""
    return min(len(text), _LONGEST_NAME) * _LETTER


def _path(points: Iterable[Point], closed: bool = False, **attributes: object) -> str:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return _tag("path", d=f"M{line}{'Z' if closed else ''}", **{"fill": "none"} | attributes)


def _box(left: float, top: float, right: float, bottom: float, **attributes: object) -> str:
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return _path(corners, closed=True, **attributes)


def _title(text: str) -> str:
    """Return what is shown where a reader points at its parent."""
    return _tag("title", html.escape(shortened(text, _LONGEST_TEXT)))


def _paint(look: Stroke) -> str:
    return f"var({look.token or '--none'}, {look.colour})"


def _dash(look: Stroke) -> str | None:
    return " ".join(f"{length * 1.3:g}" for length in look.dash) or None


def _polygon(corners: int, turned: float = 0.0, inner: float = 1.0) -> list[Point]:
    """Return the corners of a regular polygon or star around 0, the first at the top."""
    radii = [1.0] if inner == 1.0 else [1.0, inner]
    every = corners * len(radii)
    angles = [2 * pi * (at / every + turned) for at in range(every)]
    return [
        (radii[at % len(radii)] * sin(angle), -radii[at % len(radii)] * cos(angle))
        for at, angle in enumerate(angles)
    ]


_SHAPES: dict[str, list[Point]] = {
    "s": _polygon(4, 1 / 8),
    "D": _polygon(4),
    "d": [(0.6 * x, y) for x, y in _polygon(4)],
    "^": _polygon(3),
    "v": _polygon(3, 1 / 2),
    "<": _polygon(3, -1 / 4),
    ">": _polygon(3, 1 / 4),
    "p": _polygon(5),
    "h": _polygon(6),
    "H": _polygon(6, 1 / 12),
    "*": _polygon(5, inner=0.45),
    "P": _polygon(4, inner=0.4),
    "X": _polygon(4, 1 / 8, inner=0.4),
}


def _marker(
    shape: str, x: float, y: float, colour: str, text: str = "", open_: bool = False, **more: object
) -> str:
    style = {"fill": _PAPER if open_ else colour, "stroke": colour, "stroke_width": 1.2} | more
    if shape == "o":
        drawn = _tag("circle", cx=x, cy=y, r=_MARKER, **style)
    else:
        corners = ((x + _MARKER * across, y + _MARKER * up) for across, up in _SHAPES[shape])
        drawn = _path(corners, closed=True, **style)
    return _tag("g", _title(text), drawn) if text else drawn


# --- frames: axes with their grid, titles and legend ----------------------------------------------


class _Frame(NamedTuple):
    """The rectangle inside the axes, where values lie in it, and the size of the whole drawing."""

    x: Axis
    y: Axis
    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int

    def across(self, value: float) -> float:
        """Return the place of a value of the first axis, at the edge if it is outside."""
        return self.left + _share(self.x, value) * (self.right - self.left)

    def up(self, value: float) -> float:
        """Return the place of a value of the second axis, likewise."""
        return self.bottom - _share(self.y, value) * (self.bottom - self.top)

    def at(self, points: Iterable[Point]) -> list[Point]:
        """Return the places of points."""
        return [(self.across(x), self.up(y)) for x, y in points]


def _share(axis: Axis, value: float) -> float:
    value = min(max(value, axis.low), axis.high)
    if axis.is_linear:
        return (value - axis.low) / ((axis.high - axis.low) or 1.0)
    return log(value / axis.low) / log(axis.high / axis.low)


def _frame(
    x: Axis,
    y: Axis,
    size: tuple[int, int],
    key: str = "",
    legend: Sequence[str] = (),
    room: float = 0.0,
) -> _Frame:
    """Return the frame that leaves room for what stands around it, and ``room`` on its right.

    A legend makes the drawing higher.
    """
    width, height = size
    longest = max((len(line) for _, text in y.ticks for line in text.split("\n")), default=-1)
    rows, key_lines = len(_rows(legend, width)), len(_wrapped(key, width - 24))
    return _Frame(
        x=x,
        y=y,
        left=12 + (22 if y.title else 0) + min(longest, _LONGEST_NAME) * _LETTER,
        top=14.0 + 18 * key_lines + (2 if key_lines else 0),
        right=width - 24.0 - room,
        bottom=height - 52.0,
        width=width,
        height=height + 20 * rows,
    )


def _around(frame: _Frame, key: str = "", grid: str = "xy") -> list[str]:
    """Return what the ticks say, the titles of the axes, and what the signs mean.

    Axes that ``grid`` names have a line at each tick.
    """
    parts = []
    for value, text in _apart(frame):
        place = frame.across(value)
        if "x" in grid:
            parts.append(_path([(place, frame.top), (place, frame.bottom)], stroke=_GRID))
        parts.append(_text(text, place, frame.bottom + 13, text_anchor="middle"))
    for value, text in frame.y.ticks:
        place = frame.up(value)
        if "y" in grid:
            parts.append(_path([(frame.left, place), (frame.right, place)], stroke=_GRID))
        parts.append(_text(text, frame.left - 8, place, text_anchor="end"))
    corners = [(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)]
    parts.append(_path(corners, stroke=_SOFT))
    (title, *_) = _wrapped(frame.x.title, frame.width - 24, 1) or [""]
    parts.append(_centred(title, (frame.left + frame.right) / 2, frame.bottom + 33, frame))
    if frame.y.title:
        centre = (frame.top + frame.bottom) / 2
        turned = f"rotate(-90 14 {centre:.1f})"
        (title, *_) = _wrapped(frame.y.title, frame.bottom - frame.top, 1) or [""]
        parts.append(_text(title, 14, centre, 200, text_anchor="middle", transform=turned))
    for row, line in enumerate(_wrapped(key, frame.width - 24)):
        parts.append(_text(line, 12, 14 + 18 * row, 200, fill=_SOFT, font_size=12))
    return parts


def _apart(frame: _Frame) -> list[tuple[float, str]]:
    """Return the ticks of the first axis that have room: all, powers of ten, or every so many."""
    every = list(frame.x.ticks)
    tens = [tick for tick in every if tick[0] > 0 and log10(tick[0]).is_integer()]
    steps = [every[::step] for step in range(2, len(every) + 1)]
    choices = [every, *([tens] if len(tens) > 1 and not frame.x.is_linear else []), *steps]

    def is_roomy(ticks: Sequence[tuple[float, str]]) -> bool:
        ends = [(frame.across(at), _long(text) / 2 + 5) for at, text in ticks]
        return all(a + half <= b - other for (a, half), (b, other) in pairwise(ends))

    return next(filter(is_roomy, choices), every[:1])


def _centred(text: str, x: float, y: float, frame: _Frame, **more: object) -> str:
    """Return a text around ``x``, or as close to it as the drawing has room for it."""
    half = max(_long(line) for line in text.split("\n")) / 2 + 4
    x = min(max(x, half), frame.width - half) if 2 * half < frame.width else frame.width / 2
    return _text(text, x, y, 120, **{"text_anchor": "middle"} | more)


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
    return 52 + round(_long(name))


def _legend(frame: _Frame, entries: Mapping[str, Callable[[float, float], str]]) -> list[str]:
    """Return the legend below the frame: each name behind its sample, which is 28 wide."""
    parts = []
    for row, names in enumerate(_rows([*entries], frame.width)):
        x, y = 12.0, frame.bottom + 56 + 20 * row
        for name in names:
            room = int((frame.width - x - 40) / _LETTER)
            parts += [entries[name](x, y), _text(name, x + 34, y, min(room, _LONGEST_NAME))]
            x += _entry(name)
    return parts


# --- lines over two axes --------------------------------------------------------------------------


def _lines(figure: LineFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    styles = {
        id(line): looks[line.backend] if line.machine is None else MACHINES[line.machine]
        for line in figure.lines
    }
    named = [line for line in figure.lines if figure.legend and line.label]
    room = max((_long(line.label) for line in named), default=0.0) + 14
    is_at_end = room <= _MOST_OF_WIDTH * width and all(len(line.x) > 1 for line in named)
    is_at_end = is_at_end and all(line.dots is None for line in named)
    legend = (
        {}
        if is_at_end
        else {line.label: partial(_sample, line, styles[id(line)]) for line in named}
    )
    size = (width, figure.height)
    frame = _frame(figure.x, figure.y, size, "", [*legend], room - 14 if is_at_end else 0.0)
    parts = _around(frame)
    for stretch in figure.stretches:
        left, top, right, bottom = frame.left, frame.top, frame.right, frame.bottom
        if stretch.axis == "x":
            left, right = frame.across(stretch.low), frame.across(stretch.high)
        else:
            top, bottom = frame.up(stretch.high), frame.up(stretch.low)
        colour, opacity = (_UNDECIDED, "0.8") if stretch.kind == "undecided" else (_INK, "0.11")
        parts.append(_box(left, top, right, bottom, fill=colour, fill_opacity=opacity))
    for line in figure.lines:
        parts += _line(line, styles[id(line)], frame)
    if figure.inked:
        parts.append(_path(frame.at(figure.inked), stroke=_INK, stroke_width=2))
    for mark in figure.marks:
        x = frame.across(mark.x)
        parts.append(
            _path([(x, frame.top), (x, frame.bottom)], stroke=_INK, stroke_dasharray=_DOTTED)
        )
        if mark.label:
            y = frame.bottom - 12 - 20 * mark.level
            parts.append(_beside(mark.label, x, y, frame))
    for note in figure.notes:
        x = frame.right - 6 if note.right else frame.left + 6
        y = frame.top + 10 if note.top else frame.bottom - 10
        anchor = "end" if note.right else "start"
        parts.append(_text(note.text, x, y, fill=_paint(looks[note.backend]), text_anchor=anchor))
    if is_at_end:
        parts += _at_ends([(line, _paint(styles[id(line)])) for line in named], frame)
    return [*parts, *_legend(frame, legend)], frame.height


def _beside(text: str, x: float, y: float, frame: _Frame) -> str:
    """Return a text on the right of a place, on its left, or over it: where it has room."""
    long = _long(text)
    if x + 5 + long <= frame.right:
        return _text(text, x + 5, y, text_anchor="start")
    if x - 5 - long >= frame.left:
        return _text(text, x - 5, y, text_anchor="end")
    return _centred(text, x, y, frame)


def _at_ends(lines: Iterable[tuple[Line, str]], frame: _Frame) -> list[str]:
    """Return the name of each line at its end, below the one that is there already."""
    ends = [(*frame.at([(line.x[-1], line.y[-1])])[0], line, colour) for line, colour in lines]
    ends.sort(key=lambda end: end[1])
    parts, taken = [], list[tuple[float, float, float]]()
    # The lowest name stands in the frame: all others move up if they must.
    for x, y, line, colour in reversed(ends):
        left, right = x + 10, x + 10 + _long(line.label)
        for below_left, below_right, below in taken:
            if left < below_right and below_left < right and y > below - _LINE_HEIGHT:
                y = below - _LINE_HEIGHT
        taken.append((left, right, y))
        parts.append(_text(line.label, left, y, fill=colour))
    return parts


def _line(line: Line, look: Stroke, frame: _Frame) -> list[str]:
    """Return the band, the line and the markers, each with its text."""
    colour, parts = _paint(look), []
    places = frame.at(zip(line.x, line.y, strict=True))
    if any(end is not None for end in (*line.low, *line.high)):
        low, high = (frame.at(zip(line.x, edge, strict=True)) for edge in line.band)
        parts.append(_path([*low, *high[::-1]], closed=True, fill=colour, fill_opacity="0.18"))
    if line.dots is None:
        parts.append(_path(places, stroke=colour, stroke_width=2, stroke_dasharray=_dash(look)))
    step = 1 if line.dots else 1 + len(places) // _MOST_MARKERS
    for (x, y), text in [*zip(places, line.texts, strict=True)][::step]:
        parts.append(_marker(look.marker, x, y, colour, text, line.dots == "open"))
    return parts


def _sample(line: Line, look: Stroke, x: float, y: float) -> str:
    colour = _paint(look)
    ends = [(x, y), (x + 28, y)]
    stroke = _path(ends, stroke=colour, stroke_width=2, stroke_dasharray=_dash(look))
    marker = _marker(look.marker, x + 14, y, colour, open_=line.dots == "open")
    return marker if line.dots else stroke + marker


# --- rows of backends: their names, and times as dots ---------------------------------------------


def _names(rows: Sequence[str], is_narrow: bool) -> Axis:
    """Return an axis with the name of each row, from above; none where `_over` names them."""
    ticks = [(float(len(rows) - 1 - at), name) for at, name in enumerate(rows)]
    ends = (-0.5, len(rows) - 0.3) if is_narrow else (-0.6, len(rows) - 0.4)
    shown = () if is_narrow else tuple(ticks)
    return Axis(title="", low=ends[0], high=ends[1], ticks=shown, is_linear=True)


def _over(rows: Sequence[str], frame: _Frame, rise: float) -> list[str]:
    """Return the name of each row over it, where there is no room beside it."""
    if frame.width >= _NARROWER:
        return []
    return [
        _text(name.replace("\n", ", "), frame.left + 2, frame.up(len(rows) - 1 - at) - rise)
        for at, name in enumerate(rows)
    ]


def _dots(figure: DotFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    is_narrow = width < _NARROWER
    height = figure.height + _NAME_HEIGHT * len(figure.rows) * is_narrow
    names, size = _names(figure.rows, is_narrow), (width, height)
    frame = _frame(figure.x, names, size, figure.key)
    if figure.dots:
        labels = [_long(line) for dot in figure.dots for line in dot.label.split("\n")]
        frame = frame._replace(x=_longer(figure.x, max(labels) + 16, frame.right - frame.left))
    parts = _around(frame, figure.key, "x")
    last = len(figure.rows) - 1
    parts += _over(figure.rows, frame, 28)
    rows: dict[int, list[Dot]] = {}
    for dot in figure.dots:
        rows.setdefault(dot.row, []).append(dot)
    for row, reason in figure.absent:
        y, others = frame.up(last - row), rows.get(row, ())
        end = min([frame.right, *(frame.across(dot.low) - 14 for dot in others)])
        room = end - frame.left - 12
        if others and room < _LEAST_ROOM:  # under the dots
            y, room = y + 20, frame.right - frame.left - 12
        style = {"fill": _SOFT, "font_style": "italic"}
        parts.append(_text("\n".join(_wrapped(reason, room)), frame.left + 6, y, 200, **style))
    for row, members in rows.items():
        y = frame.up(last - row)
        places = _places(members, frame, -1 if is_narrow else 1)
        for dot, (x, anchor, rise) in zip(members, places, strict=True):
            colour = _SOFT if dot.published else _INK
            parts += _dot(dot, looks[dot.backend], frame, y)
            parts.append(_text(dot.label, x, y - rise, fill=colour, text_anchor=anchor))
    return parts, frame.height


def _longer(axis: Axis, room: float, width: float) -> Axis:
    """Return a logarithmic axis with so many pixels of room at both ends for labels of dots."""
    beyond = exp(log(axis.high / axis.low) * room / max(width - 2 * room, width / 4))
    return replace(axis, low=axis.low / beyond, high=axis.high * beyond)


def _places(dots: Sequence[Dot], frame: _Frame, up: int) -> list[tuple[float, str, float]]:
    """Return where the label of each dot of a row stands: x, its anchor, and how far it rises.

    A label stands on the right of its bar, else on the left, else over it (or below it): where no
    other dot or label is.
    """
    taken = [(frame.across(dot.low) - 7, frame.across(dot.high) + 7) for dot in dots]
    found = []
    for at, dot in enumerate(dots):
        low, x, high = (frame.across(end) for end in (dot.low, dot.seconds, dot.high))
        long = max(_long(line) for line in dot.label.split("\n"))
        others = [one for other, one in enumerate(taken) if other != at]
        for left, place, anchor in (
            (high + 11, high + 11, "start"),
            (low - 11 - long, low - 11, "end"),
        ):
            is_free = all(left + long < one or other < left for one, other in others)
            if is_free and frame.left <= left and left + long <= frame.right + 20:
                found.append((place, anchor, 0.0))
                taken.append((left, left + long))
                break
        else:
            found.append((x, "middle", 20.0 * up))
    return found


def _dot(dot: Dot, look: Stroke, frame: _Frame, y: float) -> list[str]:
    colour = _paint(look)
    low, x, high = (frame.across(end) for end in (dot.low, dot.seconds, dot.high))
    parts = []
    if not dot.published:
        ends = [_path([(end, y - 5), (end, y + 5)], stroke=colour) for end in (low, high)]
        parts += [_path([(low, y), (high, y)], stroke=colour, stroke_width=2), *ends]
    parts.append(_marker(look.marker, x, y, colour, dot.text, dot.published, stroke_width=2))
    return parts


# --- bars, their parts end to end -----------------------------------------------------------------


def _bars(figure: BarFigure, width: int) -> tuple[list[str], int]:
    looks = {part: MACHINES[at % len(MACHINES)] for at, part in enumerate(figure.parts)}
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        ends[bar.backend] += bar.length
    x = linear_axis([0.0, *ends.values()], "{:g}".format, figure.x_title)
    names = _names(figure.rows, width < _NARROWER)
    frame = _frame(x, names, (width, figure.height), "", figure.parts)
    parts = [*_around(frame, grid="x"), *_over(figure.rows, frame, _row(frame, 0.5))]
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        row = len(figure.rows) - 1 - figure.rows.index(bar.backend)
        left, right = (frame.across(ends[bar.backend] + more) for more in (0.0, bar.length))
        top, bottom = frame.up(row + 0.3), frame.up(row - 0.3)
        drawn = _box(left, top, right, bottom, fill=_paint(looks[bar.part]), stroke=_PAPER)
        parts.append(_tag("g", _title(bar.text), drawn))
        ends[bar.backend] += bar.length
    samples = {part: _swatch(_paint(look)) for part, look in looks.items()}
    return [*parts, *_legend(frame, samples)], frame.height


def _row(frame: _Frame, share: float) -> float:
    """Return so much of the height of a row, in pixels."""
    return share * (frame.bottom - frame.top) / (frame.y.high - frame.y.low)


def _swatch(colour: str, opacity: float = 1.0) -> Callable[[float, float], str]:
    """Return what draws a square of a legend."""

    def sample(x: float, y: float) -> str:
        return _box(x + 8, y - 7, x + 22, y + 7, fill=colour, fill_opacity=f"{opacity:g}")

    return sample


# --- a phase map, whose cells stand at whole numbers: their sizes are even in logarithms ----------


def _map(figure: MapFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    tie = (_SOFT, 0.4)
    legend = {name: _swatch(_paint(looks[name]), _STRONGEST) for name in figure.backends}
    if any(cell.tie for row in figure.cells for cell in row):
        legend["tie within 5%"] = _swatch(*tie)
    axes = _cells(figure.x_values, figure.x_title), _cells(figure.y_values, figure.y_title)
    frame = _frame(*axes, (width, figure.height), figure.key, [*legend])
    parts = []
    for y, row in enumerate(figure.cells):
        for x, cell in enumerate(row):
            colour, opacity = tie if cell.tie else (_PAPER, 0.0)
            if cell.backend is not None:
                colour = _paint(looks[cell.backend])
                opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * cell.strength
            (left, top), (right, bottom) = frame.at([(x - 0.5, y + 0.5), (x + 0.5, y - 0.5)])
            drawn = _box(left, top, right, bottom, fill=colour, fill_opacity=f"{opacity:.2f}")
            parts.append(_tag("g", _title(cell.text), drawn))
    for line in figure.borders:
        places = [(_index(x, figure.x_values), _index(y, figure.y_values)) for x, y in line]
        parts.append(_path(frame.at(places), stroke=_INK, stroke_width=2))
    for decided in (True, False):
        fill = _INK if decided else _PAPER
        parts += [
            _tag("circle", cx=across, cy=up, r=2.4, fill=fill, stroke=_INK)
            for across, up in frame.at(figure.measured(decided))
        ]
    for region in figure.regions:
        (middle,) = frame.at([(region.x, region.y)])
        words = "\n".join(filter(None, (region.backend, region.detail)))
        parts.append(_centred(words, *middle, frame, font_weight="bold"))
    return [*parts, *_around(frame, figure.key, ""), *_legend(frame, legend)], frame.height


def _cells(values: Sequence[int], title: str) -> Axis:
    """Return an axis with a cell for each value."""
    shown = range(0, len(values), max(1, len(values) // 8))
    ticks = tuple((float(at), f"{values[at]:,}") for at in shown)
    return Axis(title=title, low=-0.5, high=len(values) - 0.5, ticks=ticks, is_linear=True)


def _index(size: float, values: Sequence[int]) -> float:
    """Return where a size lies among the cells, on a logarithmic scale."""
    if len(values) < 2:
        return 0.0
    first, last = log(values[0]), log(values[-1])
    return (log(size) - first) / (last - first) * (len(values) - 1)
