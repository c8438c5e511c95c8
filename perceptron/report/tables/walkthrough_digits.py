"""The walk-through of the digits in a terminal, and its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from perceptron.numbers import count, duration, percent
from perceptron.records.walkthrough import ClassifierRun, ClassifierWalkthrough, EpochScore
from perceptron.report.tables.terminal import out, table

# Of the wrong predictions, as many are shown as pictures.
SHOWN = 10
_PICTURES_A_LINE = 5
_INK = " ░▒▓█"
_PICTURE_GAP = "   "
# Curves closer than this, as a share of the loss, are the same but for rounding.
_ALIKE = 0.01


def show(walk: ClassifierWalkthrough) -> None:
    """Print the model, the training by epoch, the confusion matrix and what was mistaken."""
    classes = len(walk.class_names)
    out.print(
        f"[bold]{walk.title}[/]: {count(walk.train_rows)} {walk.row_name}s to learn from and "
        f"{count(len(walk.test_classes))} held out, {classes} classes"
    )
    out.print(
        f"{_model(walk)}, loss {walk.loss}, {walk.optimizer} at rate {walk.rate:g}, "
        f"batches of {walk.batch}: {walk.iterations_per_epoch} iterations an epoch\n"
    )
    for backend, reason in walk.skipped:
        out.print(f"{backend}: skipped, {reason}\n")
    if not walk.runs:
        return
    _epochs(walk)
    first = walk.runs[0]
    _confusion(walk, first)
    _mistakes(walk, first)
    for run in walk.runs:
        out.print(
            f"{run.backend}: {count(run.iterations)} iterations took {duration(run.seconds)}, "
            f"{percent(run.epochs[-1].test_accuracy)} of the held-out {walk.row_name}s are right"
        )
    out.print("(once, in this process; `perceptron bench` measures properly)\n")
    out.print(_verdict(walk) + "\n")


def draw(walk: ClassifierWalkthrough, folder: Path) -> Iterator[Path]:
    """Write the figures as PNG, one at a time."""
    from perceptron.report.charts import walkthrough_digits as charts  # tables need no matplotlib
    from perceptron.report.charts.walkthrough import save

    if not walk.runs:
        return
    first = walk.runs[0]
    curves = {run.backend: run.epochs for run in walk.runs}
    yield save(charts.epochs_figure(curves, walk.loss), folder / f"{walk.problem}-epochs.png")
    matrix = charts.confusion_figure(
        walk.confusion(first), walk.class_names, percent(first.epochs[-1].test_accuracy)
    )
    yield save(matrix, folder / f"{walk.problem}-confusion.png")
    wrong = walk.wrong(first)[:SHOWN]
    if wrong:
        pictures = charts.pictures_figure(
            [walk.test_inputs[row] for row in wrong],
            [", taken for ".join(_caption(walk, first, row)) for row in wrong],
            f"The most confident {len(wrong)} of {len(walk.wrong(first))} mistakes",
        )
        yield save(pictures, folder / f"{walk.problem}-mistakes.png")


def _model(walk: ClassifierWalkthrough) -> str:
    features, *hidden, outputs = walk.widths
    layers = [
        f"a hidden layer of {width} ({activation})"
        for width, activation in zip(hidden, walk.activations, strict=False)
    ]
    return ", ".join([f"{features} inputs", *layers, f"{outputs} outputs"])


def _epochs(walk: ClassifierWalkthrough) -> None:
    """Print every epoch in which much happens, the first and the last."""
    last = walk.runs[0].epochs[-1].epoch
    shown = sorted(
        {epoch for epoch in (0, 1, 2, 3, 5) if epoch < last} | {*range(10, last, 5), last}
    )
    columns = ["epoch>"]
    for run in walk.runs:
        columns += [f"{run.backend} loss>", "held-out>", "right>", "held-out>"]
    table(
        "Loss and share of right predictions after each epoch: rows learned from, rows held out",
        columns,
        (
            (str(epoch), *(cell for run in walk.runs for cell in _score(run.epochs[epoch])))
            for epoch in shown
        ),
    )


def _score(score: EpochScore) -> tuple[str, str, str, str]:
    return (
        f"{score.train_loss:.6f}",
        f"{score.test_loss:.6f}",
        percent(score.train_accuracy),
        percent(score.test_accuracy),
    )


def _confusion(walk: ClassifierWalkthrough, run: ClassifierRun) -> None:
    table(
        f"Held-out {walk.row_name}s: what each is, and what {run.backend} takes it for",
        ("is", *(f"{name}>" for name in walk.class_names)),
        (
            (name, *(str(number or "·") for number in counts))
            for name, counts in zip(walk.class_names, walk.confusion(run), strict=True)
        ),
    )


def _mistakes(walk: ClassifierWalkthrough, run: ClassifierRun) -> None:
    """Print wrong ones as pictures, several beside each other, two characters a pixel."""
    wrong = walk.wrong(run)
    if not wrong:
        out.print(f"Every held-out {walk.row_name} is right.\n")
        return
    shown = wrong[:SHOWN]
    out.print(
        f"The most confident {len(shown)} of {len(wrong)} mistakes", style="bold", markup=False
    )
    for start in range(0, len(shown), _PICTURES_A_LINE):
        group = shown[start : start + _PICTURES_A_LINE]
        pictures = [
            [*picture(walk.test_inputs[row]), is_class, f"taken for {taken}"]
            for row in group
            for is_class, taken in [_caption(walk, run, row)]
        ]
        width = max(len(line) for lines in pictures for line in lines)
        for lines in zip(*pictures, strict=True):
            row_of_lines = _PICTURE_GAP.join(line.ljust(width) for line in lines)
            out.print(row_of_lines.rstrip(), markup=False, no_wrap=True, overflow="ignore")
        out.print()


def picture(pixels: Sequence[float]) -> list[str]:
    """Return a square picture of values 0 to 1 as lines of text, two characters a pixel."""
    side = round(len(pixels) ** 0.5)
    shades = [_INK[min(int(value * len(_INK)), len(_INK) - 1)] * 2 for value in pixels]
    return ["".join(shades[start : start + side]) for start in range(0, side * side, side)]


def _caption(walk: ClassifierWalkthrough, run: ClassifierRun, row: int) -> tuple[str, str]:
    is_class = walk.class_names[walk.test_classes[row]]
    taken = walk.class_names[run.predicted[row]]
    return (f"is {is_class}", f"{taken} ({percent(run.confidence[row], 0)})")


def _verdict(walk: ClassifierWalkthrough) -> str:
    """Return whether the backends gave one curve, and how well the model does on new rows."""
    last = walk.runs[0].epochs[-1]
    gap = (last.train_accuracy - last.test_accuracy) * 100
    learned = (
        f"{percent(last.train_accuracy)} of the {walk.row_name}s it learned from are right and "
        f"{percent(last.test_accuracy)} of those it never saw: {gap:.1f} points less."
    )
    apart = walk.apart()
    if apart is None:
        return learned
    if apart < _ALIKE:
        return f"{learned} All backends give one curve: losses differ by at most {apart:.1g} of it."
    return f"{learned} The backends' curves differ: losses by up to {percent(apart)}."
