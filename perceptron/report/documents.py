"""The JSON documents of the command contract."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from perceptron.answer import Answered, ReadFromFiles, Table
from perceptron.numbers import Cell, Quantity, cell_text
from perceptron.records.comparison import Comparison
from perceptron.records.fleet import Collected, FleetStatus, RunAnswer
from perceptron.report.comparison import describe
from perceptron.statistics.trust import Diagnosis

SCHEMA_VERSION = 2
"""Increases when a key of a document is removed or changes its meaning, not when one is added."""


def write(document: object) -> None:
    """Print a JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(encoded(document), indent=2).decode() + "\n")


def encoded(document: object) -> bytes:
    """Return a document in one line, its version first."""
    content = msgspec.to_builtins(document, enc_hook=_text)
    return msgspec.json.encode({"schema_version": SCHEMA_VERSION} | content)


def _text(value: object) -> str:
    """Return a path as text; undecodable bytes become a mark instead of an error."""
    return str(value).encode(errors="surrogateescape").decode(errors="replace")


def answer(answered: Answered | ReadFromFiles, page: Path | None) -> dict[str, Any]:
    """Return the verdicts, the study's own document, and the run's fields, null without a run.

    ``page`` is the page with the answer, the first page of the dashboard.
    """
    run = answered.run if isinstance(answered, Answered) else None
    return {
        "verdicts": [
            {name: getattr(verdict, name) for name in ("subject", "decided", "sentence", "notes")}
            for verdict in answered.answer.verdicts
        ],
        **answered.answer.data,
        "tables": list(map(_table, answered.answer.tables)),
        "warnings": answered.warnings,
        "budget": run and run.run.budget,
        "page": page,
        "dashboard": page and page.parent / "index.html",
        "results": run and run.folder,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [name.rstrip(">") for name in table.columns],
        "rows": [list(map(_cell, row)) for row in table.rows],
    }


def _cell(cell: Cell) -> str | float | dict[str, Any] | None:
    """Return texts and plain numbers as they are, and a quantity with its displayed text."""
    if not isinstance(cell, Quantity):
        return cell
    low, high = cell.interval or (None, None)
    was = {} if cell.was is None else {"was": cell.was}
    quantity = {"value": cell.value, "low": low, "high": high, "unit": cell.unit}
    return quantity | was | {"text": cell_text(cell)}


def comparison(result: Comparison) -> dict[str, Any]:
    """Return the document of `perceptron compare --json`: the result and its tables."""
    return structs.asdict(result) | {"tables": list(map(_table, describe(result).tables))}


def fleet(
    fleets: Sequence[FleetStatus],
    collected: Collected,
    answers: Sequence[RunAnswer],
    results: Path,
    page: Path | None,
) -> dict[str, Any]:
    """Return the document of a command with ``--on``, and of `perceptron fleet collect --json`."""
    return {
        "fleets": [{"fleet": status.fleet, "command": status.command} for status in fleets],
        "jobs": [job for status in fleets for job in status.jobs],
        "machines": answers,
        "runs": collected.runs,
        "complaints": collected.errors,
        "dashboard": page,
        "results": results / "runs",
    }


def doctor(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the document of `perceptron doctor --json`."""
    return {
        "environment": diagnosis.environment,
        "conditions": diagnosis.conditions,
        "warnings": diagnosis.warnings,
    }
