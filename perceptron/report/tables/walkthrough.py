"""The walk-through in a terminal and as JSON: of one output, or of several classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from perceptron.numbers import count, duration, percent
from perceptron.records.walkthrough import Array, TrainingRun, Walkthrough
from perceptron.report.tables.terminal import out, table

# Of the wrong predictions, as many are shown as pictures.
_SHOWN = 10
_PICTURES_A_LINE = 5
_INK = " ░▒▓█"
_PICTURE_GAP = "   "
# Curves closer than this, as a share of the loss, are the same but for rounding.
_ALIKE = 0.01


def show(walk: Walkthrough) -> None:
    """Print the data, the model, the training, and the quality of the result."""
    _introduction(walk)
    for backend, reason in walk.skipped:
        out.print(f"{backend}: skipped, {reason}\n")
    if not walk.runs:
        return
    if walk.class_names:
        _epochs(walk)
        _confusion(walk)
        _mistakes(walk)
    else:
        _errors(walk)
        _parameters("Final parameters", walk, {run.backend: run.parameters for run in walk.runs})
        _predictions(walk)
    for run in walk.runs:
        took = f"{run.backend}: {count(run.iterations)} iterations took {duration(run.seconds)}"
        if walk.class_names:
            right = percent(run.scores[-1].test_accuracy)
            took += f", {right} of the test {walk.row_name}s are right"
        out.print(took)
    out.print("(timed once, in this process; `perceptron bench` measures with intervals)\n")
    _contradictions(walk)
    out.print(verdict(walk) + "\n")


def document(walk: Walkthrough) -> dict[str, Any]:
    """Return what `perceptron walkthrough --json` prints."""
    told: dict[str, Any] = {
        "problem": walk.problem,
        "runs": [
            {
                "backend": run.backend,
                "dtype": run.dtype,
                "iterations": run.iterations,
                "errors": [(score.epoch, score.train_loss) for score in run.scores],
                **(_classified(walk, run) if walk.class_names else _learned(run)),
                "seconds": run.seconds,
            }
            for run in walk.runs
        ],
        "skipped": [{"backend": backend, "reason": reason} for backend, reason in walk.skipped],
    }
    if not walk.class_names:
        groups = walk.contradictions()
        told["contradictions"] = [[walk.labels[row] for row in group] for group in groups]
    return told


def _classified(walk: Walkthrough, run: TrainingRun) -> dict[str, Any]:
    last = run.scores[-1]
    return {
        "accuracy": {"train": last.train_accuracy, "test": last.test_accuracy},
        "epochs": run.scores,
        "confusion": walk.confusion(run).tolist(),
    }


def _learned(run: TrainingRun) -> dict[str, Any]:
    """Return a perceptron's weights as a list, its bias as a number; of more layers one of each."""
    weights = [array.tolist() for array in run.parameters[::2]]
    biases = [array.tolist() for array in run.parameters[1::2]]
    perceptron = len(weights) == 1
    return {
        "weights": [row[0] for row in weights[0]] if perceptron else weights,
        "bias": biases[0][0] if perceptron else biases,
        "predictions": run.predictions[:, 0].tolist(),
    }


def _introduction(walk: Walkthrough) -> None:
    features, *hidden, outputs = walk.widths
    layers = [
        f"a hidden layer of {width} ({activation})"
        for width, activation in zip(hidden, walk.activations, strict=False)
    ]
    last = f"one {walk.activations[-1]}" if outputs == 1 else f"{outputs} outputs"
    model = f"{', '.join([f'{features} inputs', *layers, last])}, loss {walk.loss}"
    if walk.class_names:
        out.print(
            f"[bold]{walk.title}[/]: {count(walk.train_rows)} {walk.row_name}s to train on and "
            f"{count(len(walk.inputs))} in the test set, {len(walk.class_names)} classes"
        )
        out.print(
            f"{model}, {walk.optimizer} at rate {walk.rate:g}, "
            f"batches of {walk.batch}: {walk.iterations_per_epoch} iterations per epoch\n"
        )
        return
    out.print(f"[bold]{walk.title}[/]: {model}, rate {walk.rate:g}\n")
    rows = zip(walk.labels, walk.inputs, walk.targets[:, 0], strict=True)
    table(
        "Inputs and true outputs",
        (walk.row_name, *walk.feature_names, f"{walk.target_name}>"),
        [(str(label), *(f"{value:g}" for value in (*row, true))) for label, row, true in rows],
    )
    _parameters("Starting parameters", walk, {"start": walk.start})


