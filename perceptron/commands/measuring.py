"""Measuring: the main job, the map, the ladder."""

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
    Quick,
    Results,
    Threads,
)
from perceptron.commands.shared.options import folder_name, one_number, one_of, split, whole_numbers


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
    from perceptron.analysis.stored.collection import collect
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.files import references
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.asv import pages
    from perceptron.report.dashboard import page
    from perceptron.report.dashboard.write import write_site
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
    page.reserve(html)
    with terminal.progress_bar("measuring") as bar:
        found = study.bench(plan, folder_name("--machine", machine), results, bar)
    written = write_site(html, collect(results), pages.absent(html))
    terminal.show_warnings(found.warnings)
    if json:
        documents.write(documents.bench(found, written))
    else:
        console.show_finding(found.finding)
        console.show_crossovers(found.crossovers)
        console.show_singles(found.rows)
        terminal.show_places(found.results, written)
        terminal.show_next("perceptron bench" if quick else "perceptron crossover")


def phase_map(
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="A family with two axes.")
    ] = None,
    points: Annotated[
        int,
        typer.Option(
            metavar="N", show_default=False, help="Sizes along each axis; default 16, quick 8."
        ),
    ] = 0,
    backends: Backends = None,
    threads: Threads = None,
    dtype: DTypeName = "float32",
    quick: Annotated[bool, typer.Option("--quick", help="A look: a coarse map.")] = False,
    machine: Machine = None,
    results: Results = Path("results"),
    html: Html = Path("html"),
    json: Json = False,
) -> None:
    """The phase diagram: which backend wins where, on two size axes, and by how much."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents, map_page
    from perceptron.report.dashboard import page
    from perceptron.report.tables import console, terminal
    from perceptron.studies import map as study

    plan = study.MapPlan(
        family=study.MAPS[0] if family is None else family,
        points=points,
        backends=split("--backends", backends) or DEFAULT,
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        quick=quick,
    )
    reserved = page.reserve(html, "map.html")
    with terminal.progress_bar("mapping") as bar:
        found = study.map_family(plan, folder_name("--machine", machine), results, bar)
    written = map_page.write_map(reserved, found)
    terminal.show_warnings(found.warnings)
    if json:
        documents.write(documents.phase_map(found, written))
    else:
        console.show_map(found.map)
        terminal.show_places(found.results, written)
        terminal.show_next("perceptron advise --rows 1000 --features 20 --hidden 64")


def overhead(
    problem: Annotated[
        str, typer.Option(metavar="P", help="A problem, a shape or a FILE.toml[:SIZE].")
    ] = "or-gate",
    backends: Backends = None,
    threads: Threads = None,
    dtype: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32 or float64; the walk-through's as published."),
    ] = None,
    quick: Quick = False,
    machine: Machine = None,
    results: Results = Path("results"),
    html: Html = Path("html"),
    json: Json = False,
) -> None:
    """Where one iteration's time goes, rung by rung down to the floor."""
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.dashboard import page
    from perceptron.report.tables import console, ladder, terminal
    from perceptron.studies import overhead as study

    plan = study.OverheadPlan(
        problem=problem,
        backends=split("--backends", backends),
        dtype=None if dtype is None else one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        quick=quick,
    )
    reserved = page.reserve(html, "overhead.html")
    with terminal.progress_bar("measuring") as bar:
        found = study.overhead(plan, folder_name("--machine", machine), results, bar)
    written = ladder.write_overhead(reserved, found)
    terminal.show_warnings(found.warnings)
    if json:
        documents.write(documents.overhead(found, written))
    else:
        console.show_overhead(found)
        terminal.show_places(found.results, written)
        terminal.show_next("perceptron advise --rows 1000 --features 20 --hidden 64")
