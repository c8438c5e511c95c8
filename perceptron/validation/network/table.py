"""Estimates beside what was measured over shaped links, for a terminal and for the docs."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from perceptron.report import text_file
from perceptron.report.numbers import (
    count,
    duration,
    duration_interval,
    memory,
    percent,
)
from perceptron.report.tables import grid
from perceptron.report.tables.grid import TextTable, markdown
from perceptron.report.tables.terminal import out
from perceptron.validation.network.chart import chart
from perceptron.validation.network.check import NetworkCheck, NetworkTruth

COLUMNS = (
    *("problem", "gradient>", "buckets>", "estimate [best, worst case]>"),
    *("measured [95 % interval]>", "error>", "inside"),
)


def show(truth: NetworkTruth) -> None:
    """Print how the estimates do."""
    grid.show(grids(truth))
    out.print(summary(truth), markup=False, soft_wrap=True)


def grids(truth: NetworkTruth) -> list[TextTable]:
    """Return a table for each link."""
    return [
        TextTable(name, COLUMNS, [_cells(check) for check in checks], (_note(checks),))
        for name, group in groupby(truth.checks, key=lambda check: check.link)
        for checks in [list(group)]
    ]


def _cells(check: NetworkCheck) -> tuple[str, ...]:
    estimate, measured = check.estimate, check.measured
    return (
        check.problem,
        memory(check.gradient_bytes, "KiB"),
        count(check.buckets),
        duration_interval(estimate.seconds, estimate.low, estimate.high),
        duration_interval(measured.estimate, measured.low, measured.high),
        percent(check.error, 0, sign=True),
        "yes" if check.inside else "no",
    )


def _note(checks: list[NetworkCheck]) -> str:
    inside = f"Inside: {sum(check.inside for check in checks)} of {len(checks)}."
    if checks[0].fitted:
        return f"The model was fitted to these. {inside}"
    return inside


def summary(truth: NetworkTruth) -> str:
    """Return in how many rows the range holds what was measured, those of the fit left out."""
    shaped = truth.shaped
    if not shaped:
        return "No link was shaped."
    inside = sum(check.inside for check in shaped)
    largest = max(shaped, key=lambda check: abs(check.error))
    return (
        f"Over shaped links the estimate's range holds what was measured in {inside} of "
        f"{len(shaped)} rows ({percent(inside / len(shaped), 0)}); the likely value is off by "
        f"{percent(largest.error, 0, sign=True)} at most ({largest.problem} at {largest.link})."
    )


def save(file: Path, truth: NetworkTruth) -> Path:
    """Write the tables as Markdown, and a figure beside them as SVG.

    Raises `UserError` if a file cannot be written.
    """
    picture = text_file.write(file.with_suffix(".svg"), chart(truth))
    sending = truth.sending
    needs = f"{_time(sending.per_step)} a message and {_time(sending.per_byte * 2**20)} a MiB"
    lines = [
        "# Over a network: estimates beside shaped links",
        "",
        "This page compares a part of the cost model of `advise --what-if-network`, what the "
        "bandwidth of a link adds to an iteration, with what training over two processes takes "
        "when a link of known rate joins them. `perceptron truth --network` measures it; root on "
        "Linux is needed.",
        "",
        summary(truth),
        "",
        "![Seconds an iteration by the size of its gradient, measured and estimated]"
        f"({picture.name})",
        "",
        f"Measured on {truth.when[:10]} ({truth.cpu}, {truth.cores} cores), in "
        f"{truth.processes} processes for each number. Two network namespaces are the hosts, a "
        "pair of virtual cards joins them, and `tc tbf` on each of its ends lets the bits of the "
        "rate pass. One rank of `torch-ddp@2` runs in each, with one thread, over gloo.",
        "",
        "The model knows what one process takes for half of the rows, what sending takes over the "
        f"link as it comes ({needs}), and the rate of the shaped link; nothing that was measured "
        "over it. Its range has a shaped link pass what fits into its bucket of tokens at once, or "
        "not, and sending overlap with the backward pass and the hosts' own work, or not.",
        "",
        "**Checked** is what a link of known bandwidth adds for two machines: bytes and messages "
        "of each bucket, how far they hide behind the backward pass, and the range of both. Where "
        "the hosts are slower than the link, as they may be at 10 Gbit/s, the link does not show.",
        "",
        "**Not checked** is the rest of what `advise` does. It splits computing into what grows "
        "with the rows and what does not, and adds DDP's hooks, by a fit; here the half of the "
        "rows is measured of each problem itself. It learns sending from shapes of its own; here "
        "that is fitted to the same problems. Latency and bandwidth of real networks are published "
        "figures; this link delays nothing. More than two machines, over how many an iteration is "
        "fastest, and from how many rows the second one pays are tried nowhere.",
    ]
    for table in grids(truth):
        lines += ["", *markdown(table)]
    return text_file.write(file, "\n".join(lines) + "\n")


def _time(seconds: float) -> str:
    return "0 s" if seconds == 0 else duration(seconds)
