"""Figures of the walk-through: the model, its training and its predictions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from perceptron.errors import UserError
from perceptron.numbers import percent
from perceptron.records.walkthrough import Array, Walkthrough
from perceptron.report.charts.palette import stroke
from perceptron.report.charts.style import drawing, panels
from perceptron.report.tables.walkthrough import most_confident_mistakes, verdict

Curve = tuple[Array, Array, Array | None]
"""Inputs, our sigmoid of them and the framework's, None where it is not installed."""

_ZERO, _ONE = "#D55E00", "#0072B2"


def draw(walk: Walkthrough, folder: Path, sigmoid: Callable[[], Curve]) -> Iterator[Path]:
    """Write the figures as PNG, one at a time; raises `UserError` if the folder cannot be written.

    ``sigmoid`` is called where its curve is shown: it may import a framework.
    """
    for name, figure in _of_classes(walk) if walk.class_names else _of_one_output(walk, sigmoid):
        file = folder / f"{name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(file, dpi=150)
        except OSError as error:
            raise UserError(f"{file}: cannot write the figure: {error.strerror}") from None
        yield file


def _of_one_output(walk: Walkthrough, sigmoid: Callable[[], Curve]) -> Iterator[tuple[str, Figure]]:
    yield "sigmoid", _sigmoid(*sigmoid())
    if not walk.runs:
        return
    yield f"{walk.problem}-error", _errors(walk)
    if walk.widths[0] == 2:
        yield f"{walk.problem}-decision", _decision(walk)
    if walk.widths == [2, 1]:
        yield f"{walk.problem}-lines", _lines(walk)
    yield f"{walk.problem}-predictions", _predictions(walk)


def _of_classes(walk: Walkthrough) -> Iterator[tuple[str, Figure]]:
    if not walk.runs:
        return
    yield f"{walk.problem}-epochs", _epochs(walk)
    yield f"{walk.problem}-confusion", _confusion(walk)
    if walk.wrong(walk.runs[0]):
        yield f"{walk.problem}-mistakes", _mistakes(walk)


def _sigmoid(inputs: Array, ours: Array, framework: Array | None) -> Figure:
    with drawing(6.4, 4.0) as (figure, axes):
        axes.plot(inputs, ours, color=_ONE, linewidth=2, label="1 / (1 + exp(−y))")
        if framework is not None:
            style: dict[str, Any] = {"color": _ZERO, "markerfacecolor": "none"}
            axes.plot(inputs[::10], framework[::10], "o", label="torch.nn.Sigmoid", **style)
        axes.set(
            xlabel="y = x·w + b",
            ylabel="f = A(y)",
            title="The activation squeezes any number between 0 and 1",
        )
        axes.legend(frameon=False)
        return figure


def _errors(walk: Walkthrough) -> Figure:
    with drawing(6.4, 4.0) as (figure, axes):
        for index, run in enumerate(walk.runs):
            look = stroke(run.backend)
            axes.plot(
                [score.epoch for score in run.scores],
                [score.train_loss for score in run.scores],
                color=look.colour,
                dashes=look.dash or (None, None),
                marker=look.marker,
                markersize=11 - 4 * index,  # so that markers under others are still seen
                label=run.backend,
            )
        axes.set(yscale="log", xlabel="step", ylabel=f"error ({walk.loss})")
        axes.set_title("The error falls; curves of backends that agree coincide")
        axes.legend(frameon=False)
        return figure


