"""`perceptron compare`: did this change make anything slower?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, get_args

import typer

from perceptron.commands.shared.arguments import Json, Results, Verbose, Wait
from perceptron.commands.shared.idle import looking_first
from perceptron.commands.shared.options import one_of
from perceptron.commands.shared.pages import prepare_comparison


def compare(
    base: Annotated[
        str, typer.Argument(metavar="BASE", help="Compare with this branch, tag or commit.")
    ],
    head: Annotated[
        str, typer.Argument(metavar="HEAD", help="Judge this one, or . (the working tree).")
    ],
    suite: Annotated[Path, typer.Option(metavar="FILE", help="Run this asv suite.")] = Path(
        "asv.conf.json"
    ),
    pytest: Annotated[
        str | None,
        typer.Option(
            metavar="PATH[::TEST]",
            help="Run the benchmarks among these pytest tests, and no asv suite.",
        ),
    ] = None,
    benchmarks: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="Run the benchmarks whose name(parameters), id or group matches."
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0.05, metavar="MINUTES", help="Measure for at most this long.")
    ] = 10.0,
    base_python: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Run BASE with this Python. Default: the current one."),
    ] = None,
    head_python: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Run HEAD with this Python. Default: the current one."),
    ] = None,
    installed: Annotated[
        bool,
        typer.Option("--installed", help="Compare the installed project of these two Pythons."),
    ] = False,
    build: Annotated[
        bool, typer.Option("--build", help="Let asv build and install both revisions first.")
    ] = False,
    always: Annotated[
        bool, typer.Option("--always", help="Measure even if both revisions run the same code.")
    ] = False,
    allow_removed: Annotated[
        bool,
        typer.Option("--allow-removed", help="Accept that benchmarks of BASE are gone on HEAD."),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Seed the order and random inputs. Default: a new seed."
        ),
    ] = None,
    count: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="Count instructions: auto (if valgrind is found), always or never."
        ),
    ] = "auto",
    least_judged: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PERCENT",
            help="Call a run clean only if it judged this share. Default: 50.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the comment for a pull request to this file."),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write the page here; '' for none. Default: html."),
    ] = None,
    pages_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Link the comment to the pages published here."),
    ] = None,
    wait: Wait = None,
    results: Results = Path("results"),
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Run a project's benchmarks on two revisions, side by side."""
    from perceptron.errors import UserError
    from perceptron.gate.checkout.request import CompareRequest
    from perceptron.gate.compare import compare as gate
    from perceptron.records.comparison import Counting
    from perceptron.report import comparison_address, documents, text_file
    from perceptron.report.pull_request import annotations, comment
    from perceptron.report.tables import comparison as table
    from perceptron.report.tables import terminal

    if not hasattr(os, "killpg"):
        raise UserError("compare needs process groups, which Windows lacks: run it in WSL")
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
        least_judged=None if least_judged is None else least_judged / 100,
        pytest=pytest,
        installed=installed,
        build=build,
        always=always,
        allow_removed=allow_removed,
    )
    published = None if pages_url is None else comparison_address.published(pages_url)
    if markdown is not None:
        text_file.reserve(markdown)
    pages = prepare_comparison(html)
    with terminal.progress_bar("comparing") as bar:
        comparison = gate(request, looking_first(bar, wait))
    comparison = pages.write_comparison(comparison)
    if json:
        documents.write(comparison)
    else:
        table.show(comparison, pages.html, verbose)
    terminal.show_warnings(comparison.warnings, is_brief=not verbose)
    if markdown is not None:
        text = comment.comment(comparison, published=published, html=pages.html)
        text_file.write(markdown, text)
    annotations.annotate(comparison, published)
    code = {"clean": 0, "regression": 1, "invalid": 2, "inconclusive": 3}[comparison.verdict]
    if code:
        raise typer.Exit(code)
