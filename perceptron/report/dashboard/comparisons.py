"""The pages of comparisons: each with its document, which stays, and their list.

All files lie below ``gate/``, with their style: the folder can be published, packed or deleted by
itself, and writing the dashboard does not change a comparison's page.
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

from perceptron.errors import UserError
from perceptron.figure import Line, LineFigure, Stretch, linear_axis
from perceptron.numbers import Cell, Quantity, cell_text, percent, rough_percent
from perceptron.records.block import Block, Stage, by_benchmark, counted
from perceptron.records.comparison import Comparison, Row
from perceptron.records.files.read import read_written
from perceptron.report import comparison_row as text
from perceptron.report import documents
from perceptron.report.comparison import describe, side_commit, side_name
from perceptron.report.comparison_address import FOLDER, PAGE, is_name
from perceptron.report.dashboard.answers import drawn
from perceptron.report.dashboard.page import put, templates, writing

_OURS = files("perceptron.report.dashboard")
DOCUMENT = "comparison.json"
FILE = "summary.json"
COLUMNS = ("written, UTC", "BASE → HEAD", "verdict", "answer", "suite")
_FUNCTIONS = ("function", "counted", "base>", "head>", "change>", "calls>", "where")
_SHORT = 12
# Number of rows whose figures are open, and of rows with a figure, the worst first.
_OPEN, _DRAWN = 5, 100


def write_comparison(html: Path, comparison: Comparison) -> None:
    """Write the comparison at its ``page``, and the list of all comparisons.

    Raises `UserError` if the folder cannot be written to.
    """
    if comparison.page is None:
        raise ValueError("a comparison without a page")
    gate, page = html / FOLDER, html / comparison.page
    with writing(html):
        for name in ("site.css", "page.js"):
            put(gate / "assets" / name, (_OURS / "assets" / name).read_bytes())
        for file, content in _files(comparison):
            put(page.parent / file, content)
        listed = {"comparisons": summaries(gate), "columns": COLUMNS}
        put(gate / PAGE, _render("comparisons.html.j2", "", listed))


def _files(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the page with its content, the page itself last."""
    described, plan = describe(comparison), comparison.plan
    blocks = by_benchmark(counted(comparison.blocks))
    sections = []
    for index, row in enumerate(described.changed_rows):
        figure = blocks_figure(row, blocks.get(row.key, [])) if index < _DRAWN else None
        sections.append(
            {
                "row": row,
                "word": text.verdict(row),
                "where": text.source_location(row),
                "why": [
                    (
                        growth.function,
                        growth.unit,
                        *text.function_cells(growth),
                        text.source_location(growth),
                    )
                    for growth in row.why
                ],
                "figure": figure and drawn(figure, {}),
                "is_open": index < _OPEN,
                "facts": _evidence(row),
            }
        )
    yield DOCUMENT, documents.encoded(documents.comparison(comparison))
    listed = Summary(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        base=side_name(plan.base),
        head=side_name(plan.head),
        verdict=described.verdict,
        reason=described.said,
        suite=plan.suite if plan.benchmarks is None else f"{plan.suite}: {plan.benchmarks}",
    )
    yield FILE, msgspec.json.encode(listed)
    facts = {
        "told": described,
        "comparison": comparison,
        "commits": [side_commit(side, _SHORT) for side in (plan.base, plan.head)],
        "when": listed.when,
        "sections": sections,
        "document": DOCUMENT,
        "functions": _FUNCTIONS,
    }
    yield PAGE, _render("comparison.html.j2", "../", facts)


def _evidence(row: Row) -> list[tuple[str, Cell]]:
    """Return the evidence for the verdict: numbers, each with its name."""
    facts: list[tuple[str, Cell]] = []
    if row.change is not None:
        blocks = f"{row.screen_blocks:,} screening, {row.confirmation_blocks:,} confirmation"
        facts += [
            ("time" if row.unit == "seconds" else "value", text.by_time(row)),
            ("blocks", blocks),
            ("smallest detectable slowdown", text.detectable(row)),
        ]
    if row.p_adjusted is not None:
        p = Quantity(row.p_adjusted, digits=".2g", after=", corrected for all that were confirmed")
        facts.append(("p-value of the confirmation", p))
    if row.spread is not None and row.change is not None:
        facts.append(("spread of the blocks", Quantity(row.spread, "%", digits=".1f")))
    if row.instructions is not None:
        noise = rough_percent(row.instructions.noise)
        amounts, size = (
            text.instruction_counts(row.instructions),
            cell_text(text.instruction_change(row.instructions)),
        )
        facts.append(("instructions per call", f"{amounts}, {size}; noise {noise}"))
    if row.wait_share is not None:
        label = "threads waited for a core "
        waited = Quantity(row.wait_share, "%", digits=".1f", before=label, after=" of the time")
        facts.append(("contended", waited))
    return facts


