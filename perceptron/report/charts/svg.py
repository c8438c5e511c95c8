"""A figure as SVG text, for pages, README, the documentation and notebooks.

The same figure gives the same bytes. Colours are properties of a page's style sheet, so that one
drawing is seen on light paper and on dark; in a document they are plain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import cos, log, pi, sin
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

# All lengths are pixels of a drawing that is this wide.
_WIDTH = 800
_SIZE, _LINE_HEIGHT = 13, 16
# Of a letter, on average, in a wide font.
_LETTER = 7.6
_INK, _SOFT, _GRID = "var(--ink, #222222)", "var(--soft, #555555)", "var(--line, #e4e4e4)"
_PAPER, _UNDECIDED = "var(--paper, #ffffff)", "var(--warn, #fff4d6)"
_LONGEST_NAME, _LONGEST_TEXT = 60, 300
_MARKER = 5.0
# A line of more points has markers on some of them: they would hide the line.
_MOST_MARKERS = 40
# Share of an axis; a label of a mark further right could leave the figure.
_LEFT_BEYOND = 0.55
# How strong the colour of the narrowest victory is, and of the widest.
_FAINTEST, _STRONGEST = 0.2, 0.9
_DOTTED = "1 3"


def draw(figure: Figure | None, looks: Looks | None = None) -> str:
    """Return the figure as SVG; "" where there is none.

    With ``looks``, those of a whole site, it is for a page with their style sheet, else for a
    document by itself.
    """
    match figure:
        case None:
            return ""
        case LineFigure():
            names = [line.backend for line in figure.lines if line.machine is None]
            names += [note.backend for note in figure.notes]
            parts = _lines(figure, looks or strokes(names))
        case BarFigure():
            parts = _bars(figure)
        case DotFigure():
            parts = _dots(figure, looks or strokes(dot.backend for dot in figure.dots))
        case MapFigure():
            parts = _map(figure, looks or strokes(figure.backends))
    is_alone = looks is None
    paper = (_tag("rect", width="100%", height="100%", fill=_PAPER),) if is_alone else ()
    drawing = _tag(
        "svg",
        *(f"\n{part}" for part in (*paper, *parts)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {figure.height}",
        width=_WIDTH,
        height=figure.height,
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
    """The rectangle inside the axes, and where values lie in it."""

    x: Axis
    y: Axis
    left: float
    top: float
    right: float
    bottom: float

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


def _frame(x: Axis, y: Axis, height: float, key: str, legend: Sequence[str]) -> _Frame:
    """Return the frame that leaves room for what stands around it."""
    longest = max((len(line) for _, text in y.ticks for line in text.split("\n")), default=1)
    return _Frame(
        x=x,
        y=y,
        left=12 + (22 if y.title else 0) + min(longest, _LONGEST_NAME) * _LETTER,
        top=34.0 if key else 14.0,
        right=_WIDTH - 24.0,
        bottom=height - 52.0 - 20 * len(_rows(legend)),
    )


def _around(frame: _Frame, key: str = "", grid: str = "xy") -> list[str]:
    """Return what the ticks say, the titles of the axes, and what the signs mean.

    Axes that ``grid`` names have a line at each tick.
    """
    parts = []
    for value, text in frame.x.ticks:
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
    middle, centre = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    parts.append(_text(frame.x.title, middle, frame.bottom + 33, 120, text_anchor="middle"))
    if frame.y.title:
        turned = f"rotate(-90 14 {centre:.1f})"
        room = int((frame.bottom - frame.top) / _LETTER)
        parts.append(_text(frame.y.title, 14, centre, room, text_anchor="middle", transform=turned))
    if key:
        parts.append(_text(key, frame.left, 14, 200, fill=_SOFT, font_size=12))
    return parts


def _rows(legend: Sequence[str]) -> list[list[str]]:
    """Return the names of a legend in rows that fit."""
    rows: list[list[str]] = []
    used = _WIDTH
    for name in legend:
        room = _entry(name)
        if used + room > _WIDTH - 24:
            rows.append([])
            used = 12
        rows[-1].append(name)
        used += room
    return rows


def _entry(name: str) -> int:
    return 52 + round(min(len(name), _LONGEST_NAME) * _LETTER)


def _legend(frame: _Frame, entries: Mapping[str, Callable[[float, float], str]]) -> list[str]:
    """Return the legend below the frame: each name behind its sample, which is 28 wide."""
    parts = []
    for row, names in enumerate(_rows([*entries])):
        x, y = 12.0, frame.bottom + 56 + 20 * row
        for name in names:
            parts += [entries[name](x, y), _text(name, x + 34, y)]
            x += _entry(name)
    return parts


# --- lines over two axes --------------------------------------------------------------------------


def _lines(figure: LineFigure, looks: Looks) -> list[str]:
    styles = {
        id(line): looks[line.backend] if line.machine is None else MACHINES[line.machine]
        for line in figure.lines
    }
    legend = {
        line.label: partial(_sample, line, styles[id(line)])
        for line in figure.lines
        if figure.legend and line.label
    }
    frame = _frame(figure.x, figure.y, figure.height, "", [*legend])
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
            left = _share(figure.x, mark.x) > _LEFT_BEYOND  # no room on the right
            y = frame.bottom - 12 - 20 * mark.level
            anchor = "end" if left else "start"
            parts.append(_text(mark.label, x - 5 if left else x + 5, y, text_anchor=anchor))
    for note in figure.notes:
        x = frame.right - 6 if note.right else frame.left + 6
        y = frame.top + 10 if note.top else frame.bottom - 10
        anchor = "end" if note.right else "start"
        parts.append(_text(note.text, x, y, fill=_paint(looks[note.backend]), text_anchor=anchor))
    return [*parts, *_legend(frame, legend)]


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


# --- times as dots in rows ------------------------------------------------------------------------


def _names(rows: Sequence[str]) -> Axis:
    """Return an axis with the name of each row, from above."""
    ticks = [(float(len(rows) - 1 - at), name) for at, name in enumerate(rows)]
    return Axis(title="", low=-0.6, high=len(rows) - 0.4, ticks=tuple(ticks), is_linear=True)


def _dots(figure: DotFigure, looks: Looks) -> list[str]:
    frame = _frame(figure.x, _names(figure.rows), figure.height, figure.key, ())
    parts = _around(frame, figure.key, "x")
    last = len(figure.rows) - 1
    for row, reason in figure.absent:
        y = frame.up(last - row)
        parts.append(_text(reason, frame.left + 6, y, 90, fill=_SOFT, font_style="italic"))
    for dot in figure.dots:
        parts += _dot(dot, looks[dot.backend], frame, frame.up(last - dot.row))
    return parts


def _dot(dot: Dot, look: Stroke, frame: _Frame, y: float) -> list[str]:
    colour = _paint(look)
    low, x, high = (frame.across(end) for end in (dot.low, dot.seconds, dot.high))
    parts = []
    if not dot.published:
        ends = [_path([(end, y - 5), (end, y + 5)], stroke=colour) for end in (low, high)]
        parts += [_path([(low, y), (high, y)], stroke=colour, stroke_width=2), *ends]
    parts.append(_marker(look.marker, x, y, colour, dot.text, dot.published, stroke_width=2))
    place, anchor, rise = {
        "left": (low - 11, "end", 0),
        "right": (high + 11, "start", 0),
        "above": (x, "middle", 20),
    }[dot.side]
    soft = _SOFT if dot.published else _INK
    return [*parts, _text(dot.label, place, y - rise, fill=soft, text_anchor=anchor)]


# --- bars, their parts end to end -----------------------------------------------------------------


def _bars(figure: BarFigure) -> list[str]:
    looks = {part: MACHINES[at % len(MACHINES)] for at, part in enumerate(figure.parts)}
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        ends[bar.backend] += bar.length
    x = linear_axis([0.0, *ends.values()], "{:g}".format, figure.x_title)
    frame = _frame(x, _names(figure.rows), figure.height, "", figure.parts)
    parts = _around(frame, grid="x")
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        row = len(figure.rows) - 1 - figure.rows.index(bar.backend)
        left, right = (frame.across(ends[bar.backend] + more) for more in (0.0, bar.length))
        top, bottom = frame.up(row + 0.36), frame.up(row - 0.36)
        drawn = _box(left, top, right, bottom, fill=_paint(looks[bar.part]), stroke=_PAPER)
        parts.append(_tag("g", _title(bar.text), drawn))
        ends[bar.backend] += bar.length
    return [*parts, *_legend(frame, {part: _swatch(_paint(look)) for part, look in looks.items()})]


def _swatch(colour: str, opacity: float = 1.0) -> Callable[[float, float], str]:
    """Return what draws a square of a legend."""

    def sample(x: float, y: float) -> str:
        return _box(x + 8, y - 7, x + 22, y + 7, fill=colour, fill_opacity=f"{opacity:g}")

    return sample


# --- a phase map, whose cells stand at whole numbers: their sizes are even in logarithms ----------


def _map(figure: MapFigure, looks: Looks) -> list[str]:
    tie = (_SOFT, 0.4)
    legend = {name: _swatch(_paint(looks[name]), _STRONGEST) for name in figure.backends}
    if any(cell.tie for row in figure.cells for cell in row):
        legend["tie within 5%"] = _swatch(*tie)
    axes = _cells(figure.x_values, figure.x_title), _cells(figure.y_values, figure.y_title)
    frame = _frame(*axes, figure.height, figure.key, [*legend])
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
        parts.append(_text(words, *middle, font_weight="bold", text_anchor="middle"))
    return [*parts, *_around(frame, figure.key, ""), *_legend(frame, legend)]


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
