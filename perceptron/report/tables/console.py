"""What each command found, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import PhaseMap
from perceptron.analysis.stored.finding import FindingRow
from perceptron.records.backend import BackendFacts, CheckResult
from perceptron.records.comparison import Comparison
from perceptron.records.measurement import Measurement
from perceptron.report import numbers as text
from perceptron.report.tables import (
    advice,
    comparison,
    crossover,
    ladder,
    one_size,
    phase_map,
    what_if,
)
from perceptron.report.tables.grid import TextTable
from perceptron.report.tables.terminal import out, table
from perceptron.validation.gate.record import Proof
from perceptron.validation.gate.shown import table as proof_text
from perceptron.validation.locator import table as truth_text
from perceptron.validation.locator.record import Truth


def show_finding(rows: Iterable[FindingRow]) -> None:
    """Print whole trainings beside the published ones."""
    names, numbers = text.FINDING_COLUMNS[:2], text.FINDING_COLUMNS[2:]
    table(
        "The finding: 10,000 iterations on the OR gate",
        (*names, *(f"{number}>" for number in numbers)),
        map(text.finding_cells, rows),
    )


def show_crossovers(found: Sequence[Crossover]) -> None:
    """Print who is faster where, one line for each family and pair that was measured."""
    measured = [each for each in found if each.status != "not measured"]
    if measured:
        table(
            "Who is faster, by size [95 % interval of the crossover]",
            ("family", "incumbent → challenger", "threads>", "status", "answer"),
            (
                (
                    each.family,
                    f"{each.incumbent} → {each.challenger}",
                    str(each.threads),
                    crossover.status(each),
                    text.sentence(each) + (f" ({each.reason})" if each.reason else ""),
                )
                for each in measured
            ),
        )
    for reason in text.missing(found):
        out.print(f"not measured: {reason}\n", markup=False)


def show_located(found: CrossoverResult) -> None:
    """Print crossovers, resident and from cold, and when the faster one has paid for its start."""
    cells = crossover.crossover_cells(found.crossovers)
    if cells:
        table(
            "Who is faster, by size [95 % interval of the crossover]",
            crossover.CROSSOVER_COLUMNS,
            cells,
        )
    cold = crossover.crossover_cells(found.from_cold)
    if cold:
        table(
            f"From cold: with preparing, over a training of {found.iterations:,} iterations",
            crossover.CROSSOVER_COLUMNS,
            cold,
        )
    if found.amortisations:
        table(
            "When the faster one has paid for its start",
            crossover.AMORTISATION_COLUMNS,
            crossover.amortisation_cells(found.amortisations),
        )
    for reason in text.missing(found.crossovers):
        out.print(f"not measured: {reason}\n", markup=False)
    if found.what_if:
        columns = what_if.COLUMNS
        table(what_if.TITLE, columns, what_if.cells(found.what_if))
        if found.checks:
            cells = what_if.check_cells(found.checks)
            table("Beside measurements", what_if.CHECK_COLUMNS, cells)
        first = found.what_if[0]
        line = what_if.check_line(found.checks, first.device)
        out.print(f"{line} Its figures: {first.source}.\n", markup=False, soft_wrap=True)


def show_map(found: PhaseMap) -> None:
    """Print the map as a table, what its letters mean, and what it says in one sentence."""
    table(
        f"{found.family}: who is fastest",
        phase_map.map_columns(found),
        phase_map.map_rows(found),
    )
    out.print(phase_map.map_legend(found), markup=False, soft_wrap=True)
    out.print(f"{found.summary}\n", markup=False, soft_wrap=True)


def show_overhead(found: OverheadResult) -> None:
    """Print the ladder, the phases of its top and the roofline."""
    table(
        f"{found.problem}: one iteration, {found.threads} threads",
        ladder.RUNG_COLUMNS,
        ladder.rung_cells(found.rungs),
    )
    if found.phases:
        columns = ladder.PHASE_COLUMNS
        table("Inside one eager iteration", columns, ladder.phase_cells(found))
    if found.ceilings is not None:
        title, cells = ladder.roofline_title(found), ladder.roofline_cells(found)
        table(title, ladder.ROOFLINE_COLUMNS, cells)
    line = ladder.harness_line(found)
    if line:
        out.print(f"{line}\n", markup=False, soft_wrap=True)


def show_advice(advised: AdviceResult) -> None:
    """Print the sentence, then what stands behind it."""
    found = advised.advice
    out.print(f"{advice.sentence(found)}\n", markup=False)
    guessed = what_if.sentence(advised)
    if guessed:
        out.print(f"{guessed}\n", markup=False)
    columns, rows = advice.COLUMNS, advice.cells(found)
    table(f"{found.problem}, {found.dtype}, {found.threads} threads", columns, rows)
    if found.changes:
        title = "Where that changes"
        table(title, advice.CHANGES_COLUMNS, advice.changes_cells(found.changes))


def show_truth(found: Truth) -> None:
    """Print how right the locator and the map were."""
    _show_grids(truth_text.grids(found))


def show_proof(found: Proof) -> None:
    """Print how often the gate was wrong, and what it found."""
    _show_grids(proof_text.grids(found))
    out.print(proof_text.heading(found), markup=False, soft_wrap=True)


def _show_grids(grids: Iterable[TextTable]) -> None:
    for grid in grids:
        table(grid.title, grid.columns, grid.rows)
        for line in grid.notes:
            out.print(f"{line}\n", markup=False, soft_wrap=True)


def show_comparison(found: Comparison) -> None:
    """Print the verdict, what changed, and what else must be known."""
    colour = {"clean": "green", "regression": "red"}.get(found.verdict, "yellow")
    out.print(f"[{colour}]{found.verdict}[/]: {escape(found.reason)}\n", soft_wrap=True)
    plan = found.plan
    rows = comparison.cells(found.rows)
    if rows:
        table(f"{plan.base.name} → {plan.head.name}", comparison.COLUMNS, rows)
    for line in comparison.notes(found):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"rows:   {found.results}", markup=False, soft_wrap=True)


def show_singles(rows: Iterable[Measurement]) -> None:
    """Print the times of families of one size, if there are any."""
    cells = one_size.single_cells(rows)
    if cells:
        table("One size", one_size.COLUMNS, cells)


def show_backends(found: Iterable[BackendFacts]) -> None:
    """Print what can run here, and why the rest cannot."""
    table(
        "Backends",
        ("name", "device", "here", "what it is"),
        (
            (
                each.name,
                each.device,
                "yes" if each.reason is None else f"no: {each.reason}",
                each.summary,
            )
            for each in found
        ),
    )


def show_checks(found: dict[str, list[CheckResult]]) -> None:
    """Print each promise, then where one is broken."""
    for name, checks in found.items():
        table(
            name,
            ("promise", "kept", "cases>", "skipped>"),
            (
                (each.name, "yes" if each.kept else "NO", str(each.passed), str(each.skipped))
                for each in checks
            ),
        )
        for each in checks:
            for line in each.broken:
                out.print(f"[red]{escape(each.name)}[/]: {escape(line)}")
