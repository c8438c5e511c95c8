"""Answers on the page of their study: a view for each part, found by switches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.answer import Answered, Figure, Setting, is_of
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, link, table


def views_of(study: str, answers: Iterable[Answered], older: int, looks: plot.Looks) -> Views:
    """Return the page of a study; ``older`` runs of it are not shown."""
    answers = list(answers)
    settings = [_setting(told, first) for told in answers for first, *_ in _parts(told)]
    views = Views(study, [switch for switch, _ in settings[0]] if settings else [], older)
    for number, told in enumerate(answers):
        for figures in _parts(told):
            setting = [value for _, value in _setting(told, figures[0])]
            views.add(number, setting, _view(told, figures, looks))
    return views


def _parts(told: Answered) -> list[list[Figure]]:
    """Return the figures of each view; an answer without figures is in one view."""
    parts: dict[Setting, list[Figure]] = {}
    for figure in told.answer.figures or (Figure(title=told.answer.question, drawing=None),):
        parts.setdefault(figure.part, []).append(figure)
    return list(parts.values())


def address(told: Answered) -> str:
    """Return the page and fragment that show an answer, from its first part."""
    switches = dict(_setting(told))
    return link(told.study, list(switches), list(switches.values()))


def _setting(told: Answered, figure: Figure | None = None) -> Setting:
    """Return how the switches stand: what was asked, of which run, measured how, which part."""
    first = told.run.rows[0]
    run = (
        ("Machine", machine_name(told.run.run.machine, "perceptron")),
        ("Run", state_name(first.commit, first.when)),
    )
    return (*told.answer.asked, *run, *told.answer.ground, *(figure.part if figure else ()))


def _view(told: Answered, figures: Sequence[Figure], looks: plot.Looks) -> View:
    answer, facts, figure = told.answer, told.run.facts.environment, figures[0]
    return View(
        title=figure.title,
        lines=[
            *(
                line
                for one in answer.verdicts
                if is_of(one.part, figure.part)
                for line in (one.sentence, *one.notes)
            ),
            f"{facts.cpu}, {facts.cores} cores{answer.measured}.",
            *(note.text for note in answer.notes if note.on != "terminal"),
        ],
        figures=[drawn for one in figures for drawn in draw(one.drawing, looks)],
        tables=[
            table(one.columns, one.rows, one.on_page or one.title)
            for one in answer.tables
            if one.on != "terminal" and is_of(one.part, figure.part)
        ],
    )
