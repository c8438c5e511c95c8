"""What all tables of the fleet share: columns, names and numbers."""

from __future__ import annotations

from perceptron.analysis.fleet.machine_answer import FamilyAnswer, MachineAnswer
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.finding import ITERATIONS, FindingRow
from perceptron.analysis.training import training_words
from perceptron.report.dashboard.long_table import heading
from perceptron.report.dashboard.names import machine_name
from perceptron.untrusted_text import shortened

MACHINE = heading("machine", "machine", is_number=False)
THREADS = heading("threads", "threads", is_number=True)
DTYPE = heading("dtype", "dtype", is_number=False)
TRAINING = heading("training", "training", is_number=False)
WHOLE = f"whole training, {ITERATIONS:,} iterations"
MOST = 24
"""Families with a column in the table of all, and with a question of their own."""


def name_of(one: MachineAnswer) -> str:
    """Return what the machine is called, and who measured if it was not the suite itself."""
    return shortened(machine_name(one.machine, one.source))


def family_name(family: FamilyAnswer) -> str:
    """Return the family, with how it was trained where that is not plain."""
    words = training_words(family.ground)
    return f"{family.family} ({words})" if words else family.family


def seconds_of(row: FindingRow) -> Interval | None:
    """Return the seconds of a whole training; None where there are none."""
    return None if row.seconds is None else Interval(row.seconds, row.low, row.high)


def number(value: float | None) -> float | None:
    """Return a number to the digits that a table has room for."""
    return None if value is None else float(f"{value:.6g}")
