"""Estimates beside published times, as tables for a terminal and for the docs."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from benchmarks.validation.what_if.comparison import WhatIfTruth
from perceptron.report import text_file
from perceptron.report.numbers import count, digits, duration, duration_interval, percent
from perceptron.report.tables import grid
from perceptron.report.tables.grid import TextTable, markdown
from perceptron.report.tables.terminal import out

COLUMNS = ("case", "kernels>", "estimate [best, worst case]>", "published>", "ratio>", "inside")


def show(truth: WhatIfTruth) -> None:
    """Print how the estimates do."""
    grid.show(grids(truth))
    out.print(summary(truth), markup=False, soft_wrap=True)


def grids(truth: WhatIfTruth) -> list[TextTable]:
    """Return one table for each published one, and one of what cannot be compared."""
    tables = []
    for (name, hardware, source), group in groupby(
        truth.rows, key=lambda row: (row.table, row.hardware, row.source)
    ):
        rows = list(group)
        inside = sum(row.inside for row in rows)
        cells: list[tuple[str, ...]] = [
            (
                row.case,
                count(row.kernels),
                duration_interval(row.seconds, row.low, row.high),
                duration(row.published),
                digits(row.ratio),
                "yes" if row.inside else "no",
            )
            for row in rows
        ]
        note = f"{hardware}; {source}. Inside: {inside} of {len(rows)}."
        tables.append(TextTable(name, COLUMNS, cells, (note,)))
    missing: list[tuple[str, ...]] = [
        (one.name, one.source, one.reason) for one in truth.not_compared
    ]
    return [*tables, TextTable("Not compared", ("published", "source", "why not"), missing, ())]


def summary(truth: WhatIfTruth) -> str:
    """Return in how many rows the range holds what was published, and how wide it is."""
    share = percent(truth.inside / len(truth.rows), 0)
    return (
        f"The range holds the published time in {truth.inside} of {len(truth.rows)} rows "
        f"({share}); the median of worst case over best is {digits(truth.median_width)}."
    )


def save(file: Path, truth: WhatIfTruth) -> Path:
    """Write the tables as Markdown; raises `UserError` if the file cannot be written.

    The same for the same code: nothing is measured.
    """
    lines = [
        "# What if: estimates beside published times",
        "",
        "This page compares the estimates of `--what-if` with what others published of their GPUs. "
        "`make what-if` writes it; nothing is measured.",
        "",
        summary(truth),
        "",
        "The time that the host takes for an operation is derived from what the same source "
        "published of its CPU: from its smallest problem. Where no framework launches the kernels "
        "it is 0. *Ratio* is estimate over published. Where the hardware is unnamed, the range is "
        "that of all devices.",
        "",
        "These tables are no independent test. The ranges of what a launch and a replayed kernel "
        "take were set with these figures at hand, and more than half of the rows are of one GPU. "
        "What counts is the comparison with a device that this suite measured: none has been "
        "measured yet.",
    ]
    for table in grids(truth):
        lines += ["", *markdown(table)]
    return text_file.write(file, "\n".join(lines) + "\n")
