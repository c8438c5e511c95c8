"""The gate's proof as a page of the docs: a picture, tables, and where they come from."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.validation.gate.record import Proof
from benchmarks.validation.gate.shown.chart import proof_chart
from benchmarks.validation.gate.shown.table import grids, heading
from perceptron.report import text_file
from perceptron.report.tables.grid import markdown

_OTHER_RULES = (
    "asv: Mann–Whitney p < 0.002 on all samples and medians that differ by more than the "
    "factor, 1.1 by default. pytest-benchmark: `--benchmark-compare-fail=mean:5%`. pyperf: a "
    "pooled t-test of all samples, significant at 95 % and slower. They see every sample that "
    "the gate saw, in its order of processes: more than they take by default."
)


def measured_gate(page: str) -> str | None:
    """Return the digest of the gate that this page is about; None if it does not say."""
    named = re.search(r"\bgate `([0-9a-f]+)`", page)
    return None if named is None else named[1]


def save(file: Path, proof: Proof) -> Path:
    """Write Markdown with date, machine, commit and command, and its picture as SVG beside it.

    Raises `UserError` if a file cannot be written.
    """
    lines = ["# How often the gate is wrong, and what it finds", "", heading(proof), ""]
    picture = proof_chart(proof)
    if picture:
        beside = text_file.write(file.with_suffix(".svg"), picture)
        lines += [f"![False alarms and slowdowns found, by rule]({beside.name})", ""]
    for grid in grids(proof):
        lines += [*markdown(grid), ""]
    lines += ["## The other rules", "", _OTHER_RULES]
    return text_file.write(file, "\n".join(lines) + "\n")
