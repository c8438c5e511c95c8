"""The figures of a walk-through, described; `report.charts.style` draws them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from perceptron.backends import registry
from perceptron.backends.shared.evaluation import predict
from perceptron.figure import Drawn, Picture
from perceptron.numbers import percent
from perceptron.problems.datasets import Array
from perceptron.questions.walkthrough.sentences import (
    PICTURES_A_LINE,
    most_confident_mistakes,
    verdict,
)
from perceptron.questions.walkthrough.training import Walkthrough, find

_ZERO: dict[str, Any] = {"color": "#D55E00"}
_ONE: dict[str, Any] = {"color": "#0072B2"}
_BESIDE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}
_LEGEND = Drawn("legend", frameon=False)


def pictures(walk: Walkthrough) -> Iterator[Picture]:
    """Yield the figures: of the data and the model, of its training, and of its predictions."""
    name = walk.problem.name
    if not walk.class_names:
        yield Picture("sigmoid", [_sigmoid()])
    if not walk.runs:
        return
    if walk.class_names:
        yield Picture(f"{name}-epochs", _epochs(walk), (9.6, 4.0))
        yield Picture(f"{name}-confusion", [_confusion(walk)], (5.6, 5.0))
        if walk.wrong(walk.runs[0]):
            yield _mistakes(walk)
        return
    yield Picture(f"{name}-error", [_errors(walk)])
    if walk.problem.widths[0] == 2:
        scale = "predicted output f (line: f = ½)"
        yield Picture(f"{name}-decision", [_decision(walk)], (5.4, 4.6), scale=scale)
    if walk.problem.widths == (2, 1):
        yield Picture(f"{name}-lines", [_lines(walk)])
    yield Picture(f"{name}-predictions", [_predictions(walk)], (6.4, 0.42 * len(walk.inputs) + 1.4))


def sigmoid_curve() -> tuple[Array, Array, Array | None]:
    """Return inputs, the suite's sigmoid of them, and PyTorch's if it is installed."""
    inputs = np.arange(-10.0, 10.0, 0.1)
    ours = predict(find("or-gate", None), [np.eye(1), np.zeros(1)], inputs.reshape(-1, 1))
    if registry.reason_unavailable("torch-cpu") is not None:
        return inputs, ours[:, 0], None
    import torch

    return inputs, ours[:, 0], np.asarray(torch.nn.Sigmoid()(torch.from_numpy(inputs)).numpy())


def _sigmoid() -> list[Drawn]:
    inputs, ours, theirs = sigmoid_curve()
    drawn = [Drawn("plot", inputs, ours, **_ONE, linewidth=2, label="1 / (1 + exp(−y))")]
    if theirs is not None:
        dots = _ZERO | {"markerfacecolor": "none", "label": "torch.nn.Sigmoid"}
        drawn.append(Drawn("plot", inputs[::10], theirs[::10], "o", **dots))
    title = "The activation squeezes any number between 0 and 1"
    return [*drawn, Drawn("set", xlabel="y = x·w + b", ylabel="f = A(y)", title=title), _LEGEND]


def _curves(walk: Walkthrough, score: str, part: str = "", **look: Any) -> list[Drawn]:
    """Return a score of each backend by epoch; covered curves are wider, so that they show."""
    return [
        Drawn(
            "plot",
            [score.epoch for score in run.scores],
            [getattr(at, score) for at in run.scores],
            backend=run.backend,
            label=run.backend + part,
            linewidth=max(1.2, 4.0 - 1.4 * index) if part else 1.5,
            markersize=11 - 4 * index,
            **look,
        )
        for index, run in enumerate(walk.runs)
    ]


def _errors(walk: Walkthrough) -> list[Drawn]:
    title = "The error falls; curves of backends that agree coincide"
    error = f"error ({walk.problem.loss})"
    around = Drawn("set", yscale="log", xlabel="step", ylabel=error, title=title)
    return [*_curves(walk, "train_loss"), around, _LEGEND]


def _epochs(walk: Walkthrough) -> list[list[Drawn]]:
    def both(score: str, **around: str) -> list[Drawn]:
        train = _curves(walk, f"train_{score}", ", training rows", marker="", linestyle="-")
        test = _curves(walk, f"test_{score}", ", test set", marker="", linestyle="--")
        return [*train, *test, Drawn("set", xlabel="epoch", **around)]

    loss, right = f"loss ({walk.problem.loss})", "right predictions"
    return [
        both("loss", ylabel=loss, yscale="log", title="The loss falls by epoch"),
        [
            *both("accuracy", ylabel=right, title="Curves of backends that agree coincide"),
            Drawn("yaxis.set_major_formatter", "{x:.0%}"),
            Drawn("legend", frameon=False, loc="lower right"),
        ],
    ]


def _decision(walk: Walkthrough) -> list[Drawn]:
    """Draw the model over the plane of its two inputs, the line f = ½, and the observations."""
    low, high = walk.inputs.min(axis=0) - 0.4, walk.inputs.max(axis=0) + 0.4
    across, up = np.meshgrid(*np.linspace(low, high, 201).T)
    grid = np.column_stack([across.ravel(), up.ravel()])
    plane = predict(walk.problem, walk.runs[0].parameters, grid).reshape(across.shape)
    shades = {"levels": np.linspace(0, 1, 11), "cmap": "RdBu", "alpha": 0.55, "extend": "both"}
    drawn = [Drawn("contourf", across, up, plane, **shades)]
    if plane.min() < 0.5 < plane.max():
        line = {"levels": [0.5], "colors": "#222222", "linewidths": 2}
        drawn.append(Drawn("contour", across, up, plane, **line))
    for value, colour, marker in ((0, _ZERO, "o"), (1, _ONE, "s")):
        points = walk.inputs[walk.targets[:, 0] == value].T
        look = colour | {"marker": marker, "edgecolor": "white", "zorder": 3}
        drawn.append(Drawn("scatter", *points, 110, label=f"true output {value}", **look))
    for row, point in enumerate(walk.inputs):
        drawn.append(
            Drawn("annotate", f"obs. {row}", tuple(point), (0, 11), ha="center", **_BESIDE)
        )
    first, second = walk.problem.dataset.feature_names
    return [
        *drawn,
        Drawn("set", xlabel=first, ylabel=second),
        Drawn("set_title", "\n".join(textwrap.wrap(verdict(walk), 52)), fontsize=10.5),
        Drawn("grid", False),
        Drawn("legend", loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False),
    ]


def _lines(walk: Walkthrough) -> list[Drawn]:
    """Draw the linear part along each input by itself, y = x·w + b, over the predictions."""
    weights, bias = walk.runs[0].parameters
    predictions = walk.runs[0].predictions[:, 0]
    along = np.linspace(-0.15, 1.15, 2)
    drawn = []
    looks = ((_ONE, "-", "o", 3.0), (_ZERO, (0, (5, 3)), "x", 1.6))
    for number, (colour, dash, marker, width) in enumerate(looks):
        name, inputs = walk.problem.dataset.feature_names[number], walk.inputs[:, number]
        line = colour | {"linestyle": dash, "linewidth": width, "label": f"y along {name}"}
        dots = colour | {"marker": marker, "zorder": 3, "label": f"predictions over {name}"}
        drawn += [
            Drawn("plot", along, float(weights[number, 0]) * along + float(bias[0]), **line),
            Drawn("scatter", inputs, predictions, 70, **dots),
        ]
    for row, point in enumerate(zip(walk.inputs[:, 0], predictions, strict=True)):
        offset = (8, 9 if row % 2 else -14)
        drawn.append(Drawn("annotate", f"obs. {row}", point, offset, **_BESIDE))
    title = "y = x·w + b along each input, over the predictions"
    return [
        *drawn,
        Drawn("set", ylim=(-0.35, 1.35), xlabel="input", ylabel="output", title=title),
        Drawn("legend", frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5)),
    ]


def _predictions(walk: Walkthrough) -> list[Drawn]:
    order = walk.worst_first(walk.runs[0])
    truth, predictions = walk.targets[order, 0], walk.runs[0].predictions[order, 0]
    rows = np.arange(len(order))
    ring = {"facecolor": "white", "edgecolor": "#222222", "zorder": 3}
    return [
        Drawn("hlines", rows, truth, predictions, color="#bbbbbb", linewidth=2.5),
        Drawn("scatter", truth, rows, 80, label="truth", **ring),
        Drawn("scatter", predictions, rows, 45, label="prediction", zorder=4, **_ONE),
        Drawn("set_yticks", rows, [walk.name(row) for row in order]),
        Drawn("invert_yaxis"),
        Drawn(
            "set", xlabel="output", title="Predictions and true outputs, the largest error first"
        ),
        Drawn("legend", frameon=False, loc="center"),
    ]


def _confusion(walk: Walkthrough) -> list[Drawn]:
    matrix, names = walk.confusion(walk.runs[0]), walk.class_names
    # The diagonal is pale, whatever its numbers: the mistakes are beside it.
    mistakes = matrix - np.diag(matrix.diagonal())
    most = max(4, mistakes.max())
    drawn = [Drawn("imshow", mistakes, cmap="OrRd", vmin=0, vmax=most)]
    for row, column in np.ndindex(*matrix.shape):
        colour = "white" if mistakes[row, column] > 0.6 * most else "#222222"
        weight = "bold" if row == column else "normal"
        look = {"ha": "center", "va": "center", "color": colour, "fontweight": weight}
        drawn.append(Drawn("text", column, row, str(matrix[row, column] or "·"), **look))
    title = f"Test set: {percent(walk.runs[0].scores[-1].test_accuracy)} are right"
    return [
        *drawn,
        Drawn("set_xticks", range(len(names)), names),
        Drawn("set_yticks", range(len(names)), names),
        Drawn("grid", False),
        Drawn("set", xlabel="predicted", ylabel="class", title=title),
    ]


def _mistakes(walk: Walkthrough) -> Picture:
    """Return square pictures of values 0 to 1, in rows of five, with captions."""
    title, mistakes = most_confident_mistakes(walk)
    across = min(PICTURES_A_LINE, len(mistakes))
    down = -(-len(mistakes) // across)
    side, hidden = round(len(mistakes[0][0]) ** 0.5), Drawn("set_axis_off")
    panels = [
        [
            hidden,
            Drawn("imshow", np.reshape(pixels, (side, side)), cmap="gray_r", vmin=0.0, vmax=1.0),
            Drawn("set_title", f"{is_class}, {predicted}", fontsize=9),
        ]
        for pixels, is_class, predicted in mistakes
    ]
    panels += [[hidden]] * (across * down - len(panels))
    name, size = f"{walk.problem.name}-mistakes", (1.75 * across, 2.05 * down + 0.4)
    return Picture(name, panels, size, rows=down, title=title)
