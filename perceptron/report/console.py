"""What each command found, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape

from perceptron.analysis.advice import Advised
from perceptron.analysis.crossover import Crossover
from perceptron.analysis.finding import FindingRow
from perceptron.analysis.ladder import Overhead
from perceptron.analysis.located import Located
from perceptron.analysis.phase import PhaseMap
from perceptron.records.backend import BackendFacts, Checked
from perceptron.records.comparison import Comparison
from perceptron.records.measurement import Measurement
from perceptron.records.proof import Proof
from perceptron.records.truth import Truth
from perceptron.report import (
    advice_text,
    crossover_page,
    gate_text,
    ladder_page,
    map_text,
    proof_text,
    single,
    text,
    truth_text,
    what_if_text,
)
from perceptron.report.grid import Grid
from perceptron.report.terminal import out, table


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
                    crossover_page.status(each),
                    text.sentence(each) + (f" ({each.reason})" if each.reason else ""),
                )
                for each in measured
            ),
        )
    for reason in text.missing(found):
        out.print(f"not measured: {reason}\n", markup=False)


def show_located(found: Located) -> None:
    """Print crossovers, resident and from cold, and when the faster one has paid for its start."""
    cells = crossover_page.crossover_cells(found.crossovers)
    if cells:
        table(
            "Who is faster, by size [95 % interval of the crossover]",
            crossover_page.CROSSOVER_COLUMNS,
            cells,
        )
    cold = crossover_page.crossover_cells(found.from_cold)
    if cold:
        table(
            f"From cold: with preparing, over a training of {found.iterations:,} iterations",
            crossover_page.CROSSOVER_COLUMNS,
            cold,
        )
    if found.amortisations:
        table(
            "When the faster one has paid for its start",
            crossover_page.AMORTISATION_COLUMNS,
            crossover_page.amortisation_cells(found.amortisations),
        )
    for reason in text.missing(found.crossovers):
        out.print(f"not measured: {reason}\n", markup=False)
    if found.what_if:
        columns = what_if_text.COLUMNS
        table(what_if_text.TITLE, columns, what_if_text.cells(found.what_if))
        if found.checks:
            cells = what_if_text.check_cells(found.checks)
            table("Beside measurements", what_if_text.CHECK_COLUMNS, cells)
        first = found.what_if[0]
        line = what_if_text.check_line(found.checks, first.device)
        out.print(f"{line} Its figures: {first.source}.\n", markup=False, soft_wrap=True)


def show_map(found: PhaseMap) -> None:
    """Print the map as a table, what its letters mean, and what it says in one sentence."""
    table(
        f"{found.family}: who is fastest",
        map_text.map_columns(found),
        map_text.map_rows(found),
    )
    out.print(map_text.map_legend(found), markup=False, soft_wrap=True)
    out.print(f"{found.summary}\n", markup=False, soft_wrap=True)


def show_overhead(found: Overhead) -> None:
    """Print the ladder, the phases of its top and the roofline."""
    table(
        f"{found.problem}: one iteration, {found.threads} threads",
        ladder_page.RUNG_COLUMNS,
        ladder_page.rung_cells(found.rungs),
    )
    if found.phases:
        columns = ladder_page.PHASE_COLUMNS
        table("Inside one eager iteration", columns, ladder_page.phase_cells(found))
    if found.ceilings is not None:
        title, cells = ladder_page.roofline_title(found), ladder_page.roofline_cells(found)
        table(title, ladder_page.ROOFLINE_COLUMNS, cells)
    line = ladder_page.harness_line(found)
    if line:
        out.print(f"{line}\n", markup=False, soft_wrap=True)


def show_advice(advised: Advised) -> None:
    """Print the sentence, then what stands behind it."""
    found = advised.advice
    out.print(f"{advice_text.sentence(found)}\n", markup=False)
    guessed = what_if_text.sentence(advised)
    if guessed:
        out.print(f"{guessed}\n", markup=False)
    columns, rows = advice_text.COLUMNS, advice_text.cells(found)
    table(f"{found.problem}, {found.dtype}, {found.threads} threads", columns, rows)
    if found.changes:
        title = "Where that changes"
        table(title, advice_text.CHANGES_COLUMNS, advice_text.changes_cells(found.changes))


def show_truth(found: Truth) -> None:
    """Print how right the locator and the map were."""
    _show_grids(truth_text.grids(found))


def show_proof(found: Proof) -> None:
    """Print how often the gate was wrong, and what it found."""
    _show_grids(proof_text.grids(found))
    out.print(proof_text.heading(found), markup=False, soft_wrap=True)


def _show_grids(grids: Iterable[Grid]) -> None:
    for grid in grids:
        table(grid.title, grid.columns, grid.rows)
        for line in grid.notes:
            out.print(f"{line}\n", markup=False, soft_wrap=True)


def show_comparison(found: Comparison) -> None:
    """Print the verdict, what changed, and what else must be known."""
    colour = {"clean": "green", "regression": "red"}.get(found.verdict, "yellow")
    out.print(f"[{colour}]{found.verdict}[/]: {escape(found.reason)}\n", soft_wrap=True)
    plan = found.plan
    rows = gate_text.cells(found.rows)
    if rows:
        table(f"{plan.base.name} → {plan.head.name}", gate_text.COLUMNS, rows)
    for line in gate_text.notes(found):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"rows:   {found.results}", markup=False, soft_wrap=True)


def show_singles(rows: Iterable[Measurement]) -> None:
    """Print the times of families of one size, if there are any."""
    cells = single.single_cells(rows)
    if cells:
        table("One size", single.COLUMNS, cells)


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


def show_checks(found: dict[str, list[Checked]]) -> None:
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
