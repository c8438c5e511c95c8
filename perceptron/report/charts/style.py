"""The style of figures that matplotlib draws, in the walk-through and in notebooks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perceptron.errors import UserError
from perceptron.figure import Drawn, Picture
from perceptron.report.charts import palette

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "svg.hashsalt": "perceptron",  # equal input, equal bytes
    "svg.fonttype": "path",
    "text.parse_math": False,  # names are untrusted
}


class NotebookFigure(Figure):
    """A figure that a notebook shows as it is, without pyplot and its inline backend."""

    def _repr_svg_(self) -> str:
        return svg(self)


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a styled figure of this size in inches, without a display or pyplot's global state."""
    with panels(width, height, 1, 1) as (figure, (axes,)):
        yield figure, axes


@contextmanager
def panels(
    width: float, height: float, rows: int, columns: int
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a styled figure of several axes, row by row; otherwise as `drawing`."""
    with matplotlib.rc_context(_STYLE):
        figure = NotebookFigure(figsize=(width, height), layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def save(picture: Picture, folder: Path) -> Path:
    """Write a picture as PNG and return its file; raises `UserError` if it cannot be written."""
    file = folder / f"{picture.name}.png"
    columns = len(picture.panels) // picture.rows
    with panels(*picture.size, picture.rows, columns) as (figure, grid):
        for axes, panel in zip(grid, picture.panels, strict=True):
            results = [_call(axes, drawn) for drawn in panel]
            if picture.scale:
                figure.colorbar(results[0], ax=axes, label=picture.scale)
        if picture.title:
            figure.suptitle(picture.title)
    try:  # outside the style, which would show the formulas of logarithmic ticks as typed
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UserError(f"{file}: cannot write the figure: {error.strerror}") from None
    return file


def _call(axes: Axes, drawn: Drawn) -> Any:
    look = dict(drawn.look)
    if backend := look.pop("backend", None):
        stroke = palette.stroke(backend)
        dash = (0, stroke.dash) if stroke.dash else "-"
        look = {"color": stroke.colour, "marker": stroke.marker, "linestyle": dash} | look
    return attrgetter(drawn.method)(axes)(*drawn.values, **look)


def svg(figure: Figure) -> str:
    """Return the figure as text, without the XML prologue, so that a page can embed it."""
    text = io.StringIO()
    with warnings.catch_warnings():
        # Names may be in any script; a box replaces glyphs that the font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
