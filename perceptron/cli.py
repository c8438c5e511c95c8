"""The command line: a table of contents. Each command imports its study inside the function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import perceptron
from perceptron.arguments import (
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
    WhatIf,
)
from perceptron.ending import run
from perceptron.errors import UserError
from perceptron.options import (
    folder_name,
    one_number,
    one_of,
    several,
    split,
    spread,
    whole_numbers,
)

app = typer.Typer(
    name="perceptron",
    help=perceptron.__doc__,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help needs no rich: it answers in half the time
    pretty_exceptions_enable=False,
)


@app.command()
def walkthrough(
    problem: Annotated[
        str, typer.Argument(help="or-gate, symptoms, xor or xor-hidden")
    ] = "or-gate",
    backend: Backends = None,
    activation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Replace the last layer's activation.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write figures.")] = None,
    json: Json = False,
) -> None:
    """The introduction: train a tiny problem and look at what was learned."""
    from perceptron.report import console, documents, story
    from perceptron.studies import walkthrough as study

    with console.progress_bar(problem) as bar:
        walk = study.walkthrough(
            problem, split("--backend", backend) or study.BACKENDS, activation, bar
        )
    if json:
        documents.write(documents.walkthrough(walk))
    else:
        story.tell(walk)
        console.show_next("perceptron bench --quick")
    if save is not None:
        curve = study.sigmoid_curve()
        for file in story.draw(walk, save, study.predictor(walk, activation), curve):
            console.err.print(f"wrote {file}")


@app.command()
def backends(json: Json = False) -> None:
    """What can run here, what cannot, and why."""
    from perceptron.report import console, documents
    from perceptron.studies.backends import survey

    found = survey()
    if json:
        documents.write({"backends": found})
    else:
        console.show_backends(found)
        console.show_next("perceptron bench --quick")


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(metavar="NAME …", help="Backends to check.")],
    json: Json = False,
) -> None:
    """The contract of a backend, for its author: agreement, and mistakes that must be noticed."""
    from perceptron.report import console, documents
    from perceptron.studies.check import check as study

    with console.progress_bar("checking") as bar:
        found = {name: study(name, bar) for name in split("NAME", names)}
    if json:
        documents.write({"backends": found})
    else:
        console.show_checks(found)
        console.show_next(f"perceptron bench --quick --backends {','.join(('numpy', *found))}")
    if not all(each.kept for checks in found.values() for each in checks):
        raise typer.Exit(1)


@app.command()
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
    from perceptron.analysis.collection import collect
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.files import references
    from perceptron.problems.problem import DTYPES
    from perceptron.report import asv_pages, console, documents, page
    from perceptron.report.site.write import write_site
    from perceptron.studies import bench as study

    own = [each for file in split("--problem", problem) for each in references(file)]
    plan = study.Plan(
        families=split("--families", families) or (() if own else study.SWEEP),
        problems=tuple(own),
        backends=split("--backends", backends) or DEFAULT,
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=whole_numbers("--threads", threads),
        quick=quick,
    )
    page.reserve(html)
    with console.progress_bar("measuring") as bar:
        found = study.bench(plan, folder_name("--machine", machine), results, bar)
    written = write_site(html, collect(results), asv_pages.absent(html))
    console.show_warnings(found.warnings)
    if json:
        documents.write(documents.bench(found, written))
    else:
        console.show_finding(found.finding)
        console.show_crossovers(found.crossovers)
        console.show_singles(found.rows)
        console.show_places(found.results, written)
        console.show_next("perceptron bench" if quick else "perceptron crossover")


@app.command()
def crossover(
    family: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME …", help="Families to search; default: all with one axis."),
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option(metavar="A:B …", help="Incumbent and challenger; default: every two."),
    ] = None,
    problem: Problems = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE …", help="Judge these results instead of measuring."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --from: parameters that hold the backend."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --from: parameter that holds the size.")
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=1, metavar="K", help="Of the training that starts from cold.")
    ] = 10_000,
    what_if: WhatIf = None,
    backends: Backends = None,
    threads: Threads = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="float32 or float64.")] = None,
    quick: Quick = False,
    machine: Machine = None,
    results: Results = Path("results"),
    html: Html = Path("html"),
    json: Json = False,
) -> None:
    """From which size on does B beat A? Measured where the answer is, or read from files."""
    from perceptron.analysis.devices import device
    from perceptron.backends import registry
    from perceptron.problems.problem import DTYPES
    from perceptron.report import console, crossover_page, documents, page
    from perceptron.studies import crossover as study
    from perceptron.studies import foreign
    from perceptron.studies.bench import SWEEP

    pairs, sources = several("--pair", pair), several("--from", source)
    problems, parameters = several("--problem", problem), several("--by", by)
    if sources:
        measuring = {
            "--problem": problem,
            "--backends": backends,
            "--threads": threads,
            "--dtype": dtype,
            "--quick": quick,
            "--machine": machine,
            "--what-if": what_if,
        }
        for option, given in measuring.items():
            if given:
                raise UserError(f"{option} says what to measure: leave it out with --from")
        families = several("--family", family)
        found = foreign.judge_files(sources, pairs, families, parameters, size, iterations)
        reserved = page.reserve(html, "crossover.html")
    else:
        if parameters or size is not None:
            raise UserError("--by and --size name parameters of files: give them with --from")
        families = split("--family", family)
        plan = study.Plan(
            families=families or (() if problems else SWEEP),
            problems=problems,
            pairs=tuple(foreign.split_pair(each, registry.names()) for each in pairs),
            backends=split("--backends", backends) or registry.DEFAULT,
            dtype=one_of("--dtype", dtype or "float32", DTYPES),
            threads=whole_numbers("--threads", threads),
            iterations=iterations,
            quick=quick,
        )
        guessed = None if what_if is None else device(what_if)
        reserved = page.reserve(html, "crossover.html")
        with console.progress_bar("searching") as bar:
            found = study.locate(plan, folder_name("--machine", machine), results, bar, guessed)
    written = crossover_page.write_crossovers(reserved, found)
    console.show_warnings(found.warnings)
    if json:
        documents.write(documents.crossover(found, written))
    else:
        console.show_located(found)
        console.show_places(found.results, written)
        console.show_next("perceptron map")


@app.command("map")
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
    from perceptron.report import console, documents, map_page, page
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
    with console.progress_bar("mapping") as bar:
        found = study.map_family(plan, folder_name("--machine", machine), results, bar)
    written = map_page.write_map(reserved, found)
    console.show_warnings(found.warnings)
    if json:
        documents.write(documents.phase_map(found, written))
    else:
        console.show_map(found.map)
        console.show_places(found.results, written)
        console.show_next("perceptron advise --rows 1000 --features 20 --hidden 64")


@app.command()
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
    from perceptron.report import console, documents, ladder_page, page
    from perceptron.studies import overhead as study

    plan = study.Plan(
        problem=problem,
        backends=split("--backends", backends),
        dtype=None if dtype is None else one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        quick=quick,
    )
    reserved = page.reserve(html, "overhead.html")
    with console.progress_bar("measuring") as bar:
        found = study.overhead(plan, folder_name("--machine", machine), results, bar)
    written = ladder_page.write_overhead(reserved, found)
    console.show_warnings(found.warnings)
    if json:
        documents.write(documents.overhead(found, written))
    else:
        console.show_overhead(found)
        console.show_places(found.results, written)
        console.show_next("perceptron advise --rows 1000 --features 20 --hidden 64")


@app.command()
def advise(
    rows: Annotated[int | None, typer.Option(min=1, metavar="N", help="Rows of the data.")] = None,
    features: Annotated[int | None, typer.Option(min=1, metavar="D", help="Inputs.")] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="H[,H…]", help="Widths of the hidden layers; none: no.")
    ] = None,
    problem: Annotated[
        str | None,
        typer.Option(metavar="P", help="A problem or a FILE.toml[:SIZE] instead of a shape."),
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=1, metavar="K", help="Of the training, from cold.")
    ] = 10_000,
    seconds: Annotated[
        float, typer.Option(min=1, metavar="S", help="How long to look; at least the shape itself.")
    ] = 20.0,
    what_if: WhatIf = None,
    backends: Backends = None,
    threads: Threads = None,
    dtype: DTypeName = "float32",
    machine: Machine = None,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Which backend for my shape, on this machine, and from where on that changes."""
    from perceptron.analysis.devices import device
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.problem import DTYPES
    from perceptron.report import console, documents
    from perceptron.studies import advise as study

    shape = (rows, features, hidden)
    if problem is not None and any(each is not None for each in shape):
        raise UserError("give --rows, --features and --hidden or --problem, not both")
    plan = study.Plan(
        problem=problem
        or study.shape_reference(
            rows, features, whole_numbers("--hidden", hidden, each_once=False)
        ),
        backends=split("--backends", backends) or DEFAULT,
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        iterations=iterations,
        seconds=seconds,
    )
    guessed = None if what_if is None else device(what_if)
    with console.progress_bar("looking") as bar:
        found = study.advise(plan, folder_name("--machine", machine), results, bar, guessed)
    console.show_warnings(found.warnings)
    if json:
        documents.write(documents.advice(found))
    else:
        console.show_advice(found)
        console.show_next("perceptron crossover")