def _decision(walk: Walkthrough) -> Figure:
    """Return the model over the plane of two inputs, the line f = ½, and the observations on it."""
    with drawing(5.4, 4.6) as (figure, axes):
        low, high = walk.inputs.min(axis=0) - 0.4, walk.inputs.max(axis=0) + 0.4
        across, up = np.meshgrid(*np.linspace(low, high, 201).T)
        grid = np.column_stack([across.ravel(), up.ravel()])
        plane = walk.runs[0].model(grid).reshape(across.shape)
        shade = axes.contourf(
            across, up, plane, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.55, extend="both"
        )
        if plane.min() < 0.5 < plane.max():
            axes.contour(across, up, plane, levels=[0.5], colors="#222222", linewidths=2)
        for value, colour, marker in ((0, _ZERO, "o"), (1, _ONE, "s")):
            style: dict[str, Any] = {"color": colour, "marker": marker, "edgecolor": "white"}
            first, second = walk.inputs[walk.targets[:, 0] == value].T
            axes.scatter(first, second, 110, zorder=3, label=f"true output {value}", **style)
        beside: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9, "ha": "center"}
        for row, point in enumerate(walk.inputs):
            axes.annotate(f"obs. {row}", tuple(point), (0, 11), **beside)
        axes.set(xlabel=walk.feature_names[0], ylabel=walk.feature_names[1])
        axes.set_title("\n".join(textwrap.wrap(verdict(walk), 52)), fontsize=10.5)
        axes.grid(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
        figure.colorbar(shade, ax=axes, label="predicted output f (line: f = ½)")
        return figure


def _lines(walk: Walkthrough) -> Figure:
    """Return the linear part along each input by itself, y = x·w + b, over the predictions."""
    weights, bias = walk.runs[0].parameters
    predictions = walk.runs[0].predictions[:, 0]
    with drawing(6.4, 4.0) as (figure, axes):
        along = np.linspace(-0.15, 1.15, 2)
        looks = ((_ONE, "-", "o", 3.0), (_ZERO, (0, (5, 3)), "x", 1.6))
        for number, (colour, dash, marker, width) in enumerate(looks):
            line = float(weights[number, 0]) * along + float(bias[0])
            style: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": width}
            axes.plot(along, line, label=f"y along {walk.feature_names[number]}", **style)
            style = {"color": colour, "marker": marker, "s": 70, "zorder": 3}
            name = f"predictions over {walk.feature_names[number]}"
            axes.scatter(walk.inputs[:, number], predictions, label=name, **style)
        beside: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
        for row, point in enumerate(zip(walk.inputs[:, 0], predictions, strict=True)):
            axes.annotate(f"obs. {row}", point, (8, 9 if row % 2 else -14), **beside)
        axes.set(ylim=(-0.35, 1.35), xlabel="input", ylabel="output")
        axes.set_title("y = x·w + b along each input, over the predictions")
        axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def _predictions(walk: Walkthrough) -> Figure:
    order = walk.worst_first(walk.runs[0])
    truth, predictions = walk.targets[order, 0], walk.runs[0].predictions[order, 0]
    with drawing(6.4, 0.42 * len(order) + 1.4) as (figure, axes):
        rows = np.arange(len(order))
        axes.hlines(rows, truth, predictions, color="#bbbbbb", linewidth=2.5)
        axes.scatter(
            truth, rows, facecolor="white", edgecolor="#222222", s=80, label="truth", zorder=3
        )
        axes.scatter(predictions, rows, color=_ONE, s=45, label="prediction", zorder=4)
        axes.set_yticks(rows, [f"{walk.row_name} {walk.labels[row]}" for row in order])
        axes.invert_yaxis()
        axes.set_xlabel("output")
        axes.set_title("Predictions and true outputs, the largest error first")
        axes.legend(frameon=False, loc="center")
        return figure


def _epochs(walk: Walkthrough) -> Figure:
    with panels(9.6, 4.0, 1, 2) as (figure, (left, right)):
        for index, run in enumerate(walk.runs):
            epochs = [score.epoch for score in run.scores]
            style: dict[str, Any] = {
                "color": stroke(run.backend).colour,
                "linewidth": max(1.2, 4.0 - 1.4 * index),  # lines under others are still seen
            }
            for part, name, dash in (("train", "training rows", "-"), ("test", "test set", "--")):
                style |= {"linestyle": dash, "label": f"{run.backend}, {name}"}
                left.plot(epochs, [getattr(s, f"{part}_loss") for s in run.scores], **style)
                right.plot(epochs, [getattr(s, f"{part}_accuracy") for s in run.scores], **style)
        left.set(yscale="log", xlabel="epoch", ylabel=f"loss ({walk.loss})")
        left.set_title("The loss falls by epoch")
        right.set(xlabel="epoch", ylabel="right predictions")
        right.set_title("Curves of backends that agree coincide")
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        right.legend(frameon=False, loc="lower right")
        return figure


def _confusion(walk: Walkthrough) -> Figure:
    matrix = walk.confusion(walk.runs[0])
    names = walk.class_names
    with drawing(5.6, 5.0) as (figure, axes):
        # The diagonal is pale, whatever its numbers: the mistakes are beside it.
        mistakes = matrix - np.diag(matrix.diagonal())
        most = max(4, mistakes.max())
        axes.imshow(mistakes, cmap="OrRd", vmin=0, vmax=most)
        for row, column in np.ndindex(*matrix.shape):
            number = matrix[row, column]
            axes.text(
                column,
                row,
                str(number or "·"),
                ha="center",
                va="center",
                color="white" if mistakes[row, column] > 0.6 * most else "#222222",
                fontweight="bold" if row == column else "normal",
            )
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.grid(False)
        right = percent(walk.runs[0].scores[-1].test_accuracy)
        axes.set(xlabel="predicted", ylabel="class", title=f"Test set: {right} are right")
        return figure


def _mistakes(walk: Walkthrough) -> Figure:
    """Return square pictures of values 0 to 1, five in a row, each with its caption."""
    title, mistakes = most_confident_mistakes(walk)
    across = min(5, len(mistakes))
    down = -(-len(mistakes) // across)
    with panels(1.75 * across, 2.05 * down + 0.4, down, across) as (figure, grid):
        for axes in grid:
            axes.set_axis_off()
        for axes, (pixels, is_class, predicted) in zip(grid, mistakes, strict=False):
            side = round(len(pixels) ** 0.5)
            axes.imshow(np.reshape(pixels, (side, side)), cmap="gray_r", vmin=0.0, vmax=1.0)
            axes.set_title(f"{is_class}, {predicted}", fontsize=9)
        figure.suptitle(title)
        return figure
