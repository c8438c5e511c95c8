"""The output of a walk-through: sentences and tables, or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from perceptron.answer import Table
from perceptron.numbers import Cell, Quantity, count, duration, percent
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem
from perceptron.questions.walkthrough.training import TrainingRun, Walkthrough

# The most wrong predictions that are shown as pictures.
_SHOWN = 10
PICTURES_A_LINE = 5
_INK = " ░▒▓█"
_PICTURE_GAP = "   "
# Losses that differ by a smaller share than this differ by rounding alone.
_ALIKE = 0.01

Output = str | Table | tuple[str, ...]
"""A paragraph with rich's tags, a table, or lines of pictures."""


def document(walk: Walkthrough) -> dict[str, Any]:
    """Return the document of `perceptron walkthrough --json`."""
    data: dict[str, Any] = {
        "problem": walk.problem.name,
        "runs": [_of_run(walk, run) for run in walk.runs],
        "skipped": [{"backend": backend, "reason": reason} for backend, reason in walk.skipped],
    }
    if not walk.class_names:
        first = walk.problem.dataset.first_row
        data["contradictions"] = [[first + row for row in rows] for rows in walk.contradictions()]
    return data


def _of_run(walk: Walkthrough, run: TrainingRun) -> dict[str, Any]:
    """Return a run; a perceptron has one bias, a number; more layers have lists of arrays."""
    last, weights, biases = run.scores[-1], run.parameters[::2], run.parameters[1::2]
    data: dict[str, Any] = {
        "backend": run.backend,
        "dtype": run.dtype,
        "iterations": walk.problem.iterations,
        "errors": [(score.epoch, score.train_loss) for score in run.scores],
    }
    if walk.class_names:
        data["accuracy"] = {"train": last.train_accuracy, "test": last.test_accuracy}
        data["epochs"] = run.scores
        data["confusion"] = walk.confusion(run).tolist()
    else:
        alone = len(weights) == 1
        data["weights"] = (
            weights[0][:, 0].tolist() if alone else [array.tolist() for array in weights]
        )
        data["bias"] = float(biases[0][0]) if alone else [array.tolist() for array in biases]
        data["predictions"] = run.predictions[:, 0].tolist()
    return data | {"seconds": run.seconds}


def rendered(walk: Walkthrough, verbose: bool = True) -> Iterator[Output]:
    """Yield the verdict, the model and its training; if ``verbose``, also data and parameters."""
    row_name = walk.problem.dataset.row_name
    if walk.runs:
        yield verdict(walk)
    yield from _model(walk)
    yield from (f"{backend}: skipped, {reason}\n" for backend, reason in walk.skipped)
    if verbose:
        yield from _data(walk)
    if not walk.runs:
        return
    yield _epochs(walk) if walk.class_names else _errors(walk)
    if verbose:
        yield from _learned(walk)
    for run in walk.runs:
        took = f"{count(walk.problem.iterations)} iterations took {duration(run.seconds)}"
        if walk.class_names:
            right = percent(run.scores[-1].test_accuracy)
            took += f", {right} of the test {row_name}s are right"
        yield f"{run.backend}: {took}"
    yield "(timed once, in this process; `perceptron bench` measures with intervals)\n"
    for group in walk.contradictions():
        yield (
            f"{' and '.join(map(walk.name, group))} contradict each other: equal inputs, "
            f"different {walk.problem.dataset.target_name!r}. "
            "No function of these inputs is right about all of them.\n"
        )
    if not verbose:
        yield "more:  --verbose shows the data, what was learned and each prediction"


def _learned(walk: Walkthrough) -> Iterator[Output]:
    if walk.class_names:
        yield _confusion(walk)
        yield from _mistakes(walk)
        return
    learned = {run.backend: run.parameters for run in walk.runs}
    yield _parameters("Final parameters", walk.problem, learned)
    yield _predictions(walk)


