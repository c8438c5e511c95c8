"""A little site: pages as they are written, over views and tables made by hand, honest and hostile.

The data keep the contract with the scripts, and show what no results of one test would.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import to_builtins

import perceptron.report
from perceptron.analysis.collection import collection_of
from perceptron.analysis.crossover.told import sweep_figure
from perceptron.analysis.phase_map.phase_map import map_figure, phase_map_of
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.answers import View, ViewFigure, drawn, table, view
from perceptron.report.dashboard.large_table import Column, Value
from perceptron.report.dashboard.write import write_site
from tests.made import line, map_rows

ASSETS = Path(perceptron.report.__file__).parent / "dashboard" / "assets"

LONG = "n" * 10_000
BACKENDS = ("numpy", "torch-cpu", "torch-cuda")
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"'><svg onload=alert(3)>",
    "javascript:alert(4)",
    "a  b & \x00\x1f\u2028\u202e\ud800 ü",
    "__proto__",
    LONG,
)
"""Names that somebody else's results may hold."""


def build(folder: Path) -> Path:
    """Write the site into the folder and return it."""
    write_site(folder, collection_of(line(backends=BACKENDS)), "no checkout")
    for name in ("broken", "missing"):
        page = (folder / "sweeps.html").read_text(encoding="utf-8")
        page = page.replace('"sweeps"', f'"{name}"').replace("data/sweeps.js", f"data/{name}.js")
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    sweeps(folder)
    broken(folder)
    raw(folder)
    return folder


def data(folder: Path, name: str, content: object) -> None:
    """Write a data script."""
    path = folder / "data" / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json.dumps(to_builtins(content), allow_nan=False))
    path.write_text(f"perceptron.receive({json.dumps(name)}, JSON.parse({text}));\n")


def index(folder: Path, name: str, switches: list[str], views: list[Any]) -> None:
    """Write the list of views of a page: (texts of the switches, file, name in it)."""
    data(
        folder,
        name,
        {
            "switches": [{"label": label, "id": label.lower()} for label in switches],
            "views": [{"is": texts, "file": file, "name": key} for texts, file, key in views],
        },
    )


def sweeps(folder: Path) -> None:
    """Two families; the second was measured on one machine, and with one dtype, only."""
    index(
        folder,
        "sweeps",
        ["Family", "Machine", "Dtype"],
        [
            (["mlp-width", "xeon-2core", "float32"], "sweeps/0", "a"),
            (["mlp-width", "xeon-2core", "float64"], "sweeps/0", "b"),
            (["mlp-width", "h100", "float32"], "sweeps/1", "c"),
            (["mlp-map", "h100", "float32"], "sweeps/1", "d"),
        ],
    )
    data(folder, "sweeps/0", {"a": view_of("a", lines()), "b": view_of("b", lines())})
    data(folder, "sweeps/1", {"c": view_of("c", lines()), "d": view_of("d", heat())})


def broken(folder: Path) -> None:
    """Return a view whose file is missing, one that its file does not hold, and a good one."""
    index(
        folder,
        "broken",
        ["View"],
        [
            (["good"], "broken/0", "good"),
            (["gone"], "broken/gone", "x"),
            (["strange"], "broken/0", "x"),
        ],
    )
    data(folder, "broken/0", {"good": {"title": "good", "lines": [], "figures": [], "tables": []}})


def raw(folder: Path) -> None:
    """250 rows of one machine, a few hostile ones of another, and a file that is not there."""
    columns = (
        Column("machine", "machine"),
        Column("backend", "backend"),
        Column("size", "size", is_number=True),
        Column("words", "in words", by="seconds"),
        Column("seconds", "seconds, s", is_number=True),
    )
    many: list[list[Value]] = [
        [
            "xeon-2core",
            ("numpy", "torch-cpu")[at % 2],
            (at * 37) % 250,
            None if at % 50 == 0 else f"{at / 10:g} µs",
            None if at % 50 == 0 else at * 1e-7,
        ]
        for at in range(250)
    ]
    strange: list[list[Value]] = [
        ['=cmd|"x"', "-1+2", 1, "ok", 1e308],
        ["+1\n2", "@SUM(A1)", 2, "ok", -5e-324],
        ["\ttab", "plain, with comma", 3, "ok", None],
        *[[name, name, 4, "ok", 0.1] for name in HOSTILE],
    ]
    title = "What was measured"
    for place, rows in enumerate((many, strange)):
        content = {"title": title, "columns": columns, "rows": rows}
        data(folder, f"raw/{place}", content)
    names = {"xeon-2core (250 rows)": 0, f"{LONG} ({len(strange)} rows)": 1, "gone (3 rows)": 2}
    choices = [{"label": label, "file": f"raw/{place}"} for label, place in names.items()]
    data(folder, "raw", {"label": "machine", "tables": choices})


def view_of(name: str, figure: ViewFigure) -> View:
    """Return a view with a table."""
    sentence = "numpy below, torch-cpu from 406 [371, 444] on; at 8,192 it takes 0.61 of the time"
    rows = [(f"numpy → torch-{at}", "crosses", f"{at * 97:,}", sentence) for at in range(8)]
    columns = ("pair", "status", "size>", "who is faster, by hidden units [95 % interval]")
    lines = [f"text of {name}", "--ink is a word here"]
    return view(f"view {name}", lines, [figure], [table(columns, rows, f"crossovers of {name}")])


def lines() -> ViewFigure:
    """Lines with bands on log axes, and where two of them cross."""
    (sweep,) = collection_of(line(backends=BACKENDS)).sweeps
    figure = sweep_figure(sweep.curves, sweep.crossovers, "width")
    assert figure is not None
    return drawn(figure, strokes(BACKENDS))


def heat() -> ViewFigure:
    """Return a map."""
    return drawn(map_figure(phase_map_of(map_rows())), strokes(BACKENDS))
