"""`perceptron doctor`: conditions on this machine that make timings untrustworthy."""

from __future__ import annotations

from perceptron.options import Json, SeveralThreads, Verbose


def doctor(threads: SeveralThreads = (), verbose: Verbose = False, json: Json = False) -> int:
    """Print the conditions of this machine; return 1 if there are warnings."""
    from perceptron.machine import usable_cores
    from perceptron.questions import doctor as study
    from perceptron.report import documents
    from perceptron.report.tables import doctor as table
    from perceptron.report.tables import terminal

    with terminal.progress_bar("checking") as bar:
        diagnosis = study.doctor(max(threads or (usable_cores(),)), bar)
    if json:
        documents.write(documents.doctor(diagnosis))
    else:
        table.show(diagnosis, _counting(), verbose)
    return 1 if diagnosis.warnings else 0


def _counting() -> str:
    """Return a sentence on whether `perceptron compare` can count instructions here."""
    from perceptron.errors import UserError
    from perceptron.gate.counting.valgrind import look_for_valgrind

    try:
        return f"compare counts instructions here, with {look_for_valgrind().version}"
    except UserError as error:
        return f"compare uses the clock alone here: {str(error).removeprefix('--count: ')}"
