"""An answer in Markdown, for README and docs, with its figures as SVG beside it."""

from __future__ import annotations

from perceptron.answer import Answer, Answered, Figure, is_of
from perceptron.report.charts.as_svg import draw
from perceptron.report.tables.markdown import table


def lines(told: Answered, pictures: dict[str, Figure]) -> list[str]:
    """Return for each of these figures, by file name, its verdicts, tables and picture.

    Then what holds for all, and where it was measured.
    """
    answer, facts = told.answer, told.run.facts.environment
    text: list[str] = []
    for file, figure in pictures.items():
        for verdict in answer.verdicts:
            if is_of(verdict.part, figure.part):
                text += [f"**{verdict.subject}**: {verdict.sentence}", ""]
                text += [line for note in verdict.notes for line in (note, "")]
        for shown in answer.tables:
            if is_of(shown.part, figure.part):
                text += [*table(shown.columns, shown.rows), "", f"![{shown.title}]({file})", ""]
    for note in answer.notes:
        text += [note.text, ""]
    when = told.run.rows[0].when[:10]
    return [*text, f"{facts.cpu}, {facts.cores} cores; {when}, rows in `{told.run.folder}`."]


def pictures(answer: Answer, study: str) -> dict[str, Figure]:
    """Return figures that have a drawing by the name of their file, one of each first switch."""
    first: dict[str, Figure] = {}
    for figure in answer.figures:
        if figure.drawing is not None and figure.part:
            name = figure.part[0][1].replace(" ", "-")
            first.setdefault(f"{study}-{name}.svg", figure)
    return first


def drawn(pictures: dict[str, Figure]) -> dict[str, str]:
    """Return each of these pictures as SVG, by the name of its file."""
    return {file: draw(figure.drawing) for file, figure in pictures.items() if figure.drawing}