@app.command()
def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A branch, tag or commit.")],
    head: Annotated[str, typer.Argument(metavar="HEAD", help="Another; . is the working tree.")],
    suite: Annotated[
        Path, typer.Option(metavar="FILE", help="Configuration of the asv suite.")
    ] = Path("asv.conf.json"),
    benchmarks: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Found in name(parameters).")
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0.05, metavar="MINUTES", help="Less time, less is detected.")
    ] = 10.0,
    base_python: Annotated[
        str | None, typer.Option(metavar="FILE", help="Interpreter of BASE. Default: this one.")
    ] = None,
    head_python: Annotated[
        str | None, typer.Option(metavar="FILE", help="Interpreter of HEAD. Default: this one.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the order; drawn if not given.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what a pull request's comment holds.")
    ] = None,
    annotations: Annotated[
        bool,
        typer.Option("--annotations", help="As in GitHub's workflows: mark slower benchmarks."),
    ] = False,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Did this change make anything slower? Two revisions of any asv suite, side by side."""
    from perceptron.gate.compare import compare as gate
    from perceptron.gate.request import Request
    from perceptron.report import console, documents, gate_annotations, gate_comment, text_file

    request = Request(
        base, head, suite, benchmarks, budget, base_python, head_python, seed, results
    )
    if markdown is not None:
        text_file.reserve(markdown)
    with console.progress_bar("comparing") as bar:
        found = gate(request, bar)
    console.show_warnings(found.warnings)
    if json:
        documents.write(found)
    else:
        console.show_comparison(found)
    if markdown is not None:
        text_file.write(markdown, gate_comment.comment(found))
    gate_annotations.tell_github(found, annotations)
    code = {"clean": 0, "regression": 1, "invalid": 2, "inconclusive": 3}[found.verdict]
    if code:
        raise typer.Exit(code)


@app.command()
def proof(
    runs: Annotated[
        int, typer.Option(min=1, metavar="N", help="In which nothing changes; others beside them.")
    ] = 200,
    minutes: Annotated[
        float | None, typer.Option(min=0, metavar="M", help="Begin no run after so long.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: judge the runs that are there.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the tables with date and machine.")
    ] = None,
    machine: Machine = None,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Does the gate cry wolf, does it sleep? Whole runs of it; goes on where it stopped."""
    from perceptron.gate.proof import prove as gate
    from perceptron.measure.machine import machine_name
    from perceptron.measure.revision import revision
    from perceptron.report import console, documents, proof_text, text_file

    if save is not None:
        text_file.reserve(save)
    name = folder_name("--machine", machine) or machine_name()
    request = gate.Request(name, results, runs, minutes, report, revision())
    with console.progress_bar("proving") as bar:
        found = gate.prove(request, bar)
    if json:
        documents.write(found)
    else:
        console.show_proof(found)
    if save is not None:
        console.err.print(f"wrote {proof_text.save(save, found)}", soft_wrap=True)
    if any(target.met is False for target in found.targets):
        raise typer.Exit(1)


