"""A comparison in GitHub's workflows: annotations of the benchmarks' definitions, and a summary.

Workflow commands are lines that the runner reads from a step's output; see GitHub's documentation,
"Workflow commands for GitHub Actions". They have a single form of escapes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from perceptron.records.comparison import Comparison, Row
from perceptron.report import comparison_row as text
from perceptron.report import text_file
from perceptron.report.pull_request.comment import comment
from perceptron.untrusted_text import label

# GitHub shows no more of each kind for a step.
_MOST = 10
_LONGEST = 400


def annotate(comparison: Comparison, published: str | None = None) -> None:
    """Print the annotations on standard error, which the runner reads too, and add a summary.

    Both happen only inside a workflow. The summary links to the page below ``published``. Raises
    `UserError` if the file that GITHUB_STEP_SUMMARY names cannot be written.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in marks(comparison):
            print(line, file=sys.stderr)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        text_file.write(Path(summary), comment(comparison, published=published), "a")


def marks(comparison: Comparison) -> list[str]:
    """Return errors for broken or slower rows, the worst first; warnings for undecided ones."""
    ordered = [row for row in text.in_order(comparison.rows) if row.muted is None]
    worse = [row for row in ordered if row.verdict == "slower"]
    unsure = [row for row in ordered if row.verdict == "inconclusive"]
    return [
        *(_command("error", row, text.worse(row)) for row in worse[:_MOST]),
        *(_command("warning", row, row.reason or row.verdict) for row in unsure[:_MOST]),
    ]


def _command(kind: str, row: Row, message: str) -> str:
    position = {"file": label(row.file), "line": row.line} if row.file else {}
    properties = {**position, "title": _short(f"{text.verdict(row)}: {row.key}")}
    options = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {options}::{_message(_short(message))}"


def _short(message: str) -> str:
    clean = label(message[: 4 * _LONGEST])
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def _message(message: str) -> str:
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str | int) -> str:
    return _message(str(value)).replace(":", "%3A").replace(",", "%2C")
