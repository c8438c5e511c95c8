"""Writing the dashboard: its pages, their data, their script and style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import json
from msgspec.structs import replace

from perceptron.answer import Answered, Page, ReadFromFiles, Shown
from perceptron.questions.collection import CROSSOVER, Collection, collection_of
from perceptron.records.measurement import Measurement
from perceptron.records.row import no_search_for_cycles
from perceptron.report.charts.palette import MACHINES, Stroke, strokes
from perceptron.report.comparison_address import LIST
from perceptron.report.dashboard.answers import link, undecided_lines, views_of
from perceptron.report.dashboard.large_table import table_files
from perceptron.report.dashboard.machines import machines_page
from perceptron.report.dashboard.overview import address, overview
from perceptron.report.dashboard.page import put, remove_older, script, templates, writing
from perceptron.report.dashboard.raw import raw_tables

# Pages before those of the studies, and after them.
_FIRST = {"index": Page("Overview", "Which backend trains fastest here?", "", "")}
_LAST = {
    "machines": Page("Machines", "Which machine, and which backend on it?", "", ""),
    "raw": Page("Raw data", "Every row, as it was measured", "", ""),
}
# In the order in which a page loads them.
_VIEW_SCRIPTS = ("page", "views")
_TABLE_SCRIPTS = ("page", "large_table")


def write_site(html: Path, collection: Collection, asv: str | None = None) -> Path:
    """Write every page into the folder and return the path of the first.

    ``asv`` is the reason why asv's own pages are missing in ``asv/``; None where they are there.
    Equal results give equal bytes. Raises `UserError` if the folder cannot be written to.
    """
    chosen = strokes(_backends(collection))
    written = set()
    with writing(html), no_search_for_cycles():
        compared = LIST if (html / LIST).is_file() else None
        views = {name: list(collection.views(name)) for name in collection.pages}
        crossovers = views.get(CROSSOVER, [])
        first_page = overview(collection, crossovers, chosen, asv) | {"comparisons": compared}
        for name, text in _texts(collection, views, chosen, first_page):
            encoded = text.encode() if isinstance(text, str) else map(str.encode, text)
            put(html / name, encoded)
            written.add(html / name)
        remove_older(html, written)
    return html / "index.html"


def with_answer(
    collection: Collection, answered: Answered | ReadFromFiles
) -> tuple[Collection, str]:
    """Return the collection with a command's answer before all others, and its address.

    It replaces an answer with the same address. It comes last if it has no verdict while an older
    run of the same question has.
    """
    if isinstance(answered, ReadFromFiles):
        collection = _with_rows(collection, answered)
        first = next(iter(collection.views(CROSSOVER)), None) if collection.read else None
        return collection, f"{CROSSOVER}.html" if first is None else link(CROSSOVER, first.scope)
    scope = collection.scope(answered)
    others = [
        answer
        for answer in collection.studies.get(answered.study, [])
        if collection.scope(answer) != scope
    ]
    passed_over = {answer.results for answer in collection.undecided.get(answered.study, ())}
    answers = [*others, answered] if answered.results in passed_over else [answered, *others]
    collection = replace(collection, studies=collection.studies | {answered.study: answers})
    return collection, address(answered, collection)


def _with_rows(collection: Collection, source: ReadFromFiles) -> Collection:
    """Return the collection with the rows of files first, and each row only once."""
    added = collection_of(source.rows)
    names = {machine.name for machine in collection.machines}
    rows = set(map(_digest, collection.rows))
    return replace(
        collection,
        rows=[*collection.rows, *(row for row in added.rows if _digest(row) not in rows)],
        machines=[
            *collection.machines,
            *(machine for machine in added.machines if machine.name not in names),
        ],
        read=added.sweeps,
    )


def _digest(row: Measurement) -> bytes:
    """Return a digest that identifies a row; of its samples only their number counts.

    The row's own number is ignored: readers change it where they merge several runs.
    """
    content = json.encode(replace(row, samples=[], dropped=[], repeat=0)), len(row.samples)
    return blake2b(repr(content).encode(), digest_size=16).digest()


def pages(collection: Collection) -> list[tuple[str, str, str]]:
    """Return the file of each page, its name in the navigation, and the question of its heading."""
    return [(f"{name}.html", page.label, page.heading) for name, page in _pages(collection).items()]


def _pages(collection: Collection) -> dict[str, Page]:
    labelled = {name: page for name, page in collection.pages.items() if page.label}
    return _FIRST | labelled | _LAST


def _texts(
    collection: Collection,
    views_by_page: Mapping[str, Sequence[Shown]],
    chosen: dict[str, Stroke],
    first_page: dict[str, Any],
) -> Iterator[tuple[str, str | Iterable[str]]]:
    assets = files("perceptron.report.dashboard") / "assets"
    for name in sorted(file.name for file in assets.iterdir()):
        yield f"assets/{name}", (assets / name).read_text(encoding="utf-8")
    yield "assets/strokes.css", _strokes(chosen.values())
    every = _pages(collection)
    site = {"pages": pages(collection), "root": "", "made_by": "perceptron dashboard"}

    def page(name: str, template: str, facts: dict[str, Any]) -> tuple[str, str]:
        file = f"{name}.html"
        names = {"file": file, "name": every[name].label, "title": every[name].heading}
        return file, templates().get_template(template).render(**site, **names, **facts)

    yield page("index", "overview.html.j2", first_page)
    for name in (name for name in collection.pages if name in every):
        views = views_of(name, views_by_page[name], chosen)
        facts = {
            "nothing": every[name].nothing,
            "command": f"perceptron {name}",
            "what": every[name].makes,
            "older": collection.older_than_shown(name),
            "undecided": undecided_lines(collection.undecided.get(name, ())),
            "page": name,
            "scripts": _VIEW_SCRIPTS if views.files else (),
        }
        yield page(name, "views.html.j2", facts)
        yield f"data/{name}.js", script(name, views.contents)
        for file, content in views.files.items():
            yield f"data/{file}.js", script(file, content)
    facts, tables = machines_page(collection)
    scripts = _TABLE_SCRIPTS if tables else ()
    yield page("machines", "machines.html.j2", facts | {"scripts": scripts})
    yield from table_files("machines", "table", tables)
    scripts = _TABLE_SCRIPTS if collection.rows else ()
    yield page("raw", "raw.html.j2", {"page": "raw", "scripts": scripts})
    yield from table_files("raw", "machine", raw_tables(collection))


def _backends(collection: Collection) -> list[str]:
    """Return the name of every backend that a page draws."""
    answers = (shown.answer for answers in collection.studies.values() for shown in answers)
    names = (name for answer in answers for name in answer.backends)
    rows = (row.backend for row in collection.rows)
    return sorted({*rows, *names})


def _strokes(looks: Iterable[Stroke]) -> str:
    """Return the colours of the backends, and of machines, for light and for dark."""
    every = [*looks, *MACHINES]
    light = " ".join(f"{look.token}: {look.colour};" for look in every)
    dark = " ".join(f"{look.token}: {look.dark};" for look in every)
    return (
        f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) "
        f"{{ :root {{ {dark} }} }}\n"
    )
