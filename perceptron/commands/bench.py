"""`perceptron bench`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import (
    Backends,
    DTypeName,
    Families,
    Html,
    Json,
    Machine,
    Problems,
    Results,
    Threads,
)
from perceptron.commands.shared.options import folder_name, one_of, split, whole_numbers
from perceptron.commands.shared.pages import prepare
from perceptron.commands.shared.skipped import announce_skipped


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A look, within a minute.")] = False,
    families: Families = None,
    problem: Problems = None,
    backends: Backends = None,
    machine: Machine = None,
    threads: Threads = None,
    dtype: DTypeName = "float32",
    results: Results = Path("results"),
    html: Html = Path("html"),
    json: Json = False,
) -> None:
    """The main job: the finding, the sweep over sizes, the crossovers, the page."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.files import references
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import console, terminal
    from perceptron.studies import bench as study

    own = [each for file in split("--problem", problem) for each in references(file)]
    plan = study.BenchPlan(
        families=split("--families", families) or (() if own else study.SWEEP),
        problems=tuple(own),
        backends=split("--backends", backends) or DEFAULT,
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=whole_numbers("--threads", threads),
        quick=quick,
    )
    pages = prepare(html)
    announce_skipped(plan.backends)
    with terminal.progress_bar("measuring") as bar:
        found = study.bench(plan, folder_name("--machine", machine), results, bar)
    written = pages.write(results)
    terminal.show_warnings(found.warnings)
    if json:
        documents.write(documents.bench(found, written))
    else:
        console.show_finding(found.finding)
        console.show_crossovers(found.crossovers)
        console.show_singles(found.rows)
        terminal.show_places(found.results, written)
        terminal.show_next("perceptron bench" if quick else "perceptron crossover")