def _parameters(title: str, walk: Walkthrough, sets: Mapping[str, Sequence[Array]]) -> None:
    columns = [_unit_by_unit(parameters) for parameters in sets.values()]
    rows = zip(_parameter_names(walk), *columns, strict=True)
    table(title, ("parameter", *(f"{name}>" for name in sets)), rows)


def _unit_by_unit(parameters: Sequence[Array]) -> list[str]:
    """Return the weights of each unit, and its bias behind them."""
    layers = zip(parameters[::2], parameters[1::2], strict=True)
    return [f"{value:.8f}" for layer in layers for value in np.vstack(layer).T.flat]


def _parameter_names(walk: Walkthrough) -> Iterator[str]:
    inputs: Sequence[str] = walk.feature_names
    for layer, width in enumerate(walk.widths[1:], 1):
        units = [f"unit {unit}" for unit in range(1, width + 1)]
        for unit in units:
            where = f"layer {layer}, {unit}: " if len(walk.widths) > 2 else ""
            yield from (f"{where}weight of {name}" for name in inputs)
            yield f"{where}bias"
        inputs = units


def _errors(walk: Walkthrough) -> None:
    logs = zip(*(run.scores for run in walk.runs), strict=True)
    table(
        "Error before each step",
        ("step>", *(f"{run.backend} ({run.dtype})>" for run in walk.runs)),
        [(str(log[0].epoch), *(f"{score.train_loss:.2e}" for score in log)) for log in logs],
    )


def _predictions(walk: Walkthrough) -> None:
    first = walk.runs[0]
    errors = (walk.targets - first.predictions)[:, 0]
    columns = (walk.target_name, *(run.backend for run in walk.runs), "error")
    table(
        "Predictions and true outputs, the largest error first",
        (walk.row_name, *(f"{column}>" for column in columns)),
        [
            (
                str(walk.labels[row]),
                f"{walk.targets[row, 0]:g}",
                *(f"{run.predictions[row, 0]:.6f}" for run in walk.runs),
                f"{errors[row]:+.6f}",
            )
            for row in walk.worst_first(first)
        ],
    )


def _epochs(walk: Walkthrough) -> None:
    last = walk.runs[0].scores[-1].epoch
    shown = sorted(
        {epoch for epoch in (0, 1, 2, 3, 5) if epoch < last} | {*range(10, last, 5), last}
    )
    columns = ["epoch>"]
    for run in walk.runs:
        columns += [f"{run.backend} loss>", "test>", "right>", "test>"]
    rows = []
    for epoch in shown:
        row = [str(epoch)]
        for score in (run.scores[epoch] for run in walk.runs):
            row += [f"{loss:.6f}" for loss in (score.train_loss, score.test_loss)]
            row += [percent(share) for share in (score.train_accuracy, score.test_accuracy)]
        rows.append(row)
    table(
        "Loss and share of right predictions after each epoch: training rows, test set",
        columns,
        rows,
    )


def _confusion(walk: Walkthrough) -> None:
    counts = zip(walk.class_names, walk.confusion(walk.runs[0]), strict=True)
    table(
        f"Test {walk.row_name}s: the class of each, and the prediction of {walk.runs[0].backend}",
        ("class", *(f"{name}>" for name in walk.class_names)),
        [(name, *(str(number or "·") for number in row)) for name, row in counts],
    )


