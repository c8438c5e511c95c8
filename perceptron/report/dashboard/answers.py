"""Answers on the pages: a view for each part of an answer, chosen by switches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from perceptron.answer import Answered, Figure, Note, Setting, Shown, Table, Verdict, is_of
from perceptron.figure import Figure as Drawing
from perceptron.numbers import cell_value
from perceptron.records.comparison_key import machine_label
from perceptron.records.grouping import grouped
from perceptron.report.charts.svg import NARROW, WIDE, Looks, draw
from perceptron.untrusted_text import shortened

# Characters: a title, an option of a switch, a cell of a table, a paragraph, and a figure's
# description. Names of asv's benchmarks, with their parameters, have over a hundred.
_TITLE, _OPTION, _CELL, _LINE, _ALT = 200, 200, 400, 600, 2_000
# Number of named runs that measured too little.
_RUNS = 3

Member = TypeVar("Member", Verdict, Note, Table)
View = dict[str, Any]
"""A title, and optional lines, figures and tables, as the page's script shows them."""


def undecided_lines(passed_over: Iterable[Answered]) -> list[str]:
    """Name the newest runs that measured too little, and why an older one is shown."""
    return [
        f"The run of {answered.run.run.started[:16].replace('T', ' ')} UTC on "
        f"{machine_label(answered.run.run.machine)} measured too little for an answer: "
        "an older one is shown."
        for answered in list(passed_over)[:_RUNS]
    ]


class Views(NamedTuple):
    """The views of a page. Those of an answer are in one file, loaded when one of them is shown."""

    contents: dict[str, list[dict[str, Any]]]
    """The switches; and for each view their settings, its file, and its name there."""
    files: dict[str, dict[str, View]]


def views_of(page: str, answers: Iterable[Shown], looks: Looks) -> Views:
    """Return the views of a page; of two with equal settings its script shows the first."""
    views = Views({"switches": [], "views": []}, {})
    for number, shown in enumerate(answers):
        # An answer without figures is in one view.
        every = shown.answer.figures or (Figure(title=shown.answer.question, drawing=None),)
        for figures in grouped(every, lambda figure: figure.part).values():
            setting = tuple(dict((*shown.scope, *figures[0].part)).items())
            file, name = f"{page}/{number}", str(len(views.contents["views"]))
            if name == "0":
                switches = [{"label": switch, "id": _id(switch)} for switch, _ in setting]
                views.contents["switches"] = switches
            values = [shortened(value, _OPTION) for _, value in setting]
            views.contents["views"].append({"is": values, "file": file, "name": name})
            views.files.setdefault(file, {})[name] = _view(shown, figures, looks)
    return views


def link(page: str, setting: Setting) -> str:
    """Return an address that opens a page of views at the first one with these switches."""
    return f"{page}.html#" + "&".join(
        f"{_id(label)}={quote(shortened(value, _OPTION), safe='')}" for label, value in setting
    )


def _id(label: str) -> str:
    return label.lower().replace(" ", "-")


def _view(shown: Shown, figures: Sequence[Figure], looks: Looks) -> View:
    """Return the content of a setting of the switches.

    Texts are shortened to fit: all of them may hold untrusted names.
    """
    answer, part = shown.answer, figures[0].part
    verdicts = _of_part(answer.verdicts, part)
    lines = [line for verdict in verdicts for line in (verdict.sentence, *verdict.notes)]
    lines += [shown.measured] if shown.measured else []
    lines += [note.text for note in _of_part(answer.notes, part)]
    content = {
        "title": shortened(figures[0].title, _TITLE),
        "lines": [shortened(line, _LINE) for line in lines],
        "figures": [drawn(chart.drawing, looks) for chart in figures if chart.drawing is not None],
        "tables": list(map(_table, _of_part(answer.tables, part))),
    }
    return {name: value for name, value in content.items() if value or name == "title"}


def _of_part(members: Iterable[Member], part: Setting) -> list[Member]:
    return [member for member in members if is_of(member.part, part)]


def drawn(figure: Drawing, looks: Looks) -> dict[str, str]:
    """Return a figure as a page shows it: as SVG of two widths, in words, and its caption."""
    return {
        "wide": draw(figure, looks, WIDE),
        "narrow": draw(figure, looks, NARROW),
        "alt": shortened(figure.alt, _ALT),
        "caption": shortened(figure.caption, _LINE),
    }


def _table(table: Table) -> dict[str, Any]:
    """Return a title, columns, and the displayed rows.

    A column has a name, whether it is flush right, and the values that sort its rows, if any.
    """
    values = (
        [cell_value(row[column]) for row in table.rows] for column in range(len(table.columns))
    )
    return {
        "title": shortened("; ".join(filter(None, (table.title, table.legend))), _TITLE),
        "columns": [
            {"name": shortened(name.rstrip(">")), "number": name.endswith(">")}
            | ({"values": cells} if any(value is not None for value in cells) else {})
            for name, cells in zip(table.columns, values, strict=True)
        ],
        "rows": [[shortened(cell, _CELL) for cell in row] for row in table.texts],
    }
