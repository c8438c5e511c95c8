"""Make docs/reading.md's examples of every answer about a pair, from rows of the goldens."""

from __future__ import annotations

from collections.abc import Sequence

from docs.build.blocks import Blocks
from perceptron.questions.crossover.judge import crossovers
from perceptron.questions.crossover.verdict import verdicts
from perceptron.records.measurement import Measurement
from perceptron.report.tables import markdown
from tests.goldens.rows import STATUSES, backends, over_models, over_processes, suspect

_COLUMNS = ("status", "two backends", "processes", "models")
_NAMES = {"end-undecided": "never, an end undecided"}


def blocks() -> Blocks:
    """Return a row for each status: its sentence about backends, processes and models."""
    rows = [
        (
            _NAMES.get(status, status),
            *(_sentence(made(status)) for made in (backends, over_processes, over_models)),
        )
        for status in STATUSES
    ]
    rows.append(("suspect", _sentence(suspect()), "same", "same"))
    return {"answers": "\n".join(markdown.table(_COLUMNS, rows))}


def _sentence(rows: Sequence[Measurement]) -> str:
    """Return the sentence about the only pair in the rows."""
    (verdict,) = verdicts(crossovers(rows))
    return "<br>".join((f"**{verdict.decided}**: {verdict.sentence}", *verdict.notes))
