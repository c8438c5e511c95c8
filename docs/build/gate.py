"""docs/gate-how.md and docs/gate-compared.md: tables of the gate's proof, docs/gate-proof.md."""

from __future__ import annotations

import csv
from pathlib import Path

from docs.build.blocks import Blocks, table_of
from perceptron.errors import UserError
from perceptron.report.tables import markdown

COMMAND = "make proof"
# By block: the table beside the page, and what the rows shown of it begin with.
_COMPARED = {
    "false-alarms": ("false-alarms.csv", ""),
    "found-by-time": ("found-by-the-clock-alone.csv", "5%"),
    "found-by-work": ("found-by-work.csv", "2%"),
}
_WORDS = {"runs", "injected", "spread", "clock noise"}
"""Columns that hold no numbers."""


def how(proof: Path) -> Blocks:
    """Return the targets and what was reached."""
    lines = table_of(proof, COMMAND)
    if is_outdated(proof):
        lines += ["", f"The gate's code has changed since; `{COMMAND}` measures it again."]
    return {"proof": "\n".join(lines)}


def is_outdated(proof: Path) -> bool:
    """Return whether the proof says that it is of another gate than today's."""
    return "The gate's code has changed since" in proof.read_text(encoding="utf-8")


def compared(proof: Path) -> Blocks:
    """Return what the rules of this gate and of others do with the same blocks."""
    blocks = {}
    for block, (name, start) in _COMPARED.items():
        file = proof.with_suffix("") / name
        try:
            columns, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; `{COMMAND}` writes it") from None
        shown = [row for row in rows if row[0].startswith(start)]
        if not shown:
            raise UserError(f"{file}: no row of {start}; `{COMMAND}` writes it")
        aligned = [column if column in _WORDS else f"{column}>" for column in columns]
        blocks[block] = "\n".join(markdown.table(aligned, shown))
    return blocks