def _render(template: str, root: str, facts: dict[str, Any]) -> bytes:
    """Return a page that links to the list, but not above it: that may not be published."""
    site = {
        "root": root,
        "pages": [(f"{root}{PAGE}", "Comparisons", "")],
        "file": PAGE,
        "made_by": "perceptron compare",
        "scripts": ("page",),
    }
    return templates().get_template(template).render(**site, **facts).encode()


class Summary(Struct, frozen=True, kw_only=True):
    """A comparison in the list."""

    when: str
    """The time when its page was written, UTC, ISO 8601."""
    base: str
    """The name and commit of BASE."""
    head: str
    verdict: str
    reason: str
    suite: str


def summaries(folder: Path) -> list[tuple[str, Summary]]:
    """Return every page below the folder with its summary, the newest first.

    Folders with another name or without a summary are ignored.
    """
    pages = []
    for path in folder.iterdir():
        if not is_name(path.name) or not (path / PAGE).is_file():
            continue
        try:
            summary = read_written(path / FILE, Summary, "a comparison")
        except UserError:
            continue
        pages.append((f"{path.name}/{PAGE}", summary))
    return sorted(pages, key=lambda pair: (pair[1].when, pair[0]), reverse=True)


_LARGEST = log(1e6)
_STAGES: tuple[Stage, ...] = ("screen", "confirmation")


def blocks_figure(row: Row, blocks: Sequence[Block]) -> LineFigure | None:
    """Return a figure of the changes in a row's blocks, in per cent, in the order measured.

    The screen's come first, then those of the confirmation; None where no block has both times.
    """
    timed = [block for stage in _STAGES for block in blocks if block.stage == stage]
    dots = [
        (float(at), block, change)
        for at, block in enumerate(timed, 1)
        if (change := _change(block)) is not None
    ]
    if not dots:
        return None
    stages = {stage: [dot for dot in dots if dot[1].stage == stage] for stage in _STAGES}
    screened, confirming = map(len, stages.values())
    basis = ", from the confirmation alone" if confirming else ""
    changes = sorted(change for _, _, change in dots)
    ends = [100 * end for end in (row.low, row.change, row.high) if end is not None]
    low, middle, high = ends if len(ends) == 3 else (0.0, 0.0, 0.0)
    x = linear_axis((0, len(timed)), "{:g}".format, "block")
    return LineFigure(
        alt=f"Change from BASE to HEAD in {len(dots)} blocks, from "
        f"{percent(changes[0], sign=True)} to {percent(changes[-1], sign=True)}",
        caption="Each dot is one block, neighbouring processes of BASE and HEAD: "
        f"{screened} of the screen (open), {confirming} of the confirmation (filled). "
        f"Line and band: the estimate with its 99% interval{basis}.",
        height=320,
        x=x,
        y=linear_axis(
            [0.0, low, high, *(100 * change for change in changes)],
            "{:g}%".format,
            "change from BASE to HEAD",
        ),
        lines=tuple(
            Line(
                backend="",
                machine=0,
                label=stage,
                x=tuple(at for at, _, _ in points),
                y=tuple(100 * change for _, _, change in points),
                texts=tuple(_hover_text(row, block, change) for _, block, change in points),
                dots="open" if stage == "screen" else "filled",
            )
            for stage, points in stages.items()
            if points
        ),
        stretches=(Stretch("y", low, high, "interval"),) if len(ends) == 3 else (),
        inked=((x.low, middle), (x.high, middle)) if len(ends) == 3 else (),
    )


def _change(block: Block) -> float | None:
    ratio = block.log_ratio()
    return None if ratio is None or not -inf < ratio < _LARGEST else exp(ratio) - 1


def _hover_text(row: Row, block: Block, change: float) -> str:
    values = (measurement.value or 0.0 for measurement in (block.base, block.head))
    base, head = (cell_text(text.amount(value, row.unit)) for value in values)
    size = percent(change, sign=True)
    return f"{block.stage}, block {block.number + 1}: {base} → {head}, {size}"
