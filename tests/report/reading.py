"""Pages and their data as a browser would read them, without one."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_CALL = re.compile(r"perceptron\.receive\(('.*'), JSON\.parse\(('.*')\)\);\n", re.DOTALL)


class Reader(HTMLParser):
    """What a browser would fetch or run, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts = 0
        self.text = ""
        self.cells: list[str] = []
        self.handlers: list[str] = []
        self._cell = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attributes:
            if name in {"src", "href", "xlink:href"} and not str(value).startswith("#"):
                self.links.append(str(value))
            if name.startswith("on") or str(value).strip().startswith("javascript:"):
                self.handlers.append(f"{name}={value}")
        if tag in ("td", "th"):
            self.text += " "
        if tag == "td":
            self.cells.append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag != "td"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.cells[-1] += data


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


def rows_of(html: Path, file: str) -> list[list[Any]]:
    """The rows of a long table's file, which holds columns."""
    packed = data(html, file)
    columns = []
    for column in packed["columns"]:
        each, of = column.get("each"), column.get("of")
        if of is None:
            columns.append(each)
        else:
            columns.append([of[place] for place in each or [0] * packed["rows"]])
    assert {len(column) for column in columns} == {packed["rows"]}
    return [list(row) for row in zip(*columns, strict=True)]


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
