"""The pages of comparisons: one for each, with its data, which stays, and the list of them.

Everything lies below ``gate/``, the script and style too: the folder can be published, packed or
thrown away by itself, and writing the dashboard changes no page that is meant to stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from math import exp, inf, log
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.numbers import NONE, rough_percent
from perceptron.records.block import Block, Stage, by_benchmark, counted
from perceptron.records.comparison import Comparison, Row
from perceptron.report import comparison_row as text
from perceptron.report import documents, text_file
from perceptron.report.charts.as_plotly import ViewFigure
from perceptron.report.comparison import Described, describe, side_commit, side_name
from perceptron.report.comparison_address import FOLDER, PAGE, is_name
from perceptron.report.dashboard.page import cannot_write, installed, put, script, sweep, templates
from perceptron.untrusted_text import for_plotly, label

DOCUMENT = "comparison.json"
FILE = "summary.json"
COLUMNS = ("written, UTC", "BASE → HEAD", "verdict", "answer", "suite")
_FUNCTIONS = ("function", "counted", "base>", "head>", "change>", "calls>", "where")
_SHORT = 12
_SCRIPTS = ("page", "plotly.min", "figures", "comparison")
_ASSETS = ("site.css", *(f"{script}.js" for script in _SCRIPTS if script != "plotly.min"))
# Figures of as many rows are drawn at once; those of others when they are opened.
_DRAWN = 5


def reserve(html: Path) -> None:
    """Make the folder of comparisons, before minutes of measuring.

    Raises `UserError` if nothing can be written there.
    """
    try:
        (html / FOLDER).mkdir(parents=True, exist_ok=True)
        text_file.reserve(html / FOLDER / PAGE)
    except OSError as error:
        raise cannot_write(error.filename or html, error) from None


def write_comparison(html: Path, comparison: Comparison) -> None:
    """Write the comparison at its ``page``, and the list of all that are there.

    Raises `UserError` if the folder cannot be written to.
    """
    if comparison.page is None:
        raise ValueError("a comparison without a page")
    gate, page = html / FOLDER, html / comparison.page
    try:
        _assets(gate / "assets")
        files = dict(_files(comparison))
        for file, content in files.items():
            put(page.parent / file, content)
        sweep(page.parent, {page.parent / file for file in files})
        listed = {"comparisons": summaries(gate), "columns": COLUMNS}
        put(gate / PAGE, _render("comparisons.html.j2", "", listed))
    except OSError as error:
        raise cannot_write(error.filename or html, error) from None


def _files(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the page with its content, the page itself last."""
    told = describe(comparison)
    blocks = by_benchmark(counted(comparison.blocks))
    sections = []
    for index, row in enumerate(told.changed_rows):
        figure = blocks_figure(row, blocks.get(row.key, []))
        drawn = {"figures": figure and f"figures/{index}", "drawn": index < _DRAWN}
        sections.append(_section(row) | drawn)
        if figure is not None:
            data = script(f"figures/{index}", [figure])
            yield f"data/figures/{index}.js", data.encode()
    yield DOCUMENT, documents.encoded(comparison)
    listed = summary(comparison, told, datetime.now(UTC))
    yield FILE, msgspec.json.encode(listed)
    shown = {
        "told": told,
        "comparison": comparison,
        "commits": [
            side_commit(side, _SHORT) for side in (comparison.plan.base, comparison.plan.head)
        ],
        "when": listed.when,
        "sections": sections,
        "scripts": _SCRIPTS if any(section["figures"] for section in sections) else (),
        "document": DOCUMENT,
        "functions": _FUNCTIONS,
    }
    yield PAGE, _render("comparison.html.j2", "../", shown)


def _section(row: Row) -> dict[str, Any]:
    return {
        "name": row.key,
        "verdict": row.verdict,
        "word": text.verdict(row),
        "reason": row.reason,
        "where": None if None in (row.file, row.line) else f"{row.file}:{row.line}",
        "facts": _evidence(row),
        "why": [
            (own.function, own.unit, *text.function_cells(own), text.place(own) or NONE)
            for own in row.why
        ],
        "why_not": row.why_not,
    }


def _evidence(row: Row) -> list[tuple[str, str]]:
    """Return the evidence for the verdict: numbers, each with its name."""
    facts = []
    if row.change is not None:
        blocks = f"{row.screen_blocks:,} screening, {row.confirmation_blocks:,} confirmation"
        facts += [
            (
                "time" if row.unit == "seconds" else "value",
                f"{text.times(row)}, {text.change(row)}",
            ),
            ("blocks", blocks),
            ("smallest detectable slowdown", text.detectable(row)),
        ]
    if row.p_adjusted is not None:
        p = f"{row.p_adjusted:.2g}, corrected for all that were confirmed"
        facts.append(("p-value of the confirmation", p))
    if row.spread is not None and row.change is not None:
        facts.append(("spread of the blocks", text.percent(row.spread)))
    if row.work is not None:
        noise = rough_percent(row.work.noise)
        amounts, size = text.instructions(row.work), text.work_change(row.work)
        facts.append(("instructions per call", f"{amounts}, {size}; noise {noise}"))
    if row.waited is not None:
        waited = f"threads waited for a core {text.percent(row.waited)} of the time"
        facts.append(("contended", waited))
    return facts


