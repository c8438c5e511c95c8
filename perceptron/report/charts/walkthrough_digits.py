"""Figures of the walk-through of the digits: curves by epoch, confusion matrix, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from perceptron.records.walkthrough import EpochScore
from perceptron.report.charts.palette import stroke
from perceptron.report.charts.style import drawing, panels

_TRAIN, _TEST = "learned from", "held out"


def epochs_figure(curves: Mapping[str, Sequence[EpochScore]], loss: str) -> Figure:
    """Return loss and accuracy by epoch on both parts; equal curves lie on each other."""
    with panels(9.6, 4.0, 1, 2) as (figure, (left, right)):
        for index, (backend, scores) in enumerate(curves.items()):
            look = stroke(backend)
            epochs = [score.epoch for score in scores]
            for held_out in (False, True):
                name = f"{backend}, {_TEST if held_out else _TRAIN}"
                style: dict[str, Any] = {
                    "color": look.colour,
                    "linestyle": "--" if held_out else "-",
                    "linewidth": max(1.2, 4.0 - 1.4 * index),  # lines under others are still seen
                    "label": name,
                }
                losses = [s.test_loss if held_out else s.train_loss for s in scores]
                rights = [s.test_accuracy if held_out else s.train_accuracy for s in scores]
                left.plot(epochs, losses, **style)
                right.plot(epochs, rights, **style)
        left.set_yscale("log")
        left.set_ylabel(f"loss ({loss})")
        right.set_ylabel("right predictions")
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        for axes in (left, right):
            axes.set_xlabel("epoch")
        right.legend(frameon=False, loc="lower right")
        left.set_title("The loss falls by epoch")
        right.set_title("Backends that agree lie on each other")
        return figure


def confusion_figure(counts: Sequence[Sequence[int]], names: Sequence[str], right: str) -> Figure:
    """Return how many rows of each class were taken for which; ``right`` of all are right."""
    matrix = np.array(counts)
    with drawing(5.6, 5.0) as (figure, axes):
        mistakes = matrix.copy()
        np.fill_diagonal(mistakes, 0)
        # The diagonal is pale, whatever its numbers: what stands beside it is what matters.
        axes.imshow(mistakes, cmap="OrRd", vmin=0, vmax=max(4, mistakes.max()))
        for row, column in np.ndindex(*matrix.shape):
            number = matrix[row, column]
            dark = row != column and number > 0.6 * max(4, mistakes.max())
            axes.text(
                column,
                row,
                str(number) if number else "·",
                ha="center",
                va="center",
                color="white" if dark else "#222222",
                fontweight="bold" if row == column else "normal",
            )
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.grid(False)
        axes.set_xlabel("taken for")
        axes.set_ylabel("is")
        axes.set_title(f"Held-out rows: {right} are right")
        return figure


def pictures_figure(
    pictures: Sequence[Sequence[float]], captions: Sequence[str], title: str
) -> Figure:
    """Return square pictures of values 0 to 1, five in a row, each with its caption."""
    across = min(5, len(pictures))
    down = -(-len(pictures) // across)
    with panels(1.75 * across, 2.05 * down + 0.4, down, across) as (figure, grid):
        for axes in grid:
            axes.set_axis_off()
        for axes, pixels, caption in zip(grid, pictures, captions, strict=False):
            side = round(len(pixels) ** 0.5)
            axes.imshow(np.reshape(pixels, (side, side)), cmap="gray_r", vmin=0.0, vmax=1.0)
            axes.set_title(caption, fontsize=9)
        figure.suptitle(title)
        return figure
