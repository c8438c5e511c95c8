"""A little site: pages as they are written, over views and tables made by hand, honest and hostile.

The data keep the contract with the scripts, and show what no results of one test would.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from msgspec import to_builtins

import perceptron.report
from perceptron.answer import Answer, Figure, Note, Table
from perceptron.figure import Figure as Drawing
from perceptron.numbers import Cell, Quantity
from perceptron.questions.collection import collection_of
from perceptron.questions.crossover.figures import sweep_figure
from perceptron.questions.map.judge import map_figure, phase_map_of
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.answers import Shown, views_of
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
        page = (folder / "crossover.html").read_text(encoding="utf-8")
        page = page.replace('"crossover"', f'"{name}"').replace(
            "data/crossover.js", f"data/{name}.js"
        )
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


def sweeps(folder: Path) -> None:
    """Two families; the second was measured on one machine, and with one dtype, only."""
    (sweep,) = collection_of(line(backends=BACKENDS)).sweeps
    lines = sweep_figure(sweep.curves, sweep.crossovers, "width")
    heat = map_figure(phase_map_of(map_rows()))
    answers = (
        (
            ("a", lines, ("mlp-width", "xeon-2core", "float32")),
            ("b", lines, ("mlp-width", "xeon-2core", "float64")),
        ),
        (
            ("c", lines, ("mlp-width", "h100", "float32")),
            ("d", heat, ("mlp-map", "h100", "float32")),
        ),
    )
    shown = (Shown(answer(study), ()) for study in answers)
    views = views_of("crossover", shown, strokes(BACKENDS))
    data(folder, "crossover", views.contents)
    for name, content in views.files.items():
        data(folder, name, content)


TIMES: tuple[Cell, ...] = (
    *(Quantity(seconds, "s") for seconds in (1.2, 31e-6)),
    "not measured",
    Quantity(2e-3, "s", (1.9e-3, 2.1e-3)),
    *(Quantity(seconds, "s") for seconds in (8e-7, 9.5e-3, 0.1)),
    None,
)


def answer(views: Iterable[tuple[str, Drawing | None, tuple[str, ...]]]) -> Answer:
    """Return an answer with these views: a name, a figure, and how the switches stand."""
    sentence = "numpy below, torch-cpu from 406 [371, 444] on; at 8,192 it takes 0.61 of the time"
    columns = ("pair", "time", "size>", "who is faster, by hidden units [95 % interval]")
    rows = [(f"numpy → torch-{at}", time, at * 97, sentence) for at, time in enumerate(TIMES)]
    notes, tables, figures = [], [], []
    for name, drawing, values in views:
        part = tuple(zip(("Family", "Machine", "Dtype"), values, strict=True))
        notes += [Note(f"text of {name}", part=part), Note("--ink is a word here", part=part)]
        title = f"crossovers of {name}"
        tables.append(Table(title=title, columns=columns, rows=tuple(rows), part=part))
        figures.append(Figure(title=f"view {name}", drawing=drawing, part=part))
    return Answer(
        question="",
        query=(),
        verdicts=(),
        notes=tuple(notes),
        tables=tuple(tables),
        figures=tuple(figures),
    )


def broken(folder: Path) -> None:
    """Return a view whose file is missing, one that its file does not hold, and a good one."""
    views = {"good": ("0", "good"), "gone": ("gone", "x"), "strange": ("0", "x")}
    index = {
        "switches": [{"label": "View", "id": "view"}],
        "views": [
            {"is": [text], "file": f"broken/{file}", "name": name}
            for text, (file, name) in views.items()
        ],
    }
    data(folder, "broken", index)
    data(folder, "broken/0", {"good": {"title": "good", "lines": [], "figures": [], "tables": []}})


def raw(folder: Path) -> None:
    """250 rows of one machine, a few hostile ones of another, and a file that is not there."""
    columns = (
        Column("machine", "machine"),
        Column("backend", "backend"),
        Column("size", "size", is_number=True),
        Column("words", "in words"),
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
