"""Answers on the pages: a view for each part of one, found by switches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import json
from msgspec.structs import replace

from perceptron.analysis.collection import Collection, collection_of
from perceptron.answer import Answer, Answered, Figure, ReadFromFiles, Setting, is_of
from perceptron.report.charts.as_plotly import Looks, draw
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, link, table


class Shown(NamedTuple):
    """An answer on a page: how its switches stand, and how it was measured."""

    answer: Answer
    place: Setting
    """Of all its parts."""
    measured: str = ""


def shown(told: Answered) -> Shown:
    """Return the answer to a run as the page of its study shows it."""
    facts = told.run.facts.environment
    measured = f"{facts.cpu}, {facts.cores} cores{told.answer.measured}."
    return Shown(told.answer, _place(told), measured)


def views_of(page: str, answers: Iterable[Shown], older: int, looks: Looks) -> Views:
    """Return the views of a page; ``older`` results of the same cases are not shown."""
    answers = list(answers)
    settings = [_setting(one, figures[0]) for one in answers for figures in _parts(one.answer)]
    views = Views(page, [switch for switch, _ in settings[0]] if settings else [], older)
    for number, one in enumerate(answers):
        for figures in _parts(one.answer):
            setting = [value for _, value in _setting(one, figures[0])]
            views.add(number, setting, _view(one, figures, looks))
    return views


def _parts(answer: Answer) -> list[list[Figure]]:
    """Return the figures of each view; an answer without figures is in one view."""
    parts: dict[Setting, list[Figure]] = {}
    for figure in answer.figures or (Figure(title=answer.question, drawing=None),):
        parts.setdefault(figure.part, []).append(figure)
    return list(parts.values())


def address(told: Answered, is_overview: bool = False) -> str:
    """Return the page and fragment that show an answer: the first page, or its first part."""
    if is_overview:
        return "index.html"
    switches = dict(_place(told))
    return link(told.study, list(switches), list(switches.values()))


def _place(told: Answered) -> Setting:
    """Return how the switches stand: what was asked, of which run, measured how."""
    first = told.run.rows[0]
    run = (
        ("Machine", machine_name(told.run.run.machine, "perceptron")),
        ("Run", state_name(first.commit, first.when)),
    )
    return (*told.answer.asked, *run, *told.answer.ground)


def _setting(one: Shown, figure: Figure) -> Setting:
    return (*one.place, *figure.part)


def _view(one: Shown, figures: Sequence[Figure], looks: Looks) -> View:
    answer, part = one.answer, figures[0].part
    verdicts = [
        verdict
        for verdict in answer.verdicts
        if verdict.on != "terminal" and is_of(verdict.part, part)
    ]
    lines = [line for verdict in verdicts for line in (verdict.sentence, *verdict.notes)]
    notes = (note for note in answer.notes if note.on != "terminal" and is_of(note.part, part))
    return View(
        title=figures[0].title,
        lines=[
            *lines,
            *([one.measured] if one.measured else []),
            *(note.text for note in notes),
        ],
        figures=[drawn for each in figures for drawn in draw(each.drawing, looks)],
        tables=[
            table(each.columns, each.rows, each.on_page or each.title)
            for each in answer.tables
            if each.on != "terminal" and is_of(each.part, part)
        ],
    )


# --- the answer of a command, before all others --------------------------------------------------


def with_answer(collection: Collection, told: Answered) -> Collection:
    """Return the collection with this answer first, in the place of any shown at its address."""
    others = [
        other for other in collection.studies.get(told.study, []) if address(other) != address(told)
    ]
    return replace(collection, studies=collection.studies | {told.study: [told, *others]})


def with_rows(collection: Collection, read: ReadFromFiles) -> Collection:
    """Return the collection with the rows of files first: what it has itself is there only once."""
    own = collection_of(read.rows)
    names = {machine.name for machine in collection.machines}
    rows = {json.encode(row) for row in collection.rows}
    known = {json.encode(sweep.rows) for sweep in own.sweeps}
    return replace(
        collection,
        rows=[*collection.rows, *(row for row in own.rows if json.encode(row) not in rows)],
        machines=[
            *collection.machines,
            *(machine for machine in own.machines if machine.name not in names),
        ],
        sweeps=[
            *own.sweeps,
            *(sweep for sweep in collection.sweeps if json.encode(sweep.rows) not in known),
        ],
    )
