"""A figure as SVG text, for pages, README, the documentation and notebooks.

Equal figures give equal bytes. On a page, colours are properties of its style sheet, so that one
drawing suits light and dark; in a document they are plain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import exp, log
from textwrap import wrap

from perceptron.figure import (
    Axis,
    BarFigure,
    Dot,
    DotFigure,
    Figure,
    Line,
    LineFigure,
    MapFigure,
    Mark,
    Note,
    Stretch,
    linear_axis,
)
from perceptron.report.charts.elements import (
    INK,
    LINE_HEIGHT,
    PAPER,
    SIZE,
    SOFT,
    box,
    dash,
    hover_text,
    paint,
    path,
    symbol,
    tag,
    text_element,
    text_width,
    wrapped,
)
from perceptron.report.charts.frame import Frame, around, centred, frame_of, legend_below
from perceptron.report.charts.palette import MACHINES, Stroke, strokes

Looks = Mapping[str, Stroke]

WIDE, NARROW = 960, 360
"""Widths in pixels of a page's two drawings of a figure: its style sheet picks one."""
# The width in a document, and the width below which names are over their rows and lines have a
# legend.
_ALONE, _NARROWER = 800, 600
# Additional height of a row with its name above it.
_NAME_HEIGHT = 14
_UNDECIDED = "var(--warn, #fff4d6)"
# Lines with more points have markers on some of them: all would hide the line.
_MOST_MARKERS = 40
# Least pixels of a reason beside a dot.
_LEAST_ROOM = 250
# Largest share of the width for a name at the end of a line; longer ones are in a legend.
_MOST_OF_WIDTH = 0.28
# Opacity of the narrowest lead, and of the widest.
_FAINTEST, _STRONGEST = 0.2, 0.9
_DOTTED = "1 3"


