"""The contract of backends: which promises are kept, and where one is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape

from perceptron.records.backend import CheckResult
from perceptron.report.tables.terminal import out, table

COLUMNS = ("promise", "kept", "cases>", "skipped>")


def show(backends: Mapping[str, Sequence[CheckResult]]) -> None:
    """Print a table of promises for each backend by its name, then where one is broken."""
    for name, promises in backends.items():
        table(name, COLUMNS, map(cells, promises))
        for promise in promises:
            for line in promise.broken:
                out.print(f"[red]{escape(promise.name)}[/]: {escape(line)}")


def cells(promise: CheckResult) -> tuple[str, ...]:
    """Return a promise as a row of text."""
    kept = "yes" if promise.kept else "NO"
    return promise.name, kept, str(promise.passed), str(promise.skipped)
