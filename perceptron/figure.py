"""The content of figures as plain data, which `report.charts.svg` draws.

Texts are as measured; the drawing makes them safe. Colours, dashes and markers
follow from the name of the backend (see `palette`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, floor, log
from typing import Any, Literal

_MOST_TICKS = 9
# Ends of intervals further away than this factor lie outside the figure.
_FAR = 100.0


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis from ``low`` to ``high``, with its ticks: values and their texts."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_linear: bool = False
    """All others are logarithmic."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line with markers at its values and the band of the intervals, where those are known."""

    backend: str
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float | None, ...] = ()
    """Lower ends of the intervals of all values; empty where none has one."""
    high: tuple[float | None, ...] = ()
    texts: tuple[str, ...]
    """One for each value, shown where a reader points at it."""
    dots: Literal["filled", "open"] | None = None
    """How the markers of values are drawn that no line connects."""
    machine: int | None = None
    """Its place among the machines of the figure, where it is drawn as one (`palette.MACHINES`);
    None where it is drawn as its backend."""

    @property
    def band(self) -> tuple[list[float], list[float]]:
        """Its lower and its upper edge; an end that is not known is at the value itself."""
        low, high = (
            [value if end is None else end for value, end in zip(self.y, ends, strict=True)]
            for ends in (self.low, self.high)
        )
        return low, high


@dataclass(frozen=True)
class Mark:
    """A dotted line across the figure at a size; its label, if any, has a height of its own."""

    x: float
    label: str
    level: int


@dataclass(frozen=True)
class Stretch:
    """A stretch of an axis, shaded across the figure."""

    axis: Literal["x", "y"]
    low: float
    high: float
    kind: Literal["interval", "undecided", "tie"]


@dataclass(frozen=True)
class Note:
    """A few words in a corner of the figure, in the colour of a backend."""

    text: str
    backend: str
    top: bool
    right: bool


@dataclass(frozen=True, kw_only=True)
class LineFigure:
    """Lines over two axes: times or ratios over sizes, shares over times. ``height`` in pixels.

    ``key`` is the title of a drawing that stands without its caption.
    """

    alt: str
    caption: str
    key: str = ""
    height: int
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    notes: tuple[Note, ...] = ()
    legend: bool = True
    inked: tuple[tuple[float, float], ...] = ()
    """Points of a line in ink: a limit, an estimate, or levels."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a backend's bar, as long as it takes."""

    backend: str
    part: str
    length: float
    text: str
    """Shown where a reader points at it."""


