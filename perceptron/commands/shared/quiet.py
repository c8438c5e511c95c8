"""What ``--wait`` asks for, and the lines on standard error that say who uses the cores."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from perceptron.errors import UserError

# A gate's whole run may take ten seconds; 10 ms, in which systems count, are 2 % of a core in this.
_SHORT_SECONDS = 0.5

if TYPE_CHECKING:
    from perceptron.studies.shared.quiet import Quiet


def quiet(minutes: float | None) -> Quiet:
    """Return what ``--wait`` asks for; raise `UserError` if it is no number of minutes."""
    from perceptron.report.tables import terminal
    from perceptron.studies.shared.quiet import Quiet

    if minutes is not None and not 0 <= minutes < inf:
        raise UserError(f"--wait takes minutes from 0, got {minutes}")
    return Quiet(minutes or 0.0, terminal.note)


def look_first(minutes: float | None) -> None:
    """Look for half a second at who uses the cores; say it, or wait for quiet as ``--wait`` asks.

    For a command whose measuring knows nothing of it.
    """
    from perceptron.machine import usable_cores
    from perceptron.measure.neighbours import Look
    from perceptron.studies.shared.quiet import say_first, wait_for_quiet

    asked, cores = quiet(minutes), usable_cores()
    seen = Look(_SHORT_SECONDS).end()
    if asked.minutes:
        wait_for_quiet(seen, cores, cores, asked, Look)
    else:
        say_first(seen, cores, cores, asked)
