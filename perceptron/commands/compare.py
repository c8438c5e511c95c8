"""`perceptron compare`: did this change make anything slower?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from perceptron.commands.shared.pages import prepare_comparison
from perceptron.options import OUTPUT, Argument, Json, Option, Results, Verbose, Wait
from perceptron.records.comparison import Counting


def compare(
    base: Annotated[str, Argument("Compare with this branch, tag or commit.", metavar="BASE")],
    head: Annotated[str, Argument("Judge this one, or . (the working tree).", metavar="HEAD")],
    suite: Annotated[Path, Option("Run this asv suite.", metavar="FILE")] = Path("asv.conf.json"),
    pytest: Annotated[
        str | None,
        Option(
            "Run the benchmarks of these pytest tests instead.",
            metavar="PATH[::TEST]",
        ),
    ] = None,
    benchmarks: Annotated[
        str | None,
        Option(
            "Only where name(parameters), id or group matches.",
            ("--benchmarks", "--bench"),
            "REGEX",
        ),
    ] = None,
    budget: Annotated[
        float, Option("Measure this long at most.", metavar="MINUTES", low=0.05)
    ] = 10.0,
    python: Annotated[
        str | None,
        Option("Run benchmarks with this Python. Default: the project's.", metavar="FILE|NAME"),
    ] = None,
    base_python: Annotated[
        str | None, Option("Run BASE with another Python.", metavar="FILE")
    ] = None,
    head_python: Annotated[
        str | None, Option("Run HEAD with another Python.", metavar="FILE")
    ] = None,
    installed: Annotated[
        bool, Option("Compare the installed project of these two Pythons.")
    ] = False,
    build: Annotated[bool, Option("Build and install both revisions first.")] = False,
    always: Annotated[bool, Option("Measure even if both revisions run the same code.")] = False,
    allow_removed: Annotated[
        bool, Option("Accept that benchmarks of BASE are gone on HEAD.")
    ] = False,
    strict: Annotated[bool, Option("Exit with 3 if the clock may have missed 10%.")] = False,
    seed: Annotated[
        int | None,
        Option("Seed order and random inputs. Default: a new seed.", metavar="N", low=0),
    ] = None,
    count: Annotated[
        Counting,
        Option("Count instructions: auto (if valgrind is found), always or never.", metavar="WHEN"),
    ] = "auto",
    least_judged: Annotated[
        float | None,
        Option(
            "Call a run clean only if it judged this share. Default: 50.",
            metavar="PERCENT",
            low=0,
            high=100,
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        Option("Write the comment for a pull request to this file.", metavar="FILE", panel=OUTPUT),
    ] = None,
    junit: Annotated[
        Path | None,
        Option("Write JUnit XML of the rows to this file.", metavar="FILE", panel=OUTPUT),
    ] = None,
    html: Annotated[
        str | None,
        Option(
            "Write the page here; '' for none. Default: html.",
            metavar="DIR",
            may_be_empty=True,
            panel=OUTPUT,
        ),
    ] = None,
    pages_url: Annotated[
        str | None,
        Option("Link the comment to the pages published here.", metavar="URL", panel=OUTPUT),
    ] = None,
    wait: Wait = None,
    results: Results = Path("results"),
    verbose: Verbose = False,
    json: Json = False,
) -> int:
    """Compare two revisions; return 0 if clean, 1 for a regression, 2 if invalid, 3 if open."""
    from perceptron.errors import UserError
    from perceptron.gate.checkout.request import CompareRequest
    from perceptron.gate.compare import compare as gate
    from perceptron.questions.idle import Wait as Waiting
    from perceptron.questions.idle import looking_first
    from perceptron.report import comparison_address, documents, text_file
    from perceptron.report.junit import junit_xml
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
        count,
        least_judged=None if least_judged is None else least_judged / 100,
        pytest=pytest,
        installed=installed,
        build=build,
        always=always,
        allow_removed=allow_removed,
        strict=strict,
        python=python,
    )
    published = None if pages_url is None else comparison_address.published(pages_url)
    for file in filter(None, (markdown, junit)):
        text_file.reserve(file)
    pages = prepare_comparison(html)
    with terminal.progress_bar("comparing") as bar:
        comparison = gate(request, looking_first(bar, Waiting(wait or 0.0, terminal.note)))
    comparison = pages.write_comparison(comparison)
    if json:
        documents.write(documents.comparison(comparison))
    else:
        table.show(comparison, pages.html, verbose)
    terminal.show_warnings(comparison.warnings, is_brief=not verbose)
    if markdown is not None:
        text = comment.comment(comparison, published=published, html=pages.html)
        text_file.write(markdown, text)
    if junit is not None:
        text_file.write(junit, junit_xml(comparison))
    annotations.annotate(comparison, published)
    return {"clean": 0, "regression": 1, "invalid": 2, "inconclusive": 3}[comparison.verdict]
