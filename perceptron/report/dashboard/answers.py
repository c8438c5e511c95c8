"""Answers on the pages: a view for each part of one, found by switches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from msgspec import json
from msgspec.structs import replace

from perceptron.analysis.collection import Collection, collection_of
from perceptron.answer import Answer, Answered, Figure, ReadFromFiles, Setting, is_of
from perceptron.figure import Figure as Drawing
from perceptron.grouping import grouped
from perceptron.report.charts.svg import Looks, draw
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.untrusted_text import shortened


class Shown(NamedTuple):
    """An answer on a page: how its switches stand, and how it was measured."""

    answer: Answer
    place: Setting
    """The setting of all its parts."""
    measured: str = ""


def shown(told: Answered) -> Shown:
    """Return the answer to a run as the page of its study shows it."""
    facts = told.run.facts.environment
    measured = f"{facts.cpu}, {facts.cores} cores{told.answer.measured}."
    return Shown(told.answer, _place(told), measured)


def views_of(page: str, answers: Iterable[Shown], older: int, looks: Looks) -> Views:
    """Return the views of a page; ``older`` results of the same cases are not shown."""
    shown = [
        (number, (*one.place, *figures[0].part), _view(one, figures, looks))
        for number, one in enumerate(answers)
        # An answer without figures is in one view.
        for figures in grouped(
            one.answer.figures or (Figure(title=one.answer.question, drawing=None),),
            lambda figure: figure.part,
        ).values()
    ]
    views = Views(page, [switch for switch, _ in shown[0][1]] if shown else [], older)
    for number, setting, view in shown:
        views.add(number, [value for _, value in setting], view)
    return views


def address(told: Answered, is_overview: bool = False) -> str:
    """Return the page and fragment that show an answer: the first page, or its first part."""
    if is_overview:
        return "index.html"
    return link(told.study, _place(told))


def _place(told: Answered) -> Setting:
    """Return how the switches stand: what was asked, of which run, measured how."""
    first = told.run.rows[0]
    run = (
        ("Machine", machine_name(told.run.run.machine, "perceptron")),
        ("Run", state_name(first.commit, first.when)),
    )
    return (*told.answer.asked, *run, *told.answer.ground)


def _view(one: Shown, figures: Sequence[Figure], looks: Looks) -> View:
    answer, part = one.answer, figures[0].part
    verdicts = [
        verdict
        for verdict in answer.verdicts
        if verdict.on != "terminal" and is_of(verdict.part, part)
    ]
    lines = [line for verdict in verdicts for line in (verdict.sentence, *verdict.notes)]
    notes = (note for note in answer.notes if note.on != "terminal" and is_of(note.part, part))
    return view(
        figures[0].title,
        [*lines, *([one.measured] if one.measured else []), *(note.text for note in notes)],
        [drawn(each.drawing, looks) for each in figures if each.drawing is not None],
        [
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


# --- what a page of views is made of -------------------------------------------------------------

# Characters: a paragraph, and what a figure is in words.
_LINE = 600
_ALT = 2_000

View = dict[str, Any]
"""A title, and lines, figures and tables where there are some, as the page's script shows them."""
ViewFigure = dict[str, str]
"""A figure as SVG, its content in words, and its caption."""
ViewTable = dict[str, Any]
"""A title, columns with their names and whether they hold numbers, and rows of texts."""


class Views:
    """The views of a page. Those of one part are in one file, loaded when one of them is shown.

    ``older`` results of the same cases have none; they are among the raw data.
    """

    def __init__(self, page: str, switches: Sequence[str], older: int = 0) -> None:
        self.page = page
        self.older = older
        self.index: dict[str, list[dict[str, Any]]] = {
            "switches": [{"label": label, "id": _id(label)} for label in switches],
            "views": [],
        }
        self.files: dict[str, dict[str, View]] = {}

    def add(self, part: int, setting: Sequence[str], view: View) -> None:
        """Keep a view; of two with equal settings the first is shown."""
        listed = self.index["views"]
        file, name = f"{self.page}/{part}", str(len(listed))
        listed.append({"is": list(map(shortened, setting)), "file": file, "name": name})
        self.files.setdefault(file, {})[name] = view


def view(
    title: str, lines: Sequence[str], figures: Sequence[ViewFigure], tables: Sequence[ViewTable]
) -> View:
    """Return the content of one setting of the switches.

    Texts get the room that there is: untrusted names stand in all of them.
    """
    parts = {
        "lines": [shortened(line, _LINE) for line in lines],
        "figures": figures,
        "tables": tables,
    }
    return {"title": shortened(title, 200), **{name: part for name, part in parts.items() if part}}


def drawn(figure: Drawing, looks: Looks) -> ViewFigure:
    """Return the figure as a page shows it."""
    return {
        "svg": draw(figure, looks),
        "alt": shortened(figure.alt, _ALT),
        "caption": shortened(figure.caption, _LINE),
    }


def link(page: str, place: Setting) -> str:
    """Return an address that opens a page of views at the first one with these switches."""
    return f"{page}.html#" + "&".join(
        f"{_id(label)}={quote(shortened(value), safe='')}" for label, value in place
    )


def _id(label: str) -> str:
    return label.lower().replace(" ", "-")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> ViewTable:
    """Return a table of texts; a column whose name ends in ``>`` is flush right."""
    return {
        "title": shortened(title, 200),
        "columns": [
            {"name": shortened(name.rstrip(">")), "number": name.endswith(">")} for name in columns
        ],
        "rows": [[shortened(cell, 400) for cell in row] for row in rows],
    }
