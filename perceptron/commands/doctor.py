"""`perceptron doctor`: what on this machine makes timings untrustworthy."""

from __future__ import annotations

import typer

from perceptron.commands.shared.arguments import Json, Threads
from perceptron.commands.shared.options import whole_numbers


def doctor(threads: Threads = None, json: Json = False) -> None:
    """Find what on this machine makes timings untrustworthy, and what to do about it."""
    from perceptron.machine import usable_cores
    from perceptron.report import documents
    from perceptron.report.tables import doctor as table
    from perceptron.report.tables import terminal
    from perceptron.studies import doctor as study

    with terminal.progress_bar("looking") as bar:
        diagnosis = study.doctor(max(whole_numbers("--threads", threads) or (usable_cores(),)), bar)
    if json:
        documents.write(documents.doctor(diagnosis))
    else:
        table.show(diagnosis)
    if diagnosis.warnings:
        raise typer.Exit(1)