def _mistakes(walk: Walkthrough) -> None:
    """Print wrong ones as pictures, several beside each other, two characters a pixel."""
    title, mistakes = most_confident_mistakes(walk)
    if not mistakes:
        out.print(f"Every test {walk.row_name} is right.\n")
        return
    out.print(title, style="bold", markup=False)
    pictures = [[*_picture(pixels), *caption] for pixels, *caption in mistakes]
    for start in range(0, len(pictures), _PICTURES_A_LINE):
        group = pictures[start : start + _PICTURES_A_LINE]
        width = max(len(line) for lines in group for line in lines)
        for lines in zip(*group, strict=True):
            row_of_lines = _PICTURE_GAP.join(line.ljust(width) for line in lines)
            out.print(row_of_lines.rstrip(), markup=False, no_wrap=True, overflow="ignore")
        out.print()


def most_confident_mistakes(walk: Walkthrough) -> tuple[str, list[tuple[Array, str, str]]]:
    """Return a title, and of each: its pixels, its class and the first run's prediction."""
    confidence = walk.runs[0].predictions.max(axis=1)
    taken = walk.runs[0].predictions.argmax(axis=1)
    wrong = walk.wrong(walk.runs[0])
    shown = sorted(wrong, key=lambda row: -confidence[row])[:_SHOWN]
    return f"The most confident {len(shown)} of {len(wrong)} mistakes", [
        (
            walk.inputs[row],
            f"is {walk.class_names[walk.targets[row].argmax()]}",
            f"predicted {walk.class_names[taken[row]]} ({percent(confidence[row], 0)})",
        )
        for row in shown
    ]


def _picture(pixels: Array) -> list[str]:
    """Return a square picture of values 0 to 1 as lines of text, two characters a pixel."""
    side = round(len(pixels) ** 0.5)
    shades = [_INK[min(int(value * len(_INK)), len(_INK) - 1)] * 2 for value in pixels]
    return ["".join(shades[start : start + side]) for start in range(0, side * side, side)]


def _contradictions(walk: Walkthrough) -> None:
    for group in walk.contradictions():
        rows = " and ".join(f"{walk.row_name} {walk.labels[row]}" for row in group)
        out.print(
            f"{rows} contradict each other: equal inputs, different {walk.target_name!r}. "
            "No function of these inputs is right about all of them.\n"
        )


def verdict(walk: Walkthrough) -> str:
    """Return the result of the training, and why; call it only if there was a run."""
    return _generalises(walk) if walk.class_names else _separates(walk)


def _separates(walk: Walkthrough) -> str:
    """Return whether the first run separates all rows."""
    run = walk.runs[0]
    wrong = [f"{walk.row_name} {walk.labels[row]}" for row in walk.wrong(run)]
    straight = len(walk.widths) == 2
    if not wrong and straight:
        return "A straight line separates zeros from ones: a perceptron suffices."
    if not wrong:
        return "The hidden layer bends the line: all observations are separated."
    mistakes = f"wrong about {', '.join(wrong)}"
    if run.scores[-1].train_loss > 0.99 * run.scores[0].train_loss:
        return f"The error did not fall: {mistakes}."
    if straight and not walk.contradictions():
        return f"No separating straight line was found: {mistakes}."
    return mistakes.capitalize() + "."


def _generalises(walk: Walkthrough) -> str:
    """Return the accuracy on both parts, and whether the backends gave one curve."""
    last = walk.runs[0].scores[-1]
    gap = (last.train_accuracy - last.test_accuracy) * 100
    learned = (
        f"{percent(last.train_accuracy)} of the training {walk.row_name}s are right and "
        f"{percent(last.test_accuracy)} of the test {walk.row_name}s: {gap:.1f} points less."
    )
    apart = walk.apart()
    if apart is None:
        return learned
    if apart < _ALIKE:
        return f"{learned} All backends give one curve: losses differ by a share of {apart:.1g}."
    return f"{learned} The backends' curves differ: losses by up to {percent(apart)}."
