"""Figures of the walk-through: what the model is, how it learns, what it learned."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from perceptron.errors import UserError
from perceptron.report.charts.palette import stroke
from perceptron.report.charts.style import drawing

Values = npt.NDArray[np.floating]
_ZERO, _ONE = "#D55E00", "#0072B2"


def save(figure: Figure, file: Path) -> Path:
    """Write the figure as PNG; raises `UserError` if the folder cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UserError(f"{file}: cannot write the figure: {error.strerror}") from None
    return file


def sigmoid_figure(inputs: Values, ours: Values, framework: Values | None) -> Figure:
    """Our sigmoid as a line, the framework's laid over it as points."""
    with drawing(6.4, 4.0) as (figure, axes):
        axes.plot(inputs, ours, color=_ONE, linewidth=2, label="1 / (1 + exp(−y))")
        if framework is not None:
            axes.plot(
                inputs[::10],
                framework[::10],
                marker="o",
                linestyle="none",
                markerfacecolor="none",
                color=_ZERO,
                label="torch.nn.Sigmoid",
            )
        axes.set_xlabel("y = x·w + b")
        axes.set_ylabel("f = A(y)")
        axes.set_title("The activation squeezes any number between 0 and 1")
        axes.legend(frameon=False)
        return figure


def error_figure(errors: Mapping[str, Sequence[tuple[int, float]]], loss: str) -> Figure:
    """Return the loss over the steps, one line for each backend; equal ones lie on each other."""
    with drawing(6.4, 4.0) as (figure, axes):
        for index, (backend, log) in enumerate(errors.items()):
            look = stroke(backend)
            axes.plot(
                [step for step, _ in log],
                [error for _, error in log],
                color=look.colour,
                dashes=look.dash or (None, None),
                marker=look.marker,
                markersize=11 - 4 * index,  # so that markers under others are still seen
                label=backend,
            )
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.set_ylabel(f"error ({loss})")
        axes.set_title("The error falls; backends that agree lie on each other")
        axes.legend(frameon=False)
        return figure


def decision_figure(
    inputs: Values,
    targets: Values,
    predict: Callable[[Values], Values],
    names: Sequence[str],
    title: str,
) -> Figure:
    """Return the model over the plane of two inputs, the line f = ½, and the observations on it."""
    with drawing(5.4, 4.6) as (figure, axes):
        low, high = inputs.min(axis=0) - 0.4, inputs.max(axis=0) + 0.4
        across, up = np.meshgrid(
            np.linspace(low[0], high[0], 201), np.linspace(low[1], high[1], 201)
        )
        plane = predict(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
        shade = axes.contourf(
            across, up, plane, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.55, extend="both"
        )
        if plane.min() < 0.5 < plane.max():
            axes.contour(across, up, plane, levels=[0.5], colors="#222222", linewidths=2)
        for value, colour, marker in ((0, _ZERO, "o"), (1, _ONE, "s")):
            rows = targets[:, 0] == value
            axes.scatter(
                inputs[rows, 0],
                inputs[rows, 1],
                color=colour,
                marker=marker,
                s=110,
                edgecolor="white",
                zorder=3,
                label=f"true output {value}",
            )
        for number, (first, second) in enumerate(inputs):
            axes.annotate(
                f"obs. {number}",
                (first, second),
                xytext=(0, 11),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.set_title("\n".join(textwrap.wrap(title, 52)), fontsize=10.5)
        axes.grid(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
        figure.colorbar(shade, ax=axes, label="predicted output f (line: f = ½)")
        return figure


def lines_figure(
    inputs: Values, predictions: Values, weights: Values, bias: float, names: Sequence[str]
) -> Figure:
    """Return the linear part along each input by itself, y = x·w + b, over the predictions."""
    with drawing(6.4, 4.0) as (figure, axes):
        along = np.linspace(-0.15, 1.15, 2)
        looks = ((_ONE, "-", "o", 3.0), (_ZERO, (0, (5, 3)), "x", 1.6))
        for number, (colour, dash, marker, width) in enumerate(looks):
            slope = float(weights[number])
            axes.plot(
                along,
                slope * along + bias,
                color=colour,
                linestyle=dash,
                linewidth=width,
                label=f"y along {names[number]}",
            )
            axes.scatter(
                inputs[:, number],
                predictions[:, 0],
                color=colour,
                marker=marker,
                s=70,
                zorder=3,
                label=f"predictions over {names[number]}",
            )
        for number, (row, prediction) in enumerate(zip(inputs, predictions, strict=True)):
            axes.annotate(
                f"obs. {number}",
                (row[0], prediction[0]),
                xytext=(8, 9 if number % 2 else -14),
                textcoords="offset points",
                fontsize=9,
            )
        axes.set_ylim(-0.35, 1.35)
        axes.set_xlabel("input")
        axes.set_ylabel("output")
        axes.set_title("y = x·w + b along each input, over the predictions")
        axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def error_bars_figure(labels: Sequence[str], truth: Values, predictions: Values) -> Figure:
    """Predictions beside the truth, the worst first."""
    with drawing(6.4, 0.42 * len(labels) + 1.4) as (figure, axes):
        rows = np.arange(len(labels))
        axes.hlines(rows, truth, predictions, color="#bbbbbb", linewidth=2.5)
        axes.scatter(
            truth, rows, facecolor="white", edgecolor="#222222", s=80, label="truth", zorder=3
        )
        axes.scatter(predictions, rows, color=_ONE, s=45, label="prediction", zorder=4)
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.set_xlabel("output")
        axes.set_title("Predictions beside the truth, the largest error first")
        axes.legend(frameon=False, loc="center")
        return figure
