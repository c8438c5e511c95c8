"""Pages and their data as a browser would read them, without one."""

from __future__ import annotations

import ast
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from perceptron.questions.answering import collect
from perceptron.report.dashboard.write import pages

PAGES = pages(collect(Path("nowhere")))
"""Of every dashboard: the file, its name and its heading."""
_CALL = re.compile(r"perceptron\.receive\(('.*'), JSON\.parse\(('.*')\)\);\n", re.DOTALL)


_SILENT = {"script", "style", "svg", "head", "nav", "footer"}
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "li", "tr", "pre", "div", "section", "table", "figure"}


class Reader(HTMLParser):
    """What a browser would fetch or run, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""
        self.handlers: list[str] = []
        self.lines = ""
        """The text of the page itself, with a line for each block and bars between cells."""
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attributes:
            if name in {"src", "href", "xlink:href"} and not str(value).startswith("#"):
                self.links.append(str(value))
            if name.startswith("on") or str(value).strip().startswith("javascript:"):
                self.handlers.append(f"{name}={value}")
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.lines += "\n"
        elif tag in ("td", "th"):
            self.text += " "
            self.lines += " | "

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _BLOCKS:
            self.lines += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data
        if not self._silent:
            self.lines += data.replace("\n", " ")


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def text_of(page: Path) -> str:
    """What the page shows, blanks squeezed."""
    return " ".join(read(page).text.split())


def data(html: Path, name: str) -> Any:
    """The document of ``data/<name>.js``; fails where the script is anything but its one call."""
    script = (html / "data" / f"{name}.js").read_bytes().decode("utf-8")
    call = _CALL.fullmatch(script)
    assert call is not None, script[:200]
    # Python reads the escapes that are used as JavaScript does.
    assert ast.literal_eval(call[1]) == name
    return json.loads(ast.literal_eval(call[2]), parse_constant=_refused)


def views(html: Path, page: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """Every view of a page by the setting of its switches."""
    index = data(html, page)
    return {tuple(view["is"]): data(html, view["file"])[view["name"]] for view in index["views"]}


def texts(drawing: str) -> list[str]:
    """The texts of a figure, its titles and ticks first, its legend last."""
    return [unescape(text) for text in re.findall("<tspan[^>]*>([^<]*)<", drawing)]


def tables(html: Path, page: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of every large table of a page by what the table is called, as it counts them."""
    by_label = {}
    for choice in data(html, page)["tables"]:
        content = data(html, choice["file"])
        ids = [column["id"] for column in content["columns"]]
        assert len(set(ids)) == len(ids)
        assert all(column["by"] in ids for column in content["columns"] if "by" in column)
        label = choice["label"].rpartition(" (")[0]
        by_label[label] = [dict(zip(ids, row, strict=True)) for row in content["rows"]]
        assert choice["label"] == f"{label} ({len(by_label[label]):,} rows)"
    return by_label


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
