"""The fastest backend of a family at each size, with what a whole training takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.fleet.machine_answer import FamilyAnswer, MachineAnswer
from perceptron.analysis.training import training_words
from perceptron.report.dashboard.fleet.cells import (
    DTYPE,
    MACHINE,
    MOST,
    THREADS,
    TRAINING,
    WHOLE,
    name_of,
    number,
)
from perceptron.report.dashboard.long_table import (
    Heading,
    Question,
    Value,
    heading,
    interval_heading,
)
from perceptron.report.dashboard.names import state_name
from perceptron.report.tables.fleet_words import names_words, seconds_words


def size_questions(families: Sequence[tuple[MachineAnswer, FamilyAnswer]]) -> list[Question]:
    """Return the fastest at each size: a question for each family, the rest of them in one."""
    groups: dict[str, list[tuple[MachineAnswer, FamilyAnswer]]] = {}
    for one, family in families:
        groups.setdefault(family.family, []).append((one, family))
    order = sorted(sorted(groups), key=lambda name: -len({one.machine for one, _ in groups[name]}))
    own, others = sorted(order[:MOST]), order[MOST:]
    title = (
        "The fastest backend at each size [95 % interval]; of one size the fastest machine first"
    )

    def question(label: str, names: Sequence[str], several: bool) -> Question:
        members = [member for name in names for member in groups[name]]
        return Question(
            label=label,
            title=title,
            headings=_size_headings(several),
            rows=_size_rows(members, several),
        )

    questions = [question(f"{name}, at each size", [name], several=False) for name in own]
    if others:
        label = f"{len(others):,} families more, at each size"
        questions.append(question(label, sorted(others), several=True))
    return questions


def _size_headings(several: bool) -> tuple[Heading, ...]:
    return (
        MACHINE,
        *((heading("family", "family", is_number=False),) if several else ()),
        heading("size", "size", is_number=True, choice=True),
        heading("fastest", "fastest backend", is_number=False),
        interval_heading("iteration", "per iteration", by="seconds"),
        interval_heading("training_time", WHOLE, by="seconds"),
        THREADS,
        DTYPE,
        TRAINING,
        heading("commit", "commit", is_number=False),
        heading("seconds", "per iteration, s", is_number=True),
    )


def _size_rows(
    members: Iterable[tuple[MachineAnswer, FamilyAnswer]], several: bool
) -> list[list[Value]]:
    ordered = sorted(
        ((one, family, size) for one, family in members for size in family.sizes),
        key=lambda entry: (entry[1].family, entry[2].at.size, entry[2].at.seconds.estimate),
    )
    return [
        [
            name_of(one),
            *([family.family] if several else []),
            size.at.size,
            names_words(size.at.backend, size.at.unsure),
            seconds_words(size.at.seconds),
            seconds_words(size.training),
            family.ground.threads,
            family.ground.dtype,
            training_words(family.ground) or None,
            state_name(family.commit, family.when),
            number(size.at.seconds.estimate),
        ]
        for one, family, size in ordered
    ]
