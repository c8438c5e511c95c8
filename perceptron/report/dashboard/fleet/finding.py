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
from perceptron.report.tables.fleet_words import cost_words, seconds_words


def finding_question(answers: Sequence[MachineAnswer], currency: str | None) -> Question:
    """Return what a whole training takes by each backend on each machine, and costs."""
    headings = (
        MACHINE,
        heading("backend", "backend", is_number=False, choice=True),
        interval_heading("time", WHOLE, by="seconds"),
        heading("place", "place", is_number=False),
        heading("ratio", "× numpy of the same machine", is_number=False),
        *((interval_heading("cost", f"cost, {currency}", by="cost_number"),) if currency else ()),
        THREADS,
        heading("seconds", "whole training, s", is_number=True),
        *(
            (heading("cost_number", f"its estimate, {currency}", is_number=True),)
            if currency
            else ()
        ),
        heading("reason", "reason", is_number=False),
    )
    rows: list[list[Value]] = []
    for one in answers:
        finding = one.finding
        for row, cost in zip(finding.rows, finding.costs, strict=True) if finding else ():
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
                    *([cost_words(cost)] if currency else []),
                    finding.threads if finding else None,
                    number(row.seconds),
                    *([number(cost)] if currency else []),
                    row.reason,
                ]
            )
    title = "The finding on each machine [95 % interval]"
    return Question(label="the finding, OR gate", title=title, headings=headings, rows=rows)
