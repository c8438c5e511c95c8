"""`perceptron compare`: did this change make anything slower?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from perceptron.commands.shared.arguments import Json, Results, Wait
from perceptron.commands.shared.options import one_of
from perceptron.commands.shared.pages import folder, prepare_comparison
from perceptron.commands.shared.quiet import looking_first


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A branch, tag or commit.")],
    head: Annotated[str, typer.Argument(metavar="HEAD", help="Another; . is the working tree.")],
    suite: Annotated[
        Path, typer.Option(metavar="FILE", help="Configuration of the asv suite.")
    ] = Path("asv.conf.json"),
    pytest: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Instead: all tests there that use the benchmark fixture."
        ),
    ] = None,
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
    installed: Annotated[
        bool, typer.Option("--installed", help="Compare what is installed in these two Pythons.")
    ] = False,
    build: Annotated[
        bool, typer.Option("--build", help="Compare what asv builds and installs of both.")
    ] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Compare only what runs code of changed files.")
    ] = False,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Find the commit that changed a benchmark's work.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the order; drawn if not given.")
    ] = None,
    count: Annotated[
        str, typer.Option(metavar="WHEN", help="Instructions: auto (with valgrind), always, never.")
    ] = "auto",
    least_work: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="PERCENT", help="More work is slower. Default: 1.5."),
    ] = None,
    least_judged: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="With fewer judged, not clean. Default: 50."
        ),
    ] = None,
    no_seed: Annotated[
        bool, typer.Option("--no-seed", help="Leave random numbers to the benchmarks.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what a pull request's comment holds.")
    ] = None,
    annotations: Annotated[
        bool,
        typer.Option("--annotations", help="As in GitHub's workflows: mark slower benchmarks."),
    ] = False,
    html: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where its page is written; '' for none. Default: html."),
    ] = None,
    pages_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where that is published, for comments.")
    ] = None,
    wait: Wait = None,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Did this change make anything slower? Two revisions side by side, by any suite."""
    from msgspec.structs import replace

    from perceptron.analysis.crossover.moved import moved_crossovers
    from perceptron.gate.checkout.request import CompareRequest
    from perceptron.gate.compare import compare as gate
    from perceptron.records.comparison import Counting
    from perceptron.report import comparison_address, documents, text_file
    from perceptron.report.pull_request import annotations as gate_annotations
    from perceptron.report.pull_request import comment
    from perceptron.report.tables import comparison as table
    from perceptron.report.tables import terminal

    request = CompareRequest(
        base,
        head,
        suite,
        benchmarks,
        budget,
        base_python,
        head_python,
        seed,
        results,
        one_of("--count", count, get_args(Counting)),
        seeded=not no_seed,
        least_work=None if least_work is None else least_work / 100,
        least_judged=None if least_judged is None else least_judged / 100,
        pytest=pytest,
        installed=installed,
        build=build,
        only_changed=changed,
        bisect=bisect,
        html=folder(html),
    )
    published = None if pages_url is None else comparison_address.published(pages_url)
    if markdown is not None:
        text_file.reserve(markdown)
    pages = prepare_comparison(html)
    with terminal.progress_bar("comparing") as bar:
        comparison = gate(request, looking_first(bar, wait))
    comparison = replace(comparison, moved_crossovers=moved_crossovers(comparison))
    comparison = pages.write_comparison(comparison)
    terminal.show_warnings(comparison.warnings)
    if json:
        documents.write(comparison)
    else:
        table.show(comparison, pages.html)
    if markdown is not None:
        text = comment.comment(comparison, published=published, html=pages.html)
        text_file.write(markdown, text)
    gate_annotations.annotate(comparison, annotations, published)
    code = {"clean": 0, "regression": 1, "invalid": 2, "inconclusive": 3}[comparison.verdict]
    if code:
        raise typer.Exit(code)