@dataclass(frozen=True, kw_only=True)
class BarFigure:
    """Bars of backends, a row each, their parts end to end. ``height`` in pixels.

    Parts of one name have one colour in all rows (`palette.MACHINES`).
    """

    alt: str
    caption: str
    height: int
    x_title: str
    rows: tuple[str, ...]
    bars: tuple[Bar, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of all parts, in their order."""
        return tuple(dict.fromkeys(bar.part for bar in self.bars))


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A time in the row of a backend, with its bar and a label that keeps clear of it."""

    row: int
    backend: str
    seconds: float
    low: float
    high: float
    label: str
    text: str
    """Shown where a reader points at it."""
    published: bool = False
    """Open: the time is not ours."""


@dataclass(frozen=True, kw_only=True)
class DotFigure:
    """Times of backends, a row each, over one logarithmic axis. ``height`` in pixels.

    ``key`` says in a line what the signs mean, for a drawing that stands without its caption.
    """

    alt: str
    caption: str
    key: str
    height: int
    x: Axis
    rows: tuple[str, ...]
    """The label beside each row, from above; a name may have a second line."""
    dots: tuple[Dot, ...]
    absent: tuple[tuple[int, str], ...] = ()
    """Rows without a time of ours, and why."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a map: its winner, and how far that is ahead, from 0 to 1 of the colour scale.

    ``backend`` is None where there is no winner: a ``tie``, or nothing has a time.
    """

    backend: str | None
    strength: float
    tie: bool
    measured: bool
    decided: bool
    text: str
    """Shown where a reader points at it."""


@dataclass(frozen=True)
class Region:
    """The name of a winner, at a cell in the middle of where it wins, and what it says below."""

    x: int
    y: int
    backend: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class MapFigure:
    """Cells over two sizes, coloured by their winner. ``height`` in pixels.

    ``cells`` has a row for each size of the second axis, a cell for each of the first. ``borders``
    are lines through points of two sizes. Colours end at a ratio of ``top``.
    """

    alt: str
    caption: str
    key: str
    height: int
    x_title: str
    y_title: str
    x_values: tuple[int, ...]
    y_values: tuple[int, ...]
    backends: tuple[str, ...]
    top: int
    cells: tuple[tuple[Cell, ...], ...]
    borders: tuple[tuple[tuple[float, float], ...], ...]
    regions: tuple[Region, ...]

    def measured(self, decided: bool) -> list[tuple[int, int]]:
        """Return (x, y) of each measured cell that is decided, or with False is not."""
        return [
            (x, y)
            for y, row in enumerate(self.cells)
            for x, cell in enumerate(row)
            if cell.measured and cell.decided == decided
        ]


Figure = LineFigure | DotFigure | BarFigure | MapFigure


class Drawn:
    """A call of a method of matplotlib's axes: its name and arguments.

    A keyword ``backend`` gives the colours of that backend, unless other keywords set them.
    """

    def __init__(self, method: str, *values: Any, **look: Any) -> None:
        self.method, self.values, self.look = method, values, look


@dataclass(frozen=True)
class Picture:
    """A figure for a file of its ``name``: panels, in ``rows``, and the calls that draw each.

    ``size`` is in inches. ``scale`` is the title of the colour scale of a panel's first call.
    """

    name: str
    panels: list[list[Drawn]]
    size: tuple[float, float] = (6.4, 4.0)
    rows: int = 1
    title: str = ""
    scale: str = ""


def log_axis(
    values: Iterable[float],
    text: Callable[[float], str],
    base: int,
    title: str,
    most: int = 8,
) -> Axis:
    """Return an axis over the values, with ticks at powers of the base.

    Between powers of ten stand 2 and 5 as well, as long as there are no more than ``most`` ticks.
    """
    positive = [value for value in values if value > 0] or [1.0]
    low, high = log(min(positive), base), log(max(positive), base)
    margin = max(0.03 * (high - low), 0.08 if base == 10 else 0.3)
    low -= margin
    high += margin
    ticks = _ticks(low, high, base, most)
    return Axis(
        title=title,
        low=base**low,
        high=base**high,
        ticks=tuple((value, text(value)) for value in ticks),
    )


def linear_axis(values: Iterable[float], text: Callable[[float], str], title: str) -> Axis:
    """Return a linear axis over the values, with about five round ticks."""
    values = list(values)
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log(span / 5, 10))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 6)
    ticks = [at * step for at in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
    return Axis(
        title=title,
        low=low - (0.04 * span if low else 0.0),
        high=high + 0.06 * span,
        ticks=tuple((value, text(value)) for value in ticks),
        is_linear=True,
    )


def _ticks(low: float, high: float, base: int, most: int) -> list[float]:
    powers = range(floor(low), floor(high) + 1)
    if base == 10:
        fine = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        fine = [value for value in fine if low <= log(value, 10) <= high]
        if len(fine) <= most:
            return fine
    step = max(1, -(-len(powers) // _MOST_TICKS))
    return [float(base) ** power for power in powers if power % step == 0 and power >= low]


def within(lines: Iterable[Line]) -> list[float]:
    """Return all values of lines and the ends of their bands.

    Ends far beyond all values are cut, because they would flatten the figure.
    """
    lines = list(lines)
    values = [value for line in lines for value in line.y]
    low, high = min(values) / _FAR, max(values) * _FAR
    ends = [end for line in lines for edge in line.band for end in edge]
    return [*values, *(min(max(end, low), high) for end in ends)]


def size_text(value: float) -> str:
    """Return a size as an axis shows it: 512, 4,096."""
    return f"{value:,.15g}"


def dots_axis(dots: Iterable[Dot], text: Callable[[float], str], title: str) -> Axis:
    """Return the axis over all dots and bars; a drawing makes room for their labels."""
    ends = [end for dot in dots for end in (dot.low, dot.seconds, dot.high)]
    return log_axis(ends, text, 10, title)
