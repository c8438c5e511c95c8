"""`perceptron doctor`: conditions on this machine that make timings untrustworthy."""

from __future__ import annotations

import typer

from perceptron.commands.shared.arguments import Json, Threads, Verbose
from perceptron.commands.shared.options import whole_numbers


def doctor(threads: Threads = None, verbose: Verbose = False, json: Json = False) -> None:
    """Find what makes timings untrustworthy here, with advice."""
    from perceptron.machine import usable_cores
    from perceptron.questions import doctor as study
    from perceptron.report import documents
    from perceptron.report.tables import doctor as table
    from perceptron.report.tables import terminal

    with terminal.progress_bar("checking") as bar:
        diagnosis = study.doctor(max(whole_numbers("--threads", threads) or (usable_cores(),)), bar)
    if json:
        documents.write(documents.doctor(diagnosis))
    else:
        table.show(diagnosis, _counting(), verbose)
    if diagnosis.warnings:
        raise typer.Exit(1)


def _counting() -> str:
    """Return whether `perceptron compare` can count instructions here; no warning if not."""
    from perceptron.errors import UserError
    from perceptron.gate.counting.valgrind import look_for_valgrind

    try:
        return f"compare counts instructions here, with {look_for_valgrind().version}"
    except UserError as error:
        return f"compare uses the clock alone here: {str(error).removeprefix('--count: ')}"
