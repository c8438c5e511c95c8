"""Make docs/gate-proof.md from the rows of the gate's proof, and the tables in docs/gate-how.md."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.validation import lines
from benchmarks.validation.gate import page
from benchmarks.validation.gate.proof import ProofRequest, prove
from benchmarks.validation.gate.runs import MACHINE, RUNS, ProofRun
from docs.build.blocks import Blocks
from perceptron.errors import UserError
from perceptron.numbers import percent
from perceptron.report.tables import markdown

COMMAND = "make proof"
# For each block the file of a table, and the beginning of the rows to show.
_COMPARED = {
    "false-alarms": ("false-alarms.csv", ""),
    "found-by-time": ("found-by-the-clock-alone.csv", "5%"),
}
_WORDS = {"runs", "injected", "spread"}
"""Columns that hold no numbers."""


def write(proof: Path, results: Path) -> None:
    """Write the page of the proof from the newest rows; without rows leave it as it is."""
    if folder := _newest(results):
        request = ProofRequest(folder.name, results, report_only=True)
        page.save(proof, prove(request, lambda *_: None))


def _newest(results: Path) -> Path | None:
    """Return the folder of the machine with the newest run of the proof, or None."""
    newest = {
        lines.read(file.parent / RUNS, ProofRun)[-1].when: file.parent
        for file in results.glob(f"proof/*/{MACHINE}")
    }
    return newest[max(newest)] if newest else None


def slower(results: Path) -> str:
    """Return the gate's line on the largest slowdown in the proof that instructions decided."""
    folder = _newest(results)
    runs = lines.read(folder / RUNS, ProofRun) if folder else []
    by_work = [
        row
        for run in runs
        if run.verdict == "regression" and run.reason.endswith("by counted instructions")
        for row in run.rows
    ]
    if not by_work:
        return "no slowdown was measured yet"
    row = max(by_work, key=lambda row: row.work or 0.0)
    return f"slower: {row.benchmark} executes {percent(row.work or 0.0, 0)} more instructions"


def is_outdated(proof: Path) -> bool:
    """Return whether the proof's page says that the gate's code has changed since."""
    return "The gate's code has changed since" in proof.read_text(encoding="utf-8")


def compared(proof: Path) -> Blocks:
    """Return tables of the verdicts of this gate and of other tools on the same blocks."""
    blocks = {}
    for block, (name, start) in _COMPARED.items():
        file = proof.with_suffix("") / name
        try:
            columns, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; `{COMMAND}` writes it") from None
        rows_shown = [row for row in rows if row[0].startswith(start)]
        aligned = [column if column in _WORDS else f"{column}>" for column in columns]
        table = (
            markdown.table(aligned, rows_shown)
            if rows_shown
            else ["Too few blocks were measured yet."]
        )
        blocks[block] = "\n".join(table)
    return blocks
