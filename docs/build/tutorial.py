"""docs/first-run.md: what each of its commands printed in the runs of record, and a picture."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import Shown
from perceptron.answer import Answered
from perceptron.report.charts.svg import draw
from perceptron.report.tables.answer import as_text
from perceptron.report.tables.terminal import out

# Of a terminal; a wider screen would not fit on the site.
_WIDTH = 80


def blocks(runs: Shown) -> Blocks:
    """Return the screen of each step, and the machine that it was on."""
    facts = runs.bench.run.facts.environment
    return {
        "machine": "Without `--quick` these commands measure for minutes longer; the screens below were "
        f"printed so, on {facts.cpu}, {facts.cores} cores, a machine with the name xeon-2core. Your "
        "numbers will differ, and more of your answers will be undecided.",
        "screen-bench": _screen(runs.bench),
        "screen-crossover": _screen(runs.search),
        "screen-advise": _screen(runs.advice),
        "screen-overhead": _screen(runs.batches),
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the first figure of the cost breakdown: SVG by file name."""
    return {"digits.svg": draw(runs.batches.answer.figures[0].drawing)}


def _screen(told: Answered) -> str:
    width, out.width = out.width, _WIDTH
    try:
        text = as_text(told.answer).rstrip()
    finally:
        out.width = width
    return f"```text\n{text}\n\nrows:  {told.results}\n```"
