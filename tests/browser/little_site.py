"""A little site: pages as they are written, over data made by hand, honest and hostile.

The data keep the contract with the scripts, and show what no results of one test would.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import to_builtins

import perceptron.report
from perceptron.analysis.collection import collection_of
from perceptron.report.dashboard.large_table import Column, Value
from perceptron.report.dashboard.write import write_site
from tests.made import line

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
    text = json.dumps(json.dumps(content, allow_nan=False))
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
    data(folder, "sweeps/0", {"a": view("a", [lines()]), "b": view("b", [lines()])})
    data(folder, "sweeps/1", {"c": view("c", [lines()]), "d": view("d", [heat()])})


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
        content = {"title": title, "columns": to_builtins(columns), "rows": rows}
        data(folder, f"raw/{place}", content)
    names = {"xeon-2core (250 rows)": 0, f"{LONG} ({len(strange)} rows)": 1, "gone (3 rows)": 2}
    choices = [{"label": label, "file": f"raw/{place}"} for label, place in names.items()]
    data(folder, "raw", {"label": "machine", "tables": choices})


def figure(traces: list[Any], layout: dict[str, Any], height: int = 380) -> dict[str, Any]:
    """Return a figure with the least of words."""
    return {
        "alt": "time per iteration over size; the table below has the numbers",
        "caption": "Lower is faster. Bars are 95 % intervals over fresh processes.",
        "height": height,
        "data": traces,
        "layout": layout,
    }


def view(name: str, figures: list[Any]) -> dict[str, Any]:
    """Return a view with a table."""
    columns = [
        {"name": "pair", "number": False},
        {"name": "status", "number": False},
        {"name": "size", "number": True},
        {"name": "who is faster, by hidden units [95 % interval]", "number": False},
    ]
    sentence = "numpy below, torch-cpu from 406 [371, 444] on; at 8,192 it takes 0.61 of the time"
    rows = [[f"numpy → torch-{at}", "crosses", f"{at * 97:,}", sentence] for at in range(8)]
    table = {"title": f"crossovers of {name}", "columns": columns, "rows": rows}
    return {
        "title": f"view {name}",
        "lines": [f"text of {name}", "--ink is a word here"],
        "figures": figures,
        "tables": [table],
    }


def lines() -> dict[str, Any]:
    """Lines with bands on log axes, and a shape."""
    sizes = [2**step for step in range(1, 14)]
    traces: list[Any] = []
    for at, name in enumerate(BACKENDS):
        seconds = [1e-5 * 8**at + size * 1e-7 / 4**at for size in sizes]
        band = [value * 1.1 for value in seconds] + [value * 0.9 for value in reversed(seconds)]
        colour = f"--s{at}"
        traces += [
            {
                "type": "scatter",
                "x": sizes + sizes[::-1],
                "y": band,
                "fill": "toself",
                "fillcolor": f"{colour}/0.18",
                "line": {"width": 0},
                "showlegend": False,
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": sizes,
                "y": seconds,
                "line": {"color": colour},
                "marker": {"color": [colour] * len(sizes), "size": 6},
            },
        ]
    line = {"type": "line", "x0": 406, "x1": 406, "yref": "paper", "y0": 0, "y1": 1}
    layout = {
        "xaxis": {"type": "log", "title": {"text": "hidden units"}},
        "yaxis": {"type": "log", "title": {"text": "seconds per iteration"}},
        "shapes": [line | {"line": {"dash": "dot", "color": "--soft"}}],
    }
    return figure(traces, layout, 420)


def heat() -> dict[str, Any]:
    """Return a map with a colour scale of tokens."""
    trace = {
        "type": "heatmap",
        "z": [[0, 1, 2], [1, 2, None], [2, 0, 1]],
        "x": ["4", "64", "1,024"],
        "y": ["2", "32", "512"],
        "colorscale": [[0, "--s0"], [0.5, "--s1/0.5"], [1, "--s2"]],
        "colorbar": {"title": {"text": "winner"}},
    }
    return figure([trace], {"xaxis": {"type": "category"}, "yaxis": {"type": "category"}}, 360)
