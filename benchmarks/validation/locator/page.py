"""How often the suite was right in simulated cases, as tables for a terminal and for the docs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.validation import grid
from benchmarks.validation.grid import TextTable, markdown
from benchmarks.validation.locator.maps import MapTruth
from benchmarks.validation.locator.truth import LocatorRow, LocatorTruth, Truth
from benchmarks.validation.share import share_cell, share_percent
from perceptron.numbers import NONE, count, digits, duration
from perceptron.report import text_file


def show(truth: Truth) -> None:
    """Print how right the locator and the map were."""
    grid.show(grids(truth))


def grids(truth: Truth) -> list[TextTable]:
    """Return one table for the locator, one for the map."""
    return [_locator(truth.locator), _map(truth.map)]


def save(file: Path, truth: Truth) -> Path:
    """Write the tables as Markdown with date, machine and command.

    Raises `UserError` if the file cannot be written.
    """
    lines = [
        "# Validation: how often the answers are right",
        "",
        "`python -m benchmarks.validation truth "
        f"--cases {truth.locator.worlds} --seed {truth.locator.seed}`, version "
        f"{truth.version}, {truth.when[:10]}, {truth.machine}, {duration(truth.seconds)}. "
        "Another seed tries other cases.",
    ]
    for table in grids(truth):
        lines += ["", *markdown(table)]
    return text_file.write(file, "\n".join(lines) + "\n")


def _locator(truth: LocatorTruth) -> TextTable:
    dense = truth.dense_sizes_per_decade
    return TextTable(
        "The locator: at what size does the winner change?",
        (
            "cases",
            "number>",
            "status right>",
            "decided and wrong>",
            "decided>",
            "interval right>",
            "of>",
            "its width>",
            "cost>",
        ),
        [_locator_row(row) for row in truth.rows],
        (
            "Clear cases: the largest log-ratio of each stretch with one winner is three standard "
            "errors of a size or more (8 processes, correlated as recorded). Neighbouring "
            "crossovers lie a factor of four apart. There the status must be right; in the others "
            "a wrong one must not be decided. A stretch within ±5% may be reported or left out.",
            "Backends cost an overhead and work over a rate, with up to two cache steps each; "
            "there are one, two or no crossovers, and ties. Processes vary as 240 recorded ones "
            "did, in the order recorded; samples have heavy tails of 1, 5 or 15%; the machine "
            "drifts by up to 10%.",
            "Interval right: of the 95% intervals of single crossovers, those that hold it. "
            "Width: their median, high over low. Cost: sizes times processes, median "
            f"{truth.measurements:.0f}, over those of a sweep with {dense} sizes a decade and as "
            f"many processes as stand behind the answer. {_equal(truth)}",
        ),
    )


def _equal(truth: LocatorTruth) -> str:
    """Say what a dense sweep of equal certainty costs: an interval narrows as 1/√processes."""
    if truth.dense_width is None:
        return "No dense sweep was tried."
    clear = next(row for row in truth.rows if row.worlds == "clear")
    cost = clear.cost / truth.dense_width**2
    return (
        f"In {truth.dense_worlds} clear cases such a sweep was tried: its interval was "
        f"{digits(truth.dense_width)} times as wide (log, median). For an interval as wide as its "
        f"own, the locator costs 1/{digits(1 / cost)} of it."
    )


def _locator_row(row: LocatorRow) -> tuple[str, ...]:
    return (
        row.worlds,
        count(row.right.trials),
        share_cell(row.right),
        f"{row.wrong_and_sure}",
        share_cell(row.sure),
        share_cell(row.covered),
        count(row.covered.trials),
        NONE if row.width is None else f"× {digits(row.width)}",
        f"1/{digits(1 / row.cost)}" if row.cost else NONE,
    )


def _map(map_truth: MapTruth) -> TextTable:
    noise = ", ".join(
        f"{name} {share_percent(share)}" for name, share in map_truth.right_by_noise.items()
    )
    return TextTable(
        "The map: which backend is the fastest where?",
        (
            "cases>",
            "cells>",
            "measured, median>",
            "measured, 95 of 100>",
            "measured, most>",
            "right>",
            "maps with ≥ 99% right>",
            "right in the worst>",
        ),
        [
            (
                count(map_truth.worlds),
                count(map_truth.cells),
                share_percent(map_truth.measured_median),
                share_percent(map_truth.measured_95th),
                share_percent(map_truth.measured_most),
                share_percent(map_truth.right_overall),
                share_percent(map_truth.right_worlds),
                share_percent(map_truth.right_least),
            )
        ],
        (
            "Right: of the cells whose two fastest backends differ by more than ±5%, those where "
            "the map names the fastest; "
            f"{share_percent(map_truth.told_overall)} are also not called a tie. By the standard "
            f"deviation of a process's log time: {noise}.",
        ),
    )
