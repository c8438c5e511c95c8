"""The finding: whole trainings beside the published ones, as a table and in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.contention import Contention, by_key, with_contended
from perceptron.analysis.stored.finding import FAMILY, FindingRow
from perceptron.numbers import NONE, digits, duration_interval, ratio
from perceptron.records.measurement import Measurement
from perceptron.report.tables.terminal import table

FINDING_COLUMNS = (
    "backend",
    "dtype",
    "whole training [95 % interval]",
    "× numpy",
    "× numpy-published",
    "published",
)


def show(rows: Sequence[FindingRow], measured: Iterable[Measurement] = ()) -> None:
    """Print whole trainings beside the published ones; ``measured`` as in `finding_table`."""
    columns, cells = finding_table(rows, measured)
    names, numbers = columns[:2], columns[2:]
    table(
        "The finding: 10,000 iterations on the OR gate",
        (*names, *(f"{number}>" for number in numbers)),
        cells,
    )


def finding_table(
    rows: Sequence[FindingRow], measured: Iterable[Measurement]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and `finding_cells`, and how far the rows ``measured`` were contended."""
    trainings = by_key((row for row in measured if row.family == FAMILY), lambda row: row.backend)
    return with_contended(
        FINDING_COLUMNS,
        map(finding_cells, rows),
        (trainings.get(row.backend, Contention()) for row in rows),
    )


def finding_cells(row: FindingRow) -> tuple[str, ...]:
    """Return a row of the finding as text, for the terminal, the page and the README alike."""
    published = NONE
    if row.published_seconds is not None and row.published_ratio is not None:
        published = f"{row.published_seconds:g} s (× {digits(row.published_ratio)})"
    training = f"not measured: {row.reason}"
    if row.seconds is not None:
        training = duration_interval(row.seconds, row.low, row.high)
    return (
        row.backend,
        row.dtype or NONE,
        training,
        ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
        ratio(row.ratio_to_published, row.published_low, row.published_high),
        published,
    )


def finding_sentence(rows: Iterable[FindingRow]) -> str:
    """Return the finding in one sentence, from the backends that were measured."""
    trainings = [
        f"{row.backend} {duration_interval(row.seconds, row.low, row.high)}"
        for row in rows
        if row.seconds is not None
    ]
    return f"10,000 iterations on the OR gate: {', '.join(trainings)}."