def draw(figure: Figure | None, looks: Looks | None = None, width: int = _ALONE) -> str:
    """Return the figure as SVG of ``width`` pixels; "" where there is none.

    With ``looks``, the strokes of a whole site, it is for a page with their style sheet, else for a
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
    paper = (tag("rect", width="100%", height="100%", fill=PAPER),) if is_alone else ()
    drawing = tag(
        "svg",
        *(f"\n{part}" for part in (*paper, *parts)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        font_family="system-ui, sans-serif",
        font_size=SIZE,
        fill=INK,
    )
    return re.sub(r"var\(--\w+, (#\w+)\)", r"\1", drawing) if is_alone else drawing


# --- lines over two axes --------------------------------------------------------------------------


def _lines(figure: LineFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    styles = {
        id(line): looks[line.backend] if line.machine is None else MACHINES[line.machine]
        for line in figure.lines
    }
    labelled = [line for line in figure.lines if figure.legend and line.label]
    room = max((text_width(line.label) for line in labelled), default=0.0) + 14
    is_at_end = room <= _MOST_OF_WIDTH * width and all(len(line.x) > 1 for line in labelled)
    is_at_end = is_at_end and all(line.dots is None for line in labelled)
    legend = (
        {}
        if is_at_end
        else {line.label: partial(_sample, line, styles[id(line)]) for line in labelled}
    )
    size = (width, figure.height)
    end = room - 14 if is_at_end else 0.0
    frame = frame_of(figure.x, figure.y, size, figure.key, [*legend], end)
    parts = around(frame, figure.key)
    parts += [_stretch(stretch, frame) for stretch in figure.stretches]
    for line in figure.lines:
        parts += _line(line, styles[id(line)], frame)
    if figure.inked:
        parts.append(path(frame.at(figure.inked), stroke=INK, stroke_width=2))
    parts += _marks(figure.marks, frame)
    parts += [_note(note, paint(looks[note.backend]), frame) for note in figure.notes]
    if is_at_end:
        parts += _at_ends([(line, paint(styles[id(line)])) for line in labelled], frame)
    return [*parts, *legend_below(frame, legend)], frame.height


def _stretch(stretch: Stretch, frame: Frame) -> str:
    left, top, right, bottom = frame.left, frame.top, frame.right, frame.bottom
    if stretch.axis == "x":
        left, right = frame.across(stretch.low), frame.across(stretch.high)
    else:
        top, bottom = frame.up(stretch.high), frame.up(stretch.low)
    colour, opacity = (_UNDECIDED, "0.8") if stretch.kind == "undecided" else (INK, "0.11")
    return box(left, top, right, bottom, fill=colour, fill_opacity=opacity)


def _marks(marks: Sequence[Mark], frame: Frame) -> Iterator[str]:
    """Draw dotted lines, with labels at their feet: a level above the folded lines of all below."""
    labels = {mark: _folded(mark.label, frame.across(mark.x), frame) for mark in marks}
    folds = Counter[int]()
    for mark, text in labels.items():
        folds[mark.level] = max(folds[mark.level], text.count("\n"))
    for mark in marks:
        text, x = labels[mark], frame.across(mark.x)
        yield path([(x, frame.top), (x, frame.bottom)], stroke=INK, stroke_dasharray=_DOTTED)
        if mark.label:
            lower = sum(folds[level] for level in range(mark.level)) + text.count("\n") / 2
            yield _beside(text, x, frame.bottom - 12 - 20 * mark.level - LINE_HEIGHT * lower, frame)


def _note(note: Note, colour: str, frame: Frame) -> str:
    x = frame.right - 6 if note.right else frame.left + 6
    y = frame.top + 10 if note.top else frame.bottom - 10
    anchor = "end" if note.right else "start"
    return text_element(note.text, x, y, fill=colour, text_anchor=anchor)


def _folded(text: str, x: float, frame: Frame) -> str:
    """Return a text, in two lines if one does not fit beside ``x``."""
    if _room_beside(x, frame) >= text_width(text):
        return text
    return "\n".join(wrap(text, len(text) // 2 + 2, break_long_words=False))


def _room_beside(x: float, frame: Frame) -> float:
    return max(frame.right - x, x - frame.left) - 5


def _beside(text: str, x: float, y: float, frame: Frame) -> str:
    """Return a text on the right of a point, on its left, or over it: where it fits."""
    width = max(map(text_width, text.split("\n")))
    if x + 5 + width <= frame.right:
        return text_element(text, x + 5, y, text_anchor="start")
    if x - 5 - width >= frame.left:
        return text_element(text, x - 5, y, text_anchor="end")
    return centred(text, x, y, frame)


def _at_ends(lines: Iterable[tuple[Line, str]], frame: Frame) -> list[str]:
    """Return the name of each line at its end, below names that are there already."""
    ends = [(*frame.at([(line.x[-1], line.y[-1])])[0], line, colour) for line, colour in lines]
    ends.sort(key=lambda end: end[1])
    parts, occupied = [], list[tuple[float, float, float]]()
    # The lowest name is in the frame: all others move up if necessary.
    for x, y, line, colour in reversed(ends):
        left, right = x + 10, x + 10 + text_width(line.label)
        for below_left, below_right, below in occupied:
            if left < below_right and below_left < right and y > below - LINE_HEIGHT:
                y = below - LINE_HEIGHT
        occupied.append((left, right, y))
        parts.append(text_element(line.label, left, y, fill=colour))
    return parts


def _line(line: Line, look: Stroke, frame: Frame) -> list[str]:
    """Return the band, the line and the markers, each with its text."""
    colour, parts = paint(look), []
    places = frame.at(zip(line.x, line.y, strict=True))
    if any(end is not None for end in (*line.low, *line.high)):
        low, high = (frame.at(zip(line.x, edge, strict=True)) for edge in line.band)
        parts.append(path([*low, *high[::-1]], closed=True, fill=colour, fill_opacity="0.18"))
    if line.dots is None:
        parts.append(path(places, stroke=colour, stroke_width=2, stroke_dasharray=dash(look)))
    step = 1 if line.dots else 1 + len(places) // _MOST_MARKERS
    for (x, y), text in [*zip(places, line.texts, strict=True)][::step]:
        parts.append(symbol(look.marker, x, y, colour, text, line.dots == "open"))
    return parts


def _sample(line: Line, look: Stroke, x: float, y: float) -> str:
    colour = paint(look)
    ends = [(x, y), (x + 28, y)]
    stroke = path(ends, stroke=colour, stroke_width=2, stroke_dasharray=dash(look))
    marker = symbol(look.marker, x + 14, y, colour, open_=line.dots == "open")
    return marker if line.dots else stroke + marker


# --- rows of backends: their names, and times as dots ---------------------------------------------


def _names(rows: Sequence[str], is_narrow: bool) -> Axis:
    """Return an axis with the name of each row, from the top; empty where `_over` names them."""
    ticks = [(float(len(rows) - 1 - at), name) for at, name in enumerate(rows)]
    ends = (-0.5, len(rows) - 0.3) if is_narrow else (-0.6, len(rows) - 0.4)
    shown = () if is_narrow else tuple(ticks)
    return Axis(title="", low=ends[0], high=ends[1], ticks=shown, is_linear=True)


def _over(rows: Sequence[str], frame: Frame, rise: float) -> list[str]:
    """Return the name of each row above it, where there is no room beside it."""
    if frame.width >= _NARROWER:
        return []
    return [
        text_element(name.replace("\n", ", "), frame.left + 2, frame.up(len(rows) - 1 - at) - rise)
        for at, name in enumerate(rows)
    ]


def _dots(figure: DotFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    is_narrow = width < _NARROWER
    height = figure.height + _NAME_HEIGHT * len(figure.rows) * is_narrow
    names, size = _names(figure.rows, is_narrow), (width, height)
    frame = frame_of(figure.x, names, size, figure.key)
    if figure.dots:
        labels = [text_width(line) for dot in figure.dots for line in dot.label.split("\n")]
        frame = frame._replace(x=_longer(figure.x, max(labels) + 16, frame.right - frame.left))
    parts = around(frame, figure.key, "x")
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
        style = {"fill": SOFT, "font_style": "italic"}
        parts.append(
            text_element("\n".join(wrapped(reason, room)), frame.left + 6, y, 200, **style)
        )
    for row, members in rows.items():
        y = frame.up(last - row)
        places = _places(members, frame, -1 if is_narrow else 1)
        for dot, (x, anchor, rise) in zip(members, places, strict=True):
            colour = SOFT if dot.published else INK
            parts += _dot(dot, looks[dot.backend], frame, y)
            parts.append(text_element(dot.label, x, y - rise, fill=colour, text_anchor=anchor))
    return parts, frame.height


def _longer(axis: Axis, room: float, width: float) -> Axis:
    """Return a logarithmic axis with ``room`` pixels at both ends for labels of dots."""
    beyond = exp(log(axis.high / axis.low) * room / max(width - 2 * room, width / 4))
    return replace(axis, low=axis.low / beyond, high=axis.high * beyond)


def _places(dots: Sequence[Dot], frame: Frame, up: int) -> list[tuple[float, str, float]]:
    """Return the position of each dot's label in a row: x, its anchor, and its rise.

    A label stands on the right of its bar, else on the left, else over it (or below it), where no
    other dot or label is.
    """
    taken = [(frame.across(dot.low) - 7, frame.across(dot.high) + 7) for dot in dots]
    places = []
    for at, dot in enumerate(dots):
        low, x, high = (frame.across(end) for end in (dot.low, dot.seconds, dot.high))
        long = max(text_width(line) for line in dot.label.split("\n"))
        others = [ends for number, ends in enumerate(taken) if number != at]
        for left, x_label, anchor in (
            (high + 11, high + 11, "start"),
            (low - 11 - long, low - 11, "end"),
        ):
            is_free = all(left + long < start or end < left for start, end in others)
            if is_free and frame.left <= left and left + long <= frame.right + 20:
                places.append((x_label, anchor, 0.0))
                taken.append((left, left + long))
                break
        else:
            places.append((x, "middle", 20.0 * up))
    return places


def _dot(dot: Dot, look: Stroke, frame: Frame, y: float) -> list[str]:
    colour = paint(look)
    low, x, high = (frame.across(end) for end in (dot.low, dot.seconds, dot.high))
    parts = []
    if not dot.published:
        ends = [path([(end, y - 5), (end, y + 5)], stroke=colour) for end in (low, high)]
        parts += [path([(low, y), (high, y)], stroke=colour, stroke_width=2), *ends]
    parts.append(symbol(look.marker, x, y, colour, dot.text, dot.published, stroke_width=2))
    return parts


# --- bars, their parts end to end -----------------------------------------------------------------


def _bars(figure: BarFigure, width: int) -> tuple[list[str], int]:
    looks = {part: MACHINES[at % len(MACHINES)] for at, part in enumerate(figure.parts)}
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        ends[bar.backend] += bar.length
    x = linear_axis([0.0, *ends.values()], "{:g}".format, figure.x_title)
    names = _names(figure.rows, width < _NARROWER)
    frame = frame_of(x, names, (width, figure.height), "", figure.parts)
    parts = [*around(frame, grid="x"), *_over(figure.rows, frame, _row(frame, 0.5))]
    ends = dict.fromkeys(figure.rows, 0.0)
    for bar in figure.bars:
        row = len(figure.rows) - 1 - figure.rows.index(bar.backend)
        left, right = (frame.across(ends[bar.backend] + more) for more in (0.0, bar.length))
        top, bottom = frame.up(row + 0.3), frame.up(row - 0.3)
        drawn = box(left, top, right, bottom, fill=paint(looks[bar.part]), stroke=PAPER)
        parts.append(tag("g", hover_text(bar.text), drawn))
        ends[bar.backend] += bar.length
    samples = {part: _swatch(paint(look)) for part, look in looks.items()}
    return [*parts, *legend_below(frame, samples)], frame.height


def _row(frame: Frame, share: float) -> float:
    """Return this share of the height of a row, in pixels."""
    return share * (frame.bottom - frame.top) / (frame.y.high - frame.y.low)


def _swatch(colour: str, opacity: float = 1.0) -> Callable[[float, float], str]:
    """Return a function that draws a square of a legend."""

    def sample(x: float, y: float) -> str:
        return box(x + 8, y - 7, x + 22, y + 7, fill=colour, fill_opacity=f"{opacity:g}")

    return sample


# --- a phase map, whose cells stand at whole numbers: their sizes are even in logarithms ----------


def _map(figure: MapFigure, looks: Looks, width: int) -> tuple[list[str], int]:
    tie = (SOFT, 0.4)
    legend = {name: _swatch(paint(looks[name]), _STRONGEST) for name in figure.backends}
    if any(cell.tie for row in figure.cells for cell in row):
        legend["tie within 5%"] = _swatch(*tie)
    axes = _cells(figure.x_values, figure.x_title), _cells(figure.y_values, figure.y_title)
    frame = frame_of(*axes, (width, figure.height), figure.key, [*legend])
    parts = []
    for y, row in enumerate(figure.cells):
        for x, cell in enumerate(row):
            colour, opacity = tie if cell.tie else (PAPER, 0.0)
            if cell.backend is not None:
                colour = paint(looks[cell.backend])
                opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * cell.strength
            (left, top), (right, bottom) = frame.at([(x - 0.5, y + 0.5), (x + 0.5, y - 0.5)])
            drawn = box(left, top, right, bottom, fill=colour, fill_opacity=f"{opacity:.2f}")
            parts.append(tag("g", hover_text(cell.text), drawn))
    for line in figure.borders:
        places = [(_index(x, figure.x_values), _index(y, figure.y_values)) for x, y in line]
        parts.append(path(frame.at(places), stroke=INK, stroke_width=2))
    for decided in (True, False):
        fill = INK if decided else PAPER
        parts += [
            tag("circle", cx=across, cy=up, r=2.4, fill=fill, stroke=INK)
            for across, up in frame.at(figure.measured(decided))
        ]
    for region in figure.regions:
        (middle,) = frame.at([(region.x, region.y)])
        label = "\n".join(filter(None, (region.backend, region.detail)))
        parts.append(centred(label, *middle, frame, font_weight="bold"))
    return [*parts, *around(frame, figure.key, ""), *legend_below(frame, legend)], frame.height


def _cells(values: Sequence[int], title: str) -> Axis:
    """Return an axis with a cell for each value."""
    shown = range(0, len(values), max(1, len(values) // 8))
    ticks = tuple((float(at), f"{values[at]:,}") for at in shown)
    return Axis(title=title, low=-0.5, high=len(values) - 0.5, ticks=ticks, is_linear=True)


def _index(size: float, values: Sequence[int]) -> float:
    """Return the position of a size among the cells, on a logarithmic scale."""
    if len(values) < 2:
        return 0.0
    first, last = log(values[0]), log(values[-1])
    return (log(size) - first) / (last - first) * (len(values) - 1)
