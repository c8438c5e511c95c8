"""Elements of a figure's SVG: texts, paths and symbols, in colours that a page may change."""

from __future__ import annotations

import html
from collections.abc import Iterable
from math import cos, pi, sin
from textwrap import wrap

from perceptron.report.charts.palette import Stroke
from perceptron.untrusted_text import shortened

Point = tuple[float, float]

SIZE, LINE_HEIGHT = 13, 16
LETTER = 7.6
"""The average width of a letter in pixels, in a wide font."""
INK, SOFT = "var(--ink, #222222)", "var(--soft, #555555)"
PAPER = "var(--paper, #ffffff)"
LONGEST_NAME = 60
_LONGEST_TEXT = 300
_MARKER = 5.0


def tag(name: str, *children: str, **attributes: object) -> str:
    """Return an element; an underscore in the name of an attribute stands for a hyphen."""
    attributes_text = "".join(
        f' {key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{attributes_text}>{''.join(children)}</{name}>"


def _value(value: object) -> str:
    return f"{round(value, 1):g}" if isinstance(value, float) else html.escape(str(value))


def text_element(
    text: str, x: float, y: float, longest: int = LONGEST_NAME, **attributes: object
) -> str:
    """Return a text in as many lines as it has, around ``y``, with a background for readability."""
    lines = [html.escape(shortened(line, longest)) for line in text.split("\n")]
    first = y - LINE_HEIGHT * (len(lines) - 1) / 2
    halo = {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 4}
    return tag(
        "text",
        *(
            tag("tspan", line, x=x, y=first + LINE_HEIGHT * number + SIZE * 0.35)
            for number, line in enumerate(lines)
        ),
        **halo | attributes,
    )


def wrapped(text: str, room: float, most: int = 3) -> list[str]:
    """Return a text in at most ``most`` lines of ``room`` pixels; longer texts end in dots."""
    letters = max(8, int(room / LETTER))
    lines = wrap(shortened(text, _LONGEST_TEXT), letters)
    if len(lines) > most:
        lines[most - 1 :] = [f"{lines[most - 1][: letters - 1]}…"]
    return lines


def text_width(text: str) -> float:
    """Return the approximate width of a text in pixels."""
    return min(len(text), LONGEST_NAME) * LETTER


def path(points: Iterable[Point], closed: bool = False, **attributes: object) -> str:
    """Return a line through the points."""
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("path", d=f"M{line}{'Z' if closed else ''}", **{"fill": "none"} | attributes)


def box(left: float, top: float, right: float, bottom: float, **attributes: object) -> str:
    """Return a rectangle."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return path(corners, closed=True, **attributes)


def hover_text(text: str) -> str:
    """Return a text that appears when a reader points at its parent."""
    return tag("title", html.escape(shortened(text, _LONGEST_TEXT)))


def paint(look: Stroke) -> str:
    """Return the colour, which a page's style sheet may replace."""
    return f"var({look.token or '--none'}, {look.colour})"


def dash(look: Stroke) -> str | None:
    """Return the dashes; None for a solid line."""
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


def symbol(
    shape: str, x: float, y: float, colour: str, text: str = "", open_: bool = False, **more: object
) -> str:
    """Return a marker; its text appears when a reader points at it."""
    style = {"fill": PAPER if open_ else colour, "stroke": colour, "stroke_width": 1.2} | more
    if shape == "o":
        drawn = tag("circle", cx=x, cy=y, r=_MARKER, **style)
    else:
        corners = ((x + _MARKER * across, y + _MARKER * up) for across, up in _SHAPES[shape])
        drawn = path(corners, closed=True, **style)
    return tag("g", hover_text(text), drawn) if text else drawn
