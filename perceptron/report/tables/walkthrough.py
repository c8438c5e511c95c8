"""The walk-through in a terminal, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perceptron.numbers import count, duration
from perceptron.records.walkthrough import TrainingRun, Walkthrough
from perceptron.report.tables.terminal import out, table

if TYPE_CHECKING:
    from perceptron.report.charts.walkthrough import Values

    Predict = Callable[[Values], Values]


def show(walk: Walkthrough) -> None:
    """Print the data, the start, the training log, what was learned and how good it is."""
    out.print(f"[bold]{walk.title}[/]: {_model(walk)}, loss {walk.loss}, rate {walk.rate:g}\n")
    table(
        "Inputs and true outputs",
        (walk.row_name, *walk.feature_names, f"{walk.target_name}>"),
        (
            (str(label), *(f"{value:g}" for value in row), f"{target:g}")
            for label, row, target in zip(walk.row_labels, walk.inputs, walk.targets, strict=True)
        ),
    )
    _parameters("Starting parameters", walk, [("start", walk.start_weights, walk.start_biases)])
    for backend, reason in walk.skipped:
        out.print(f"{backend}: skipped, {reason}\n")
    if not walk.runs:
        return
    steps = [step for step, _ in walk.runs[0].errors]
    table(
        "Error before each step",
        ("step>", *(f"{run.backend} ({run.dtype})>" for run in walk.runs)),
        (
            (str(step), *(f"{run.errors[index][1]:.2e}" for run in walk.runs))
            for index, step in enumerate(steps)
        ),
    )
    learned = [(run.backend, run.weights, run.biases) for run in walk.runs]
    _parameters("Final parameters", walk, learned)
    _predictions(walk)
    for run in walk.runs:
        out.print(f"{run.backend}: {count(run.iterations)} iterations took {duration(run.seconds)}")
    out.print("(once, in this process; `perceptron bench` measures properly)\n")
    _explain(walk)


def draw(
    walk: Walkthrough,
    folder: Path,
    predict: Predict,
    curve: tuple[Values, Values, Values | None],
) -> Iterator[Path]:
    """Write the figures as PNG, one at a time.

    ``predict`` is the trained model; ``curve`` holds inputs, our sigmoid of them and the
    framework's (None where it is not installed).
    """
    from perceptron.report.charts import walkthrough  # the tables need no matplotlib

    yield walkthrough.save(walkthrough.sigmoid_figure(*curve), folder / "sigmoid.png")
    if not walk.runs:
        return
    errors = {run.backend: run.errors for run in walk.runs}
    yield walkthrough.save(
        walkthrough.error_figure(errors, walk.loss), folder / f"{walk.problem}-error.png"
    )
    run = walk.runs[0]
    inputs, targets = np.array(walk.inputs), np.array(walk.targets).reshape(-1, 1)
    if inputs.shape[1] == 2:
        plane = walkthrough.decision_figure(
            inputs, targets, predict, walk.feature_names, _verdict(walk, run)
        )
        yield walkthrough.save(plane, folder / f"{walk.problem}-decision.png")
    if inputs.shape[1] == 2 and len(run.weights) == 1:
        lines = walkthrough.lines_figure(
            inputs,
            np.array(run.predictions).reshape(-1, 1),
            np.array(run.weights[0])[:, 0],
            run.biases[0][0],
            walk.feature_names,
        )
        yield walkthrough.save(lines, folder / f"{walk.problem}-lines.png")
    order = _worst_first(walk, run)
    bars = walkthrough.error_bars_figure(
        [f"{walk.row_name} {walk.row_labels[index]}" for index in order],
        np.array([walk.targets[index] for index in order]),
        np.array([run.predictions[index] for index in order]),
    )
    yield walkthrough.save(bars, folder / f"{walk.problem}-predictions.png")


def _model(walk: Walkthrough) -> str:
    widths = [len(matrix[0]) for matrix in walk.start_weights]
    hidden = [
        f"a hidden layer of {width} ({activation})"
        for width, activation in zip(widths[:-1], walk.activations, strict=False)
    ]
    return ", ".join([f"{len(walk.feature_names)} inputs", *hidden, f"one {walk.activations[-1]}"])


def _parameters(
    title: str,
    walk: Walkthrough,
    sets: list[tuple[str, list[list[list[float]]], list[list[float]]]],
) -> None:
    rows = []
    for layer, start in enumerate(walk.start_weights):
        for unit in range(len(start[0])):
            where = f"layer {layer + 1}, unit {unit + 1}: " if len(walk.start_weights) > 1 else ""
            names = (
                walk.feature_names if layer == 0 else [f"unit {n + 1}" for n in range(len(start))]
            )
            for index, name in enumerate(names):
                values = (f"{weights[layer][index][unit]:.8f}" for _, weights, _ in sets)
                rows.append((f"{where}weight of {name}", *values))
            rows.append((f"{where}bias", *(f"{biases[layer][unit]:.8f}" for *_, biases in sets)))
    table(title, ("parameter", *(f"{name}>" for name, *_ in sets)), rows)


def _predictions(walk: Walkthrough) -> None:
    first = walk.runs[0]
    table(
        "Predictions beside the truth, the largest error first",
        (
            walk.row_name,
            f"{walk.target_name}>",
            *(f"{run.backend}>" for run in walk.runs),
            "error>",
        ),
        (
            (
                str(walk.row_labels[index]),
                f"{walk.targets[index]:g}",
                *(f"{run.predictions[index]:.6f}" for run in walk.runs),
                f"{walk.targets[index] - first.predictions[index]:+.6f}",
            )
            for index in _worst_first(walk, first)
        ),
    )


def _explain(walk: Walkthrough) -> None:
    for group in walk.contradictions:
        labels = " and ".join(f"{walk.row_name} {walk.row_labels[index]}" for index in group)
        out.print(
            f"{labels} contradict each other: equal inputs, different {walk.target_name!r}. "
            "No function of these inputs can be right about all of them.\n"
        )
    out.print(_verdict(walk, walk.runs[0]) + "\n")


def _verdict(walk: Walkthrough, run: TrainingRun) -> str:
    """Return whether the training succeeded, and why."""
    wrong = [
        f"{walk.row_name} {label}"
        for label, target, prediction in zip(
            walk.row_labels, walk.targets, run.predictions, strict=True
        )
        if (prediction > 0.5) != (target > 0.5)
    ]
    straight = len(run.weights) == 1
    if not wrong and straight:
        return "One straight line has all zeros on one side: a perceptron suffices."
    if not wrong:
        return "The hidden layer bends the line: all observations are on their side."
    mistakes = f"wrong about {', '.join(wrong)}"
    if run.errors[-1][1] > 0.99 * run.errors[0][1]:
        return f"Nothing was learned, the error did not fall: {mistakes}."
    if straight and not walk.contradictions:
        return f"No straight line was found that separates them: {mistakes}."
    return mistakes.capitalize() + "."


def _worst_first(walk: Walkthrough, run: TrainingRun) -> list[int]:
    return sorted(
        range(len(walk.targets)),
        key=lambda index: -abs(walk.targets[index] - run.predictions[index]),
    )
