"""`perceptron check`: does a backend keep its contract?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from perceptron.options import Argument, Json, Option, Verbose

if TYPE_CHECKING:
    from perceptron.questions.check import CheckResult


def check(
    names: Annotated[tuple[str, ...], Argument("Backends to check.", metavar="NAME …")],
    problem: Annotated[
        tuple[str, ...],
        Option(
            "A problem, a shape or FILE.toml; repeatable. Default: small ones of every kind.",
            metavar="P",
            is_list=False,
        ),
    ] = (),
    verbose: Verbose = False,
    json: Json = False,
) -> int:
    """Check the backends; return 1 if one breaks a promise."""
    from perceptron.problems import catalogue, files
    from perceptron.questions.check import check as study
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    problems = [
        member
        for word in problem
        for member in (catalogue.find_all(word) if files.is_file(word) else (catalogue.find(word),))
    ]
    with terminal.progress_bar("checking") as bar:
        results = study(names, bar, problems or None)
    if json:
        documents.write({"backends": results})
    else:
        show(results, verbose)
    if not all(promise.holds for promises in results.values() for promise in promises):
        return 1
    beside_numpy = dict.fromkeys(("numpy", *results))
    if not json and len(beside_numpy) > 1:
        chosen = [word for file in problem for word in ("--problem", file)]
        arguments = ["bench", "--quick", *chosen, "--backends", ",".join(beside_numpy)]
        terminal.show_next(shlex.join(["perceptron", *arguments]))
    return 0


def show(backends: Mapping[str, Sequence[CheckResult]], verbose: bool = False) -> None:
    """Print the number of promises that each backend keeps, then tables with notes and breaches.

    Without ``verbose`` print one table: that of the first backend with a breach, or of the first.
    """
    from rich.markup import escape

    from perceptron.numbers import counted
    from perceptron.report.tables import terminal

    for name, promises in backends.items():
        count = sum(promise.holds for promise in promises)
        decided = "yes" if count == len(promises) else "no"
        terminal.line(f"{name}  {decided}  keeps {count} of {len(promises)} promises")
    terminal.out.print()
    ordered = dict(
        sorted(backends.items(), key=lambda item: all(promise.holds for promise in item[1]))
    )
    for name, promises in list(ordered.items())[: None if verbose else 1]:
        rows = [
            (row.name, "yes" if row.holds else "NO", str(row.passed), str(row.skipped))
            for row in promises
        ]
        terminal.table(name, ("promise", "kept", "cases>", "skipped>"), rows)
        for promise in promises:
            if promise.note:
                terminal.out.print(f"{escape(promise.name)}: {escape(promise.note)}")
            for line in promise.broken:
                terminal.out.print(f"[red]{escape(promise.name)}[/]: {escape(line)}")
    if len(backends) > 1 and not verbose:
        terminal.line(f"more:  --verbose shows {counted(len(backends) - 1, 'more table')}")
