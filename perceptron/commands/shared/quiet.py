"""What ``--wait`` asks for, and the lines on standard error that say who uses the cores."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import TYPE_CHECKING

from perceptron.errors import UserError

# A gate's whole run may take ten seconds; 10 ms, in which systems count, are 2% of a core in this.
_SHORT_SECONDS = 0.5

if TYPE_CHECKING:
    from perceptron.measure.progress import Progress
    from perceptron.studies.shared.quiet import Quiet


def quiet(minutes: float | None) -> Quiet:
    """Return what ``--wait`` asks for; raise `UserError` if it is no number of minutes."""
    from perceptron.report.tables import terminal
    from perceptron.studies.shared.quiet import Quiet

    if minutes is not None and not 0 <= minutes < inf:
        raise UserError(f"--wait takes minutes from 0, got {minutes}")
    return Quiet(minutes or 0.0, terminal.note)


def looking_first(progress: Progress, minutes: float | None) -> Progress:
    """Return a progress that looks who uses the cores while the first piece of work is done.

    It says that, or waits for quiet as ``--wait`` asks, before the second: for a study that begins
    with preparing, and whose measuring knows nothing of it. Raises `UserError` as `quiet` does.
    """
    from perceptron.machine import usable_cores
    from perceptron.measure.neighbours import Look
    from perceptron.studies.shared.quiet import say_first, wait_for_quiet

    asked, cores = quiet(minutes), usable_cores()
    begun: list[Look] = []
    calls = count()

    def report(done: float, total: float, message: str) -> None:
        progress(done, total, message)
        call = next(calls)
        if call == 0:
            begun.append(Look(_SHORT_SECONDS))
        elif call == 1:
            seen = begun.pop().end()
            if asked.minutes:
                wait_for_quiet(seen, cores, cores, asked, Look)
            else:
                say_first(seen, cores, cores, asked, asked_for=False)

    return report
