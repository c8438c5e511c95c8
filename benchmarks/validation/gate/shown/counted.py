"""What counting said, as tables: the evidence that has no noise comes first."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.validation.gate.judging.counts import SEEN
from benchmarks.validation.gate.record import CountedBenchmark, CountedKind
from benchmarks.validation.share import share_cell
from perceptron.report.numbers import NONE, count, percent
from perceptron.report.tables.grid import TextTable

_KINDS = (
    "head differs by",
    "benchmarks>",
    "counted>",
    "work>",
    "noise at most>",
    "more work seen>",
    "called slower>",
    "on its work>",
)
_BENCHMARKS = (
    "benchmark",
    "number>",
    "counted>",
    "median difference>",
    "largest>",
    "if not counted, why",
)


def counted_kinds(rows: Sequence[CountedKind]) -> TextTable:
    """Return what became of the benchmarks that each kind of head changes."""
    return TextTable(
        "Counted in whole runs: benchmarks that the head changes",
        _KINDS,
        [
            (
                row.name,
                count(row.rows),
                share_cell(row.counted),
                _change(row.change),
                _small(row.noise),
                share_cell(row.seen),
                share_cell(row.called_slower),
                share_cell(row.on_work),
            )
            for row in rows
        ],
        (
            "All benchmarks where nothing changed. Work: the median change of the instructions of "
            "a call. Noise: how far two counts of the same are apart. The columns from there on "
            f"are of those that could be counted. Seen: a rise of {percent(SEEN)} or more, and "
            "beyond the noise. On its work: called slower by its counts, with the clock or without "
            "it.",
        ),
    )


def counted_benchmarks(rows: Sequence[CountedBenchmark]) -> TextTable:
    """Return how far counts are apart where nothing changed."""
    return TextTable(
        "Counted where nothing changed: how far base and head are apart",
        _BENCHMARKS,
        [
            (
                row.benchmark,
                count(row.counted.trials),
                share_cell(row.counted),
                _small(row.median),
                _small(row.largest),
                row.why_not or NONE,
            )
            for row in rows
        ],
        ("Runs beside a busy process are among them: counts do not know the clock.",),
    )


def _change(value: float | None) -> str:
    return NONE if value is None else percent(value, 2, sign=True)


def _small(value: float | None) -> str:
    return NONE if value is None else percent(value, 4)
