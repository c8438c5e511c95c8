"""The finding on each machine: the OR gate, every backend."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.fleet.machine_answer import MachineAnswer
from perceptron.report.dashboard.fleet.cells import (
    MACHINE,
    THREADS,
    WHOLE,
    name_of,
    number,
    seconds_of,
)
from perceptron.report.dashboard.long_table import Question, Value, heading, interval_heading
from perceptron.report.numbers import ratio
from perceptron.report.tables.fleet_words import seconds_words


def finding_question(answers: Sequence[MachineAnswer]) -> Question:
    """Return what a whole training takes by each backend on each machine."""
    headings = (
        MACHINE,
        heading("backend", "backend", is_number=False, choice=True),
        interval_heading("time", WHOLE, by="seconds"),
        heading("place", "place", is_number=False),
        heading("ratio", "× numpy of the same machine", is_number=False),
        THREADS,
        heading("seconds", "whole training, s", is_number=True),
        heading("reason", "reason", is_number=False),
    )
    rows: list[list[Value]] = []
    for one in answers:
        finding = one.finding
        for row in finding.rows if finding else ():
            seconds = seconds_of(row)
            place = None
            if finding is not None and row.backend == finding.fastest:
                place = "may be the fastest" if finding.unsure else "fastest"
            elif finding is not None and row.backend in finding.unsure:
                place = "may be the fastest"
            rows.append(
                [
                    name_of(one),
                    row.backend,
                    seconds_words(seconds),
                    place,
                    ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
                    finding.threads if finding else None,
                    number(row.seconds),
                    row.reason,
                ]
            )
    title = "The finding on each machine [95 % interval]"
    return Question(label="the finding, OR gate", title=title, headings=headings, rows=rows)
