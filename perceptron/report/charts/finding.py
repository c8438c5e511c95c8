"""The figure of the finding: seconds of a whole training, with those that were published."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.stored.finding import FindingRow
from perceptron.report.charts.dots import dots_axis, placed
from perceptron.report.charts.figure import Dot, DotFigure
from perceptron.report.numbers import duration, duration_interval


def finding_figure(rows: Sequence[FindingRow]) -> DotFigure:
    """Return the seconds of each backend; open dots were published, on hardware not named."""
    dots = placed([dot for index, row in enumerate(rows) for dot in _dots(index, row)])
    texts = "; ".join(dot.text for dot in dots)
    return DotFigure(
        alt=f"Seconds of 10,000 iterations on the OR gate, logarithmic: {texts}",
        caption="Four rows, two features. NumPy computes in float64 and PyTorch in float32, as "
        "published. Bars are 95 % intervals over fresh processes, often smaller than the dot; the "
        "published times come from other, unnamed hardware.",
        key="filled: measured here; open: published",
        height=68 * len(rows) + 143,
        x=dots_axis(dots, "10,000 iterations on the OR gate"),
        rows=tuple(f"{row.backend}\n{row.dtype or '–'}" for row in rows),
        dots=dots,
        absent=tuple(
            (index, f"not measured: {row.reason}")
            for index, row in enumerate(rows)
            if row.seconds is None
        ),
    )


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
