"""A little site made by hand from the contract between data and script, honest and hostile."""

from __future__ import annotations

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

import plotly
from msgspec import to_builtins

import perceptron.report
from perceptron.report.dashboard.large_table import Column, Value, datatables

ASSETS = Path(perceptron.report.__file__).parent / "dashboard" / "assets"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'none'; base-uri 'none'; form-action 'none'"
)
LONG = "n" * 10_000
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

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<link rel="stylesheet" href="assets/site.css">
<link rel="stylesheet" href="assets/strokes.css">
{scripts}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><nav aria-label="pages">{links}</nav></header>
<main id="main" tabindex="-1">
<h1>{title}</h1>
{body}
</main>
<footer>Written by perceptron.</footer>
</body>
</html>
"""
VIEWS = """<form id="switches" aria-label="what is shown"></form>
<p id="shown" role="status" aria-live="polite"></p>
<div id="view" data-page="{page}"></div>
<noscript>This page needs its scripts.</noscript>"""
OVERVIEW = """<p class="lead">Which backend trains fastest on xeon-2core?</p>
<p class="warning" role="note"><strong>Two neighbours were busy.</strong>
What helps: <code>perceptron doctor</code></p>
<div class="cards">
<section class="card"><h2>mlp-width</h2><strong>406 hidden units</strong>
<p>torch-cpu is faster from there on <span class="soft">[371, 444]</span></p></section>
<section class="card"><h2>or-gate</h2><strong>7.1 ×</strong>
<p>torch-cpu over numpy <span class="tag">suspect</span></p></section>
<section class="card"><h2>{long}</h2><p>{long}</p><span class="tag">{long}</span></section>
</div>
<figure class="static"><div class="scroll" tabindex="0" role="region" aria-label="a figure">
<svg viewBox="0 0 720 200" role="img" aria-label="a line">
<path d="M10 190 L710 10" fill="none" stroke="var(--s0)" stroke-width="2"/>
<text x="20" y="40" fill="var(--ink)">numpy</text></svg></div>
<figcaption>Lower is faster.</figcaption></figure>"""
STROKES = """:root { --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #8c1515; }
@media screen and (prefers-color-scheme: dark) {
  :root:not(.light) { --s0: #59b4ee; --s1: #ff8a3d; --s2: #3fd0a4; --s3: #ff8f8f; }
}
"""
NAMES = ("index", "sweeps", "hostile", "broken", "missing", "raw")
VIEW_SCRIPTS = ("dom", "load", "choice", "plotly.min", "theme", "figures", "views")
RAW_SCRIPTS = ("dom", "load", "datatables", "large_table")


def build(folder: Path) -> Path:
    """Write the site into the folder and return it."""
    bundle = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    shutil.copytree(ASSETS, folder / "assets")
    shutil.copy(bundle, folder / "assets")
    (folder / "assets" / "datatables.js").write_text(datatables())
    (folder / "assets" / "strokes.css").write_text(STROKES)
    page(folder, "index", OVERVIEW.format(long=LONG), ())
    for name in ("sweeps", "hostile", "broken", "missing"):
        page(folder, name, VIEWS.format(page=name), (*VIEW_SCRIPTS, f"data/{name}"))
    page(folder, "raw", '<div id="tables" data-page="raw"></div>', (*RAW_SCRIPTS, "data/raw"))
    sweeps(folder)
    hostile(folder)
    broken(folder)
    raw(folder)
    return folder


def page(folder: Path, name: str, body: str, scripts: tuple[str, ...]) -> None:
    """Write a page with its scripts, in their order."""
    sources = [script if "/" in script else f"assets/{script}" for script in scripts]
    tags = "\n".join(f'<script defer src="{script}.js"></script>' for script in sources)
    links = "".join(
        f'<a href="{script}.html"{" aria-current=page" if script == name else ""}>{script}</a>'
        for script in NAMES
    )
    html = PAGE.format(
        policy=escape(POLICY), title=name.title(), scripts=tags, links=links, body=body
    )
    (folder / f"{name}.html").write_text(html, encoding="utf-8")


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
    data(folder, "sweeps/0", {"a": view("a", [lines()]), "b": view("b", [bars()])})
    data(folder, "sweeps/1", {"c": view("c", [lines()]), "d": view("d", [heat()])})


def hostile(folder: Path) -> None:
    """Names that would be markup, scripts or very wide, wherever a text can stand."""
    data(
        folder,
        "hostile",
        {
            "switches": [{"label": HOSTILE[0], "id": HOSTILE[2]}, {"label": LONG, "id": "b&=#+ c"}],
            "views": [
                {"is": [name, other], "file": "hostile/0", "name": name}
                for name in HOSTILE
                for other in ("one", HOSTILE[1])
            ],
        },
    )
    texts = [[name, name] for name in HOSTILE]
    columns = [{"name": HOSTILE[1], "number": False}, {"name": LONG, "number": True}]
    shown = {
        "title": "hostile",
        "lines": list(HOSTILE),
        "figures": [
            {
                **figure(
                    [
                        {
                            "type": "scatter",
                            "x": [1, 2, 3, 4],
                            "y": [1e-308, None, 1e308, 1],
                            "name": escape(name),
                            "text": [escape(name)] * 4,
                            "hovertemplate": f"{escape(name)}<extra></extra>",
                            "line": {"color": "--s0"},
                        }
                        for name in HOSTILE[:4]
                    ],
                    {"yaxis": {"type": "log"}},
                ),
                "alt": LONG,
                "caption": HOSTILE[1],
            }
        ],
        "tables": [{"title": name, "columns": columns, "rows": texts} for name in HOSTILE],
    }
    data(folder, "hostile/0", {name: {**shown, "title": name} for name in HOSTILE})


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
    """Lines with bands and error bars on log axes, a shape and an annotation."""
    sizes = [2**step for step in range(1, 14)]
    traces: list[Any] = []
    for at, name in enumerate(("numpy", "torch-cpu", "torch-cuda")):
        seconds = [1e-5 * 8**at + size * 1e-7 / 4**at for size in sizes]
        band = [value * 1.1 for value in seconds] + [value * 0.9 for value in reversed(seconds)]
        traces += [
            {
                "type": "scatter",
                "x": sizes + sizes[::-1],
                "y": band,
                "fill": "toself",
                "fillcolor": f"--s{at}/0.18",
                "line": {"width": 0},
                "hoverinfo": "skip",
                "showlegend": False,
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": sizes,
                "y": seconds,
                "line": {"color": f"--s{at}"},
                "marker": {"color": [f"--s{at}"] * len(sizes), "size": 6},
                "hovertemplate": "%{x}: %{y:.3g} s",
            },
        ]
    layout = {
        "xaxis": {"type": "log", "title": {"text": "hidden units"}},
        "yaxis": {
            "type": "log",
            "title": {"text": "seconds per iteration"},
            "exponentformat": "SI",
        },
        "shapes": [
            {
                "type": "line",
                "x0": 406,
                "x1": 406,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"dash": "dot", "color": "--soft"},
            }
        ],
        "annotations": [
            {"x": 2.61, "y": 1, "yref": "paper", "text": "406 [371, 444]", "showarrow": False}
        ],
    }
    return figure(traces, layout, 420)


def bars() -> dict[str, Any]:
    """Horizontal bars with intervals."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": ["numpy", "torch-cpu", "a backend with a rather long name"],
        "x": [7e-6, 62e-6, 33e-6],
        "error_x": {"type": "data", "array": [1e-6, 4e-6, 2e-6], "color": "--ink"},
        "marker": {"color": ["--s0", "--s1", "--s2/0.5"]},
    }
    return figure([trace], {"xaxis": {"type": "log"}}, 260)


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