def _model(walk: Walkthrough) -> Iterator[str]:
    problem, data = walk.problem, walk.problem.dataset
    *hidden, last = problem.layers
    outputs = f"one {last.activation}" if last.width == 1 else f"{last.width} outputs"
    layers = [f"a hidden layer of {layer.width} ({layer.activation})" for layer in hidden]
    model = ", ".join([f"{data.features} inputs", *layers, outputs]) + f", loss {problem.loss}"
    if walk.class_names:
        yield (
            f"[bold]{data.name}[/]: {count(data.rows)} {data.row_name}s to train on and "
            f"{count(len(walk.inputs))} in the test set, {len(walk.class_names)} classes"
        )
        yield (
            f"{model}, {problem.optimizer.kind} at rate {problem.rate:g}, batches of "
            f"{problem.step_rows}: {problem.iterations_per_epoch} iterations per epoch\n"
        )
        return
    yield f"[bold]{data.name}[/]: {model}, rate {problem.rate:g}\n"


def _data(walk: Walkthrough) -> Iterator[Table]:
    problem, data = walk.problem, walk.problem.dataset
    if walk.class_names:
        return
    rows = enumerate(np.hstack([walk.inputs, walk.targets]), data.first_row)
    yield Table(
        title="Inputs and true outputs",
        columns=(data.row_name, *data.feature_names, f"{data.target_name}>"),
        rows=tuple(
            (str(label), *(Quantity(value, digits="g") for value in row)) for label, row in rows
        ),
    )
    yield _parameters("Starting parameters", problem, {"start": problem.start_parameters()})


def _parameters(title: str, problem: Problem, sets: Mapping[str, Sequence[Array]]) -> Table:
    """Return the table of the weights and the bias of each unit of each layer."""
    rows: list[tuple[Cell, ...]] = []
    inputs: Sequence[str] = problem.dataset.feature_names
    for layer, width in enumerate(problem.widths[1:]):
        units = [f"unit {number}" for number in range(1, width + 1)]
        names = [*(f"weight of {name}" for name in inputs), "bias"]
        arrays = [np.vstack(parameters[2 * layer : 2 * layer + 2]) for parameters in sets.values()]
        for unit, unit_name in enumerate(units):
            prefix = f"layer {layer + 1}, {unit_name}: " if len(problem.layers) > 1 else ""
            values = zip(names, *(array[:, unit] for array in arrays), strict=True)
            rows += [
                (prefix + name, *(Quantity(float(weight), digits=".8f") for weight in weights))
                for name, *weights in values
            ]
        inputs = units
    columns = ("parameter", *(f"{name}>" for name in sets))
    return Table(title=title, columns=columns, rows=tuple(rows))


def _errors(walk: Walkthrough) -> Table:
    logs = zip(*(run.scores for run in walk.runs), strict=True)
    return Table(
        title="Error before each step",
        columns=("step>", *(f"{run.backend} ({run.dtype})>" for run in walk.runs)),
        rows=tuple(
            (str(log[0].epoch), *(Quantity(score.train_loss, digits=".2e") for score in log))
            for log in logs
        ),
    )


def _predictions(walk: Walkthrough) -> Table:
    data, first = walk.problem.dataset, walk.runs[0]
    errors = (walk.targets - first.predictions)[:, 0]
    columns = (data.target_name, *(run.backend for run in walk.runs), "error")
    return Table(
        title="Predictions and true outputs, the largest error first",
        columns=(data.row_name, *(f"{column}>" for column in columns)),
        rows=tuple(
            (
                str(data.first_row + row),
                Quantity(float(walk.targets[row, 0]), digits="g"),
                *(Quantity(float(run.predictions[row, 0]), digits=".6f") for run in walk.runs),
                Quantity(float(errors[row]), digits="+.6f"),
            )
            for row in walk.worst_first(first)
        ),
    )


def _epochs(walk: Walkthrough) -> Table:
    last = walk.runs[0].scores[-1].epoch
    shown = {epoch for epoch in (0, 1, 2, 3, 5) if epoch < last} | {*range(10, last, 5), last}
    rows = []
    for epoch in sorted(shown):
        row: list[Cell] = [epoch]
        for score in (run.scores[epoch] for run in walk.runs):
            row += [Quantity(loss, digits=".6f") for loss in (score.train_loss, score.test_loss)]
            shares = (score.train_accuracy, score.test_accuracy)
            row += [Quantity(share, "%", digits=".1f") for share in shares]
        rows.append(tuple(row))
    of_runs = [[f"{run.backend} loss>", "test>", "right>", "test>"] for run in walk.runs]
    return Table(
        title="Loss and share of right predictions after each epoch: training rows, test set",
        columns=("epoch>", *(name for names in of_runs for name in names)),
        rows=tuple(rows),
    )


