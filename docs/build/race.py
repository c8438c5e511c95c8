"""docs/race.md: which backend reaches the target on digits first."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import RACED, RACED_TO, Shown
from perceptron.report.answers import as_markdown


def blocks(runs: Shown) -> Blocks:
    """Return for each start a sentence, a table and a figure, then the notes about both."""
    told = runs.race
    if told is None:
        command = f"`perceptron race --problem {RACED} --target {RACED_TO}`"
        return {"race": f"Not measured yet: {command} does."}
    pictures = as_markdown.pictures(told.answer, told.study)
    return {"race": "\n".join(as_markdown.lines(told, pictures))}


def pictures(runs: Shown) -> dict[str, str]:
    """Return the figure of each start: SVG by file name."""
    told = runs.race
    return as_markdown.drawn(as_markdown.pictures(told.answer, told.study)) if told else {}