@app.command()
def truth(
    worlds: Annotated[int, typer.Option(min=1, metavar="N", help="Simulated worlds.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Other worlds.")] = 1,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the tables with date and machine.")
    ] = None,
    json: Json = False,
) -> None:
    """Is the suite right? Crossovers and maps of simulated worlds, whose answers are known."""
    from perceptron.report import console, documents, text_file, truth_text
    from perceptron.studies.truth import truth as study

    if save is not None:
        text_file.reserve(save)
    with console.progress_bar("trying") as bar:
        found = study(worlds, seed, bar)
    if json:
        documents.write(found)
    else:
        console.show_truth(found)
    if save is not None:
        console.err.print(f"wrote {truth_text.save(save, found)}", soft_wrap=True)


@app.command()
def dashboard(
    serve: Annotated[
        bool, typer.Option("--serve", help="Show the pages on this machine's own address.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="With --serve; 0: any free one.")
    ] = 8000,
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="asv's own, for its pages in asv/.")
    ] = Path("asv.conf.json"),
    results: Results = Path("results"),
    html: Html = Path("html"),
    json: Json = False,
) -> None:
    """The HTML pages, from what is in results/: ours, and asv's own beside them."""
    from perceptron.analysis.collection import collect
    from perceptron.report import asv_pages, console, documents, page, server
    from perceptron.report.site.write import write_site

    if not results.is_dir():
        raise UserError(f"{results}: no such results; `perceptron bench` makes some")
    page.reserve(html)
    found = collect(results)
    asv = asv_pages.publish(config, results, html)
    written = write_site(html, found, asv)
    for complaint in found.complaints:
        console.err.print(f"left out: {complaint}", markup=False, highlight=False, soft_wrap=True)
    if json:
        documents.write({"dashboard": written, "asv": asv, "complaints": found.complaints})
    else:
        console.show_places(None, written)
        if asv is not None:
            told = f"asv's pages are not there: {asv}"
            console.out.print(told, markup=False, highlight=False, soft_wrap=True)
    if serve:
        server.serve(html, port, console.err.print)


@app.command()
def doctor(threads: Threads = None, json: Json = False) -> None:
    """What on this machine makes timings untrustworthy, and what to do about it."""
    from perceptron.measure.machine import usable_cores
    from perceptron.report import console, diagnosis, documents
    from perceptron.studies import doctor as study

    with console.progress_bar("looking") as bar:
        found = study.doctor(max(whole_numbers("--threads", threads) or (usable_cores(),)), bar)
    if json:
        documents.write(documents.doctor(found))
    else:
        diagnosis.show(found)
    if found.cautions:
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"perceptron {perceptron.__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; see `ending.run` for how it may end."""
    run(app, spread(sys.argv[1:]))