def _render(template: str, root: str, shown: dict[str, Any]) -> bytes:
    """Return a page that leads to the list, and to nothing above it: that may not be published."""
    pages = [(f"{root}{PAGE}", "Comparisons", "")]
    made_by = "perceptron compare"
    page = templates().get_template(template)
    text = page.render(root=root, pages=pages, file=PAGE, made_by=made_by, **shown)
    return text.encode()


def _assets(folder: Path) -> None:
    """Write what pages load, where it is not there yet, or not the same."""
    own = files("perceptron.report.dashboard") / "assets"
    for asset in _ASSETS:
        put(folder / asset, (own / asset).read_bytes())
    put(folder / "plotly.min.js", installed("plotly", "package_data/plotly.min.js"))


class Summary(Struct, frozen=True, kw_only=True):
    """A comparison in the list."""

    when: str
    """When its page was written, UTC, in ISO's form."""
    base: str
    """Its name and commit."""
    head: str
    verdict: str
    reason: str
    suite: str


def summary(comparison: Comparison, told: Described, when: datetime) -> Summary:
    """Return what the list will say of a comparison."""
    plan = comparison.plan
    return Summary(
        when=when.isoformat(timespec="seconds"),
        base=side_name(plan.base),
        head=side_name(plan.head),
        verdict=told.verdict,
        reason=told.said,
        suite=plan.suite if plan.benchmarks is None else f"{plan.suite}: {plan.benchmarks}",
    )


def summaries(folder: Path) -> list[tuple[str, Summary]]:
    """Return every page below the folder with its summary, the newest first.

    What is not named as a page or has no summary is passed over.
    """
    found = []
    for own in folder.iterdir():
        if not is_name(own.name) or not (own / PAGE).is_file():
            continue
        try:
            told = msgspec.json.decode((own / FILE).read_bytes(), type=Summary)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        found.append((f"{own.name}/{PAGE}", told))
    return sorted(found, key=lambda pair: (pair[1].when, pair[0]), reverse=True)


_LARGEST = log(1e6)
# Of dots.
_LINE = {"width": 2, "color": "--link"}
_STAGES: tuple[Stage, ...] = ("screen", "confirmation")


def blocks_figure(row: Row, blocks: Sequence[Block]) -> ViewFigure | None:
    """Return the changes that the blocks of a row show, in per cent, as they were measured.

    The screen's come first, then those of the confirmation; None where no block has both times.
    """
    timed = [block for stage in _STAGES for block in blocks if block.stage == stage]
    dots = [
        (at, block, change)
        for at, block in enumerate(timed, 1)
        if (change := _change(block)) is not None
    ]
    if not dots:
        return None
    stages = [
        ("screen", "circle-open", [dot for dot in dots if dot[1].stage == "screen"]),
        ("confirmation", "circle", [dot for dot in dots if dot[1].stage == "confirmation"]),
    ]
    screened, confirming = (len(own) for _, _, own in stages)
    of = ", from the confirmation alone" if confirming else ""
    changes = sorted(change for _, _, change in dots)
    return ViewFigure(
        alt=f"Change from BASE to HEAD in {len(dots)} blocks, from "
        f"{text.percent(changes[0], sign=True)} to {text.percent(changes[-1], sign=True)}",
        caption="Each dot is one block, neighbouring processes of BASE and HEAD: "
        f"{screened} of the screen (open), {confirming} of the confirmation (filled). "
        f"Line and band: the estimate with its 99% interval{of}.",
        height=280,
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [at for at, _, _ in own],
                "y": [100 * change for _, _, change in own],
                "marker": {"color": "--link", "symbol": symbol, "size": 9, "line": _LINE},
                "hovertext": [
                    for_plotly(_words(row, block, change), 300) for _, block, change in own
                ],
                "hoverinfo": "text",
                "showlegend": True,
            }
            for name, symbol, own in stages
            if own
        ],
        layout={
            "xaxis": {"title": {"text": "block"}, "dtick": _step(len(dots)), "tick0": 0},
            "yaxis": {
                "title": {"text": "change from BASE to HEAD"},
                "ticksuffix": "%",
                "rangemode": "tozero",
                "zeroline": True,
                "zerolinecolor": "--soft",
                "zerolinewidth": 2,
            },
            "shapes": _estimate(row),
        },
    )


def _step(dots: int) -> int:
    return next((step for step in (1, 2, 5, 10, 20, 50) if dots <= 12 * step), 100)


def _estimate(row: Row) -> list[dict[str, Any]]:
    if row.change is None or row.low is None or row.high is None:
        return []
    across = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "layer": "below"}
    low, middle, high = (100 * end for end in (row.low, row.change, row.high))
    return [
        across
        | {"type": "rect", "y0": low, "y1": high, "fillcolor": "--ink/0.1", "line": {"width": 0}},
        across
        | {"type": "line", "y0": middle, "y1": middle, "line": {"color": "--ink", "width": 1}},
    ]


def _change(block: Block) -> float | None:
    ratio = block.log_ratio()
    return None if ratio is None or not -inf < ratio < _LARGEST else exp(ratio) - 1


def _words(row: Row, block: Block, change: float) -> str:
    values = (reading.value or 0.0 for reading in (block.base, block.head))
    base, head = (label(text.amount(value, row.unit)) for value in values)
    size = text.percent(change, sign=True)
    return f"{block.stage}, block {block.number + 1}: {base} → {head}, {size}"
