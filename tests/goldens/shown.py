"""How goldens are written: readable text, and what the machine decides replaced in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from math import log
from pathlib import Path
from textwrap import wrap
from typing import Any

from perceptron.figure import BarFigure, DotFigure, Figure, LineFigure, MapFigure
from tests.report.reading import data, read
from tests.schemas import valid

WIDTH = 100
# A figure of more numbers is told by the first of them.
_MOST = 40
_PROGRESS = re.compile(r"^[a-z-]+: \d+ of \d+, .*\n", re.MULTILINE)
_TOOK = re.compile(r"(iterations took |\"seconds\": )[\d.,e-]+( (?:ns|µs|ms|s)\b)?")


def golden(folder: Path, **parts: str) -> str:
    """Return the parts of an answer below each other, without what differs from run to run."""
    text = "\n".join(f"==== {name} ====\n{part.rstrip()}\n" for name, part in parts.items())
    return _fixed(text, folder)


def _fixed(text: str, folder: Path) -> str:
    """Replace paths, the date of today and the version; without progress, and blanks at ends."""
    from perceptron import __version__

    text = text.replace(str(folder), "FOLDER").replace(f"perceptron {__version__}", "perceptron V")
    text = re.sub(_PROGRESS, "", text)
    text = re.sub(r"20[2-9]\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00| UTC)", _date, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def timeless(text: str) -> str:
    """Replace how long a walk-through took, which is trained while the test runs."""
    return re.sub(_TOOK, r"\1T", text)


def _date(match: re.Match[str]) -> str:
    """Keep the dates of made runs, which are all of January 2026."""
    return match[0] if match[0].startswith("2026-01") else "NOW"


def document(text: str, name: str, *echoes: str) -> str:
    """Return a JSON document for reading: numbers to six digits, and small things in one line.

    It fits the schema of its name. Of ``echoes``, which repeat what was put in, the number of
    entries alone.
    """
    read = valid(text, name)
    for name in echoes:
        read[name] = f"{len(read[name])} entries"
    return "\n".join(_lines(read, ""))


def _lines(value: Any, margin: str) -> list[str]:
    """Return a value in one line where that can be read, else with an entry a line."""
    short = _short(value)
    if not isinstance(value, dict | list) or len(margin + short) <= _widest(value):
        return [margin + short]
    inner = f"{margin}  "
    if isinstance(value, dict):
        lines = _entries(value, inner)
        return [f"{margin}{{", *lines, f"{margin}}}"]
    if _is_numbers(value):
        lines = _filled([_short(entry) for entry in value], inner)
    else:
        lines = [line for entry in value for line in _lines(entry, inner)]
    return [f"{margin}[", *lines, f"{margin}]"]


def _entries(values: dict[str, Any], margin: str) -> list[str]:
    """Return an entry a line, and neighbours that say nothing in one."""
    lines, nothing = [], list[str]()
    for name, entry in values.items():
        first, *rest = _lines(entry, margin)
        line = f"{json.dumps(name)}: {first.lstrip()}"
        if entry in (None, [], {}):
            nothing.append(line)
            continue
        lines += [*_filled(nothing, margin), margin + line, *rest]
        nothing = []
    return [*lines, *_filled(nothing, margin)]


def _filled(entries: list[str], margin: str) -> list[str]:
    """Return entries side by side; a line does not end inside one."""
    unbroken = ", ".join(entry.replace(" ", "\N{NO-BREAK SPACE}") for entry in entries)
    lines = wrap(unbroken, WIDTH - len(margin), break_long_words=False, break_on_hyphens=False)
    return [margin + line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _widest(value: Any) -> int:
    """Return how wide a line may be: a row of up to ten plain values is read as one."""
    entries = list(value.values()) if isinstance(value, dict) else value
    plain = not any(isinstance(entry, dict | list) for entry in entries)
    return 2 * WIDTH if isinstance(value, dict) and plain and len(entries) <= 10 else WIDTH


def _is_numbers(values: list[Any]) -> bool:
    """Return whether these are numbers, or pairs of them."""
    entries = [e for value in values for e in (value if isinstance(value, list) else [value])]
    return len(values) > 5 and all(isinstance(entry, int | float) for entry in entries)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        entries = (f"{json.dumps(name)}: {_short(entry)}" for name, entry in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return json.dumps(value, ensure_ascii=False)


def views(html: Path, page: str, *last: str) -> str:
    """Return the views of a page: texts, tables, and the points of figures.

    Those alone whose last switch begins as one of ``last``, if any are given.
    """
    lines = []
    for place in data(html, page)["views"]:
        if last and not place["is"][-1].startswith(last):
            continue
        view = data(html, place["file"])[place["name"]]
        lines += [f"[{' | '.join(place['is'])}]", *_view(view)]
    return "\n".join(lines)


def tables(html: Path, page: str) -> str:
    """Return the first row of each large table of a page, without what it lacks."""
    lines = []
    for choice in data(html, page)["tables"]:
        table = data(html, choice["file"])
        lines += [f"[{choice['label']}] {table['title']}"]
        for row in table["rows"][:1]:
            named = zip(table["columns"], row, strict=True)
            cells = (
                f"{column['name']}: {_short(cell)}" for column, cell in named if cell is not None
            )
            lines += _filled(list(cells), "  ")
    return "\n".join(lines)


def _view(view: dict[str, Any]) -> list[str]:
    lines = [f"# {view['title']}", *view.get("lines", [])]
    for figure in view.get("figures", []):
        lines += _figure(figure)
    for table in view.get("tables", []):
        lines.append(f"table: {table['title']}")
        lines.append("  " + " | ".join(column["name"] for column in table["columns"]))
        lines += ["  " + " | ".join(row) for row in table["rows"]]
    return lines


drawings: dict[str, Figure] = {}
"""What was drawn for pages while the test runs, by its SVG."""


def _figure(figure: dict[str, Any]) -> list[str]:
    """Return the words of a figure, and the points of what was drawn."""
    described = drawings[figure["wide"]]
    lines = [f"figure: {figure['alt']}", f"  {figure['caption']}"]
    for name, axes in _traces(described):
        lines += [f"  {name} {axis}: {_points(points)}" for axis, points in axes.items()]
    notes = (note.replace("\n", "<br>") for note in _notes(described))
    return [*lines, *(f"  note: {note}" for note in notes)]


def _traces(figure: Figure) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """Yield what has a name in the figure, or none, with its points."""
    match figure:
        case LineFigure():
            yield from ((line.label, {"x": [*line.x], "y": [*line.y]}) for line in figure.lines)
        case DotFigure():
            yield from (("scatter", {"x": [dot.seconds], "y": [dot.row]}) for dot in figure.dots)
        case BarFigure():
            for part in figure.parts:
                own = [bar for bar in figure.bars if bar.part == part]
                yield part, {"x": [bar.length for bar in own], "y": [bar.backend for bar in own]}
        case MapFigure():
            yield "heatmap", {"z": [[float(c.tie) or None for c in row] for row in figure.cells]}
            for name in figure.backends:
                won = [
                    [c.strength * log(figure.top) if c.backend == name else None for c in row]
                    for row in figure.cells
                ]
                yield name, {"z": won}


def _notes(figure: Figure) -> list[str]:
    match figure:
        case LineFigure():
            return [*filter(None, (m.label for m in figure.marks)), *(n.text for n in figure.notes)]
        case DotFigure():
            absent = ("\n".join(wrap(reason, 30)) for _, reason in figure.absent)
            return [*(dot.label for dot in figure.dots), *absent]
        case MapFigure():
            return [
                f"<b>{r.backend}</b>" + (f"\n{r.detail}" if r.detail else "")
                for r in figure.regions
            ]
        case _:
            return []


def _points(points: list[Any]) -> str:
    short = [_short(float(f"{p:.4g}") if isinstance(p, float) else p) for p in points[:_MOST]]
    return ", ".join(short) + (f", … ({len(points)})" if len(points) > _MOST else "")


def text_of(page: Path) -> str:
    """Return the text of a page: a line for each paragraph, heading, entry and row of a table."""
    lines = (" ".join(line.split()).strip(" |") for line in read(page).lines.split("\n"))
    return "\n".join(line for line in lines if line)


_PICTURE = re.compile(
    r'aria-label="([^"]*)"><div class="wide">(<svg.*?</svg>)</div>'
    r".*?<figcaption>(.*?)</figcaption>",
    re.S,
)


def figures_last(page: Path) -> str:
    """Return the text of a page, and below it the points of its figures."""
    pictures = _PICTURE.findall(page.read_text(encoding="utf-8"))
    figures = [
        _figure({"alt": unescape(alt), "wide": svg, "caption": unescape(caption)})
        for alt, svg, caption in pictures
    ]
    captions = {line.strip() for _, line, *_ in figures}
    words = [line for line in text_of(page).split("\n") if line not in captions]
    return "\n".join([*words, *(line for lines in figures for line in lines)])
