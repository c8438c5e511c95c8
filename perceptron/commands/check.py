"""`perceptron check`: does a backend keep its contract?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from perceptron.commands.shared.arguments import Json
from perceptron.options import Argument, Option

if TYPE_CHECKING:
    from perceptron.records.backend import CheckResult


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
    json: Json = False,
) -> int:
    """Return 1 if a backend breaks a promise."""
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
        show(results)
    if not all(promise.kept for promises in results.values() for promise in promises):
        return 1
    beside_numpy = dict.fromkeys(("numpy", *results))
    if not json and len(beside_numpy) > 1:
        given = [word for file in problem for word in ("--problem", file)]
        words = ["bench", "--quick", *given, "--backends", ",".join(beside_numpy)]
        terminal.show_next(shlex.join(["perceptron", *words]))
    return 0


def show(backends: Mapping[str, Sequence[CheckResult]]) -> None:
    """Print a table of promises for each backend by its name, then each note and breach."""
    from rich.markup import escape

    from perceptron.report.tables import terminal

    for name, promises in backends.items():
        rows = [
            (one.name, "yes" if one.kept else "NO", str(one.passed), str(one.skipped))
            for one in promises
        ]
        terminal.table(name, ("promise", "kept", "cases>", "skipped>"), rows)
        for promise in promises:
            if promise.note:
                terminal.out.print(f"{escape(promise.name)}: {escape(promise.note)}")
            for line in promise.broken:
                terminal.out.print(f"[red]{escape(promise.name)}[/]: {escape(line)}")
