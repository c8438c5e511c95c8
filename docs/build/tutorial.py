"""Make docs/first-run.md's screens, as printed in the runs of record, and its picture."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import Shown
from perceptron.answer import Answered
from perceptron.report.charts.svg import draw
from perceptron.report.tables.answer import as_text
from perceptron.report.tables.terminal import out

# Characters in a line of the terminal; a wider screen would not fit on the site.
_WIDTH = 80


def blocks(runs: Shown) -> Blocks:
    """Return the screen of each step, and a sentence on the machine."""
    facts = runs.bench.run.facts.environment
    return {
        "machine": "The screens below were printed by the same commands without `--quick`, after "
        f"minutes of measuring, on {facts.cpu}, {facts.cores} cores (named xeon-2core). Your "
        "numbers will differ, and more of your answers will be undecided.",
        "screen-bench": _screen(runs.bench),
        "screen-crossover": _screen(runs.search),
        "screen-advise": _screen(runs.advice),
        "screen-overhead": _screen(runs.batches),
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the first figure of the cost breakdown: SVG by file name."""
    return {"digits.svg": draw(runs.batches.answer.figures[0].drawing)}


def _screen(answered: Answered) -> str:
    width, out.width = out.width, _WIDTH
    try:
        text = as_text(answered.answer).rstrip()
    finally:
        out.width = width
    return f"```text\n{text}\n\nrows:  {answered.results}\n```"
