"""The questions that machines are asked, in the order in which the page offers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.fleet.machine_answer import FamilyAnswer, MachineAnswer
from perceptron.analysis.training import training_words
from perceptron.report.crossover_words import answer, status
from perceptron.report.dashboard.fleet.cells import (
    DTYPE,
    MACHINE,
    THREADS,
    TRAINING,
    name_of,
    number,
)
from perceptron.report.dashboard.fleet.finding import finding_question
from perceptron.report.dashboard.fleet.matrix import matrix_question
from perceptron.report.dashboard.fleet.sizes import size_questions
from perceptron.report.dashboard.long_table import (
    LongTable,
    Question,
    Value,
    heading,
    question_table,
)

_CROSSOVERS = (
    MACHINE,
    heading("family", "family", is_number=False, choice=True),
    heading("pair", "incumbent → challenger", is_number=False),
    heading("status", "status", is_number=False),
    heading("size", "crossover at size", is_number=True),
    heading("answer", "answer [95 % interval]", is_number=False),
    THREADS,
    DTYPE,
    TRAINING,
)


def fleet_table(
    answers: Sequence[MachineAnswer], more: Sequence[Question] = ()
) -> LongTable | None:
    """Return the tables of all questions that somebody measured; None where nobody did.

    ``more`` questions stand last.
    """
    families = [(one, family) for one in answers for family in one.families]
    questions = [
        matrix_question(answers),
        finding_question(answers),
        *size_questions(families),
        _crossovers(families),
    ]
    asked = [question for question in (*questions, *more) if question.rows]
    return question_table("machines", "question", asked) if asked else None


def _crossovers(families: Iterable[tuple[MachineAnswer, FamilyAnswer]]) -> Question:
    rows: list[list[Value]] = [
        [
            name_of(one),
            family.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            status(crossover),
            number(crossover.size),
            answer(crossover),
            family.ground.threads,
            family.ground.dtype,
            training_words(family.ground) or None,
        ]
        for one, family in families
        for crossover in family.crossovers
    ]
    title = "From which size up another backend is faster, on each machine by itself"
    return Question(label="crossovers", title=title, headings=_CROSSOVERS, rows=rows)
