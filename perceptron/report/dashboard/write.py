"""Writing the dashboard: its pages, their data, their script and style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from perceptron.analysis.stored.collection import Collection
from perceptron.errors import UserError
from perceptron.records.files.replace import replace
from perceptron.report.charts import plot
from perceptron.report.charts.palette import Stroke, strokes
from perceptron.report.dashboard.data import OPENING, script
from perceptron.report.dashboard.history import history_views
from perceptron.report.dashboard.ladders import ladder_views
from perceptron.report.dashboard.machines import machines
from perceptron.report.dashboard.maps import map_views
from perceptron.report.dashboard.overview import overview
from perceptron.report.dashboard.page import templates
from perceptron.report.dashboard.raw import raw_data
from perceptron.report.dashboard.rooflines import roofline_views
from perceptron.report.dashboard.sweeps import sweep_views
from perceptron.report.dashboard.view import Views

# File, name in the navigation, what its heading asks.
PAGES = (
    ("index.html", "Overview", "Which backend trains fastest here?"),
    ("sweeps.html", "Sweeps", "From which size on does that change?"),
    ("map.html", "Map", "Who wins where, on two axes?"),
    ("ladder.html", "Ladder", "Where does an iteration spend its time?"),
    ("roofline.html", "Roofline", "How near is it to what the machine can do?"),
    ("history.html", "History", "What changed from commit to commit?"),
    ("machines.html", "Machines", "What was it measured on?"),
    ("raw.html", "Raw data", "Every row, as it was measured"),
)
# What a page of views says where there is none, and the command that makes some.
_NOTHING = {
    "sweeps": ("No family was measured at several sizes.", "perceptron bench"),
    "map": ("No map was measured.", "perceptron map"),
    "ladder": ("No ladder was measured.", "perceptron overhead"),
    "roofline": ("No ladder was measured beside the machine's ceilings.", "perceptron overhead"),
    "history": ("asv has measured no case at two commits or more.", "asv run NEW"),
}
# In the order in which a page loads them.
_VIEW_SCRIPTS = ("dom", "load", "choice", "plotly.min", "theme", "figures", "views")
_RAW_SCRIPTS = ("dom", "load", "rows", "raw_parts", "raw")


def write_site(html: Path, found: Collection, asv: str | None = None) -> Path:
    """Write every page into the folder and return the path of the first.

    ``asv`` says why asv's own pages are not in ``asv/``; None where they are. Equal results give
    equal bytes. Raises `UserError` if the folder cannot be written to.
    """
    looks = strokes(_backends(found))
    site = _Site(html)
    try:
        for name, text in _texts(found, looks, asv):
            site.write(name, text.encode("utf-8"))
        site.write("assets/plotly.min.js", _plotly())
        site.sweep()
    except OSError as error:
        raise UserError(
            f"{error.filename or html}: cannot write the page: {error.strerror}; "
            "choose another --html"
        ) from None
    return html / "index.html"


def _texts(
    found: Collection, looks: dict[str, Stroke], asv: str | None
) -> Iterator[tuple[str, str]]:
    """Every file of ours with its text."""
    own = files("perceptron.report.dashboard") / "assets"
    for name in sorted(each.name for each in own.iterdir()):
        yield f"assets/{name}", (own / name).read_text(encoding="utf-8")
    yield "assets/strokes.css", _strokes(looks.values())
    yield _page("index.html", "overview.html.j2", overview(found, looks, asv))
    yield _page("machines.html", "machines.html.j2", machines(found))
    drawn = plot.looks(looks)
    for make in (sweep_views, map_views, ladder_views, roofline_views, history_views):
        yield from _views(make(found, drawn))
    raw = raw_data(found)
    scripts = _RAW_SCRIPTS if found.rows else ()
    yield _page("raw.html", "raw.html.j2", {"rows": len(found.rows), "scripts": scripts})
    yield "data/raw.js", script("raw", raw.index)
    for name, rows in raw.files.items():
        yield f"data/{name}.js", script(name, rows)


def _views(views: Views) -> Iterator[tuple[str, str]]:
    nothing, command = _NOTHING[views.page]
    facts = {"any": bool(views.settings), "nothing": nothing, "command": command}
    facts |= {"page": views.page, "scripts": _VIEW_SCRIPTS if views.settings else ()}
    yield _page(f"{views.page}.html", "views.html.j2", facts)
    yield f"data/{views.page}.js", script(views.page, views.index)
    for name, content in views.files.items():
        yield f"data/{name}.js", script(name, content)


def _page(file: str, template: str, facts: dict[str, Any]) -> tuple[str, str]:
    name, title = next((name, title) for page, name, title in PAGES if page == file)
    rendered = (
        templates()
        .get_template(template)
        .render(pages=PAGES, file=file, name=name, title=title, **facts)
    )
    return file, rendered


def _backends(found: Collection) -> list[str]:
    """Every name that any page draws a line for."""
    ladders = (rung.backend for each in found.ladders for rung in each.rungs)
    published = (name for each in found.ladders for name in each.published)
    finding = (row.backend for each in found.benches for row in each.finding)
    return sorted({*(row.backend for row in found.rows), *ladders, *published, *finding})


def _strokes(looks: Sequence[Stroke] | Any) -> str:
    """The colours of the backends, for light and for dark."""
    looks = list(looks)
    light = " ".join(f"--s{place}: {look.colour};" for place, look in enumerate(looks))
    dark = " ".join(f"--s{place}: {look.dark};" for place, look in enumerate(looks))
    return (
        f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) "
        # The script marks the page as light while it is printed.
        f"{{ :root:not(.light) {{ {dark} }} }}\n"
    )


def _plotly() -> bytes:
    return (files("plotly") / "package_data" / "plotly.min.js").read_bytes()


class _Site:
    """The folder: files are replaced in one step, and old data of ours does not stay."""

    def __init__(self, html: Path) -> None:
        self._html = html
        self._written: set[Path] = set()

    def write(self, name: str, content: bytes) -> None:
        file = self._html / name
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)
        self._written.add(file)

    def sweep(self) -> None:
        """Remove data of an earlier dashboard that this one has not; what others wrote stays."""
        for file in sorted((self._html / "data").rglob("*.js")):
            if file not in self._written and file.read_bytes().startswith(OPENING.encode()):
                file.unlink()
