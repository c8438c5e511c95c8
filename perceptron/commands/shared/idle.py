"""The option ``--wait``, and lines on standard error about other users of the cores."""

from __future__ import annotations

from itertools import count
from math import inf
from typing import TYPE_CHECKING

from perceptron.errors import UserError

# A gate's whole run may take ten seconds; 10 ms, in which systems count, are 2% of a core in this.
_SHORT_SECONDS = 0.5

if TYPE_CHECKING:
    from perceptron.measure.budget import Progress
    from perceptron.questions.idle import Wait


def waiting(minutes: float | None) -> Wait:
    """Return the request of ``--wait``; raise `UserError` if it is no number of minutes."""
    from perceptron.questions.idle import Wait
    from perceptron.report.tables import terminal

    if minutes is not None and not 0 <= minutes < inf:
        raise UserError(f"--wait takes minutes from 0, got {minutes}")
    return Wait(minutes or 0.0, terminal.note)


def looking_first(progress: Progress, minutes: float | None) -> Progress:
    """Return a progress that watches the users of the cores during the first piece of work.

    It reports them, or waits for idle cores as ``--wait`` asks, before the second: for a study that
    begins with a setup. Raises `UserError` as `waiting` does.
    """
    from perceptron.machine import usable_cores
    from perceptron.measure.neighbours import Look
    from perceptron.questions.idle import say_first, wait_for_idle

    asked, cores = waiting(minutes), usable_cores()
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
                wait_for_idle(seen, cores, cores, asked, Look)
            else:
                say_first(seen, cores, cores, asked, asked_for=False)

    return report
