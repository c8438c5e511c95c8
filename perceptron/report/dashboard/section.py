"""A page of figures and tables for one question: everything inside the file, no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perceptron.records.warning import MeasurementWarning
from perceptron.report.dashboard.page import publish, templates


@dataclass(frozen=True)
class Picture:
    """A figure of ours as SVG, what it shows in words, and how to read it."""

    svg: str
    alternative: str
    caption: str


@dataclass(frozen=True)
class PageTable:
    """A table; a column whose name ends in ``>`` is flush right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page with its heading."""

    title: str
    lines: Sequence[str] = ()
    figures: Sequence[Picture] = ()
    tables: Sequence[PageTable] = ()


def write_figures(
    page: Path,
    title: str,
    lead: str,
    sections: Sequence[Section],
    warnings: Sequence[MeasurementWarning] = (),
) -> Path:
    """Write the page and return its path; raises `UserError` if it cannot be written."""
    from markupsafe import Markup  # comes with jinja2

    html = (
        templates()
        .get_template("figures.html.j2")
        .render(
            title=title,
            lead=lead,
            warnings=warnings,
            sections=[
                {
                    "title": section.title,
                    "lines": section.lines,
                    "tables": section.tables,
                    "figures": [
                        # Our own drawings, whose texts matplotlib has escaped.
                        {
                            "svg": Markup(each.svg),  # noqa: S704
                            "alternative": each.alternative,
                            "caption": each.caption,
                        }
                        for each in section.figures
                        if each.svg
                    ],
                }
                for section in sections
            ],
        )
    )
    return publish(page, html)
