"""Does the estimate of a device that is not here hold what others published of theirs?

published.json holds facts with their sources, no measurements of ours.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from benchmarks.validation import grid
from benchmarks.validation.grid import TextTable, markdown
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import DeviceEstimate, KernelWork, estimate
from perceptron.numbers import count, digits, duration, duration_interval, percent
from perceptron.report import text_file
from perceptron.report.tables.terminal import out

_FILE = "published.json"
_FLOAT32 = 4.0


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """What the same host was published to take on its CPU for so many operations."""

    seconds: float
    operations: int

    @property
    def dispatch(self) -> float:
        """Seconds for an operation: of the smallest problem published, which computes least."""
        return self.seconds / self.operations


class Kernels(Struct, frozen=True, forbid_unknown_fields=True):
    """So many kernels of one shape: a matrix product of ``[rows, inner, columns]``, or an operation
    on ``elements`` numbers that reads and writes as many ``tensors`` of them."""

    count: int
    product: tuple[int, int, int] | None = None
    elements: int = 0
    tensors: int = 0

    def work(self) -> list[KernelWork]:
        """Return the work of each kernel, in float32."""
        if self.product is None:
            moved = _FLOAT32 * self.elements * self.tensors
            return [KernelWork(float(self.elements), moved)] * self.count
        rows, inner, columns = self.product
        moved = _FLOAT32 * (rows * inner + inner * columns + rows * columns)
        operations = 2.0 * rows * inner * columns
        return [KernelWork(operations, moved, min(self.product))] * self.count


class PublishedRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One published time, in seconds an iteration or a chain."""

    case: str
    seconds: float
    kernels: list[Kernels]


class PublishedTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Published times of one device and host.

    ``device`` is a name of `devices.DEVICES`, None where the hardware is unnamed or its figures are
    of no matter. Without a ``host`` kernels are launched by no framework. A graph is replayed for
    each time.
    """

    name: str
    hardware: str
    device: str | None
    source: str
    backend: str
    gradients: bool
    host: Host | None
    rows: list[PublishedRow]


class NotCompared(Struct, frozen=True, forbid_unknown_fields=True):
    """Something published that no estimate can be made for, and why."""

    name: str
    source: str
    reason: str


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """All that is known of others' GPUs."""

    tables: list[PublishedTable]
    not_compared: list[NotCompared]


def published() -> Published:
    """Return the published times that lie beside this file."""
    content = Path(__file__).with_name(_FILE).read_bytes()
    return msgspec.json.decode(content, type=Published)


class ComparedRow(Struct, frozen=True, kw_only=True):
    """A published time, its estimate with the range, and estimate over published."""

    table: str
    case: str
    hardware: str
    source: str
    kernels: int
    seconds: float
    low: float
    high: float
    published: float
    ratio: float
    inside: bool

    @property
    def width(self) -> float:
        """The worst case over the best."""
        return self.high / self.low


class WhatIfTruth(Struct, frozen=True, kw_only=True):
    """All comparisons, how many of the ranges hold what was published, and how wide they are."""

    rows: list[ComparedRow]
    inside: int
    median_width: float
    not_compared: list[NotCompared]


def compare(published: Published) -> WhatIfTruth:
    """Estimate every published time with the dispatch that its own host's CPU shows."""
    rows = [_compared(table, row) for table in published.tables for row in table.rows]
    return WhatIfTruth(
        rows=rows,
        inside=sum(row.inside for row in rows),
        median_width=median(row.width for row in rows),
        not_compared=published.not_compared,
    )


def _compared(table: PublishedTable, row: PublishedRow) -> ComparedRow:
    kernels = [work for shape in row.kernels for work in shape.work()]
    estimates = _estimates(table, kernels)
    low = min(one.low for one in estimates)
    high = max(one.high for one in estimates)
    seconds = (low * high) ** 0.5
    return ComparedRow(
        table=table.name,
        case=row.case,
        hardware=table.hardware,
        source=table.source,
        kernels=len(kernels),
        seconds=seconds,
        low=low,
        high=high,
        published=row.seconds,
        ratio=seconds / row.seconds,
        inside=low <= row.seconds <= high,
    )


def _estimates(table: PublishedTable, kernels: list[KernelWork]) -> list[DeviceEstimate]:
    """Return the estimate for the table's device; for all devices where it has none."""
    devices = DEVICES.values() if table.device is None else [DEVICES[table.device]]
    return [
        estimate(
            kernels,
            0.0 if table.host is None else table.host.dispatch,
            device,
            table.backend,
            1,
            gradients=table.gradients,
            steps_a_replay=1,
        )
        for device in devices
    ]


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