def _confusion(walk: Walkthrough) -> Table:
    names, first = walk.class_names, walk.runs[0]
    counts = zip(names, walk.confusion(first), strict=True)
    row_name = walk.problem.dataset.row_name
    return Table(
        title=f"Test {row_name}s: the class of each, and the prediction of {first.backend}",
        columns=("class", *(f"{name}>" for name in names)),
        rows=tuple((name, *(int(number) or "·" for number in row)) for name, row in counts),
    )


def _mistakes(walk: Walkthrough) -> Iterator[Output]:
    """Yield wrong predictions as lines of pictures, several beside each other."""
    title, mistakes = most_confident_mistakes(walk)
    if not mistakes:
        yield f"Every test {walk.problem.dataset.row_name} is right.\n"
        return
    yield f"[bold]{title}[/]"
    pictures = [[*_picture(pixels), *caption] for pixels, *caption in mistakes]
    for start in range(0, len(pictures), PICTURES_A_LINE):
        group = pictures[start : start + PICTURES_A_LINE]
        width = max(len(line) for lines in group for line in lines)
        beside = (
            _PICTURE_GAP.join(line.ljust(width) for line in lines)
            for lines in zip(*group, strict=True)
        )
        yield (*(line.rstrip() for line in beside), "")


def most_confident_mistakes(walk: Walkthrough) -> tuple[str, list[tuple[Array, str, str]]]:
    """Return a title, and for each mistake its pixels, its class and the first run's prediction."""
    confidence = walk.runs[0].predictions.max(axis=1)
    predicted = walk.runs[0].predictions.argmax(axis=1)
    wrong = walk.wrong(walk.runs[0])
    shown = sorted(wrong, key=lambda row: -confidence[row])[:_SHOWN]
    return f"The most confident {len(shown)} of {len(wrong)} mistakes", [
        (
            walk.inputs[row],
            f"is {walk.class_names[walk.targets[row].argmax()]}",
            f"predicted {walk.class_names[predicted[row]]} ({percent(confidence[row], 0)})",
        )
        for row in shown
    ]


def _picture(pixels: Array) -> list[str]:
    """Return a square picture of values 0 to 1 as lines of text, two characters a pixel."""
    side = round(len(pixels) ** 0.5)
    shades = [_INK[min(int(value * len(_INK)), len(_INK) - 1)] * 2 for value in pixels]
    return ["".join(shades[start : start + side]) for start in range(0, side * side, side)]


def verdict(walk: Walkthrough) -> str:
    """Return the result of the training, and why; call it only if there was a run."""
    return _generalises(walk) if walk.class_names else _separates(walk)


def _separates(walk: Walkthrough) -> str:
    """Return whether the first run separates all rows."""
    run = walk.runs[0]
    wrong = ", ".join(map(walk.name, walk.wrong(run)))
    straight = len(walk.problem.layers) == 1
    if not wrong and straight:
        return "A straight line separates zeros from ones: a perceptron suffices."
    if not wrong:
        return "The hidden layer bends the line: all observations are separated."
    if run.scores[-1].train_loss > 0.99 * run.scores[0].train_loss:
        return f"The error did not fall: wrong about {wrong}."
    if straight and not walk.contradictions():
        return f"No separating straight line was found: wrong about {wrong}."
    return f"Wrong about {wrong}."


def _generalises(walk: Walkthrough) -> str:
    """Return the accuracy on training and test rows, and whether the backends' curves agree."""
    last = walk.runs[0].scores[-1]
    row_name = walk.problem.dataset.row_name
    gap = (last.train_accuracy - last.test_accuracy) * 100
    learned = (
        f"{percent(last.train_accuracy)} of the training {row_name}s are right and "
        f"{percent(last.test_accuracy)} of the test {row_name}s: {gap:.1f} points less."
    )
    if len(walk.runs) < 2:
        return learned
    losses = np.array([[(s.train_loss, s.test_loss) for s in run.scores] for run in walk.runs])
    apart = float((losses.max(axis=0) / losses.min(axis=0)).max()) - 1.0
    if apart < _ALIKE:
        return f"{learned} All backends give one curve: losses are within {apart:.1g}."
    return f"{learned} The backends' curves differ: losses by up to {percent(apart)}."
