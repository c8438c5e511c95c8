"""The figure of the finding: seconds of a whole training, with those that were published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perceptron.analysis.stored.finding import FindingRow
from perceptron.figure import Dot, DotFigure, dots_axis, placed
from perceptron.numbers import duration, duration_interval, tick


def finding_figure(
    rows: Sequence[FindingRow], of_gpus: Mapping[str, Sequence[FindingRow]] | None = None
) -> DotFigure:
    """Return the seconds of each backend; open dots were published, on hardware not named.

    What has no time has that of the first of ``of_gpus``, findings of other machines by the names
    of their GPUs, that has one; the caption says what the first row's backends took there.
    """
    elsewhere = _elsewhere(rows, of_gpus or {})
    rows = [elsewhere[row.backend][1] if row.backend in elsewhere else row for row in rows]
    dots = placed([dot for index, row in enumerate(rows) for dot in _dots(index, row)])
    texts = "; ".join(dot.text for dot in dots)
    return DotFigure(
        alt=f"Seconds of 10,000 iterations on the OR gate, logarithmic: {texts}",
        caption="Four rows, two features. NumPy computes in float64 and PyTorch in float32, as "
        "published. Bars are 95 % intervals over fresh processes, often smaller than the dot; the "
        "published times come from other, unnamed hardware." + _beside(elsewhere, of_gpus or {}),
        key="filled: measured here; open: published",
        height=68 * len(rows) + 143,
        x=dots_axis(dots, tick, "10,000 iterations on the OR gate"),
        rows=tuple(_name(row, elsewhere) for row in rows),
        dots=dots,
        absent=tuple(
            (index, f"not measured: {row.reason}")
            for index, row in enumerate(rows)
            if row.seconds is None
        ),
    )


Elsewhere = dict[str, tuple[str, FindingRow]]
"""By backend: the GPU it was measured on, and its row there."""


def _elsewhere(
    rows: Sequence[FindingRow], of_gpus: Mapping[str, Sequence[FindingRow]]
) -> Elsewhere:
    found: Elsewhere = {}
    missing = {row.backend for row in rows if row.seconds is None}
    for gpu, theirs in of_gpus.items():
        for row in theirs:
            if row.backend in missing and row.seconds is not None:
                found.setdefault(row.backend, (gpu, row))
    return found


def _name(row: FindingRow, elsewhere: Elsewhere) -> str:
    name = f"{row.backend}\n{row.dtype or '–'}"
    return f"{name}\n{elsewhere[row.backend][0]}" if row.backend in elsewhere else name


def _beside(elsewhere: Elsewhere, of_gpus: Mapping[str, Sequence[FindingRow]]) -> str:
    """Say what the others took on the machines of the GPUs: it is not the machine of their dots."""
    words = ""
    for gpu in dict.fromkeys(gpu for gpu, _ in elsewhere.values()):
        others = ", ".join(
            f"{row.backend} {duration_interval(row.seconds, row.low, row.high)}"
            for row in of_gpus[gpu]
            if row.seconds is not None and row.backend not in elsewhere
        )
        words += f" {gpu} was measured on its own machine, where the others took {others}."
    return words


def _dots(index: int, row: FindingRow) -> list[Dot]:
    dots = []
    if row.published_seconds is not None:
        seconds = row.published_seconds
        dots.append(
            Dot(
                row=index,
                backend=row.backend,
                seconds=seconds,
                low=seconds,
                high=seconds,
                label=f"{seconds:g} s",
                side="right",
                text=f"{row.backend} {seconds:g} s as published",
                published=True,
            )
        )
    if row.seconds is not None:
        dots.append(
            Dot(
                row=index,
                backend=row.backend,
                seconds=row.seconds,
                low=row.low or row.seconds,
                high=row.high or row.seconds,
                label=duration(row.seconds),
                side="right",
                text=f"{row.backend} {duration_interval(row.seconds, row.low, row.high)}",
            )
        )
    return dots
