"""What a page of views is made of: texts, figures and tables, each view found by its switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from perceptron.report.charts.as_plotly import ViewFigure
from perceptron.untrusted_text import shortened

# Characters: a paragraph, and what a figure is in words.
_LINE = 600
_ALT = 2_000


class Column(Struct, frozen=True):
    """A heading, and whether numbers stand below it."""

    name: str
    number: bool


class ViewTable(Struct, frozen=True):
    """A table of texts; the first cell of a row names it."""

    title: str
    columns: list[Column]
    rows: list[list[str]]


class View(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is shown for one setting of the switches."""

    title: str
    lines: list[str] = []
    figures: list[ViewFigure] = []
    tables: list[ViewTable] = []


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
        self.files.setdefault(file, {})[name] = _fitted(view)


def _fitted(view: View) -> View:
    """Return the view with texts that have room: untrusted names stand in all of them."""
    return replace(
        view,
        title=shortened(view.title, 200),
        lines=[shortened(line, _LINE) for line in view.lines],
        figures=[
            replace(
                figure,
                alt=shortened(figure.alt, _ALT),
                caption=shortened(figure.caption, _LINE),
            )
            for figure in view.figures
        ],
    )


def link(page: str, switches: Sequence[str], setting: Sequence[str]) -> str:
    """Return an address that opens a page of views at a setting, or at the first that begins so."""
    chosen = zip(switches, setting, strict=False)
    return f"{page}.html#" + "&".join(
        f"{_id(label)}={quote(shortened(value), safe='')}" for label, value in chosen
    )


def _id(label: str) -> str:
    return label.lower().replace(" ", "-")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> ViewTable:
    """Return a table of texts; a column whose name ends in ``>`` is flush right."""
    return ViewTable(
        shortened(title, 200),
        [Column(shortened(name.rstrip(">")), name.endswith(">")) for name in columns],
        [[shortened(cell, 400) for cell in row] for row in rows],
    )
