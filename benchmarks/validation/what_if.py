"""Does the estimate of a device that is not here hold what others published of theirs?

published.json holds facts with their sources, no measurements of ours. A table is of one device and
host: ``device`` is a name of `DEVICES`, null where the hardware is unnamed or its figures are of no
matter; ``host`` says what it took on its CPU for so many operations, and is null where no framework
launches the kernels. A graph is replayed for each time. A row is a published time, in seconds an
iteration or a chain, of ``kernels``: so many products of ``[rows, inner, columns]``, or operations
on ``elements`` numbers that read and write as many ``tensors`` of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

from benchmarks.validation.grid import TextTable, markdown
from perceptron.analysis.what_if import DEVICES, KernelWork, estimate
from perceptron.numbers import count, digits, duration, duration_interval, percent
from perceptron.report import text_file

_FILE = "published.json"
_FLOAT32 = 4.0


Table = dict[str, Any]
"""A table of published.json, as the description of this module has it."""


def published() -> dict[str, list[Any]]:
    """Return the published times that lie beside this file."""
    content: dict[str, list[Any]] = json.loads(Path(__file__).with_name(_FILE).read_bytes())
    return content


def kernels_of(row: dict[str, Any]) -> list[KernelWork]:
    """Return the work of each kernel of a published time, in float32."""
    works: list[KernelWork] = []
    for shape in row["kernels"]:
        if "product" in shape:
            rows, inner, columns = shape["product"]
            moved = _FLOAT32 * (rows * inner + inner * columns + rows * columns)
            work = KernelWork(2.0 * rows * inner * columns, moved, min(shape["product"]))
        else:
            elements = shape.get("elements", 0)
            work = KernelWork(float(elements), _FLOAT32 * elements * shape.get("tensors", 0))
        works += [work] * shape["count"]
    return works


class ComparedRow(Struct, frozen=True, kw_only=True):
    """A published time beside its estimate with the range."""

    table: str
    case: str
    hardware: str
    source: str
    kernels: int
    seconds: float
    low: float
    high: float
    published: float

    @property
    def inside(self) -> bool:
        """Whether the range holds what was published."""
        return self.low <= self.published <= self.high


def compare() -> list[ComparedRow]:
    """Estimate every published time with the dispatch that its own host's CPU shows."""
    return [_compared(table, row) for table in published()["tables"] for row in table["rows"]]


def median_width(rows: Sequence[ComparedRow]) -> float:
    """Return the median of worst case over best."""
    return median(row.high / row.low for row in rows)


def _compared(table: Table, row: dict[str, Any]) -> ComparedRow:
    kernels, host = kernels_of(row), table["host"]
    # For an operation: of the smallest problem published, which computes least.
    dispatch = 0.0 if host is None else host["seconds"] / host["operations"]
    name = table["device"]
    estimates = [
        estimate(
            kernels,
            dispatch,
            device,
            table["backend"],
            1,
            gradients=table["gradients"],
            steps_a_replay=1,
        )
        for device in (DEVICES.values() if name is None else [DEVICES[name]])
    ]
    low = min(one.low for one in estimates)
    high = max(one.high for one in estimates)
    return ComparedRow(
        table=table["name"],
        case=row["case"],
        hardware=table["hardware"],
        source=table["source"],
        kernels=len(kernels),
        seconds=(low * high) ** 0.5,
        low=low,
        high=high,
        published=row["seconds"],
    )


COLUMNS = ("case", "kernels>", "estimate [best, worst case]>", "published>", "ratio>", "inside")


def grids(compared: Sequence[ComparedRow]) -> list[TextTable]:
    """Return one table for each published one, and one of what cannot be compared."""
    tables = []
    for (name, hardware, source), group in groupby(
        compared, key=lambda row: (row.table, row.hardware, row.source)
    ):
        rows = list(group)
        inside = sum(row.inside for row in rows)
        cells: list[tuple[str, ...]] = [
            (
                row.case,
                count(row.kernels),
                duration_interval(row.seconds, row.low, row.high),
                duration(row.published),
                digits(row.seconds / row.published),
                "yes" if row.inside else "no",
            )
            for row in rows
        ]
        note = f"{hardware}; {source}. Inside: {inside} of {len(rows)}."
        tables.append(TextTable(name, COLUMNS, cells, (note,)))
    missing = [(one["name"], one["source"], one["reason"]) for one in published()["not_compared"]]
    return [*tables, TextTable("Not compared", ("published", "source", "why not"), [*missing], ())]


def summary(rows: Sequence[ComparedRow]) -> str:
    """Return in how many rows the range holds what was published, and how wide it is."""
    inside = sum(row.inside for row in rows)
    return (
        f"The range holds the published time in {inside} of {len(rows)} rows "
        f"({percent(inside / len(rows), 0)}); the median of worst case over best is "
        f"{digits(median_width(rows))}."
    )


def save(file: Path, rows: Sequence[ComparedRow]) -> Path:
    """Write the tables as Markdown; raises `UserError` if the file cannot be written.

    The same for the same code: nothing is measured.
    """
    lines = [
        "# What if: estimates beside published times",
        "",
        "This page compares the estimates of `--what-if` with what others published of their GPUs. "
        "`make what-if` writes it; nothing is measured.",
        "",
        summary(rows),
        "",
        "The time that the host takes for an operation is derived from what the same source "
        "published of its CPU: from its smallest problem. Where no framework launches the kernels "
        "it is 0. *Ratio* is estimate over published. Where the hardware is unnamed, the range is "
        "that of all devices. The chain that was launched under WSL2 lies outside: there a launch "
        "takes the host up to 6.5 µs, and the range is that of native Linux.",
        "",
        "These tables are no independent test. The ranges of what a launch and a replayed kernel "
        "take were set with these figures at hand, and more than half of the rows are of one GPU. "
        "What counts is the comparison with a device that this suite measured: none has been "
        "measured yet.",
    ]
    for table in grids(rows):
        lines += ["", *markdown(table)]
    return text_file.write(file, "\n".join(lines) + "\n")
